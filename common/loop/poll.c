#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "common/loop/loop.h"

struct edge_poll {
    uv_poll_t handle;
    void (*fn)(unsigned events, void *arg);
    void *arg;
    unsigned want;
};

static void on_uv_poll(uv_poll_t *handle, int status, int events)
{
    struct edge_poll *poll = EDGE_CONTAINER_OF(handle, struct edge_poll, handle);
    unsigned ready = ((events & UV_READABLE) ? EDGE_POLL_READ : 0u) |
                     ((events & UV_WRITABLE) ? EDGE_POLL_WRITE : 0u);

    poll->fn(status < 0 ? poll->want : ready, poll->arg);
}

int edge_poll_create(struct edge_loop *loop, int fd, void (*fn)(unsigned events, void *arg),
                     void *arg, struct edge_poll **ret)
{
    struct edge_poll *poll = calloc(1, sizeof *poll);
    int rc;

    if (!poll)
        return -ENOMEM;
    rc = uv_poll_init(edge_loop_native(loop), &poll->handle, fd);
    if (rc < 0) {
        free(poll);
        return rc;
    }
    poll->fn = fn;
    poll->arg = arg;
    *ret = poll;
    return 0;
}

void edge_poll_want(struct edge_poll *poll, unsigned events)
{
    if (events == poll->want)
        return;
    poll->want = events;
    if (events == 0)
        (void) uv_poll_stop(&poll->handle);
    else
        (void) uv_poll_start(&poll->handle,
                             ((events & EDGE_POLL_READ) ? UV_READABLE : 0) |
                                 ((events & EDGE_POLL_WRITE) ? UV_WRITABLE : 0),
                             on_uv_poll);
}

static void free_poll(uv_handle_t *handle)
{
    free(EDGE_CONTAINER_OF(handle, struct edge_poll, handle));
}

struct edge_poll *edge_poll_destroy(struct edge_poll *poll)
{
    if (poll)
        uv_close((uv_handle_t *) &poll->handle, free_poll);
    return NULL;
}
