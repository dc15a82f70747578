#include "tests/bench/load/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/iothub/sas.h"
#include "tests/bench/load/protocol.h"

enum { OUT_MAX = 64 * 1024 * 1024, AGAIN_MS = 100, AGAIN_MAX_MS = 10000 };

uint64_t load_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

/* As the SDKs: 100 ms at first, doubled up to 10 s, with jitter. */
static void come_again(struct device *d)
{
    struct load *load = d->load;
    uint64_t pause = (uint64_t) AGAIN_MS << (d->tries < 7 ? d->tries : 7);

    if (d->up) {
        d->lost_us = load_now_us();
        load->up--;
        if (load->first_lost_us == 0)
            load->first_lost_us = d->lost_us;
    } else {
        load->failed++;
    }
    d->up = false;
    d->tries++;
    d->in.len = d->out.len = 0;
    if (pause > AGAIN_MAX_MS)
        pause = AGAIN_MAX_MS;
    edge_timer_arm(d->timer, pause / 2 + (uint64_t) random() % pause);
}

void device_lose(struct device *d, const char *reason)
{
    if (d->over)
        return;
    if (d->load->again) {
        d->stream = edge_stream_close(d->stream);
        come_again(d);
        return;
    }
    d->over = true;
    d->stream = edge_stream_close(d->stream);
    if (d->load->lost++ == 0)
        (void) snprintf(d->load->reason, sizeof d->load->reason, "%.80s: %.100s", d->name, reason);
    if (d->up)
        d->load->up--;
    else
        d->load->settled(d->load->arg);
    d->up = false;
}

void device_flush(struct device *d)
{
    if (d->out.len > 0 && d->stream)
        edge_stream_write(d->stream, d->out.data, d->out.len);
    d->out.len = 0; /* the memory is for the next turn */
}

char *device_token(const struct device *d)
{
    EDGE_CLEANUP(edge_free) char *resource = edge_identity_resource(&d->who, d->load->hub);

    return resource && d->load->key.data
               ? edge_sas_make(resource, d->load->until_s, d->load->key, NULL)
               : NULL;
}

void device_settle(struct device *d)
{
    struct load *load = d->load;

    d->up = true;
    d->tries = 0;
    load->up++;
    if (d->lost_us == 0) {
        load->settled(load->arg);
        return;
    }
    load->last_up_us = load_now_us();
    load->returned++;
    histogram_add(&load->outages, load->last_up_us - d->lost_us);
    d->lost_us = 0;
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct device *d = arg;
    bool kept = d->in.len > 0;
    ssize_t used = kept ? edge_buf_append(&d->in, data.data, data.len) : 0;

    d->load->turn_us = load_now_us();
    if (kept)
        data = (struct edge_bytes){(const uint8_t *) d->in.data, d->in.len};
    if (used == 0)
        used = protocol_take(d, data);
    if (!d->stream)
        return; /* lost meanwhile */
    if (used < 0)
        device_lose(d, edge_strerror((int) used));
    else if (kept)
        edge_buf_consume(&d->in, (size_t) used);
    else if ((size_t) used < data.len &&
             edge_buf_append(&d->in, data.data + used, data.len - (size_t) used) < 0)
        device_lose(d, "out of memory");
    device_flush(d);
    if (d->partner)
        device_flush(d->partner);
}

static void on_end(int rc, void *arg)
{
    device_lose(arg, rc < 0 ? edge_strerror(rc) : "the server closed");
}

static void on_dialled(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    static const struct edge_stream_handler handler = {.on_data = on_data, .on_end = on_end};
    struct device *d = arg;

    d->dial = NULL;
    if (!stream) {
        device_lose(d, err && err->text[0] ? err->text : edge_strerror(rc));
        return;
    }
    d->stream = stream;
    edge_stream_attach(stream, &handler, d);
    d->talk = (struct talk){0};
    protocol_begin(d);
    device_flush(d);
}

void device_connect(struct device *d)
{
    struct edge_dial_options options = {
        .host = d->load->host,
        .port = d->load->port,
        .tls = d->load->tls,
        .timeout_ms = 60000,
        .done = on_dialled,
        .arg = d,
    };
    struct edge_err err = {0};

    if (edge_dial_open(d->load->loop, &options, &d->dial, &err) < 0)
        device_lose(d, err.text);
}

static void on_again(void *arg)
{
    device_connect(arg);
}

/* ---- its life ---- */

int device_init(struct device *d, struct load *load, const char *name,
                const struct device_role *role)
{
    *d = (struct device){.load = load, .role = role};
    edge_buf_init(&d->in, OUT_MAX);
    edge_buf_init(&d->out, OUT_MAX);
    if (load->again && !(d->timer = edge_timer_create(load->loop, on_again, d)))
        return -ENOMEM;
    if (edge_identity_parse(name, strlen(name), &d->who) < 0)
        return EDGE_EINVALID;
    edge_identity_format(&d->who, d->name, sizeof d->name);
    return 0;
}

int device_filter(struct device *d, const char *filter)
{
    char *copy = d->nfilters < DEVICE_FILTERS_MAX ? edge_strdup(filter) : NULL;

    if (!copy)
        return d->nfilters < DEVICE_FILTERS_MAX ? -ENOMEM : EDGE_ELIMIT;
    d->filters[d->nfilters++] = copy;
    return 0;
}

void device_fini(struct device *d)
{
    edge_timer_destroy(d->timer);
    edge_dial_cancel(d->dial);
    edge_stream_close(d->stream);
    edge_buf_fini(&d->in);
    edge_buf_fini(&d->out);
    for (unsigned i = 0; i < d->nfilters; i++)
        free(d->filters[i]);
}
