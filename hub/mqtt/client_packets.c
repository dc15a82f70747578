/* What a client says: each packet in its turn, as far as we want to listen. */
#include <stdlib.h>
#include <string.h>

#include "hub/mqtt/client_internal.h"

static void take_connect(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                         struct edge_bytes raw)
{
    struct mqtt_packet again;
    size_t used;

    client_no_stranger(c);
    if (packet->connect.client_id.len == 0 && !packet->connect.clean) { /* [MQTT-3.1.3-8] */
        client_connack(c, MQTT_BAD_CLIENT_ID, false);
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
    client_broken(c, "out of memory");
    return false;
}

static void take_publish(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                         struct edge_bytes raw)
{
    const struct mqtt_publish *publish = &packet->publish;
    const struct mqtt_request r = {
        .id = publish->id, .answer = MQTT_PUBACK, .bytes = (uint32_t) raw.len};
    hub_mqtt_ticket ticket;

    if (publish->qos > 1)
        client_broken(c, "QoS 2 is not offered");
    else if (request(c, r, &ticket))
        c->ops->publish(publish, ticket, c->arg);
}

static void take_filters(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                         struct edge_bytes raw)
{
    bool on = packet->type == MQTT_SUBSCRIBE;
    struct mqtt_request r = {
        .id = packet->id, .answer = on ? MQTT_SUBACK : MQTT_UNSUBACK, .bytes = (uint32_t) raw.len};
    struct edge_bytes rest = packet->filters;
    struct edge_bytes filter;
    hub_mqtt_ticket ticket;
    uint8_t qos;

    while (mqtt_next_filter(&rest, &filter, on ? &qos : NULL))
        r.filters++;
    if (request(c, r, &ticket))
        c->ops->subscribe(packet, ticket, c->arg);
}

static void take_puback(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                        struct edge_bytes raw)
{
    uint64_t tag;

    (void) raw;
    if (mqtt_sent_ack(&c->sent, packet->id, &tag)) {
        c->ops->acked(tag, c->arg);
        client_say_room(c);
    }
}

static void take_ping(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                      struct edge_bytes raw)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    (void) packet;
    (void) raw;
    client_write(c, bytes, mqtt_put_empty(bytes, MQTT_PINGRESP));
}

static void take_disconnect(struct hub_mqtt_client *c, const struct mqtt_packet *packet,
                            struct edge_bytes raw)
{
    (void) packet;
    (void) raw;
    client_end(c, HUB_MQTT_LEFT, NULL);
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
    client_end(c, HUB_MQTT_BROKEN, &err);
}

static void wrong_level(struct hub_mqtt_client *c)
{
    if (c->state != AWAITING) {
        client_broken(c, "a second CONNECT");
        return;
    }
    client_connack(c, MQTT_BAD_LEVEL, false); /* [MQTT-3.1.2-2] */
    hub_mqtt_client_close(c, false);
}

size_t client_take_packets(struct hub_mqtt_client *c, struct edge_bytes data)
{
    size_t at = 0;

    while (c->state != ENDED && !client_blocked(c)) {
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
            client_end(c, HUB_MQTT_BROKEN, &err);
        else
            take_packet(c, &packet, (struct edge_bytes){rest.data, used});
    }
    return at;
}
