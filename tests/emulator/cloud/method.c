#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/internal.h"

enum {
    METHODS_MAX = 10000,
    PAYLOAD_MAX = 128 * 1024,
    RESPONSE_DEFAULT_S = 30,
    RESPONSE_MIN_S = 5,
    RESPONSE_MAX_S = 300,
    NAME_MAX_BYTES = 100,
};

/* WAITING for the device to connect, then SENDING (latency), then SENT. */
enum method_state { WAITING, SENDING, SENT };

struct cloud_method {
    struct cloud *cloud;
    struct cloud_method *next, **link;
    enum method_state state;
    struct edge_identity who;
    char rid[41];
    char *name;
    char *payload;
    int64_t response_s;
    struct edge_timer *timer;
    struct cloud_wait wait;
    cloud_method_done *done;
    void *arg;
};

static void drop(struct cloud_method *m)
{
    *m->link = m->next;
    if (m->next)
        m->next->link = m->link;
    m->cloud->nmethods--;
    cloud_unwait(&m->wait);
    edge_timer_destroy(m->timer);
    free(m->name);
    free(m->payload);
    free(m);
}

void cloud_method_cancel(struct cloud_method *method)
{
    drop(method);
}

static void finish(struct cloud_method *m, int rc, const char *why, const char *json, size_t len)
{
    struct edge_err err = {0};
    cloud_method_done *done = m->done;
    void *arg = m->arg;

    drop(m);
    if (rc != 0)
        cloud_refuse(&err, rc, "%s", why);
    done(rc, &err, json, len, arg);
}

static void on_timeout(void *arg)
{
    struct cloud_method *m = arg;

    if (m->state == WAITING)
        finish(m, CLOUD_OFFLINE, "Timed out waiting for device to connect.", "", 0);
    else
        finish(m, CLOUD_TIMEOUT, "Timed out waiting for the response from device.", "", 0);
}

static void send_now(int rc, struct cloud_wait *wait)
{
    struct cloud_method *m = EDGE_CONTAINER_OF(wait, struct cloud_method, wait);
    struct hub_session *session =
        cloud_session_with(m->cloud, m->who.device, m->who.module, EDGE_FEATURE_METHODS);
    struct edge_bytes payload = {(const uint8_t *) m->payload, strlen(m->payload)};

    if (rc < 0 || !session) {
        finish(m, rc < 0 ? rc : CLOUD_OFFLINE, "The device has gone.", "", 0);
        return;
    }
    m->state = SENT;
    session->events.method(m->rid, m->name, payload, session->arg);
}

static void start(struct cloud_method *m)
{
    m->state = SENDING;
    edge_timer_arm(m->timer, (uint64_t) m->response_s * 1000);
    cloud_wait(m->cloud, &m->wait, send_now);
}

/* A number of seconds between two bounds, or the default when absent. */
static int read_seconds(const struct edge_json *body, const char *name, int64_t least, int64_t most,
                        int64_t normal, int64_t *ret, struct edge_err *err)
{
    const struct edge_json *value = edge_json_get(body, name);

    *ret = edge_json_int(value, normal);
    if ((value && !edge_json_is(value, EDGE_JSON_INT)) || *ret < least || *ret > most)
        return cloud_refuse(err, CLOUD_INVALID, "%s is not between %" PRId64 " and %" PRId64, name,
                            least, most);
    return 0;
}

static int read_request(struct cloud_method *m, const struct edge_json *body,
                        int64_t *ret_connect_s, struct edge_err *err)
{
    const char *name = edge_json_str(edge_json_get(body, "methodName"), "");
    int rc;

    if (!*name || strlen(name) > NAME_MAX_BYTES)
        return cloud_refuse(err, CLOUD_INVALID, "methodName has 1 to %d characters",
                            NAME_MAX_BYTES);
    rc = read_seconds(body, "responseTimeoutInSeconds", RESPONSE_MIN_S, RESPONSE_MAX_S,
                      RESPONSE_DEFAULT_S, &m->response_s, err);
    if (rc == 0)
        rc =
            read_seconds(body, "connectTimeoutInSeconds", 0, RESPONSE_MAX_S, 0, ret_connect_s, err);
    if (rc != 0)
        return rc;
    m->name = edge_strdup(name);
    m->payload = edge_json_text(edge_json_get(body, "payload"));
    if (!m->name || !m->payload)
        return -ENOMEM;
    if (strlen(m->payload) > PAYLOAD_MAX)
        return cloud_refuse(err, CLOUD_TOO_LARGE, "the payload is larger than 128 KiB");
    return 0;
}

