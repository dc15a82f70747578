/* agent/security/certs/ca.h - inside the room: a CA of our own, and the operator's. One thread at a
 * time. */
#ifndef AGENT_SECURITY_CERTS_CA_H
#define AGENT_SECURITY_CERTS_CA_H

#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/tls/cert.h"

/** Who signs now. */
struct sec_issuer {
    char *chain_pem; /* its certificate first, then what leads to the root */
    struct edge_key *key;
    int64_t not_before_s;
    int64_t not_after_s;
};
void sec_issuer_fini(struct sec_issuer *issuer);
static inline void sec_issuer_finip(struct sec_issuer *issuer)
{
    sec_issuer_fini(issuer);
}

/** Our own CA, made or renewed as @p now_s asks for it. */
EDGE_MUST_CHECK int sec_own_issuer(const char *dir, const char *name, uint32_t days, int64_t now_s,
                                   struct sec_issuer *ret, struct edge_err *err);
/** Append the root alone: a verifier that knew an older edge CA by heart would take it for the
 * issuer of what the renewed one has signed, and call it expired. */
EDGE_MUST_CHECK int sec_own_bundle(const char *dir, const char *name, int64_t now_s,
                                   struct edge_buf *out, struct edge_err *err);

/** The operator's, read anew each time: who replaces the files need not restart anything. */
EDGE_MUST_CHECK int sec_given_issuer(const char *cert, const char *pk, int64_t now_s,
                                     struct sec_issuer *ret, struct edge_err *err);

/** A PEM file of certificates. @return 0, errno, EDGE_EINVALID */
EDGE_MUST_CHECK int sec_pem_read(const char *path, struct edge_buf *out, struct edge_err *err);
/** A key file or URI. */
EDGE_MUST_CHECK int sec_key_read(const char *path_or_uri, struct edge_key **ret,
                                 struct edge_err *err);
/** The next certificate of several. @return its length with its marks, 0 at the end
 * @param ret  where it begins */
size_t sec_pem_next(const char *text, const char **ret);

enum { SEC_PEM_MAX = 512 * 1024, SEC_DAY_S = 86400 };

#endif
