#include <errno.h>

#include "agent/containerd/call.h"
#include "proto/containerd/namespaces.pb-c.h"

int agent_ctrd_need_namespace(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                              struct edge_err *err)
{
    Namespaces__CreateNamespaceRequest request = NAMESPACES__CREATE_NAMESPACE_REQUEST__INIT;
    Namespaces__Namespace ns = NAMESPACES__NAMESPACE__INIT;
    int rc;

    ns.name = ctrd->ns;
    request.namespace_ = &ns;
    rc = ctrd_unary(ctrd, call, &namespaces__namespaces__descriptor, "Create", &request.base, NULL,
                    err);
    return rc == -EEXIST ? 0 : rc;
}
