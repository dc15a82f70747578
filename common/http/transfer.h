/* common/http/transfer.h - inside the room: one exchange with libcurl, redirects not followed. */
#ifndef EDGE_HTTP_TRANSFER_H
#define EDGE_HTTP_TRANSFER_H

#include "common/http/client.h"

struct edge_http_hop {
    const struct edge_http_request *request;
    const char *url;       /* instead of request->url */
    bool with_credentials; /* still the host they are meant for */
    bool may_redirect;     /* a redirect is the caller's: its body is dropped */
    int total_ms;          /* what is left of the request's; 0: no limit */
};

/** @param ret_location  where a redirect points, absolute; the caller frees it */
EDGE_MUST_CHECK int edge_http_transfer(const struct edge_http_hop *hop,
                                       struct edge_http_response *ret, char **ret_location,
                                       struct edge_err *err);

/** "host:port" of @p url for texts, or the socket's path; the caller frees it. */
char *edge_http_peer(const struct edge_http_request *request, const char *url);

/** Where @p location, as it stands in an answer to @p base, leads. @return 0 or EDGE_EPROTOCOL
 * @param ret  absolute; the caller frees it */
EDGE_MUST_CHECK int edge_http_resolve(const char *base, const char *location, char **ret,
                                      struct edge_err *err);

/** May a redirect lead from @p from to @p to, and may it take the credentials along?
 * @return 0 or EDGE_EPROTOCOL */
EDGE_MUST_CHECK int edge_http_check_redirect(const char *from, const char *to,
                                             bool *ret_same_origin, struct edge_err *err);

/* response.c: the parser of what curl hands over line by line. */

/** Forget what came before: another answer begins. */
void edge_http_response_reset(struct edge_http_response *response);
/** One header line with its line end. @return 0, EDGE_ELIMIT or -ENOMEM; what is not a header is
 * ignored */
EDGE_MUST_CHECK int edge_http_response_line(struct edge_http_response *response, const char *line,
                                            size_t len);

#endif
