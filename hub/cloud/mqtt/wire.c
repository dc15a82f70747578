#include "hub/cloud/mqtt/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

enum {
    PACKET_MAX = 256 * 1024 + MQTT_STRING_MAX + 16, /* a message with its topic */
    CONNACK_MAX = 16,                               /* before we know who is there */
    CHUNK_MAX = 1024 * 1024,                        /* more than a stream gives at once */
    GATHER_MAX = 16 * 1024,                         /* bytes written together: one TLS record */
    SUBSCRIPTIONS_MAX = 16,                         /* under way */
    PENDING_MAX = HUB_WIRE_WINDOW + SUBSCRIPTIONS_MAX,
};

enum state { CONNECTING, SERVING, ENDED, STATES };

/* An answer that will come. */
struct pending {
    enum mqtt_type type; /* PUBACK, SUBACK, UNSUBACK */
    uint16_t id;
    unsigned feature; /* SUBACK */
    void *tag;        /* PUBACK */
    int64_t due_ms;
};

struct hub_wire {
    const struct hub_wire_ops *ops;
    void *arg;
    struct edge_stream *stream;
    struct edge_timer *timer;
    struct edge_buf in;  /* part of a packet */
    struct edge_buf out; /* what this turn has to say */
    enum state state;
    unsigned answer_ms;
    int64_t keep_ms;
    int64_t heard_ms, said_ms;
    int64_t answer_due_ms;               /* of CONNACK, then of PINGRESP; 0: none waited for */
    struct pending pending[PENDING_MAX]; /* oldest first */
    unsigned npending, messages;         /* all; the PUBACKs among them */
    uint16_t last_id;
    unsigned busy;   /* depth of callbacks: memory stays until they have returned */
    bool closed;     /* by its user */
    bool kick;       /* write at the next turn */
    bool wants_room; /* `room` is owed */
};

/* ---- time: one timer, which looks again when it fires ---- */

static int64_t next_ms(const struct hub_wire *w)
{
    int64_t next = w->answer_due_ms;

    if (next == 0)
        next = (w->heard_ms < w->said_ms ? w->heard_ms : w->said_ms) + w->keep_ms;
    if (w->npending > 0 && w->pending[0].due_ms < next)
        next = w->pending[0].due_ms;
    return next;
}

static void rearm(struct hub_wire *w)
{
    int64_t left = w->kick ? 0 : next_ms(w) - edge_now_ms();

    edge_timer_arm(w->timer, left > 0 ? (uint64_t) left : 0);
}

static int64_t due_ms(const struct hub_wire *w)
{
    return edge_now_ms() + w->answer_ms;
}

/* ---- output ---- */

static void flush(struct hub_wire *w)
{
    if (w->out.len > 0) {
        edge_stream_write(w->stream, w->out.data, w->out.len);
        w->said_ms = edge_now_ms();
    }
    edge_buf_fini(&w->out); /* idle connections are many */
}

/* Many short packets become one write: at the end of a callback, or at the next turn. */
static void has_written(struct hub_wire *w)
{
    if (w->out.len >= GATHER_MAX) {
        flush(w);
    } else if (w->busy == 0 && !w->kick) {
        w->kick = true;
        rearm(w);
    }
}

static void free_wire(struct hub_wire *w)
{
    edge_buf_fini(&w->in);
    edge_buf_fini(&w->out);
    free(w);
}

static void leave(struct hub_wire *w)
{
    w->busy--;
    if (w->busy > 0)
        return;
    if (w->closed)
        free_wire(w);
    else
        flush(w);
}

static int put_short(struct hub_wire *w, const uint8_t *bytes, size_t len)
{
    int rc = edge_buf_append(&w->out, bytes, len);

    if (rc == 0)
        has_written(w);
    return rc;
}

static void end(struct hub_wire *w, enum hub_wire_end why, const char *text)
{
    if (w->state == ENDED)
        return;
    w->state = ENDED;
    w->busy++;
    if (w->timer)
        edge_timer_disarm(w->timer);
    w->ops->end(why, text, w->arg);
    leave(w);
}

