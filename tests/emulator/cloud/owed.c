/* What clients ask, and what they are owed for it: answers come when the latency of the test has
 * passed and the disk has it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/session.h"

/* Something a session is still owed: the answer to a call, or a notification. */
struct cloud_pending {
    struct cloud_wait wait;
    struct cloud_pending *next, **link;
    struct hub_session *session;
    void (*finish)(struct cloud_pending *p, enum hub_result result); /* frees nothing */
    enum hub_result result;
    char why[160];
    char *text; /* a twin, a patch */
    int64_t version;
    union {
        hub_done *done;
        hub_twin_done *twin;
        hub_version_done *version;
    } fn;
    void *arg;
};

static void drop_pending(struct cloud_pending *p)
{
    cloud_unwait(&p->wait);
    *p->link = p->next;
    if (p->next)
        p->next->link = p->link;
    else
        p->session->pendings_end = p->link;
    free(p->text);
    free(p);
}

static void finish(struct cloud_pending *p, enum hub_result result)
{
    struct cloud_pending mine = *p; /* the callee may end the session */

    p->text = NULL;
    drop_pending(p);
    mine.finish(&mine, result);
    free(mine.text);
}

static void on_ready(int rc, struct cloud_wait *wait)
{
    struct cloud_pending *p = EDGE_CONTAINER_OF(wait, struct cloud_pending, wait);

    finish(p, rc < 0 ? HUB_FAILED : p->result);
}

/* @return NULL without memory: the caller answers HUB_FAILED by itself */
static struct cloud_pending *owe(struct hub_session *session, int rc, const struct edge_err *err,
                                 void (*fn)(struct cloud_pending *p, enum hub_result result),
                                 void *arg)
{
    struct cloud_pending *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->session = session;
    p->finish = fn;
    p->arg = arg;
    p->result = cloud_hub_result(rc);
    snprintf(p->why, sizeof p->why, "%.*s", (int) sizeof p->why - 1, err ? err->text : "");
    p->link = session->pendings_end;
    *session->pendings_end = p;
    session->pendings_end = &p->next;
    cloud_wait(session->cloud, &p->wait, on_ready);
    return p;
}

void cloud_owed_end(struct hub_session *session)
{
    while (session->pendings)
        finish(session->pendings, HUB_GONE);
}

/* Calls that are answered */

static void finish_done(struct cloud_pending *p, enum hub_result result)
{
    p->fn.done(result, p->why, p->arg);
}

static void answer(struct hub_session *session, int rc, const struct edge_err *err, hub_done *done,
                   void *arg)
{
    struct cloud_pending *p = owe(session, rc, err, finish_done, arg);

    if (p)
        p->fn.done = done;
    else
        done(HUB_FAILED, "out of memory", arg);
}

static void op_subscribe(struct hub_session *session, unsigned on, unsigned off, hub_done *done,
                         void *arg)
{
    unsigned before = session->features;
    int rc = 0;

    session->features = (session->features & ~off) | on;
    if (session->keep && session->features != before)
        rc = cloud_session_remember(session);
    if (on & EDGE_FEATURE_C2D)
        cloud_session_stir(session);
    if (on & EDGE_FEATURE_METHODS)
        cloud_methods_ready(session);
    answer(session, rc, NULL, done, arg);
}

static void finish_lost(struct cloud_pending *p, enum hub_result result)
{
    if (result == HUB_GONE)
        p->fn.done(HUB_GONE, "", p->arg);
}

static void on_lost_last(int rc, struct cloud_wait *wait)
{
    struct cloud_pending *p = EDGE_CONTAINER_OF(wait, struct cloud_pending, wait);

    (void) rc;
    cloud_session_expel(p->session, HUB_UNAVAILABLE);
}

static void on_lost(int rc, struct cloud_wait *wait)
{
    (void) rc;
    (void) wait;
}

