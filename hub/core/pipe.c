/* What is under way to IoT Hub, of all senders; pauses. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/core/outbox.h"

enum { PIPE_MESSAGES = 1024, PIPE_BYTES = 8 * 1024 * 1024 };

const struct edge_pauses hub_pause_failed = {100, 30 * 1000};
const struct edge_pauses hub_pause_refused = {30 * 1000, 5 * 60 * 1000};
static const struct edge_pauses throttled = {1000, 60 * 1000};

void hub_outbox_wake_all(struct hub_core *core)
{
    for (struct hub_client *client = core->first; client; client = client->next)
        if (client->outbox)
            hub_later(core, &client->outbox->task);
}

static void on_pipe_rested(void *arg)
{
    struct hub_pipe *pipe = arg;

    hub_outbox_wake_all(pipe->core);
}

void hub_pipe_throttle(struct hub_pipe *pipe)
{
    if (edge_timer_armed(pipe->rest))
        return;
    pipe->rest_ms = edge_pause_longer(pipe->rest_ms, &throttled);
    edge_info("IoT Hub throttles, nothing is sent for a while: about=%u ms", pipe->rest_ms);
    edge_timer_arm(pipe->rest, edge_pause_jittered(pipe->rest_ms));
}

int hub_pipe_create(struct hub_core *core)
{
    struct hub_pipe *pipe = calloc(1, sizeof *pipe);

    if (!pipe)
        return -ENOMEM;
    pipe->core = core;
    hub_ring_init(&pipe->waiting);
    pipe->rest = edge_timer_create(core->options.loop, on_pipe_rested, pipe);
    core->pipe = pipe;
    return pipe->rest ? 0 : -ENOMEM;
}

void hub_pipe_destroy(struct hub_core *core)
{
    if (core->pipe)
        (void) edge_timer_destroy(core->pipe->rest);
    core->pipe = edge_free(core->pipe);
}

bool hub_pipe_has_room(const struct hub_pipe *pipe)
{
    return pipe->messages < PIPE_MESSAGES && pipe->bytes < PIPE_BYTES;
}

void hub_pipe_pass_on(struct hub_pipe *pipe)
{
    struct hub_task *turn = hub_pipe_has_room(pipe) ? hub_ring_take(&pipe->waiting) : NULL;
    struct hub_outbox *outbox;

    if (!turn)
        return;
    outbox = EDGE_CONTAINER_OF(turn, struct hub_outbox, turn);
    outbox->granted = true;
    hub_later(pipe->core, &outbox->task);
}
