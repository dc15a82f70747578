#include <errno.h>

#include "agent/containerd/call.h"
#include "proto/containerd/version.pb-c.h"

int agent_ctrd_version(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call, char **ret,
                       struct edge_err *err)
{
    Google__Empty request = GOOGLE__EMPTY__INIT;
    EDGE_CLEANUP(pb_free) Version__VersionResponse *reply = NULL;
    char *version;
    int rc;

    rc = ctrd_unary(ctrd, call, &version__version__descriptor, "Version", &request.base, &reply,
                    err);
    if (rc < 0)
        return rc;
    version = edge_strdup(reply->version);
    if (!version)
        return edge_fail(err, -ENOMEM, "out of memory");
    *ret = version;
    return 0;
}
