/* hub/auth/scope_http.h - the scope of this device, asked of IoT Hub or of the parent hub over
 * HTTPS, with a token of the hub's own. Loop thread; its requests on threads "hub-scope".
 * Source: hub.md 4.6.2, 4.6.4. */
#ifndef HUB_AUTH_SCOPE_HTTP_H
#define HUB_AUTH_SCOPE_HTTP_H

#include "hub/auth/auth.h"

struct hub_scope_http;
/** @p workload and @p self are borrowed and outlive it. @param trust_pem  CAs besides the
 * system's; copied; or NULL */
EDGE_MUST_CHECK int hub_scope_http_open(struct edge_loop *loop, struct hub_workload *workload,
                                        const struct hub_self *self, const char *trust_pem,
                                        struct hub_scope_http **ret, struct edge_err *err);
/** Lives as long as @p http. An answer that leads elsewhere has status 502. */
const struct hub_scope_source *hub_scope_http_source(const struct hub_scope_http *http);
/** Cancels; who waits is told that no answer came (status 0), before this returns. Accepts NULL;
 * returns NULL. */
struct hub_scope_http *hub_scope_http_close(struct hub_scope_http *http);

#endif
