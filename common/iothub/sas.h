/* common/iothub/sas.h - shared access signatures: made, read, verified. Pure; any thread.
 * "SharedAccessSignature sr=…&sig=…&se=…[&skn=…]" in any order of fields. The signature covers the
 * text of sr exactly as sent, a line feed, and se; nothing is encoded anew. Source: cloud.md 3. */
#ifndef EDGE_IOTHUB_SAS_H
#define EDGE_IOTHUB_SAS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum { EDGE_SAS_MAX = 4096 }; /* bytes of a token; longer is refused */

struct edge_sas {
    char *raw_;
    size_t size_;
    const char *sr;       /* as sent, still encoded */
    const char *resource; /* sr decoded once */
    const char *skn;      /* decoded; NULL when absent */
    int64_t se;           /* UNIX seconds */
    uint8_t sig[32];
};
/** @return 0, EDGE_EINVALID (a field missing, twice, unknown or malformed), EDGE_ELIMIT;
 * edge_sas_fini afterwards in any case */
EDGE_MUST_CHECK int edge_sas_parse(const char *text, size_t len, struct edge_sas *ret,
                                   struct edge_err *err);
void edge_sas_fini(struct edge_sas *sas); /* wipes the token */
/** In constant time. @param key  the decoded key */
bool edge_sas_signed_by(const struct edge_sas *sas, struct edge_bytes key);
/** Is @p sas for @p host and @p path ("/devices/d/modules/m"), or for something above it at a '/'?
 * The host compares without case. */
bool edge_sas_covers(const struct edge_sas *sas, const char *host, const char *path);

/** What a signer signs: "<percent-encoded resource>\n<se>". The caller frees it. */
char *edge_sas_data(const char *resource, int64_t se);
/** The token for that data and its signature. The caller frees it. @param skn  or NULL */
char *edge_sas_token(const char *resource, int64_t se, const uint8_t sig[32], const char *skn);
/** Both steps with a key at hand. */
char *edge_sas_make(const char *resource, int64_t se, struct edge_bytes key, const char *skn);

#endif
