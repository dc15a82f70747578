/* hub/serve.h - the ports of the hub: listeners, heads, the server certificate and its renewal.
 * Loop thread. */
#ifndef HUB_SERVE_H
#define HUB_SERVE_H

#include "hub/core/core.h"
#include "hub/setup.h"

struct hub_serve;

struct hub_serve_options {
    struct edge_loop *loop;
    struct hub_core *core;
    struct hub_workload *workload;
    const struct hub_self *self;
    const struct hub_setup *setup;
    const struct hub_certificate *certificate;
};
EDGE_MUST_CHECK int hub_serve_open(const struct hub_serve_options *options, struct hub_serve **ret,
                                   struct edge_err *err);
/** Get the certificate anew now; who is connected stays so. */
void hub_serve_renew(struct hub_serve *serve);
/** Nobody new comes in. */
void hub_serve_stop(struct hub_serve *serve);
/** After the core's sessions have ended. Accepts NULL; returns NULL. */
struct hub_serve *hub_serve_close(struct hub_serve *serve);

#endif
