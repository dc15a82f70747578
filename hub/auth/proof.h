/* hub/auth/proof.h - does a claim hold against what is known of an identity? Pure; any thread.
 * Source: hub.md 4.1, 4.2. */
#ifndef HUB_AUTH_PROOF_H
#define HUB_AUTH_PROOF_H

#include "hub/auth/identity.h"
#include "hub/core/backend.h"

enum { HUB_GRACE_S = 300 }; /* a token serves so long after its end */

/** Who we are to our clients. Borrowed. */
struct hub_house {
    const char *hub_name;  /* of IoT Hub, and */
    const char *hostname;  /* ours: tokens may be for either */
    const char *trust_pem; /* CAs of device certificates, or NULL */
};

/** How an identity was proved, for asking again later. No secret. */
struct hub_proof {
    enum { HUB_PROOF_KEY, HUB_PROOF_CERTIFICATE } kind;
    char sha256[65]; /* of the key, or of the certificate */
    char sha1[41];   /* of the certificate */
    int64_t until_s; /* the token's end with the grace, or the certificate's */
};

enum hub_verdict {
    HUB_PROVEN,
    HUB_DOUBTFUL, /* not by what we know; the cloud may know more */
    HUB_WRONG,    /* whatever the cloud says */
};

/**
 * @param entry   NULL: not known
 * @param device  of a module: its device, or NULL: not known
 * @param why     of everything but HUB_PROVEN; for logs and clients, no secrets
 */
enum hub_verdict hub_prove(const struct hub_house *house, const struct hub_entry *entry,
                           const struct hub_entry *device, const struct hub_claim *claim,
                           int64_t now_s, struct hub_proof *ret, struct edge_err *why);
/** Would the same proof still do? */
bool hub_proof_holds(const struct hub_proof *proof, const struct hub_entry *entry,
                     const struct hub_entry *device, int64_t now_s);

#endif
