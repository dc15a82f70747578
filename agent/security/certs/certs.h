/* agent/security/certs/certs.h - the edge CA, certificates for modules, and what modules are to
 * trust. Blocking (files, key generation): worker threads, several at once; a lock inside.
 *
 * Without a CA of the operator's there is one of our own: a root that lives for decades and stays
 * in the trust bundle, and below it the edge CA, which is renewed early with the same key. A module
 * that has read the bundle once goes on trusting what is issued years later, so a renewal restarts
 * nobody. Time comes in with each call. Sources: agent.md 5.4 and 7.4, RFC 5280. */
#ifndef AGENT_SECURITY_CERTS_CERTS_H
#define AGENT_SECURITY_CERTS_CERTS_H

#include <stdint.h>

#include "common/base/err.h"

struct sec_certs;

/** All text is copied. */
struct sec_certs_options {
    const char *dir;          /* our own CA: certificates and keys, made with mode 0700 */
    const char *name;         /* part of the CA's common name */
    uint32_t days;            /* life of our own CA */
    const char *ca_cert;      /* the operator's: PEM file; NULL: our own */
    const char *ca_pk;        /* PEM file or "pkcs11:" URI */
    const char *trusted_file; /* more for the bundle, or NULL */
};
EDGE_MUST_CHECK int sec_certs_open(const struct sec_certs_options *options, struct sec_certs **ret,
                                   struct edge_err *err);
struct sec_certs *sec_certs_close(struct sec_certs *certs);
EDGE_DEFINE_CLEANUP(struct sec_certs *, sec_certs_close)

struct sec_issued {
    char *key_pem;   /* PKCS#8 */
    char *chain_pem; /* leaf first */
    int64_t not_after_s;
};
void sec_issued_fini(struct sec_issued *issued); /* wipes the key */

struct sec_order {
    const char *cn;         /* longer than 64 characters: EDGE_ELIMIT */
    const char *const *dns; /* other names or addresses; NULL at the end, or NULL */
    const char *const *uri; /* likewise */
    int64_t until_s;        /* wanted end, 0: none; at most 30 days from now */
    int server;             /* for a server, else for a client */
};
/** With a new key pair each time. @return 0, EDGE_ELIMIT, EDGE_EUNAVAILABLE (the CA has expired, or
 * the clock is beyond reason), and what reading the operator's files gives */
EDGE_MUST_CHECK int sec_certs_issue(struct sec_certs *certs, const struct sec_order *order,
                                    int64_t now_s, struct sec_issued *ret, struct edge_err *err);
/** Our root or the operator's CA, and the operator's trusted file. The caller frees @p ret. */
EDGE_MUST_CHECK int sec_certs_bundle(struct sec_certs *certs, int64_t now_s, char **ret,
                                     struct edge_err *err);

#endif
