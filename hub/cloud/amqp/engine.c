#include "hub/cloud/amqp/engine.h"

#include <errno.h>
#include <proton/condition.h>
#include <proton/connection_driver.h>
#include <proton/transport.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/driver.h"
#include "hub/amqp/frames.h"

enum {
    TICK_LEAST_MS = 50,
};

struct hub_engine {
    struct hub_engine_options options; /* its texts are not kept */
    struct edge_stream *stream;        /* NULL once ended */
    pn_connection_driver_t driver;
    struct hub_amqp_frames frames;
    struct edge_timer *tick;  /* heartbeats, and the peer's silence */
    struct edge_timer *flush; /* the end of this turn */
    unsigned busy;
    bool closed; /* by its owner: memory goes when it is no longer busy */
};

static void release(struct hub_engine *engine)
{
    if (--engine->busy > 0 || !engine->closed)
        return;
    pn_connection_driver_destroy(&engine->driver);
    hub_amqp_frames_fini(&engine->frames);
    free(engine);
}

static void stop(struct hub_engine *engine)
{
    engine->stream = edge_stream_close(engine->stream);
    engine->tick = edge_timer_destroy(engine->tick);
    engine->flush = edge_timer_destroy(engine->flush);
}

struct hub_engine *hub_engine_close(struct hub_engine *engine)
{
    if (!engine)
        return NULL;
    engine->closed = true;
    stop(engine);
    engine->busy++;
    release(engine);
    return NULL;
}

static void end(struct hub_engine *engine, const char *condition, const char *why)
{
    if (!engine->stream)
        return;
    stop(engine);
    engine->options.ended(condition, why, engine->options.arg);
}

pn_connection_t *hub_engine_connection(const struct hub_engine *engine)
{
    return engine->driver.connection;
}

size_t hub_engine_sessions(const struct hub_engine *engine)
{
    return (size_t) pn_transport_remote_channel_max(engine->driver.transport) + 1;
}

bool hub_engine_full(const struct hub_engine *engine)
{
    return !engine->stream || edge_stream_queued(engine->stream) >= HUB_AMQP_QUEUED_HIGH;
}

void hub_engine_flush_soon(struct hub_engine *engine)
{
    if (engine->stream && engine->busy == 0)
        edge_timer_arm(engine->flush, 0);
}

static void peer_closes(struct hub_engine *engine)
{
    pn_condition_t *condition = pn_connection_remote_condition(engine->driver.connection);
    const char *name = pn_condition_is_set(condition) ? pn_condition_get_name(condition) : NULL;
    const char *text = name ? pn_condition_get_description(condition) : NULL;

    end(engine, name, text && *text ? text : name ? name : "IoT Hub has closed the connection");
}

/* The engine's own verdict. */
static void broken(struct hub_engine *engine)
{
    pn_condition_t *condition = pn_transport_condition(engine->driver.transport);
    const char *name = pn_condition_get_name(condition);
    const char *text = pn_condition_get_description(condition);

    if (name && strcmp(name, "amqp:resource-limit-exceeded") == 0)
        text = "nothing was heard for too long";
    end(engine, NULL, text && *text ? text : "IoT Hub breaks the protocol");
}

static void handle(struct hub_engine *engine, pn_event_t *event)
{
    switch (pn_event_type(event)) {
    case PN_CONNECTION_REMOTE_OPEN: /* it may say how often it wants to hear of us */
        edge_timer_arm(engine->tick, 0);
        engine->options.event(event, engine->options.arg);
        break;
    case PN_CONNECTION_REMOTE_CLOSE:
        peer_closes(engine);
        break;
    case PN_TRANSPORT_ERROR:
        broken(engine);
        break;
    default:
        engine->options.event(event, engine->options.arg);
        break;
    }
}

static void dispatch(struct hub_engine *engine)
{
    pn_event_t *event;

    while (engine->stream && (event = pn_connection_driver_next_event(&engine->driver)))
        handle(engine, event);
}

