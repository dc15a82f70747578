#include <errno.h>

#include "agent/containerd/call.h"
#include "agent/containerd/wire.h"
#include "proto/containerd/introspection.pb-c.h"

static bool works(const Introspection__PluginsResponse *plugins, const char *id)
{
    for (size_t i = 0; i < plugins->n_plugins; i++) {
        const Introspection__Plugin *p = plugins->plugins[i];

        if (strcmp(p->id, id) == 0 && (!p->init_err || p->init_err->code == 0))
            return true;
    }
    return false;
}

int agent_ctrd_snapshotter(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char **ret, struct edge_err *err)
{
    static const char *const wanted[] = {"overlayfs", "native"};
    Introspection__PluginsRequest request = INTROSPECTION__PLUGINS_REQUEST__INIT;
    EDGE_CLEANUP(pb_free) Introspection__PluginsResponse *reply = NULL;
    const char *filters[] = {"type==io.containerd.snapshotter.v1"};
    int rc;

    request.filters = filters;
    request.n_filters = EDGE_ARRAY_LEN(filters);
    rc = ctrd_unary(ctrd, call, &introspection__introspection__descriptor, "Plugins", &request.base,
                    &reply, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(wanted); i++) {
        if (works(reply, wanted[i])) {
            *ret = wanted[i];
            return 0;
        }
    }
    return edge_fail(err, EDGE_EUNSUPPORTED,
                     "containerd at %s has neither the overlayfs nor the native snapshotter; see "
                     "its log, or the output of \"ctr plugins ls\"",
                     ctrd->uri);
}
