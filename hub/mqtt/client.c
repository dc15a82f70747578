#include "hub/mqtt/client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/mqtt/window.h"

enum state { AWAITING, CHECKING, SERVING, ENDED, STATES };

enum {
    CONNECT_MAX = 16 * 1024, /* bytes of a CONNECT: nobody is known yet */
    CHUNK_MAX = 1024 * 1024, /* more than a stream gives at once */
    GATHER_MAX = 16 * 1024,  /* bytes written together: one TLS record */
};

/* A CONNECT outlives the bytes it came in. */
struct connect {
    struct mqtt_connect fields;
    size_t len;
    uint8_t bytes[];
};

struct hub_mqtt_client {
    struct hub_mqtt_clients *clients; /* NULL: the server has let go of it */
    struct hub_mqtt_client *next, **link;
    struct edge_stream *stream;
    struct edge_timer *timer;
    const struct hub_mqtt_client_ops *ops; /* NULL: not taken yet */
    void *arg;
    struct connect *connect;
    struct edge_buf in;  /* read, and not yet a whole packet or not yet wanted */
    struct edge_buf out; /* what this turn has to say */
    struct mqtt_requests requests;
    struct mqtt_sent sent;
    int64_t last_ms;  /* of anything from the client */
    int64_t idle_ms;  /* silence allowed */
    int64_t expire_s; /* wall clock */
    size_t backlog;   /* queued when that was last looked at: less now is a sign of life */
    enum state state;
    unsigned busy;   /* depth of callbacks: memory stays until they have returned */
    bool ws;         /* over a WebSocket */
    bool closed;     /* by its user */
    bool kick;       /* write and read on at the next turn */
    bool wants_room; /* `room` is owed: it was asked for in vain */
    bool eof;        /* the client sends nothing more; what it has sent is not read to the end */
};

static void pump(struct hub_mqtt_client *c);
static void go_on(struct hub_mqtt_client *c);

static void forget_connect(struct hub_mqtt_client *c)
{
    if (c->connect)
        explicit_bzero(c->connect->bytes, c->connect->len);
    c->connect = edge_free(c->connect);
}

static void unlink_client(struct hub_mqtt_client *c)
{
    if (!c->clients)
        return;
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->clients->count--;
    c->clients = NULL;
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
        go_on(c);
}

static void write_bytes(struct hub_mqtt_client *c, const uint8_t *bytes, size_t len)
{
    if (edge_buf_append(&c->out, bytes, len) == 0) {
        has_written(c);
        return;
    }
    flush(c);
    edge_stream_write(c->stream, bytes, len);
}

static void leave(struct hub_mqtt_client *c)
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
    unlink_client(c);
    c->timer = edge_timer_destroy(c->timer);
    if (!drop)
        flush(c);
    c->stream = drop ? edge_stream_close(c->stream) : edge_stream_finish(c->stream);
    c->state = ENDED;
    c->closed = true;
    if (c->busy == 0)
        free_client(c);
}

/* The last word to the user, who closes; with no user yet we do it. */
static void end(struct hub_mqtt_client *c, enum hub_mqtt_end why, const struct edge_err *err)
{
    static const struct edge_err none;

    if (c->state == ENDED)
        return;
    c->state = ENDED;
    c->busy++;
    if (c->timer)
        edge_timer_disarm(c->timer);
    if (c->ops)
        c->ops->end(why, err ? err : &none, c->arg);
    else
        hub_mqtt_client_close(c, why != HUB_MQTT_BROKEN);
    leave(c);
}

static void broken(struct hub_mqtt_client *c, const char *what)
{
    struct edge_err err;

    edge_ignore(edge_fail(&err, EDGE_EPROTOCOL, "%s", what));
    end(c, HUB_MQTT_BROKEN, &err);
}

static bool slow(const struct hub_mqtt_client *c)
{
    return edge_stream_queued(c->stream) + c->out.len > c->clients->limits.queued;
}

/* Nothing more is read from it now. */
static bool blocked(const struct hub_mqtt_client *c)
{
    return c->state == CHECKING || mqtt_requests_full(&c->requests) || slow(c);
}

