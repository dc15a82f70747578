#include "hub/mqtt/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"

static void free_will(struct hub_mqtt_session *s)
{
    if (s->will)
        edge_message_fini(s->will);
    s->will = edge_free(s->will);
}

void hub_mqtt_forget(struct hub_mqtt_session *s)
{
    if (s->pending > 0 || s->client || s->session)
        return;
    free_will(s);
    free(s);
}

void hub_mqtt_release(struct hub_mqtt_session *s)
{
    s->pending--;
    hub_mqtt_forget(s);
}

static void close_session(struct hub_mqtt_session *s)
{
    if (s->session)
        s->backend->ops->close(s->session);
    s->session = NULL;
}

static void will_done(enum hub_result result, const char *why, void *arg)
{
    struct hub_mqtt_session *s = arg;

    if (result != HUB_OK)
        edge_log_about(EDGE_LOG_WARN, s->name, "mqtt will not sent: client=%s reason=%s", s->name,
                       why ? why : "");
    close_session(s);
    hub_mqtt_release(s);
}

/* The client is gone: its session is closed, after the will when it left without a word. */
static void end_session(struct hub_mqtt_session *s, bool will)
{
    s->client = NULL;
    if (s->ended)
        return;
    s->ended = true;
    if (s->session && s->will && will) {
        if (s->backend->ops->pause)
            s->backend->ops->pause(s->session, true);
        s->pending++;
        s->backend->ops->send(s->session, s->will, will_done, s);
        return;
    }
    close_session(s);
    hub_mqtt_forget(s);
}

void hub_mqtt_drop(struct hub_mqtt_session *s, const char *fmt, ...)
{
    struct hub_mqtt_client *client = s->client;
    char reason[200];
    va_list args;

    if (!client)
        return;
    va_start(args, fmt);
    (void) vsnprintf(reason, sizeof reason, fmt, args);
    va_end(args);
    edge_log_about(EDGE_LOG_WARN, s->name, "mqtt client dropped: client=%s reason=%s", s->name,
                   reason);
    end_session(s, true);
    hub_mqtt_client_close(client, false);
}

static const char *const ends[] = {
    [HUB_MQTT_LEFT] = "it left",
    [HUB_MQTT_LOST] = "its connection was lost",
    [HUB_MQTT_BROKEN] = "it broke the protocol",
    [HUB_MQTT_SILENT] = "it fell silent",
    [HUB_MQTT_EXPIRED] = "its token expired",
    [HUB_MQTT_CLOSING] = "the server ends",
};

static void on_end(enum hub_mqtt_end why, const struct edge_err *err, void *arg)
{
    struct hub_mqtt_session *s = arg;
    struct hub_mqtt_client *client = s->client;
    bool drop = why != HUB_MQTT_LEFT && why != HUB_MQTT_BROKEN;

    edge_log_about(why == HUB_MQTT_BROKEN ? EDGE_LOG_WARN : EDGE_LOG_INFO, s->name,
                   "mqtt client gone: client=%s reason=%s%s%s", s->name, ends[why],
                   err->text[0] ? ": " : "", err->text);
    end_session(s, why != HUB_MQTT_LEFT && why != HUB_MQTT_CLOSING);
    hub_mqtt_client_close(client, drop);
}

static const char *const reasons[] = {
    [HUB_OK] = "",
    [HUB_CONFLICT] = "another connection of the same identity",
    [HUB_REFUSED] = "it is refused now",
    [HUB_UNAVAILABLE] = "the hub ends",
};

static void on_closed(enum hub_result why, void *arg)
{
    struct hub_mqtt_session *s = arg;
    struct hub_mqtt_client *client = s->client;
    const char *reason = (size_t) why < EDGE_ARRAY_LEN(reasons) ? reasons[why] : NULL;

    s->session = NULL;
    s->client = NULL;
    s->ended = true;
    if (client)
        edge_log_about(EDGE_LOG_INFO, s->name, "mqtt client closed: client=%s reason=%s", s->name,
                       reason ? reason : "failure");
    hub_mqtt_client_close(client, false);
    hub_mqtt_forget(s);
}

int hub_mqtt_message(const struct edge_topic *topic, const struct mqtt_publish *publish,
                     struct edge_message *ret, struct edge_err *err)
{
    int rc = edge_bag_parse((const char *) topic->bag.data, topic->bag.len, ret, err);

    if (rc < 0)
        return rc;
    /* nothing is retained or told apart; IoT Hub says so to who reads the message */
    if (publish->retain)
        rc = edge_message_add(ret, "mqtt-retain", "true");
    if (rc == 0 && publish->dup)
        rc = edge_message_add(ret, "mqtt-dup", "true");
    if (rc < 0)
        return edge_wrap(err, rc, "property of the packet's flags");
    ret->body = (uint8_t *) (uintptr_t) publish->payload.data;
    ret->len = publish->payload.len;
    if (edge_message_size(ret) > EDGE_MESSAGE_MAX)
        return edge_fail(err, EDGE_ELIMIT, "message of %zu bytes is over the limit of %d",
                         edge_message_size(ret), EDGE_MESSAGE_MAX);
    return 0;
}

void hub_mqtt_message_fini(struct edge_message *message)
{
    message->body = NULL;
    edge_message_fini(message);
}

int hub_mqtt_keep_will(struct hub_mqtt_session *s, const struct mqtt_connect *connect)
{
    struct mqtt_publish publish = {
        .topic = connect->will_topic,
        .payload = connect->will_payload,
        .retain = connect->will_retain,
    };
    EDGE_CLEANUP(hub_mqtt_message_fini) struct edge_message message = {0};
    struct edge_topic topic;
    int rc;

    if (!connect->will_topic.data)
        return 0;
    edge_topic_parse((const char *) connect->will_topic.data, connect->will_topic.len, &topic);
    if (topic.kind != EDGE_TOPIC_TELEMETRY || !edge_identity_equal(&topic.who, &s->who)) {
        edge_log_about(EDGE_LOG_WARN, s->name,
                       "mqtt will ignored, it is not for the client's telemetry: client=%s",
                       s->name);
        return 0;
    }
    s->will = calloc(1, sizeof *s->will);
    if (!s->will)
        return -ENOMEM;
    rc = hub_mqtt_message(&topic, &publish, &message, NULL);
    if (rc == 0)
        rc = edge_message_copy(&message, s->will);
    if (rc == 0)
        rc = edge_message_add(s->will, "iothub-MessageType", "Will");
    if (rc < 0)
        free_will(s);
    return rc == -ENOMEM ? rc : 0;
}

const struct hub_mqtt_client_ops hub_mqtt_session_ops = {
    .publish = hub_mqtt_on_publish,
    .subscribe = hub_mqtt_on_subscribe,
    .acked = hub_mqtt_on_acked,
    .room = hub_mqtt_on_room,
    .end = on_end,
};
const struct hub_events hub_mqtt_session_events = {
    .deliver = hub_mqtt_on_deliver,
    .desired = hub_mqtt_on_desired,
    .method = hub_mqtt_on_method,
    .closed = on_closed,
};