static void flush(struct hub_engine *engine)
{
    if (engine->stream)
        hub_amqp_driver_flush(&engine->driver, engine->stream);
}

/* The end of every turn: what the engine has to say. */
static void settle_down(struct hub_engine *engine)
{
    dispatch(engine);
    flush(engine);
    dispatch(engine); /* what the flush made room for */
    flush(engine);
    release(engine);
}

static void on_flush(void *arg)
{
    struct hub_engine *engine = arg;

    engine->busy++;
    settle_down(engine);
}

static void on_tick(void *arg)
{
    struct hub_engine *engine = arg;
    int64_t now = edge_now_ms();
    int64_t next = pn_transport_tick(engine->driver.transport, now);

    if (next > 0)
        edge_timer_arm(engine->tick,
                       next - now < TICK_LEAST_MS ? TICK_LEAST_MS : (uint64_t) (next - now));
    engine->busy++;
    settle_down(engine);
}

/* Frame by frame, so that events are handled in the state the frame has left. */
static int feed(struct hub_engine *engine, struct edge_bytes data)
{
    struct hub_amqp_frame frame;

    while (data.len > 0 && engine->stream) {
        int rc = hub_amqp_frames_next(&engine->frames, &data, &frame);

        if (rc != 0)
            return rc < 0 ? rc : 0;
        if (!hub_amqp_driver_feed(&engine->driver, frame.bytes)) {
            dispatch(engine); /* perhaps the engine knows why */
            return EDGE_EPROTOCOL;
        }
        dispatch(engine);
    }
    return 0;
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct hub_engine *engine = arg;
    int rc;

    engine->busy++;
    rc = feed(engine, data);
    if (rc < 0)
        end(engine, NULL, edge_strerror(rc));
    settle_down(engine);
}

static void on_drain(void *arg)
{
    struct hub_engine *engine = arg;

    engine->busy++;
    flush(engine);
    if (engine->stream)
        engine->options.drained(engine->options.arg);
    settle_down(engine);
}

static void on_end(int rc, void *arg)
{
    struct hub_engine *engine = arg;

    engine->busy++;
    end(engine, NULL, rc == 0 ? "IoT Hub has ended the connection" : edge_strerror(rc));
    release(engine);
}

static const struct edge_stream_handler handler = {on_data, on_drain, on_end};

static bool prepare(struct hub_engine *engine)
{
    const struct hub_engine_options *o = &engine->options;
    pn_transport_t *transport = pn_transport();
    pn_connection_t *connection = pn_connection();

    /* Both become the driver's, whatever it says. No SASL: IoT Hub looks at tokens alone. */
    if (pn_connection_driver_init(&engine->driver, connection, transport) != 0)
        return false;
    pn_transport_set_max_frame(transport, HUB_AMQP_FRAME_MAX);
    pn_transport_set_channel_max(transport, (uint16_t) (o->max_sessions - 1));
    pn_transport_set_idle_timeout(transport, o->idle_ms);
    pn_connection_set_container(connection, o->container);
    pn_connection_set_hostname(connection, o->hostname);
    pn_connection_driver_bind(&engine->driver);
    pn_connection_open(connection);
    engine->tick = edge_timer_create(o->loop, on_tick, engine);
    engine->flush = edge_timer_create(o->loop, on_flush, engine);
    return engine->tick && engine->flush;
}

int hub_engine_open(const struct hub_engine_options *options, struct edge_stream *stream,
                    struct hub_engine **ret)
{
    struct hub_engine *engine = calloc(1, sizeof *engine);

    if (!engine) {
        edge_stream_close(stream);
        return -ENOMEM;
    }
    engine->options = *options;
    engine->stream = stream;
    hub_amqp_frames_init(&engine->frames, options->max_links, options->max_sessions);
    engine->frames.answers = true;
    if (!prepare(engine)) {
        hub_engine_close(engine);
        return -ENOMEM;
    }
    engine->options.container = engine->options.hostname = NULL;
    edge_stream_attach(stream, &handler, engine);
    edge_timer_arm(engine->tick, 0);
    *ret = engine;
    return 0;
}
