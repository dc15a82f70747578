#include "tests/bench/load/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/iothub/identity.h"
#include "common/iothub/sas.h"
#include "hub/mqtt/codec.h"

enum { SUBSCRIPTIONS = 2, PACKET_MAX = 512 * 1024 };

struct publisher {
    struct load *load;
    struct edge_identity who;
    char name[2 * EDGE_ID_MAX + 2];
    char topic[3 * 2 * EDGE_ID_MAX + 64];
    struct edge_dial *dial;
    struct edge_stream *stream;
    struct edge_buf in;
    bool up, over;
    unsigned subscribed;
    unsigned under_way;
    uint16_t id; /* of the last message */
    uint64_t sent_us[LOAD_WINDOW_MAX];
};

uint64_t load_now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

static struct edge_bytes text(const char *s)
{
    return (struct edge_bytes){(const uint8_t *) s, strlen(s)};
}

static void lose(struct publisher *p, const char *reason)
{
    if (p->over)
        return;
    p->over = true;
    p->stream = edge_stream_close(p->stream);
    if (p->load->lost++ == 0)
        (void) snprintf(p->load->reason, sizeof p->load->reason, "%.80s: %.100s", p->name, reason);
    if (p->up)
        p->load->up--;
    else
        p->load->settled(p->load->arg);
    p->up = false;
}

static char *make_token(const struct publisher *p)
{
    EDGE_CLEANUP(edge_free) char *resource = edge_identity_resource(&p->who, p->load->hub);

    return resource ? edge_sas_make(resource, p->load->until_s, p->load->key, NULL) : NULL;
}

static void send_connect(struct publisher *p)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf packet = EDGE_BUF_INIT(PACKET_MAX);
    EDGE_CLEANUP(edge_free) char *token = make_token(p);
    EDGE_CLEANUP(edge_free)
    char *user =
        edge_format("%s/%s/?api-version=2021-04-12&DeviceClientType=load", p->load->hub, p->name);
    struct mqtt_connect connect = {.client_id = text(p->name), .clean = true};

    if (!token || !user) {
        lose(p, "out of memory");
        return;
    }
    connect.user = text(user);
    connect.password = text(token);
    if (mqtt_encode_connect(&packet, &connect) < 0)
        lose(p, "its CONNECT is too large");
    else
        edge_stream_write(p->stream, packet.data, packet.len);
}

static void settle(struct publisher *p)
{
    p->up = true;
    p->load->up++;
    p->load->settled(p->load->arg);
}

static void subscribe(struct publisher *p)
{
    static const char *const filters[SUBSCRIPTIONS] = {"$iothub/twin/res/#",
                                                       "$iothub/twin/PATCH/properties/desired/#"};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf packets = EDGE_BUF_INIT(PACKET_MAX);

    for (uint16_t i = 0; i < SUBSCRIPTIONS; i++)
        edge_ignore(mqtt_encode_subscribe(&packets, i + 1, text(filters[i]), 0));
    edge_stream_write(p->stream, packets.data, packets.len);
}

static void take_connack(struct publisher *p, const struct mqtt_packet *packet)
{
    char reason[40];

    if (packet->connack.code != MQTT_ACCEPTED) {
        (void) snprintf(reason, sizeof reason, "CONNACK %u", packet->connack.code);
        lose(p, reason);
    } else if (p->load->subscribe) {
        subscribe(p);
    } else {
        settle(p);
    }
}

static void take_puback(struct publisher *p, uint16_t id)
{
    if (p->under_way == 0)
        return;
    p->under_way--;
    p->load->acked++;
    histogram_add(&p->load->acks, load_now_us() - p->sent_us[id % LOAD_WINDOW_MAX]);
    if (p->load->refill)
        (void) publisher_send(p);
}

static void take_packet(struct publisher *p, const struct mqtt_packet *packet)
{
    if (packet->type == MQTT_CONNACK)
        take_connack(p, packet);
    else if (packet->type == MQTT_PUBACK)
        take_puback(p, packet->id);
    else if (packet->type == MQTT_SUBACK && ++p->subscribed == SUBSCRIPTIONS)
        settle(p);
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct publisher *p = arg;
    struct mqtt_packet packet;
    size_t at = 0;
    size_t used;
    int rc = edge_buf_append(&p->in, data.data, data.len);

    while (rc == 0 && !p->over) {
        rc = mqtt_decode((struct edge_bytes){(uint8_t *) p->in.data + at, p->in.len - at},
                         PACKET_MAX, &packet, &used, NULL);
        if (rc == 0) {
            at += used;
            take_packet(p, &packet);
        }
    }
    edge_buf_consume(&p->in, at);
    if (rc < 0)
        lose(p, edge_strerror(rc));
}

static void on_end(int rc, void *arg)
{
    lose(arg, rc < 0 ? edge_strerror(rc) : "the server closed");
}

static void on_dialled(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    static const struct edge_stream_handler handler = {.on_data = on_data, .on_end = on_end};
    struct publisher *p = arg;

    p->dial = NULL;
    if (!stream) {
        lose(p, err && err->text[0] ? err->text : edge_strerror(rc));
        return;
    }
    p->stream = stream;
    edge_stream_attach(stream, &handler, p);
    send_connect(p);
}

struct publisher *publisher_create(struct load *load, const char *name)
{
    struct publisher *p = calloc(1, sizeof *p);
    bool module;

    if (!p)
        return NULL;
    p->load = load;
    edge_buf_init(&p->in, PACKET_MAX);
    if (edge_identity_parse(name, strlen(name), &p->who) < 0) {
        free(p);
        return NULL;
    }
    edge_identity_format(&p->who, p->name, sizeof p->name);
    module = p->who.module[0];
    (void) snprintf(p->topic, sizeof p->topic, "devices/%s%s%s/messages/events/%s", p->who.device,
                    module ? "/modules/" : "", p->who.module, module ? "%24.on=load/" : "");
    return p;
}

void publisher_connect(struct publisher *p)
{
    struct edge_dial_options options = {
        .host = p->load->host,
        .port = p->load->port,
        .tls = p->load->tls,
        .timeout_ms = 60000,
        .done = on_dialled,
        .arg = p,
    };
    struct edge_err err = {0};

    if (edge_dial_open(p->load->loop, &options, &p->dial, &err) < 0)
        lose(p, err.text);
}

bool publisher_send(struct publisher *p)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf packet = EDGE_BUF_INIT(PACKET_MAX);
    struct mqtt_publish publish = {
        .topic = text(p->topic),
        .payload = {p->load->body, p->load->size},
        .qos = 1,
    };

    if (!p->up || p->under_way >= p->load->window)
        return false;
    p->id = p->id == UINT16_MAX ? 1 : (uint16_t) (p->id + 1);
    publish.id = p->id;
    if (mqtt_encode_publish(&packet, &publish) < 0)
        return false;
    p->sent_us[p->id % LOAD_WINDOW_MAX] = load_now_us();
    p->under_way++;
    p->load->sent++;
    edge_stream_write(p->stream, packet.data, packet.len);
    return true;
}

bool publisher_idle(const struct publisher *p)
{
    return p->under_way == 0 || p->over;
}

struct publisher *publisher_destroy(struct publisher *p)
{
    if (!p)
        return NULL;
    edge_dial_cancel(p->dial);
    edge_stream_close(p->stream);
    edge_buf_fini(&p->in);
    free(p);
    return NULL;
}
