/* A thermometer that swings from 20 to 30 degrees and back, a message each interval. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "deploy/samples/sample.h"

struct sensor {
    struct edge_loop *loop;
    unsigned interval_ms;
    struct edge_timer *timer;
    struct sample_link *link;
    uint64_t count;
};

static double temperature(uint64_t count)
{
    unsigned step = (unsigned) (count % 40);

    return 20 + 0.5 * (step < 20 ? step : 40 - step);
}

static int say(struct sensor *s, const char *body)
{
    struct edge_message message = {0};
    int rc = edge_message_set_sys(&message, EDGE_SYS_CONTENT_TYPE, "application/json");

    if (rc == 0)
        rc = edge_message_set_sys(&message, EDGE_SYS_CONTENT_ENCODING, "utf-8");
    if (rc == 0)
        rc = edge_message_set_body(&message, body, strlen(body));
    if (rc == 0)
        rc = sample_link_send(s->link, "temperature", &message, NULL);
    edge_message_fini(&message);
    return rc;
}

static void on_timer(void *arg)
{
    struct sensor *s = arg;
    double t = temperature(s->count);
    char body[128];
    int rc;

    (void) snprintf(body, sizeof body, "{\"machine\":{\"temperature\":%.1f},\"n\":%" PRIu64 "}", t,
                    s->count);
    rc = say(s, body);
    if (rc == 0)
        edge_info("sent: n=%" PRIu64 " temperature=%.1f", s->count++, t);
    else if (rc != EDGE_EUNAVAILABLE)
        edge_warn("not sent: %s", edge_strerror(rc));
    edge_timer_arm(s->timer, s->interval_ms);
}

static void on_up(void *arg)
{
    struct sensor *s = arg;

    edge_timer_arm(s->timer, 0);
}

static void on_down(void *arg)
{
    struct sensor *s = arg;

    edge_timer_disarm(s->timer);
}

static void on_acked(void *tag, void *arg)
{
    (void) tag;
    (void) arg;
}

int sample_sensor(struct edge_loop *loop, const struct sample_env *env)
{
    struct sensor s = {.loop = loop, .interval_ms = env->interval_ms};
    const struct sample_link_options options = {
        .loop = loop, .env = env, .up = on_up, .down = on_down, .acked = on_acked, .arg = &s};
    struct edge_err err = {0};
    int rc;

    s.timer = edge_timer_create(loop, on_timer, &s);
    rc = s.timer ? sample_link_open(&options, &s.link, &err) : -ENOMEM;
    if (rc < 0)
        edge_error("sensor: %s", *err.text ? err.text : edge_strerror(rc));
    else
        edge_loop_run(loop);
    sample_link_close(s.link);
    edge_timer_destroy(s.timer);
    return rc;
}
