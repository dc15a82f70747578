/* hub/cloud/amqp/engine.h - a connection of ours: stream, vetted frames, proton's engine. Loop
 * thread.
 *
 *   stream -> frames -> engine -> events;  engine -> stream, once a turn */
#ifndef HUB_CLOUD_AMQP_ENGINE_H
#define HUB_CLOUD_AMQP_ENGINE_H

#include <proton/connection.h>
#include <proton/event.h>

#include "common/net/stream.h"

struct hub_engine;

struct hub_engine_options {
    struct edge_loop *loop;
    const char *container;
    const char *hostname;
    unsigned idle_ms; /* silence after which it is over; the peer hears of half of it */
    size_t max_links;
    size_t max_sessions;
    /* Never from within a call of this header; they may close it. */
    void (*event)(pn_event_t *event, void *arg);
    void (*drained)(void *arg);                                       /* it is no longer full */
    void (*ended)(const char *condition, const char *why, void *arg); /* condition: or NULL */
    void *arg;
};
/** @p stream becomes the engine's, whatever is returned. */
EDGE_MUST_CHECK int hub_engine_open(const struct hub_engine_options *options,
                                    struct edge_stream *stream, struct hub_engine **ret);
pn_connection_t *hub_engine_connection(const struct hub_engine *engine);
/** Sessions the peer takes, ours among them. */
size_t hub_engine_sessions(const struct hub_engine *engine);
/** Have what the engine says written at the end of this turn. */
void hub_engine_flush_soon(struct hub_engine *engine);
/** The peer does not read: nothing more should be sent for now. */
bool hub_engine_full(const struct hub_engine *engine);
/** Drop it; `ended` is not called. What proton made is gone. Accepts NULL; returns NULL. */
struct hub_engine *hub_engine_close(struct hub_engine *engine);

#endif
