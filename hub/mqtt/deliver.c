/* What is sent to a client: messages, desired properties, methods. */
#include <string.h>
#include <strings.h>

#include "common/base/log.h"
#include "hub/mqtt/session.h"

static struct edge_bytes bytes_of(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) buf->data, buf->len};
}

void hub_mqtt_tell(struct hub_mqtt_session *s, const struct edge_buf *topic,
                   struct edge_bytes payload)
{
    struct mqtt_publish publish = {.topic = bytes_of(topic), .payload = payload};
    int rc = hub_mqtt_client_send(s->client, &publish, 0);

    if (rc == HUB_MQTT_FULL)
        hub_mqtt_drop(s, "it does not read what it is sent");
    else if (rc < 0 && rc != EDGE_EUNAVAILABLE)
        hub_mqtt_drop(s, "%s", edge_strerror(rc));
}

/* Stop or resume deliveries as the client can take them. */
static void regulate(struct hub_mqtt_session *s)
{
    bool pause = !hub_mqtt_client_room(s->client);

    if (pause == s->paused || !s->backend->ops->pause)
        return;
    s->paused = pause;
    s->backend->ops->pause(s->session, pause);
}

static int put_topic(const struct hub_mqtt_session *s, const struct edge_message *message,
                     struct edge_buf *topic)
{
    const char *input = message->sys[EDGE_SYS_INPUT];
    int rc = s->who.module[0] ? edge_topic_input(topic, &s->who, input ? input : "")
                              : edge_topic_devicebound(topic, &s->who);

    return rc < 0 ? rc : edge_bag_format(message, topic);
}

/* At most the subscription's quality; a message may ask for less by the property mqtt-qos. */
static uint8_t qos_of(const struct hub_mqtt_session *s, const struct edge_message *message)
{
    unsigned feature = s->who.module[0] ? EDGE_FEATURE_INPUTS : EDGE_FEATURE_C2D;

    if (s->silent & feature)
        return 0;
    for (size_t i = 0; i < message->nproperties; i++) {
        const struct edge_property *p = &message->properties[i];

        if (p->value && strcmp(p->value, "0") == 0 && strcasecmp(p->name, "mqtt-qos") == 0)
            return 0;
    }
    return 1;
}

/* [MQTT-3.3.1-1]. Deliveries of inputs are counted as long as the hub runs: an earlier run may have
 * sent what it left. */
static bool may_have_been_sent(const struct hub_mqtt_session *s, const struct edge_message *message)
{
    bool left = s->who.module[0] && message->enqueued_ns > 0 && message->enqueued_ns < s->began_ns;

    return left || message->delivery_count > 0;
}

static void settle(struct hub_mqtt_session *s, uint64_t lock, enum hub_outcome outcome)
{
    s->backend->ops->settle(s->session, lock, outcome);
}

static void deliver(struct hub_mqtt_session *s, const struct edge_message *message, uint64_t lock)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(MQTT_STRING_MAX);
    struct mqtt_publish publish = {.payload = {message->body, message->len}};
    int rc = put_topic(s, message, &topic);

    if (rc == 0) {
        publish.topic = bytes_of(&topic);
        publish.qos = qos_of(s, message);
        publish.dup = publish.qos > 0 && may_have_been_sent(s, message);
        rc = hub_mqtt_client_send(s->client, &publish, lock);
    }
    if (rc < 0 && rc != EDGE_EUNAVAILABLE) {
        edge_log_about(EDGE_LOG_WARN, s->name,
                       "mqtt message cannot be delivered: client=%s reason=%s", s->name,
                       edge_strerror(rc));
        settle(s, lock, rc == EDGE_ELIMIT ? HUB_REJECTED : HUB_RELEASED);
    } else if (rc == HUB_MQTT_FULL) {
        settle(s, lock, HUB_RELEASED);
    } else if (rc == 0 && publish.qos == 0) {
        settle(s, lock, HUB_ACCEPTED);
    }
}

void hub_mqtt_on_deliver(const struct edge_message *message, uint64_t lock, void *arg)
{
    struct hub_mqtt_session *s = arg;

    if (!s->client)
        return; /* not settled: it will come again */
    deliver(s, message, lock);
    regulate(s);
}

void hub_mqtt_on_acked(uint64_t tag, void *arg)
{
    struct hub_mqtt_session *s = arg;

    if (s->session)
        settle(s, tag, HUB_ACCEPTED);
}

void hub_mqtt_on_room(void *arg)
{
    struct hub_mqtt_session *s = arg;

    if (s->session)
        regulate(s);
}

void hub_mqtt_on_desired(const char *patch, size_t len, int64_t version, void *arg)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(MQTT_STRING_MAX);
    struct hub_mqtt_session *s = arg;

    if (s->client && (s->features & EDGE_FEATURE_DESIRED) &&
        edge_topic_desired(&topic, version) == 0)
        hub_mqtt_tell(s, &topic, (struct edge_bytes){(const uint8_t *) patch, len});
}

void hub_mqtt_on_method(const char *rid, const char *name, struct edge_bytes payload, void *arg)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(MQTT_STRING_MAX);
    struct hub_mqtt_session *s = arg;

    if (s->client && (s->features & EDGE_FEATURE_METHODS) &&
        edge_topic_method(&topic, name, rid) == 0)
        hub_mqtt_tell(s, &topic, payload);
}
