/* One timer serves the wait for CONNECT, keep-alive and the expiry of a token. It is not moved with
 * every packet; it looks again when it fires. */
#include "common/base/clock.h"
#include "hub/mqtt/client_internal.h"

static int64_t expiry_left_ms(const struct hub_mqtt_client *c)
{
    int64_t now_ns = edge_wall_ns();

    if (c->expire_s - now_ns / 1000000000 > 86400)
        return 86400 * 1000; /* look again tomorrow */
    return c->expire_s * 1000 - now_ns / 1000000;
}

/* We do not listen while its requests wait for us, nor while it has much to read: the first is not
 * its silence, and in the second it is alive as long as it reads. */
static bool excused(struct hub_mqtt_client *c)
{
    size_t before = c->backlog;

    if (c->state != SERVING)
        return c->state == CHECKING;
    c->backlog = edge_stream_queued(c->stream);
    return mqtt_requests_full(&c->requests) || (client_slow(c) && c->backlog < before);
}

static int64_t silence_left_ms(struct hub_mqtt_client *c)
{
    int64_t now = edge_now_ms();

    if (excused(c))
        c->last_ms = now;
    return c->last_ms + c->idle_ms - now;
}

void client_rearm(struct hub_mqtt_client *c)
{
    int64_t left = silence_left_ms(c);

    if (c->expire_s != INT64_MAX && expiry_left_ms(c) < left)
        left = expiry_left_ms(c);
    edge_timer_arm(c->timer, left > 0 ? (uint64_t) left : 0);
}

void client_on_timer(void *arg)
{
    struct hub_mqtt_client *c = arg;

    c->busy++;
    if (c->expire_s != INT64_MAX && expiry_left_ms(c) <= 0)
        client_end(c, HUB_MQTT_EXPIRED, NULL);
    if (c->state != ENDED && silence_left_ms(c) <= 0)
        client_end(c, HUB_MQTT_SILENT, NULL);
    if (c->state != ENDED)
        client_rearm(c);
    client_leave(c);
}

void hub_mqtt_client_expire(struct hub_mqtt_client *c, int64_t wall_s)
{
    c->expire_s = wall_s;
    client_rearm(c);
}