/* Time: one timer serves the wait for CONNECT, keep-alive, the expiry of a token, and a turn of its
 * own for reading on. It is not moved with every packet; it looks again when it fires. */

static int64_t expiry_left_ms(const struct hub_mqtt_client *c)
{
    int64_t now_ns = edge_wall_ns();

    if (c->expire_s - now_ns / 1000000000 > 86400)
        return 86400 * 1000; /* look again tomorrow */
    return c->expire_s * 1000 - now_ns / 1000000;
}

/* We do not listen while its requests wait for us, nor while it has much to read: the first is not
 * its silence, and in the second it is alive as long as it reads. */
static bool excused(struct hub_mqtt_client *c)
{
    size_t before = c->backlog;

    if (c->state != SERVING)
        return c->state == CHECKING;
    c->backlog = edge_stream_queued(c->stream);
    return mqtt_requests_full(&c->requests) || (slow(c) && c->backlog < before);
}

static int64_t silence_left_ms(struct hub_mqtt_client *c)
{
    int64_t now = edge_now_ms();

    if (excused(c))
        c->last_ms = now;
    return c->last_ms + c->idle_ms - now;
}

static void rearm(struct hub_mqtt_client *c)
{
    int64_t left = c->kick ? 0 : silence_left_ms(c);

    if (!c->kick && c->expire_s != INT64_MAX && expiry_left_ms(c) < left)
        left = expiry_left_ms(c);
    edge_timer_arm(c->timer, left > 0 ? (uint64_t) left : 0);
}

static void on_timer(void *arg)
{
    struct hub_mqtt_client *c = arg;

    c->busy++;
    if (c->kick) {
        c->kick = false;
        pump(c);
    }
    if (c->state != ENDED && c->expire_s != INT64_MAX && expiry_left_ms(c) <= 0)
        end(c, HUB_MQTT_EXPIRED, NULL);
    if (c->state != ENDED && silence_left_ms(c) <= 0)
        end(c, HUB_MQTT_SILENT, NULL);
    if (c->state != ENDED)
        rearm(c);
    leave(c);
}

static void go_on(struct hub_mqtt_client *c)
{
    if (c->kick || !c->timer)
        return;
    c->kick = true;
    rearm(c);
}

void hub_mqtt_client_expire(struct hub_mqtt_client *c, int64_t wall_s)
{
    c->expire_s = wall_s;
    rearm(c);
}

/* Packets. */

static void write_connack(struct hub_mqtt_client *c, enum mqtt_connack_code code, bool present)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    write_bytes(c, bytes, mqtt_put_connack(bytes, code, present));
}

static void take_connect(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                         struct edge_bytes raw)
{
    struct mqtt_packet again;
    size_t used;

    if (packet->connect.client_id.len == 0 && !packet->connect.clean) { /* [MQTT-3.1.3-8] */
        write_connack(c, MQTT_BAD_CLIENT_ID, false);
        hub_mqtt_client_close(c, false);
        return;
    }
    c->connect = malloc(sizeof *c->connect + raw.len);
    if (!c->connect) {
        hub_mqtt_client_refuse(c, MQTT_UNAVAILABLE);
        return;
    }
    c->connect->len = raw.len;
    memcpy(c->connect->bytes, raw.data, raw.len);
    edge_ignore(
        mqtt_decode((struct edge_bytes){c->connect->bytes, raw.len}, raw.len, &again, &used, NULL));
    c->connect->fields = again.connect;
    c->state = CHECKING;
    c->clients->connect(c, c->clients->arg);
    if (!c->closed && !c->ops)
        hub_mqtt_client_close(c, true);
}

/* A ticket, or the end of the client. */
static bool request(struct hub_mqtt_client *c, struct mqtt_request request,
                    hub_mqtt_ticket *ret_ticket)
{
    if (mqtt_requests_add(&c->requests, &request, ret_ticket) == 0)
        return true;
    broken(c, "out of memory");
    return false;
}