static struct cloud_method *make(struct cloud *cloud, const char *device, const char *module)
{
    struct cloud_method *m = calloc(1, sizeof *m);

    if (!m)
        return NULL;
    m->cloud = cloud;
    snprintf(m->who.device, sizeof m->who.device, "%s", device);
    snprintf(m->who.module, sizeof m->who.module, "%s", module);
    snprintf(m->rid, sizeof m->rid, "%" PRIx64, ++cloud->last_rid);
    m->next = cloud->methods;
    m->link = &cloud->methods;
    if (m->next)
        m->next->link = &m->next;
    cloud->methods = m;
    cloud->nmethods++;
    return m;
}

int cloud_method_invoke(struct cloud *cloud, const char *device, const char *module,
                        const struct edge_json *body, cloud_method_done *done, void *arg,
                        struct cloud_method **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    struct cloud_method *m;
    int64_t connect_s = 0;
    int rc = cloud_identity_load(cloud, device, module, &identity, err);

    if (rc != 0)
        return rc;
    if (cloud->nmethods >= METHODS_MAX)
        return cloud_refuse(err, CLOUD_THROTTLED, "too many methods wait for their answers");
    m = make(cloud, device, module);
    if (!m)
        return -ENOMEM;
    m->done = done;
    m->arg = arg;
    m->timer = edge_timer_create(cloud->loop, on_timeout, m);
    rc = m->timer ? read_request(m, body, &connect_s, err) : -ENOMEM;
    if (rc == 0 && cloud_session_with(cloud, device, module, EDGE_FEATURE_METHODS)) {
        start(m);
    } else if (rc == 0 && connect_s > 0) {
        edge_timer_arm(m->timer, (uint64_t) connect_s * 1000);
    } else {
        drop(m);
        return rc != 0 ? rc : cloud_refuse(err, CLOUD_OFFLINE, "The device is not online.");
    }
    *ret = m;
    return 0;
}

void cloud_methods_ready(struct hub_session *session)
{
    struct cloud_method *next;

    if (!(session->features & EDGE_FEATURE_METHODS))
        return;
    for (struct cloud_method *m = session->cloud->methods; m; m = next) {
        next = m->next;
        if (m->state == WAITING && edge_identity_equal(&m->who, &session->who))
            start(m);
    }
}

void cloud_methods_gone(struct hub_session *session)
{
    struct cloud *cloud = session->cloud;
    struct cloud_method *m = cloud->methods;

    while (m) {
        if (m->state == SENT && edge_identity_equal(&m->who, &session->who)) {
            finish(m, CLOUD_OFFLINE, "The device has gone before it answered.", "", 0);
            m = cloud->methods; /* done may have changed the list */
        } else {
            m = m->next;
        }
    }
}

void cloud_methods_end(struct cloud *cloud)
{
    while (cloud->methods)
        drop(cloud->methods);
}

static struct edge_json *answer_of(int status, struct edge_bytes payload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = edge_json_new_object();
    struct edge_json *value = NULL;

    if (!answer || edge_json_set_int(answer, "status", status) < 0)
        return NULL;
    if (payload.len > 0 &&
        edge_json_parse((const char *) payload.data, payload.len, &value, NULL) < 0)
        return NULL;
    return edge_json_set(answer, "payload", value) == 0 ? EDGE_TAKE(answer) : NULL;
}

bool cloud_method_answer(struct hub_session *session, const char *rid, int status,
                         struct edge_bytes payload)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct cloud_method *m = session->cloud->methods;

    while (m && (m->state != SENT || strcmp(m->rid, rid) != 0 ||
                 !edge_identity_equal(&m->who, &session->who)))
        m = m->next;
    if (!m)
        return false;
    if (payload.len > PAYLOAD_MAX) {
        finish(m, CLOUD_TOO_LARGE, "The device's answer is larger than 128 KiB.", "", 0);
        return true;
    }
    answer = answer_of(status, payload);
    text = answer ? edge_json_text(answer) : NULL;
    if (text)
        finish(m, 0, "", text, strlen(text));
    else
        finish(m, CLOUD_INVALID, "The device's answer is no JSON.", "", 0);
    return true;
}
