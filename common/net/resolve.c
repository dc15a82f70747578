#include "common/net/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

/* Lives until libuv's thread is done, also when nobody waits any more. */
struct net_resolve {
    uv_getaddrinfo_t request;
    void (*done)(struct addrinfo *list, const char *why, void *arg); /* NULL: cancelled */
    void *arg;
};

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
    struct net_resolve *resolve = EDGE_CONTAINER_OF(request, struct net_resolve, request);

    if (!resolve->done)
        uv_freeaddrinfo(list);
    else if (status < 0 || !list)
        resolve->done(NULL, status < 0 ? uv_strerror(status) : "no address", resolve->arg);
    else
        resolve->done(list, NULL, resolve->arg);
    free(resolve);
}

int net_resolve(struct edge_loop *loop, const char *host, uint16_t port,
                void (*done)(struct addrinfo *list, const char *why, void *arg), void *arg,
                struct net_resolve **ret)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct net_resolve *resolve = calloc(1, sizeof *resolve);
    char service[8];
    int rc;

    if (!resolve)
        return -ENOMEM;
    resolve->done = done;
    resolve->arg = arg;
    (void) snprintf(service, sizeof service, "%u", (unsigned) port);
    rc = uv_getaddrinfo(edge_loop_native(loop), &resolve->request, on_resolved, host, service,
                        &hints);
    if (rc < 0) {
        free(resolve);
        return rc;
    }
    *ret = resolve;
    return 0;
}

struct net_resolve *net_resolve_cancel(struct net_resolve *resolve)
{
    if (resolve) {
        resolve->done = NULL;
        (void) uv_cancel((uv_req_t *) &resolve->request); /* it may be under way: it ends alone */
    }
    return NULL;
}

void net_addresses_free(struct addrinfo *list)
{
    uv_freeaddrinfo(list);
}
