/* MQTT 3.1.1 with QoS 1. */
#include <stdio.h>
#include <string.h>

#include "hub/mqtt/codec.h"
#include "tests/bench/load/protocol.h"

enum { ID_SIZE = 2, IDS = LOAD_WINDOW_MAX * 63 }; /* so that an id's place in a window is its own */

static struct edge_bytes text(const char *s)
{
    return (struct edge_bytes){(const uint8_t *) s, strlen(s)};
}

void protocol_begin(struct device *d)
{
    EDGE_CLEANUP(edge_free) char *token = device_token(d);
    EDGE_CLEANUP(edge_free)
    char *user =
        edge_format("%s/%s/?api-version=2021-04-12&DeviceClientType=load", d->load->hub, d->name);
    struct mqtt_connect connect = {.client_id = text(d->name), .clean = !d->load->keep};

    if ((d->load->key.data && !token) || !user) {
        device_lose(d, "out of memory");
        return;
    }
    if (token) {
        connect.user = text(user);
        connect.password = text(token);
    }
    if (mqtt_encode_connect(&d->out, &connect) < 0)
        device_lose(d, "its CONNECT is too large");
}

static void take_connack(struct device *d, const struct mqtt_packet *packet)
{
    char reason[40];

    if (packet->connack.code != MQTT_ACCEPTED) {
        d->load->refused++;
        (void) snprintf(reason, sizeof reason, "CONNACK %u", packet->connack.code);
        device_lose(d, reason);
        return;
    }
    for (unsigned i = 0; i < d->nfilters; i++)
        edge_ignore(mqtt_encode_subscribe(&d->out, (uint16_t) (i + 1), text(d->filters[i]), 1));
    if (d->nfilters == 0)
        device_settle(d);
}

static void take_suback(struct device *d, const struct mqtt_packet *packet)
{
    if (packet->codes.len < 1 || packet->codes.data[0] > 1)
        device_lose(d, "SUBACK: refused");
    else if (++d->talk.subscribed == d->nfilters)
        device_settle(d);
}

static void take_publish(struct device *d, const struct mqtt_packet *packet)
{
    uint8_t ack[MQTT_SHORT_MAX];

    d->role->received(d, packet->publish.payload);
    if (packet->publish.qos > 0)
        edge_ignore(
            edge_buf_append(&d->out, ack, mqtt_put_ack(ack, MQTT_PUBACK, packet->publish.id)));
}

static void take_packet(struct device *d, const struct mqtt_packet *packet)
{
    if (packet->type == MQTT_CONNACK)
        take_connack(d, packet);
    else if (packet->type == MQTT_SUBACK)
        take_suback(d, packet);
    else if (packet->type == MQTT_PUBACK && d->role->acked)
        d->role->acked(d, packet->id - 1u, packet->id - 1u);
    else if (packet->type == MQTT_PUBLISH && d->role->received)
        take_publish(d, packet);
}

ssize_t protocol_take(struct device *d, struct edge_bytes data)
{
    struct mqtt_packet packet;
    size_t at = 0;
    size_t used;
    int rc = 0;

    while (rc == 0 && d->stream) {
        rc = mqtt_decode((struct edge_bytes){data.data + at, data.len - at}, LOAD_PACKET_MAX,
                         &packet, &used, NULL);
        if (rc == 0) {
            at += used;
            take_packet(d, &packet);
        }
    }
    return rc < 0 ? rc : (ssize_t) at;
}

char *protocol_target(const struct device *d)
{
    bool module = d->who.module[0];

    return edge_format("devices/%s%s%s/messages/events/%s%s", d->who.device,
                       module ? "/modules/" : "", d->who.module, module ? "%24.on=load&" : "",
                       d->load->bag ? d->load->bag : "");
}

char *protocol_inputs(const struct device *d)
{
    return edge_format("devices/%s/modules/%s/inputs/#", d->who.device, d->who.module);
}

int protocol_message(const struct device *d, const char *target, struct edge_buf *out)
{
    struct mqtt_publish publish = {
        .topic = text(target), .payload = {d->load->body, d->load->size}, .id = 1, .qos = 1};

    return mqtt_encode_publish(out, &publish);
}

void protocol_number(const struct device *d, char *message, size_t len, uint32_t number)
{
    uint16_t id = (uint16_t) (number % IDS + 1);
    char *body = message + len - d->load->size;

    body[-ID_SIZE] = (char) (id >> 8);
    body[1 - ID_SIZE] = (char) id;
}

bool protocol_ready(const struct device *d)
{
    (void) d;
    return true;
}