/* The knob: stored, never acknowledged; the last of them takes the connection along. */
static bool lose_ack(struct hub_session *session, hub_done *done, void *arg)
{
    struct cloud *cloud = session->cloud;
    struct cloud_pending *p;

    if (cloud->faults.lose_acks <= 0)
        return false;
    p = owe(session, 0, NULL, finish_lost, arg);
    if (!p)
        return false;
    p->fn.done = done;
    cloud_wait(cloud, &p->wait, --cloud->faults.lose_acks == 0 ? on_lost_last : on_lost);
    return true;
}

static void op_send(struct hub_session *session, const struct edge_message *message, hub_done *done,
                    void *arg)
{
    struct edge_err err = {0};
    int rc = session->cloud->faults.throttle ? CLOUD_THROTTLED : 0;

    cloud_session_touch(session, false);
    if (rc == 0)
        rc = cloud_telemetry_add(session->cloud, &session->who, session->auth_method,
                                 session->generation_id, message, &err);
    if (rc == 0 && lose_ack(session, done, arg))
        return;
    answer(session, rc, &err, done, arg);
}

static void finish_twin(struct cloud_pending *p, enum hub_result result)
{
    const char *text = result == HUB_OK && p->text ? p->text : "";

    p->fn.twin(result, p->why, text, strlen(text), p->arg);
}

static void op_twin_get(struct hub_session *session, hub_twin_done *done, void *arg)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct edge_err err = {0};
    struct cloud_pending *p;
    char *text = NULL;
    int rc = session->cloud->faults.throttle ? CLOUD_THROTTLED
                                             : cloud_twin_load(session->cloud, session->who.device,
                                                               session->who.module, &twin, &err);

    cloud_session_touch(session, false);
    if (rc == 0) {
        text = cloud_twin_device_text(twin);
        rc = text ? 0 : -ENOMEM;
    }
    p = owe(session, rc, &err, finish_twin, arg);
    if (!p) {
        free(text);
        done(HUB_FAILED, "out of memory", "", 0, arg);
        return;
    }
    p->text = text;
    p->fn.twin = done;
}

static void finish_version(struct cloud_pending *p, enum hub_result result)
{
    p->fn.version(result, p->why, p->version, p->arg);
}

static void op_twin_patch(struct hub_session *session, const char *patch, size_t len,
                          hub_version_done *done, void *arg)
{
    struct edge_err err = {0};
    struct cloud_pending *p;
    int64_t version = 0;
    int rc = session->cloud->faults.throttle
                 ? CLOUD_THROTTLED
                 : cloud_twin_report(session->cloud, &session->who, patch, len, &version, &err);

    cloud_session_touch(session, false);
    p = owe(session, rc, &err, finish_version, arg);
    if (!p) {
        done(HUB_FAILED, "out of memory", 0, arg);
        return;
    }
    p->version = version;
    p->fn.version = done;
}

static void finish_desired(struct cloud_pending *p, enum hub_result result)
{
    if (result == HUB_OK)
        p->session->events.desired(p->text, strlen(p->text), p->version, p->session->arg);
}

int cloud_push_desired(struct hub_session *session, char *patch, int64_t version)
{
    struct cloud_pending *p = owe(session, 0, NULL, finish_desired, NULL);

    if (!p) {
        free(patch);
        return -ENOMEM;
    }
    p->text = patch;
    p->version = version;
    return 0;
}

static bool op_method_reply(struct hub_session *session, const char *rid, int status,
                            struct edge_bytes payload)
{
    cloud_session_touch(session, false);
    return cloud_method_answer(session, rid, status, payload);
}

static void op_settle(struct hub_session *session, uint64_t lock, enum hub_outcome outcome)
{
    cloud_session_touch(session, false);
    cloud_c2d_settled(session, lock, outcome);
}

static void op_pause(struct hub_session *session, bool paused)
{
    session->paused = paused;
    if (!paused)
        cloud_session_stir(session);
}

const struct hub_backend_ops cloud_backend_ops = {
    .authenticate = cloud_authenticate,
    .open = cloud_session_open,
    .close = cloud_session_close,
    .extend = cloud_session_extend,
    .subscribe = op_subscribe,
    .send = op_send,
    .twin_get = op_twin_get,
    .twin_patch = op_twin_patch,
    .method_reply = op_method_reply,
    .settle = op_settle,
    .pause = op_pause,
};
