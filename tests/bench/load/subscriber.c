#include "tests/bench/load/subscriber.h"

#include <stdlib.h>
#include <string.h>

#include "tests/bench/load/protocol.h"

struct subscriber {
    struct device device;
    struct publisher *from;
};

static void on_received(struct device *device, struct edge_bytes body)
{
    struct load *load = device->load;
    uint64_t sent_us;

    if (body.len < LOAD_TIME_SIZE)
        return;
    memcpy(&sent_us, body.data, LOAD_TIME_SIZE);
    if (load->received++ == 0)
        load->first_us = load->turn_us;
    load->last_us = load->turn_us;
    histogram_add(&load->ends, load->turn_us - sent_us);
    publisher_arrived(EDGE_CONTAINER_OF(device, struct subscriber, device)->from);
}

static int prepare(struct subscriber *s, bool broker)
{
    EDGE_CLEANUP(edge_free) char *inputs = protocol_inputs(&s->device);

    s->device.partner = publisher_device(s->from);
    return inputs ? device_filter(&s->device, broker ? publisher_target(s->from) : inputs) : -1;
}

struct subscriber *subscriber_create(struct load *load, const char *name, struct publisher *from,
                                     bool broker)
{
    static const struct device_role role = {.received = on_received};
    struct subscriber *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->from = from;
    if (device_init(&s->device, load, name, &role) < 0 || prepare(s, broker) < 0)
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
