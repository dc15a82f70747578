#include "tests/bench/load/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/device.h"

enum { ID_SIZE = 2 };

struct publisher {
    struct device device;
    char *topic;
    struct edge_buf packet; /* what every message looks like: only id and time change */
    unsigned under_way;
    uint16_t id; /* of the last message */
    uint64_t sent_us[LOAD_WINDOW_MAX];
};

static void take_puback(struct publisher *p, uint16_t id)
{
    struct load *load = p->device.load;

    if (p->under_way == 0)
        return;
    p->under_way--;
    load->acked++;
    histogram_add(&load->acks, load->turn_us - p->sent_us[id % LOAD_WINDOW_MAX]);
    if (load->refill)
        (void) publisher_send(p);
}

static void take(struct device *device, const struct mqtt_packet *packet)
{
    if (packet->type == MQTT_PUBACK)
        take_puback(EDGE_CONTAINER_OF(device, struct publisher, device), packet->id);
}

static int prepare(struct publisher *p)
{
    static const char *const twins[] = {"$iothub/twin/res/#",
                                        "$iothub/twin/PATCH/properties/desired/#"};
    const struct edge_identity *who = &p->device.who;
    const struct load *load = p->device.load;
    bool module = who->module[0];
    struct mqtt_publish publish = {.payload = {load->body, load->size}, .id = 1, .qos = 1};
    int rc = 0;

    p->topic =
        edge_format("devices/%s%s%s/messages/events/%s%s", who->device, module ? "/modules/" : "",
                    who->module, module ? "%24.on=load&" : "", load->bag ? load->bag : "");
    edge_buf_init(&p->packet, LOAD_PACKET_MAX);
    if (!p->topic)
        return -1;
    publish.topic = (struct edge_bytes){(const uint8_t *) p->topic, strlen(p->topic)};
    for (size_t i = 0; rc == 0 && load->twins && i < EDGE_ARRAY_LEN(twins); i++)
        rc = device_filter(&p->device, twins[i]);
    return rc == 0 ? mqtt_encode_publish(&p->packet, &publish) : rc;
}

struct publisher *publisher_create(struct load *load, const char *name)
{
    struct publisher *p = calloc(1, sizeof *p);

    if (p && (device_init(&p->device, load, name, take) < 0 || prepare(p) < 0))
        return publisher_destroy(p);
    return p;
}

void publisher_connect(struct publisher *p)
{
    device_connect(&p->device);
}

bool publisher_send(struct publisher *p)
{
    struct load *load = p->device.load;
    struct edge_buf *out = &p->device.out;
    char *body;

    if (!p->device.up || p->under_way >= load->window ||
        (load->messages && load->sent >= load->messages) ||
        edge_buf_append(out, p->packet.data, p->packet.len) < 0)
        return false;
    p->id = p->id == UINT16_MAX ? 1 : (uint16_t) (p->id + 1);
    body = out->data + out->len - load->size;
    body[-ID_SIZE] = (char) (p->id >> 8);
    body[1 - ID_SIZE] = (char) p->id;
    if (load->size >= LOAD_TIME_SIZE)
        memcpy(body, &load->turn_us, LOAD_TIME_SIZE);
    p->sent_us[p->id % LOAD_WINDOW_MAX] = load->turn_us;
    p->under_way++;
    load->sent++;
    return true;
}

void publisher_flush(struct publisher *p)
{
    device_flush(&p->device);
}

bool publisher_idle(const struct publisher *p)
{
    return p->under_way == 0 || p->device.over;
}

const char *publisher_topic(const struct publisher *p)
{
    return p->topic;
}

struct publisher *publisher_destroy(struct publisher *p)
{
    if (!p)
        return NULL;
    device_fini(&p->device);
    edge_buf_fini(&p->packet);
    free(p->topic);
    free(p);
    return NULL;
}