static void take_publish(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                         struct edge_bytes raw)
{
    const struct mqtt_publish *publish = &packet->publish;
    hub_mqtt_ticket ticket;

    (void) raw;
    if (publish->qos > 1)
        broken(c, "QoS 2 is not offered");
    else if (request(c, (struct mqtt_request){.id = publish->id, .answer = MQTT_PUBACK}, &ticket))
        c->ops->publish(publish, ticket, c->arg);
}

static void take_filters(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                         struct edge_bytes raw)
{
    bool on = packet->type == MQTT_SUBSCRIBE;
    struct mqtt_request r = {.id = packet->id, .answer = on ? MQTT_SUBACK : MQTT_UNSUBACK};
    struct edge_bytes rest = packet->filters;
    struct edge_bytes filter;
    hub_mqtt_ticket ticket;
    uint8_t qos;

    (void) raw;
    while (mqtt_next_filter(&rest, &filter, on ? &qos : NULL))
        r.filters++;
    if (request(c, r, &ticket))
        c->ops->subscribe(packet, ticket, c->arg);
}

static void say_room(struct hub_mqtt_client *c)
{
    if (c->state != SERVING || !c->wants_room || mqtt_sent_full(&c->sent) || slow(c))
        return;
    c->wants_room = false;
    c->ops->room(c->arg);
}

static void take_puback(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                        struct edge_bytes raw)
{
    uint64_t tag;

    (void) raw;
    if (mqtt_sent_ack(&c->sent, packet->id, &tag)) {
        c->ops->acked(tag, c->arg);
        say_room(c);
    }
}

static void take_ping(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                      struct edge_bytes raw)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    (void) packet;
    (void) raw;
    write_bytes(c, bytes, mqtt_put_empty(bytes, MQTT_PINGRESP));
}

static void take_disconnect(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                            struct edge_bytes raw)
{
    (void) packet;
    (void) raw;
    end(c, HUB_MQTT_LEFT, NULL);
}

/* What may come when; everything else ends the connection [MQTT-3.1.0-1, 2]. */
static void (*const takes[STATES][MQTT_TYPE_MAX])(struct hub_mqtt_client *c,
                                                  const struct mqtt_packet *packet,
                                                  struct edge_bytes raw) = {
    [AWAITING] = {[MQTT_CONNECT] = take_connect},
    [SERVING] = {[MQTT_PUBLISH] = take_publish,
                 [MQTT_PUBACK] = take_puback,
                 [MQTT_SUBSCRIBE] = take_filters,
                 [MQTT_UNSUBSCRIBE] = take_filters,
                 [MQTT_PINGREQ] = take_ping,
                 [MQTT_DISCONNECT] = take_disconnect},
};

static void take_packet(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                        struct edge_bytes raw)
{
    struct edge_err err;

    if (takes[c->state][packet->type]) {
        takes[c->state][packet->type](c, packet, raw);
        return;
    }
    edge_ignore(
        edge_fail(&err, EDGE_EPROTOCOL, "%s may not come now", mqtt_type_name(packet->type)));
    end(c, HUB_MQTT_BROKEN, &err);
}

static void wrong_level(struct hub_mqtt_client *c)
{
    if (c->state != AWAITING) {
        broken(c, "a second CONNECT");
        return;
    }
    write_connack(c, MQTT_BAD_LEVEL, false); /* [MQTT-3.1.2-2] */
    hub_mqtt_client_close(c, false);
}

/* Take packets from the front of @p data. @return bytes taken */
static size_t take_packets(struct hub_mqtt_client *c, struct edge_bytes data)
{
    size_t at = 0;

    while (c->state != ENDED && !blocked(c)) {
        size_t max = c->state == AWAITING ? (size_t) CONNECT_MAX : c->clients->limits.packet;
        struct edge_bytes rest = {data.data + at, data.len - at};
        struct mqtt_packet packet;
        struct edge_err err;
        size_t used;
        int rc = mqtt_decode(rest, max, &packet, &used, &err);

        if (rc == MQTT_MORE)
            break;
        at += used;
        if (rc == MQTT_LEVEL)
            wrong_level(c);
        else if (rc < 0)
            end(c, HUB_MQTT_BROKEN, &err);
        else
            take_packet(c, &packet, (struct edge_bytes){rest.data, used});
    }
    return at;
}

