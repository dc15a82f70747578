#include "tests/bench/load/subscriber.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/device.h"

struct subscriber {
    struct device device;
};

static void take(struct device *device, const struct mqtt_packet *packet)
{
    struct load *load = device->load;
    uint8_t ack[MQTT_SHORT_MAX];
    uint64_t sent_us;

    if (packet->type != MQTT_PUBLISH || packet->publish.payload.len < LOAD_TIME_SIZE)
        return;
    memcpy(&sent_us, packet->publish.payload.data, LOAD_TIME_SIZE);
    if (load->received++ == 0)
        load->first_us = load->turn_us;
    load->last_us = load->turn_us;
    histogram_add(&load->ends, load->turn_us - sent_us);
    if (packet->publish.qos > 0)
        edge_ignore(
            edge_buf_append(&device->out, ack, mqtt_put_ack(ack, MQTT_PUBACK, packet->publish.id)));
}

static int prepare(struct subscriber *s, const char *topic)
{
    const struct edge_identity *who = &s->device.who;
    EDGE_CLEANUP(edge_free)
    char *inputs = edge_format("devices/%s/modules/%s/inputs/#", who->device, who->module);

    if (!topic)
        topic = inputs;
    return topic ? device_filter(&s->device, topic) : -1;
}

struct subscriber *subscriber_create(struct load *load, const char *name, const char *topic)
{
    struct subscriber *s = calloc(1, sizeof *s);

    if (s && (device_init(&s->device, load, name, take) < 0 || prepare(s, topic) < 0))
        return subscriber_destroy(s);
    return s;
}

void subscriber_connect(struct subscriber *s)
{
    device_connect(&s->device);
}

struct subscriber *subscriber_destroy(struct subscriber *s)
{
    if (!s)
        return NULL;
    device_fini(&s->device);
    free(s);
    return NULL;
}
