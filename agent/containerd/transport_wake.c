/* The C core makes progress only while a thread waits inside it, and once a connection has failed
 * calls no longer wait for the next attempt. Left alone, a client that tries now and then finds
 * containerd seconds after it is back. So who is about to call looks at the socket itself, and when
 * somebody listens there stays in the core until the channel is up. */
#include <sys/socket.h>
#include <sys/un.h>

#include "agent/containerd/transport_grpc.h"
#include "common/base/clock.h"

enum { WAKE_MS = 2000, SLICE_MS = 50 };

static bool listening(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    EDGE_CLEANUP(edge_close) int fd = -1;

    if (strlen(path) >= sizeof addr.sun_path)
        return false;
    memcpy(addr.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *) &addr, sizeof addr) == 0;
}

/* @return whether the state has changed from @p last within @p ms */
static bool changes(struct transport *t, grpc_completion_queue *cq, grpc_connectivity_state last,
                    int ms)
{
    grpc_channel_watch_connectivity_state(t->channel, last, wire_in_ms(ms), cq, &ms);
    return grpc_completion_queue_pluck(cq, &ms, wire_in_ms(-1), NULL).success;
}

static void wait_for_change(struct transport *t, const struct transport_call *call)
{
    int64_t until = edge_now_ms() + WAKE_MS;
    grpc_completion_queue *cq = grpc_completion_queue_create_for_pluck(NULL);

    if (call->timeout_ms >= 0 && call->timeout_ms < WAKE_MS)
        until = edge_now_ms() + call->timeout_ms;
    while (edge_now_ms() < until && !edge_cancelled(call->cancel)) {
        if (changes(t, cq, GRPC_CHANNEL_TRANSIENT_FAILURE, SLICE_MS))
            break;
    }
    wire_queue_destroy(cq);
}

void wire_wake(struct transport *t, const struct transport_call *call)
{
    if (grpc_channel_check_connectivity_state(t->channel, 1) != GRPC_CHANNEL_TRANSIENT_FAILURE)
        return;
    if (edge_cancelled(call->cancel) || !listening(t->path))
        return;
    grpc_channel_reset_connect_backoff(t->channel);
    wait_for_change(t, call);
}