/* Read on with what has been kept back; then from the stream, if that may be. */
static void pump(struct hub_mqtt_client *c)
{
    bool secret = c->state == AWAITING;
    size_t taken = 0;

    if (c->in.len > 0)
        taken = take_packets(c, (struct edge_bytes){(uint8_t *) c->in.data, c->in.len});
    if (secret && taken > 0)
        explicit_bzero(c->in.data, taken);
    edge_buf_consume(&c->in, taken);
    if (c->in.len == 0)
        edge_buf_fini(&c->in);
    if (c->state == ENDED)
        return;
    if (c->eof && !blocked(c)) {
        end(c, HUB_MQTT_LOST, NULL);
        return;
    }
    edge_stream_pause(c->stream, blocked(c));
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
        taken = take_packets(c, data);
    if (c->state != ENDED && taken < data.len &&
        edge_buf_append(&c->in, data.data + taken, data.len - taken) < 0)
        broken(c, "more than can be kept back");
    if (c->state != ENDED)
        pump(c);
    leave(c);
}

static void on_drain(void *arg)
{
    struct hub_mqtt_client *c = arg;

    if (c->state == ENDED)
        return;
    c->busy++;
    say_room(c);
    if (c->state != ENDED)
        pump(c);
    leave(c);
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
    end(c, HUB_MQTT_LOST, &err);
}

static const struct edge_stream_handler handler = {on_data, on_drain, on_end};

int hub_mqtt_client_open(struct hub_mqtt_clients *clients, struct edge_stream *stream, bool ws)
{
    struct hub_mqtt_client *c = calloc(1, sizeof *c);

    if (c)
        c->timer = edge_timer_create(clients->loop, on_timer, c);
    if (!c || !c->timer) {
        free(c);
        edge_stream_close(stream);
        return -ENOMEM;
    }
    c->clients = clients;
    c->stream = stream;
    c->ws = ws;
    c->requests.max = clients->limits.in_flight;
    c->sent.max = clients->limits.out_flight;
    edge_buf_init(&c->in, clients->limits.packet + CHUNK_MAX);
    edge_buf_init(&c->out, (size_t) 1 << 28);
    c->last_ms = edge_now_ms();
    c->idle_ms = clients->limits.connect_ms;
    c->expire_s = INT64_MAX;

    c->link = &clients->first_;
    c->next = clients->first_;
    if (c->next)
        c->next->link = &c->next;
    clients->first_ = c;
    clients->count++;
    rearm(c);
    edge_stream_attach(stream, &handler, c);
    return 0;
}

void hub_mqtt_clients_close(struct hub_mqtt_clients *clients)
{
    while (clients->first_) {
        struct hub_mqtt_client *c = clients->first_;

        unlink_client(c);
        end(c, HUB_MQTT_CLOSING, NULL);
    }
}

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
    write_connack(c, MQTT_ACCEPTED, session_present);
    c->state = SERVING;
    c->last_ms = edge_now_ms();
    go_on(c);
}

void hub_mqtt_client_refuse(struct hub_mqtt_client *c, enum mqtt_connack_code code)
{
    write_connack(c, code, false);
    hub_mqtt_client_close(c, false);
}

static void answer(struct hub_mqtt_client *c, const struct mqtt_request *r)
{
    uint8_t bytes[MQTT_SUBACK_MAX];

    if (r->id == 0)
        return;
    write_bytes(c, bytes,
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
        go_on(c);
}

bool hub_mqtt_client_room(struct hub_mqtt_client *c)
{
    bool room = c->state == SERVING && !mqtt_sent_full(&c->sent) && !slow(c);

    if (!room)
        c->wants_room = true;
    return room;
}

/* May this be queued? What is only an answer or news may go over the limit, a little. */
static bool fits(const struct hub_mqtt_client *c, const struct mqtt_publish *publish)
{
    if (publish->qos > 0)
        return !mqtt_sent_full(&c->sent) && !slow(c);
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
