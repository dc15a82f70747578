#include "hub/mqtt/client_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static void forget_connect(struct hub_mqtt_client *c)
{
    if (c->connect)
        explicit_bzero(c->connect->bytes, c->connect->len);
    c->connect = edge_free(c->connect);
}

static void free_client(struct hub_mqtt_client *c)
{
    forget_connect(c);
    edge_buf_fini(&c->in);
    edge_buf_fini(&c->out);
    mqtt_requests_fini(&c->requests);
    mqtt_sent_fini(&c->sent);
    free(c);
}

/* Many short answers become one write: flush at the end of a callback, or at the next turn. */
static void flush(struct hub_mqtt_client *c)
{
    if (c->out.len > 0)
        edge_stream_write(c->stream, c->out.data, c->out.len);
    edge_buf_fini(&c->out); /* idle clients are many */
}

static void has_written(struct hub_mqtt_client *c)
{
    if (c->out.len >= GATHER_MAX)
        flush(c);
    else if (c->busy == 0)
        client_go_on(c);
}

void client_write(struct hub_mqtt_client *c, const uint8_t *bytes, size_t len)
{
    if (edge_buf_append(&c->out, bytes, len) == 0) {
        has_written(c);
        return;
    }
    flush(c);
    edge_stream_write(c->stream, bytes, len);
}

void client_leave(struct hub_mqtt_client *c)
{
    c->busy--;
    if (c->busy > 0)
        return;
    if (c->closed)
        free_client(c);
    else
        flush(c);
}

void hub_mqtt_client_close(struct hub_mqtt_client *c, bool drop)
{
    if (!c)
        return;
    client_unlink(c);
    c->timer = edge_timer_destroy(c->timer);
    if (!drop)
        flush(c);
    c->stream = drop ? edge_stream_close(c->stream) : edge_stream_finish(c->stream);
    c->state = ENDED;
    c->closed = true;
    if (c->busy == 0)
        free_client(c);
}

/* It has not come as far as a CONNECT that is one. */
static void say_refused(const struct hub_mqtt_client *c, enum hub_mqtt_end why,
                        const struct edge_err *err)
{
    const char *from = edge_stream_address(c->stream);

    if (why == HUB_MQTT_BROKEN || why == HUB_MQTT_SILENT)
        edge_log_about(EDGE_LOG_WARN, from, "mqtt client refused: from=%s reason=%s", from,
                       why == HUB_MQTT_SILENT ? "no CONNECT came in time" : err->text);
}

void client_end(struct hub_mqtt_client *c, enum hub_mqtt_end why, const struct edge_err *err)
{
    static const struct edge_err none;

    if (c->state == ENDED)
        return;
    c->state = ENDED;
    c->busy++;
    if (c->timer)
        edge_timer_disarm(c->timer);
    if (c->ops) {
        c->ops->end(why, err ? err : &none, c->arg);
    } else {
        say_refused(c, why, err ? err : &none);
        hub_mqtt_client_close(c, why != HUB_MQTT_BROKEN);
    }
    client_leave(c);
}

void client_broken(struct hub_mqtt_client *c, const char *what)
{
    struct edge_err err;

    edge_ignore(edge_fail(&err, EDGE_EPROTOCOL, "%s", what));
    client_end(c, HUB_MQTT_BROKEN, &err);
}

bool client_slow(const struct hub_mqtt_client *c)
{
    return edge_stream_queued(c->stream) + c->out.len > c->clients->limits.queued;
}

bool client_blocked(const struct hub_mqtt_client *c)
{
    return c->state == CHECKING || mqtt_requests_full(&c->requests) || client_slow(c);
}

void client_connack(struct hub_mqtt_client *c, enum mqtt_connack_code code, bool present)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    client_write(c, bytes, mqtt_put_connack(bytes, code, present));
}

void client_say_room(struct hub_mqtt_client *c)
{
    if (c->state != SERVING || !c->wants_room || mqtt_sent_full(&c->sent) || client_slow(c))
        return;
    c->wants_room = false;
    c->ops->room(c->arg);
}

void client_pump(struct hub_mqtt_client *c)
{
    bool secret = c->state == AWAITING;
    size_t taken = 0;

    if (c->in.len > 0)
        taken = client_take_packets(c, (struct edge_bytes){(uint8_t *) c->in.data, c->in.len});
    if (secret && taken > 0)
        explicit_bzero(c->in.data, taken);
    edge_buf_consume(&c->in, taken);
    if (c->in.len == 0)
        edge_buf_fini(&c->in);
    if (c->state == ENDED)
        return;
    if (c->eof && !client_blocked(c)) {
        client_end(c, HUB_MQTT_LOST, NULL);
        return;
    }
    edge_stream_pause(c->stream, client_blocked(c));
    if (edge_stream_queued(c->stream) > c->backlog)
        c->backlog = edge_stream_queued(c->stream);
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct hub_mqtt_client *c = arg;
    size_t taken = 0;

    if (c->state == ENDED)
        return;
    c->busy++;
    c->last_ms = edge_now_ms();
    if (c->in.len == 0)
        taken = client_take_packets(c, data);
    if (c->state != ENDED && taken < data.len &&
        edge_buf_append(&c->in, data.data + taken, data.len - taken) < 0)
        client_broken(c, "more than can be kept back");
    if (c->state != ENDED)
        client_pump(c);
    client_leave(c);
}

