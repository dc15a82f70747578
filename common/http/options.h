/* common/http/options.h - inside the room: a curl handle prepared for one exchange. */
#ifndef EDGE_HTTP_OPTIONS_H
#define EDGE_HTTP_OPTIONS_H

#include <curl/curl.h>

#include "common/http/transfer.h"

/** @param headers  the list the handle borrows; the caller frees it after the handle, whatever is
 * returned  @return 0, EDGE_EINVALID or -ENOMEM */
EDGE_MUST_CHECK int edge_http_set_options(CURL *easy, const struct edge_http_hop *hop,
                                          struct curl_slist **headers, struct edge_err *err);

#endif