struct hub_wire *hub_wire_close(struct hub_wire *w, bool goodbye)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    if (!w)
        return NULL;
    assert(!w->closed);
    if (goodbye && w->state == SERVING)
        edge_ignore(edge_buf_append(&w->out, bytes, mqtt_put_empty(bytes, MQTT_DISCONNECT)));
    w->timer = edge_timer_destroy(w->timer);
    if (goodbye) {
        flush(w);
        w->stream = edge_stream_finish(w->stream);
    }
    w->stream = edge_stream_close(w->stream);
    w->state = ENDED;
    w->closed = true;
    if (w->busy == 0)
        free_wire(w);
    return NULL;
}

/* ---- requests ---- */

static bool id_used(const struct hub_wire *w, uint16_t id)
{
    for (unsigned i = 0; i < w->npending; i++)
        if (w->pending[i].id == id)
            return true;
    return false;
}

static uint16_t free_id(struct hub_wire *w)
{
    do {
        w->last_id++;
    } while (w->last_id == 0 || id_used(w, w->last_id));
    return w->last_id;
}

static void expect(struct hub_wire *w, const struct pending *pending)
{
    w->pending[w->npending] = *pending;
    w->pending[w->npending].due_ms = due_ms(w);
    w->npending++;
    w->messages += pending->type == MQTT_PUBACK;
    if (w->busy == 0 && w->npending == 1)
        rearm(w);
}

static bool take_pending(struct hub_wire *w, enum mqtt_type type, uint16_t id, struct pending *ret)
{
    for (unsigned i = 0; i < w->npending; i++) {
        if (w->pending[i].id != id || w->pending[i].type != type)
            continue;
        *ret = w->pending[i];
        w->npending--;
        w->messages -= type == MQTT_PUBACK;
        memmove(&w->pending[i], &w->pending[i + 1], (w->npending - i) * sizeof *w->pending);
        return true;
    }
    return false;
}

bool hub_wire_room(struct hub_wire *w)
{
    bool room = w->state == SERVING && w->messages < HUB_WIRE_WINDOW &&
                edge_stream_queued(w->stream) + w->out.len < HUB_WIRE_QUEUED;

    if (!room)
        w->wants_room = true;
    return room;
}

int hub_wire_send(struct hub_wire *w, const struct mqtt_publish *publish, void *tag)
{
    struct mqtt_publish numbered = *publish;
    int rc;

    if (publish->qos > 0) {
        assert(w->messages < HUB_WIRE_WINDOW);
        numbered.id = free_id(w);
    }
    rc = mqtt_encode_publish(&w->out, &numbered);
    if (rc < 0)
        return rc;
    if (publish->qos > 0)
        expect(w, &(struct pending){.type = MQTT_PUBACK, .id = numbered.id, .tag = tag});
    has_written(w);
    return 0;
}

static int ask(struct hub_wire *w, const char *filter, uint8_t qos, struct pending *pending)
{
    struct edge_bytes text = {(const uint8_t *) filter, strlen(filter)};
    int rc;

    if (w->npending - w->messages >= SUBSCRIPTIONS_MAX)
        return EDGE_ELIMIT;
    pending->id = free_id(w);
    rc = pending->type == MQTT_SUBACK ? mqtt_encode_subscribe(&w->out, pending->id, text, qos)
                                      : mqtt_encode_unsubscribe(&w->out, pending->id, text);
    if (rc < 0)
        return rc;
    expect(w, pending);
    has_written(w);
    return 0;
}

int hub_wire_subscribe(struct hub_wire *w, const char *filter, uint8_t qos, unsigned tag)
{
    return ask(w, filter, qos, &(struct pending){.type = MQTT_SUBACK, .feature = tag});
}

int hub_wire_unsubscribe(struct hub_wire *w, const char *filter)
{
    return ask(w, filter, 0, &(struct pending){.type = MQTT_UNSUBACK});
}

void hub_wire_ack(struct hub_wire *w, uint16_t id)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    /* Without memory it comes again: what was not acknowledged does. */
    edge_ignore(put_short(w, bytes, mqtt_put_ack(bytes, MQTT_PUBACK, id)));
}

