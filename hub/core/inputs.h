/* hub/core/inputs.h - queues of a module's inputs, and what is under way from them to the module.
 * Private to the room: inputs.c, again.c, deliver.c. Loop thread.
 *
 *                 released, or unsettled too long
 *    taking  ------------------------------------------>  waiting for the others under way
 *      ^                                                        | all of them settled
 *      |            pause is over: rewind                       v
 *      +--------------------------------------------------- pausing
 *
 * A queue can only be rewound as a whole: what was released comes again when nothing else of it is
 * under way, so that nothing else is sent twice, and in its order. */
#ifndef HUB_CORE_INPUTS_H
#define HUB_CORE_INPUTS_H

#include "hub/core/flights.h"
#include "hub/core/internal.h"

enum { HUB_INPUT_FIRST_WINDOW = 16 /* under way of a queue that nothing was ever accepted of */ };

enum hub_input_state { HUB_INPUT_TAKING, HUB_INPUT_WAITING, HUB_INPUT_PAUSING };

struct hub_input {
    struct hub_inputs *inputs;
    struct hub_queue *queue;
    char *name;
    uint32_t priority;
    char label[12]; /* the priority */
    bool routed;
    bool wanted; /* by the client */
    int said;    /* by the last take; 0: there may be something */
    enum hub_input_state state;
    unsigned under_way, window;
    uint64_t pause_ms;
    int64_t again_ms; /* when the pause is over */
};
struct hub_inputs {
    struct hub_client *client;
    struct hub_task task;
    struct hub_session *session; /* whose messages are under way; NULL: nobody's */
    struct hub_input **list;
    size_t n, last;
    struct hub_flights flights;
    struct edge_timer *timer; /* pauses; what is unsettled too long */
};

/** Tasks and timers of struct hub_inputs. */
void hub_inputs_deliver(struct hub_task *task);
void hub_inputs_on_timer(void *arg);

/* again.c */

/** Have the timer come at @p at_ms at the latest. */
void hub_inputs_due(struct hub_inputs *inputs, int64_t at_ms, int64_t now_ms);
/** How long a message may stay unsettled; 0: for ever. */
int64_t hub_inputs_patience_ms(const struct hub_inputs *inputs);
/** One is no longer under way, that was @p taken so often before: it comes again. */
void hub_input_release(struct hub_input *input, unsigned taken);
/** Whenever one is no longer under way: was it the last? */
void hub_input_settled(struct hub_input *input);

#endif