static void on_drain(void *arg)
{
    struct hub_mqtt_client *c = arg;

    if (c->state == ENDED)
        return;
    c->busy++;
    client_say_room(c);
    if (c->state != ENDED)
        client_pump(c);
    client_leave(c);
}

static void on_end(int rc, void *arg)
{
    struct hub_mqtt_client *c = arg;
    struct edge_err err = {0};

    /* It may have sent and left while we were busy with what came before. */
    if (rc == 0 && c->state == SERVING && c->in.len > 0 && mqtt_requests_full(&c->requests)) {
        c->eof = true;
        return;
    }
    if (rc < 0)
        edge_ignore(edge_fail(&err, rc, "%s", edge_strerror(rc)));
    client_end(c, HUB_MQTT_LOST, &err);
}

const struct edge_stream_handler client_handler = {on_data, on_drain, on_end};

void hub_mqtt_client_take(struct hub_mqtt_client *c, const struct hub_mqtt_client_ops *ops,
                          void *arg)
{
    c->ops = ops;
    c->arg = arg;
}

const struct mqtt_connect *hub_mqtt_client_connect(const struct hub_mqtt_client *c)
{
    return c->connect ? &c->connect->fields : NULL;
}

bool hub_mqtt_client_ws(const struct hub_mqtt_client *c)
{
    return c->ws;
}

const struct edge_stream *hub_mqtt_client_stream(const struct hub_mqtt_client *c)
{
    return c->stream;
}

void hub_mqtt_client_accept(struct hub_mqtt_client *c, bool session_present)
{
    int64_t most = (int64_t) c->clients->limits.keep_alive_s * 1000;

    c->idle_ms = (int64_t) c->connect->fields.keep_alive * 1500; /* [MQTT-3.1.2-24] */
    if (c->idle_ms == 0 || c->idle_ms > most)
        c->idle_ms = most;
    forget_connect(c);
    client_connack(c, MQTT_ACCEPTED, session_present);
    c->state = SERVING;
    c->last_ms = edge_now_ms();
    client_rearm(c);
    client_go_on(c);
}

void hub_mqtt_client_refuse(struct hub_mqtt_client *c, enum mqtt_connack_code code)
{
    client_connack(c, code, false);
    hub_mqtt_client_close(c, false);
}

static void answer(struct hub_mqtt_client *c, const struct mqtt_request *r)
{
    uint8_t bytes[MQTT_SUBACK_MAX];

    if (r->id == 0)
        return;
    client_write(c, bytes,
                 r->answer == MQTT_SUBACK ? mqtt_put_suback(bytes, r->id, r->granted, r->filters)
                                          : mqtt_put_ack(bytes, r->answer, r->id));
}

void hub_mqtt_client_done(struct hub_mqtt_client *c, hub_mqtt_ticket ticket, uint64_t granted)
{
    bool was_full = mqtt_requests_full(&c->requests);
    struct mqtt_request r;

    if (c->state == ENDED)
        return;
    mqtt_requests_done(&c->requests, ticket, granted);
    while (mqtt_requests_next(&c->requests, &r))
        answer(c, &r);
    if (was_full && !mqtt_requests_full(&c->requests))
        client_go_on(c);
}

bool hub_mqtt_client_room(struct hub_mqtt_client *c)
{
    bool room = c->state == SERVING && !mqtt_sent_full(&c->sent) && !client_slow(c);

    if (!room)
        c->wants_room = true;
    return room;
}

/* May this be queued? What is only an answer or news may go over the limit, a little. */
static bool fits(const struct hub_mqtt_client *c, const struct mqtt_publish *publish)
{
    if (publish->qos > 0)
        return !mqtt_sent_full(&c->sent) && !client_slow(c);
    return (edge_stream_queued(c->stream) + c->out.len) / HUB_MQTT_OVER <=
           c->clients->limits.queued;
}

int hub_mqtt_client_send(struct hub_mqtt_client *c, const struct mqtt_publish *publish,
                         uint64_t tag)
{
    struct mqtt_publish numbered = *publish;
    uint64_t forgotten;
    int rc = 0;

    if (c->state != SERVING)
        return EDGE_EUNAVAILABLE;
    if (!fits(c, publish))
        return HUB_MQTT_FULL;
    if (publish->qos > 0)
        rc = mqtt_sent_add(&c->sent, tag, &numbered.id);
    if (rc < 0)
        return rc;
    rc = mqtt_encode_publish(&c->out, &numbered);
    if (rc == 0)
        has_written(c);
    else if (publish->qos > 0)
        (void) mqtt_sent_ack(&c->sent, numbered.id, &forgotten);
    return rc;
}