void hub_wire_ping(struct hub_wire *w)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    if (w->state != SERVING || w->answer_due_ms > 0)
        return;
    if (put_short(w, bytes, mqtt_put_empty(bytes, MQTT_PINGREQ)) == 0)
        w->answer_due_ms = due_ms(w);
    if (w->busy == 0)
        rearm(w);
}

/* ---- what comes ---- */

static void take_connack(struct hub_wire *w, const struct mqtt_packet *packet)
{
    static const struct {
        enum hub_wire_end why;
        const char *text;
    } refusals[] = {
        [MQTT_BAD_LEVEL] = {HUB_WIRE_LOST, "it does not speak MQTT 3.1.1"},
        [MQTT_BAD_CLIENT_ID] = {HUB_WIRE_LOST, "it does not take this client id"},
        [MQTT_UNAVAILABLE] = {HUB_WIRE_LOST, "it is not available now"},
        [MQTT_BAD_USER] = {HUB_WIRE_REFUSED, "it does not take the user name or token"},
        [MQTT_NOT_AUTHORIZED] = {HUB_WIRE_REFUSED, "it does not let this identity in"},
    };
    unsigned code = packet->connack.code;

    if (code == MQTT_ACCEPTED) {
        w->answer_due_ms = 0;
        w->state = SERVING;
        w->ops->up(packet->connack.session_present, w->arg);
    } else if (code < EDGE_ARRAY_LEN(refusals)) {
        end(w, refusals[code].why, refusals[code].text);
    } else {
        end(w, HUB_WIRE_LOST, "it refuses the connection for an unknown reason");
    }
}

static void take_publish(struct hub_wire *w, const struct mqtt_packet *packet)
{
    if (packet->publish.qos > 1)
        end(w, HUB_WIRE_LOST, "it sends with QoS 2, which nobody asked for");
    else
        w->ops->publish(&packet->publish, w->arg);
}

static void say_room(struct hub_wire *w)
{
    if (!w->wants_room || w->state != SERVING)
        return;
    w->wants_room = false;
    w->ops->room(w->arg);
}

static void take_puback(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct pending pending;

    if (!take_pending(w, MQTT_PUBACK, packet->id, &pending))
        return; /* of an earlier connection of a kept session */
    w->ops->acked(pending.tag, w->arg);
    say_room(w);
}

static void take_suback(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct pending pending;

    if (!take_pending(w, MQTT_SUBACK, packet->id, &pending))
        return;
    if (packet->codes.len != 1 || packet->codes.data[0] > 2)
        end(w, HUB_WIRE_LOST, "it refuses a subscription");
    else
        w->ops->granted(pending.feature, w->arg);
}

static void take_unsuback(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct pending pending;

    if (take_pending(w, MQTT_UNSUBACK, packet->id, &pending))
        w->ops->granted(0, w->arg);
}

static void take_pong(struct hub_wire *w, const struct mqtt_packet *packet)
{
    (void) packet;
    w->answer_due_ms = 0;
}

static void (*const takes[STATES][MQTT_TYPE_MAX])(struct hub_wire *w,
                                                  const struct mqtt_packet *packet) = {
    [CONNECTING] = {[MQTT_CONNACK] = take_connack},
    [SERVING] = {[MQTT_PUBLISH] = take_publish,
                 [MQTT_PUBACK] = take_puback,
                 [MQTT_SUBACK] = take_suback,
                 [MQTT_UNSUBACK] = take_unsuback,
                 [MQTT_PINGRESP] = take_pong},
};

static void take(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct edge_err err;

    if (takes[w->state][packet->type]) {
        takes[w->state][packet->type](w, packet);
        return;
    }
    edge_ignore(edge_fail(&err, EDGE_EPROTOCOL, "it sends %s, which may not come now",
                          mqtt_type_name(packet->type)));
    end(w, HUB_WIRE_LOST, err.text);
}

