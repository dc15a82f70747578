#include "tests/bench/load/publisher.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/protocol.h"

struct publisher {
    struct device device;
    char *target;
    struct edge_buf packet; /* what every message looks like: only number and time change */
    unsigned unacked;
    unsigned taken; /* places of the window */
    uint64_t sent_us[LOAD_WINDOW_MAX];
};

static struct publisher *of(struct device *device)
{
    return EDGE_CONTAINER_OF(device, struct publisher, device);
}

static void refill(struct device *device)
{
    while (device->load->refill && publisher_send(of(device)))
        continue;
}

static void on_acked(struct device *device, uint32_t first, uint32_t last)
{
    struct publisher *p = of(device);
    struct load *load = device->load;

    for (uint32_t at = first; at != last + 1 && p->unacked > 0; at++) {
        p->unacked--;
        p->taken -= !load->through;
        load->acked++;
        histogram_add(&load->acks, load->turn_us - p->sent_us[at % LOAD_WINDOW_MAX]);
    }
    refill(device);
}

void publisher_arrived(struct publisher *p)
{
    if (!p->device.load->through || p->taken == 0)
        return;
    p->taken--;
    refill(&p->device);
}

static int prepare(struct publisher *p)
{
    static const char *const twins[] = {"$iothub/twin/res/#",
                                        "$iothub/twin/PATCH/properties/desired/#"};
    const struct load *load = p->device.load;
    int rc = 0;

    p->target = protocol_target(&p->device);
    edge_buf_init(&p->packet, LOAD_PACKET_MAX);
    if (!p->target)
        return -1;
    for (size_t i = 0; rc == 0 && load->twins && i < EDGE_ARRAY_LEN(twins); i++)
        rc = device_filter(&p->device, twins[i]);
    return rc == 0 ? protocol_message(&p->device, p->target, &p->packet) : rc;
}

struct publisher *publisher_create(struct load *load, const char *name)
{
    static const struct device_role role = {.acked = on_acked, .ready = refill};
    struct publisher *p = calloc(1, sizeof *p);

    if (p && (device_init(&p->device, load, name, &role) < 0 || prepare(p) < 0))
        return publisher_destroy(p);
    return p;
}

void publisher_connect(struct publisher *p)
{
    device_connect(&p->device);
}

bool publisher_send(struct publisher *p)
{
    struct device *device = &p->device;
    struct load *load = device->load;
    struct edge_buf *out = &device->out;
    char *body;

    if (!device->up || p->taken >= load->window || p->unacked >= LOAD_WINDOW_MAX ||
        (load->messages && load->sent >= load->messages) || !protocol_ready(device) ||
        edge_buf_append(out, p->packet.data, p->packet.len) < 0)
        return false;
    protocol_number(device, out->data + out->len - p->packet.len, p->packet.len, device->sent);
    body = out->data + out->len - load->size;
    if (load->size >= LOAD_TIME_SIZE)
        memcpy(body, &load->turn_us, LOAD_TIME_SIZE);
    p->sent_us[device->sent++ % LOAD_WINDOW_MAX] = load->turn_us;
    p->unacked++;
    p->taken++;
    load->sent++;
    return true;
}

void publisher_flush(struct publisher *p)
{
    device_flush(&p->device);
}

bool publisher_idle(const struct publisher *p)
{
    return p->unacked == 0 || p->device.over;
}

const char *publisher_target(const struct publisher *p)
{
    return p->target;
}

struct device *publisher_device(struct publisher *p)
{
    return &p->device;
}

struct publisher *publisher_destroy(struct publisher *p)
{
    if (!p)
        return NULL;
    device_fini(&p->device);
    edge_buf_fini(&p->packet);
    free(p->target);
    free(p);
    return NULL;
}
