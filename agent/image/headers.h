/* agent/image/headers.h - header values of registries, taken apart. Pure; any thread. */
#ifndef AGENT_IMAGE_HEADERS_H
#define AGENT_IMAGE_HEADERS_H

#include <stdint.h>

#include "common/base/attr.h"

enum agent_auth_scheme {
    AGENT_AUTH_NONE,
    AGENT_AUTH_BASIC,
    AGENT_AUTH_BEARER,
};

/** What a registry wants to see before it answers (RFC 9110 11.6.1, distribution token protocol).
 */
struct agent_challenge {
    enum agent_auth_scheme scheme;
    char *realm; /* of Bearer: URL of the token service */
    char *service;
    char *scope;
};
void agent_challenge_fini(struct agent_challenge *challenge);

/** Read one WWW-Authenticate value into @p challenge, `{0}` before the first of them: the best
 * scheme we speak stays there (Bearer, then Basic). Malformed parts are passed over.
 * @return 0 or -ENOMEM */
EDGE_MUST_CHECK int agent_challenge_read(struct agent_challenge *challenge, const char *value);

/** Retry-After, seconds or a date. @return 0 or EDGE_EINVALID
 * @param ret_ms  from now; never negative, at most a day */
EDGE_MUST_CHECK int agent_retry_after_read(const char *value, int64_t now_s, int64_t *ret_ms);

/** Content-Range "bytes 5-9/10". @return 0 or EDGE_EINVALID
 * @param ret_total  -1 for "*" */
EDGE_MUST_CHECK int agent_content_range_read(const char *value, int64_t *ret_start,
                                             int64_t *ret_total);

#endif