/* @return bytes taken from the front */
static size_t take_packets(struct hub_wire *w, struct edge_bytes data)
{
    size_t at = 0;

    while (w->state != ENDED) {
        size_t max = w->state == CONNECTING ? (size_t) CONNACK_MAX : (size_t) PACKET_MAX;
        struct mqtt_packet packet;
        struct edge_err err;
        size_t used;
        int rc = mqtt_decode((struct edge_bytes){data.data + at, data.len - at}, max, &packet,
                             &used, &err);

        if (rc == MQTT_MORE)
            break;
        if (rc != 0) {
            end(w, HUB_WIRE_LOST, rc < 0 ? err.text : "it sends CONNECT");
            break;
        }
        at += used;
        take(w, &packet);
    }
    return at;
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct hub_wire *w = arg;
    size_t taken;

    if (w->state == ENDED)
        return;
    w->busy++;
    w->heard_ms = edge_now_ms();
    if (w->in.len == 0) {
        taken = take_packets(w, data);
        data = (struct edge_bytes){data.data + taken, data.len - taken};
    }
    if (w->state != ENDED && data.len > 0) {
        if (edge_buf_append(&w->in, data.data, data.len) < 0)
            end(w, HUB_WIRE_LOST, "no memory for what it sends");
        else
            edge_buf_consume(
                &w->in, take_packets(w, (struct edge_bytes){(uint8_t *) w->in.data, w->in.len}));
    }
    if (w->in.len == 0)
        edge_buf_fini(&w->in);
    if (w->state != ENDED)
        rearm(w);
    leave(w);
}

static void on_drain(void *arg)
{
    struct hub_wire *w = arg;

    w->busy++;
    say_room(w);
    leave(w);
}

static void on_end(int rc, void *arg)
{
    end(arg, HUB_WIRE_LOST, rc < 0 ? edge_strerror(rc) : "it closed the connection");
}

static void on_timer(void *arg)
{
    struct hub_wire *w = arg;
    int64_t now = edge_now_ms();

    w->busy++;
    if (w->kick) {
        w->kick = false;
        flush(w);
    }
    if (w->answer_due_ms > 0 && now >= w->answer_due_ms)
        end(w, HUB_WIRE_LOST, "it is silent");
    else if (w->npending > 0 && now >= w->pending[0].due_ms)
        end(w, HUB_WIRE_LOST, "an acknowledgement did not come in time");
    else if (now >= next_ms(w))
        hub_wire_ping(w);
    if (w->state != ENDED)
        rearm(w);
    leave(w);
}

static const struct edge_stream_handler handler = {on_data, on_drain, on_end};

/* It holds the token: straight to the stream, and wiped. */
static int send_connect(struct hub_wire *w, const struct mqtt_connect *connect)
{
    struct edge_buf packet = EDGE_BUF_INIT(4 * MQTT_STRING_MAX);
    int rc = mqtt_encode_connect(&packet, connect);

    if (rc == 0)
        edge_stream_write(w->stream, packet.data, packet.len);
    if (packet.data)
        explicit_bzero(packet.data, packet.len);
    edge_buf_fini(&packet);
    return rc;
}

int hub_wire_open(const struct hub_wire_options *options, struct edge_stream *stream,
                  struct hub_wire **ret)
{
    struct hub_wire *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (w) {
        w->timer = edge_timer_create(options->loop, on_timer, w);
        w->stream = stream;
        rc = w->timer ? send_connect(w, options->connect) : -ENOMEM;
    }
    if (rc < 0) {
        if (w)
            edge_timer_destroy(w->timer);
        free(w);
        edge_stream_close(stream);
        return rc;
    }
    w->ops = options->ops;
    w->arg = options->arg;
    w->answer_ms = options->answer_ms;
    w->keep_ms = (int64_t) options->connect->keep_alive * 1000;
    w->heard_ms = w->said_ms = edge_now_ms();
    w->answer_due_ms = due_ms(w);
    edge_buf_init(&w->in, PACKET_MAX + CHUNK_MAX);
    edge_buf_init(&w->out, (size_t) 1 << 28);
    edge_stream_attach(stream, &handler, w);
    rearm(w);
    *ret = w;
    return 0;
}
