/* hub/http/calls.h - direct methods called over HTTP: who asks, may they, and the answer. Loop
 * thread.
 *
 *   request --authenticate--> known --invoke--> answered     a client that leaves is not answered
 */
#ifndef HUB_HTTP_CALLS_H
#define HUB_HTTP_CALLS_H

#include "common/http/server.h"
#include "hub/core/core.h"

/** The calls under way. Zero it; fill in core and self. */
struct hub_http_calls {
    struct hub_core *core;
    const struct hub_self *self;
    struct hub_http_call *first;
    unsigned count;
};
enum { HUB_HTTP_CALLS_MAX = 1000 };

/** Answer it, now or later. */
void hub_http_call(struct hub_http_calls *calls, struct edge_exchange *exchange,
                   const struct edge_identity *target);
/** Nobody is answered any more; what is outstanding ends by itself. */
void hub_http_calls_leave(struct hub_http_calls *calls);

/** {"message": text} */
void hub_http_fail(struct edge_exchange *exchange, int status, const char *text);

#endif
