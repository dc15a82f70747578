/* hub/core/outbox.h - queues of each sender towards IoT Hub, and what is under way from them.
 * Private to the room: outbox.c, send.c, pipe.c. Loop thread.
 *
 *              it failed                 all under way have come back: rewind
 *   FLOWING ------------->  DRAINING  ------------------------------------->  RESTING
 *      ^                                                                         |
 *      +--------------- the pause is over, or IoT Hub is there again ------------+
 *
 * A sender that is refused rests alone. All senders share a window (the pipe); when it is full they
 * wait for it in turn. */
#ifndef HUB_CORE_OUTBOX_H
#define HUB_CORE_OUTBOX_H

#include "common/base/pause.h"
#include "hub/core/internal.h"

extern const struct edge_pauses hub_pause_failed, hub_pause_refused;

struct hub_pipe {
    struct hub_core *core;
    unsigned messages;
    size_t bytes;
    struct hub_task waiting; /* ring of outboxes' `turn` */
    struct edge_timer *rest; /* armed: nobody sends */
    unsigned rest_ms;        /* the last such pause; 0: all is well */
};

enum hub_outbox_state { HUB_FLOWING, HUB_DRAINING, HUB_RESTING };

struct hub_lane {
    struct hub_outbox *outbox;
    struct hub_queue *queue;
    uint32_t priority;
    char label[12]; /* the priority */
    int said;       /* by the last take; 0: there may be something */
};
struct hub_outbox {
    struct hub_client *client;
    struct hub_task task;
    struct hub_task turn;    /* in the pipe's ring: it waits for the pipe */
    bool granted;            /* it has waited, and may send some */
    struct hub_lane **lanes; /* by priority */
    size_t n;
    enum hub_outbox_state state;
    const struct edge_pauses *why; /* of HUB_DRAINING and HUB_RESTING */
    unsigned pause_ms;
    unsigned messages; /* under way */
    size_t bytes;
    struct edge_timer *timer;
    unsigned empty; /* minutes */
};

/* pipe.c */

bool hub_pipe_has_room(const struct hub_pipe *pipe);
/** Who has waited longest may send, if there is room. */
void hub_pipe_pass_on(struct hub_pipe *pipe);
/** Nobody sends for a while. */
void hub_pipe_throttle(struct hub_pipe *pipe);
/** Everybody may look whether there is something to send. */
void hub_outbox_wake_all(struct hub_core *core);

/* outbox.c */

/** A message has come back: nothing more is sent until all have. */
void hub_outbox_fail(struct hub_outbox *outbox, const struct edge_pauses *why);
/** All have. */
void hub_outbox_drained(struct hub_outbox *outbox);

/* send.c */

/** hub_outbox.task */
void hub_outbox_send(struct hub_task *task);

#endif
