#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/cloud/mqtt/wire_internal.h"

/* ---- what is said ---- */

static int put_short(struct hub_wire *w, const uint8_t *bytes, size_t len)
{
    int rc = edge_buf_append(&w->out, bytes, len);

    if (rc == 0)
        wire_has_written(w);
    return rc;
}

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

static void expect(struct hub_wire *w, const struct wire_pending *pending)
{
    w->pending[w->npending] = *pending;
    w->pending[w->npending].due_ms = wire_due_ms(w);
    w->npending++;
    w->messages += pending->type == MQTT_PUBACK;
    if (w->busy == 0 && w->npending == 1)
        wire_rearm(w);
}

static bool take_pending(struct hub_wire *w, enum mqtt_type type, uint16_t id,
                         struct wire_pending *ret)
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
        expect(w, &(struct wire_pending){.type = MQTT_PUBACK, .id = numbered.id, .tag = tag});
    wire_has_written(w);
    return 0;
}

static int ask(struct hub_wire *w, const char *filter, uint8_t qos, struct wire_pending *pending)
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
    wire_has_written(w);
    return 0;
}

int hub_wire_subscribe(struct hub_wire *w, const char *filter, uint8_t qos, unsigned tag)
{
    return ask(w, filter, qos, &(struct wire_pending){.type = MQTT_SUBACK, .feature = tag});
}

int hub_wire_unsubscribe(struct hub_wire *w, const char *filter)
{
    return ask(w, filter, 0, &(struct wire_pending){.type = MQTT_UNSUBACK});
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
        w->answer_due_ms = edge_now_ms() + w->answer_ms / 2;
    if (w->busy == 0)
        wire_rearm(w);
}

/* ---- what is heard ---- */

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
        wire_end(w, refusals[code].why, refusals[code].text);
    } else {
        wire_end(w, HUB_WIRE_LOST, "it refuses the connection for an unknown reason");
    }
}

static void take_publish(struct hub_wire *w, const struct mqtt_packet *packet)
{
    if (packet->publish.qos > 1)
        wire_end(w, HUB_WIRE_LOST, "it sends with QoS 2, which nobody asked for");
    else
        w->ops->publish(&packet->publish, w->arg);
}

void wire_say_room(struct hub_wire *w)
{
    if (!w->wants_room || w->state != SERVING)
        return;
    w->wants_room = false;
    w->ops->room(w->arg);
}

static void take_puback(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct wire_pending pending;

    if (!take_pending(w, MQTT_PUBACK, packet->id, &pending))
        return; /* of an earlier connection of a kept session */
    w->ops->acked(pending.tag, w->arg);
    wire_say_room(w);
}

static void take_suback(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct wire_pending pending;

    if (!take_pending(w, MQTT_SUBACK, packet->id, &pending))
        return;
    if (packet->codes.len != 1 || packet->codes.data[0] > 2)
        wire_end(w, HUB_WIRE_LOST, "it refuses a subscription");
    else
        w->ops->granted(pending.feature, w->arg);
}

static void take_unsuback(struct hub_wire *w, const struct mqtt_packet *packet)
{
    struct wire_pending pending;

    if (take_pending(w, MQTT_UNSUBACK, packet->id, &pending))
        w->ops->granted(0, w->arg);
}

static void take_pong(struct hub_wire *w, const struct mqtt_packet *packet)
{
    (void) packet;
    w->answer_due_ms = 0;
}

static void (*const takes[WIRE_STATES][MQTT_TYPE_MAX])(struct hub_wire *w,
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
    wire_end(w, HUB_WIRE_LOST, err.text);
}

size_t wire_take_packets(struct hub_wire *w, struct edge_bytes data)
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
            wire_end(w, HUB_WIRE_LOST, rc < 0 ? err.text : "it sends CONNECT");
            break;
        }
        at += used;
        take(w, &packet);
    }
    return at;
}
