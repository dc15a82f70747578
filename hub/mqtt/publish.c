/* What a client publishes: telemetry, twin requests, answers to methods. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hub/core/answer.h"
#include "hub/mqtt/session.h"

/* A message the backend has not yet taken. */
struct sending {
    struct hub_mqtt_session *session;
    hub_mqtt_ticket ticket;
};

static void on_sent(enum hub_result result, const char *why, void *arg)
{
    struct sending sending = *(struct sending *) arg;
    struct hub_mqtt_session *s = sending.session;

    free(arg);
    if (s->client && result == HUB_OK)
        hub_mqtt_client_done(s->client, sending.ticket, 0);
    else if (s->client && result != HUB_GONE)
        hub_mqtt_drop(s, "message not taken: %s", why ? why : "");
    hub_mqtt_release(s);
}

static void send_message(struct hub_mqtt_session *s, const struct edge_message *message,
                         hub_mqtt_ticket ticket)
{
    struct sending *sending = malloc(sizeof *sending);

    if (!sending) {
        hub_mqtt_drop(s, "out of memory");
        return;
    }
    *sending = (struct sending){s, ticket};
    s->pending++;
    s->backend->ops->send(s->session, message, on_sent, sending);
}

static void telemetry(struct hub_mqtt_session *s, const struct edge_topic *topic,
                      const struct mqtt_publish *publish, hub_mqtt_ticket ticket)
{
    EDGE_CLEANUP(hub_mqtt_message_fini) struct edge_message message = {0};
    struct edge_err err = {0};

    if (!edge_identity_equal(&topic->who, &s->who))
        hub_mqtt_drop(s, "topic of another identity");
    else if (hub_mqtt_message(topic, publish, &message, &err) < 0)
        hub_mqtt_drop(s, "message not taken: %s", err.text);
    else
        send_message(s, &message, ticket);
}

/* A twin request; its rid goes back byte for byte. */
struct asking {
    struct hub_mqtt_session *session;
    size_t len;
    uint8_t rid[];
};

static struct asking *ask(struct hub_mqtt_session *s, struct edge_bytes rid)
{
    struct asking *asking = malloc(sizeof *asking + rid.len);

    if (!asking) {
        hub_mqtt_drop(s, "out of memory");
        return NULL;
    }
    asking->session = s;
    asking->len = rid.len;
    if (rid.len > 0)
        memcpy(asking->rid, rid.data, rid.len);
    s->pending++;
    s->twins++;
    return asking;
}

static void reply(struct hub_mqtt_session *s, struct edge_bytes rid, int status, int64_t version,
                  struct edge_bytes payload)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(MQTT_STRING_MAX);

    if (rid.len == 0)
        return; /* it wants to hear nothing of it */
    if (edge_topic_twin_response(&topic, status, rid, version) < 0)
        hub_mqtt_drop(s, "its request id is too long");
    else
        hub_mqtt_tell(s, &topic, payload);
}

static void reply_error(struct hub_mqtt_session *s, struct edge_bytes rid, enum hub_result result,
                        const char *why)
{
    EDGE_CLEANUP(edge_free) char *json = hub_error(result, why);

    if (json)
        reply(s, rid, hub_status(result), -1,
              (struct edge_bytes){(const uint8_t *) json, strlen(json)});
    else
        hub_mqtt_drop(s, "out of memory");
}

/* The end of a request: whether somebody still waits for the answer. */
static bool answered(struct hub_mqtt_session *s, enum hub_result result)
{
    s->twins--;
    return s->client && result != HUB_GONE;
}

static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    struct asking *asking = arg;
    struct hub_mqtt_session *s = asking->session;
    struct edge_bytes rid = {asking->rid, asking->len};

    if (answered(s, result)) {
        if (result == HUB_OK)
            reply(s, rid, 200, -1, (struct edge_bytes){(const uint8_t *) json, len});
        else
            reply_error(s, rid, result, why);
    }
    free(asking);
    hub_mqtt_release(s);
}

static void on_version(enum hub_result result, const char *why, int64_t version, void *arg)
{
    struct asking *asking = arg;
    struct hub_mqtt_session *s = asking->session;
    struct edge_bytes rid = {asking->rid, asking->len};

    if (answered(s, result)) {
        if (result == HUB_OK)
            reply(s, rid, 204, version, (struct edge_bytes){NULL, 0});
        else
            reply_error(s, rid, result, why);
    }
    free(asking);
    hub_mqtt_release(s);
}

/* Twin requests are taken, not done, when they are acknowledged: a slow answer holds up nothing.
 * So many may be under way; more are throttled as IoT Hub does. */
static void twin(struct hub_mqtt_session *s, const struct edge_topic *topic,
                 const struct mqtt_publish *publish, hub_mqtt_ticket ticket)
{
    struct asking *asking;

    hub_mqtt_client_done(s->client, ticket, 0);
    if (s->twins >= HUB_MQTT_TWIN_MAX) {
        reply_error(s, topic->rid, HUB_THROTTLED, "too many twin requests under way");
        return;
    }
    asking = ask(s, topic->rid);
    if (!asking)
        return;
    if (topic->kind == EDGE_TOPIC_TWIN_GET)
        s->backend->ops->twin_get(s->session, on_twin, asking);
    else
        s->backend->ops->twin_patch(s->session, (const char *) publish->payload.data,
                                    publish->payload.len, on_version, asking);
}

enum { RID_MAX = 128 }; /* ours are shorter: a longer one answers nothing */

static void method_response(struct hub_mqtt_session *s, const struct edge_topic *topic,
                            const struct mqtt_publish *publish, hub_mqtt_ticket ticket)
{
    char rid[RID_MAX];

    hub_mqtt_client_done(s->client, ticket, 0);
    if (topic->rid.len >= sizeof rid)
        return;
    memcpy(rid, topic->rid.data, topic->rid.len);
    rid[topic->rid.len] = '\0';
    (void) s->backend->ops->method_reply(s->session, rid, topic->status, publish->payload);
}

static void unknown(struct hub_mqtt_session *s, const struct edge_topic *topic,
                    const struct mqtt_publish *publish, hub_mqtt_ticket ticket)
{
    (void) topic;
    (void) publish;
    (void) ticket;
    hub_mqtt_drop(s, "publish to an unknown topic");
}

void hub_mqtt_on_publish(const struct mqtt_publish *publish, hub_mqtt_ticket ticket, void *arg)
{
    static void (*const kinds[])(struct hub_mqtt_session *, const struct edge_topic *,
                                 const struct mqtt_publish *, hub_mqtt_ticket) = {
        [EDGE_TOPIC_UNKNOWN] = unknown,
        [EDGE_TOPIC_TELEMETRY] = telemetry,
        [EDGE_TOPIC_TWIN_GET] = twin,
        [EDGE_TOPIC_TWIN_PATCH] = twin,
        [EDGE_TOPIC_METHOD_RESPONSE] = method_response,
    };
    struct edge_topic topic;

    edge_topic_parse((const char *) publish->topic.data, publish->topic.len, &topic);
    kinds[topic.kind](arg, &topic, publish, ticket);
}
