#include <errno.h>
#include <stdlib.h>

#include "agent/containerd/call.h"

int agent_ctrd_open(const char *uri, const char *ns, struct agent_ctrd **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_ctrd_close) struct agent_ctrd *ctrd = calloc(1, sizeof *ctrd);
    int rc;

    if (!ctrd)
        return edge_fail(err, -ENOMEM, "out of memory");
    ctrd->uri = edge_strdup(uri);
    ctrd->ns = edge_strdup(ns);
    if (!ctrd->uri || !ctrd->ns)
        return edge_fail(err, -ENOMEM, "out of memory");

    rc = transport_open(uri, &ctrd->transport, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(ctrd);
    return 0;
}

struct agent_ctrd *agent_ctrd_close(struct agent_ctrd *ctrd)
{
    if (!ctrd)
        return NULL;
    transport_close(ctrd->transport);
    free(ctrd->uri);
    free(ctrd->ns);
    free(ctrd);
    return NULL;
}

void agent_ctrd_mounts_fini(struct agent_ctrd_mounts *mounts)
{
    for (size_t i = 0; i < mounts->len; i++) {
        free(mounts->items[i].type);
        free(mounts->items[i].source);
        agent_ctrd_strv_free(mounts->items[i].options);
    }
    free(mounts->items);
    *mounts = (struct agent_ctrd_mounts){0};
}

char **agent_ctrd_strv_free(char **strv)
{
    for (char **s = strv; s && *s; s++)
        free(*s);
    free(strv);
    return NULL;
}
