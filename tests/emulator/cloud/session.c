#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/emulator/cloud/internal.h"

enum { WAIT_MAX_S = 86400, NS_PER_S = 1000000000 };

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

/* Life */

static void touch(struct hub_session *session, bool state)
{
    struct cloud_live *live =
        cloud_live(session->cloud, session->who.device, session->who.module, false);

    if (!live)
        return;
    live->activity_ns = cloud_now_ns(session->cloud);
    if (state)
        live->state_ns = live->activity_ns;
}

static void unlink_session(struct hub_session *session)
{
    struct cloud *cloud = session->cloud;
    struct cloud_live *live = cloud_live(cloud, session->who.device, session->who.module, false);

    touch(session, true);
    if (live && live->session == session)
        live->session = NULL;
    session->prev->next = session->next;
    session->next->prev = session->prev;
    cloud->nsessions--;
    if (session->link_dirty) {
        *session->link_dirty = session->next_dirty;
        if (session->next_dirty)
            session->next_dirty->link_dirty = session->link_dirty;
    }
}

/* What was delivered and not settled comes again. */
static void unlock_messages(struct hub_session *session)
{
    char queue[EDGE_ID_MAX + 3];

    cloud_c2d_queue(session->who.device, queue);
    if (!*session->who.module && (session->features & EDGE_FEATURE_C2D))
        edge_ignore(store_unlock(session->cloud->store, queue, INT64_MAX));
}

static void release(struct hub_session *session)
{
    edge_timer_destroy(session->expiry);
    free(session->chain);
    free(session);
}

/* Everything the session is owed is answered; then its memory goes. */
static void end_session(struct hub_session *session)
{
    unlink_session(session);
    unlock_messages(session);
    cloud_methods_gone(session);
    while (session->pendings)
        finish(session->pendings, HUB_GONE);
    release(session);
}

static void expel(struct hub_session *session, enum hub_result why)
{
    struct hub_events events = session->events;
    void *arg = session->arg;

    end_session(session);
    events.closed(why, arg);
}

void cloud_close_session(struct cloud *cloud, const char *device, const char *module,
                         enum hub_result why)
{
    struct cloud_live *live = cloud_live(cloud, device, module, false);

    if (live && live->session)
        expel(live->session, why);
}

static struct hub_session *session_of(struct cloud *cloud, const char *device)
{
    struct hub_session *s = cloud->sessions.next;

    while (s != &cloud->sessions && strcmp(s->who.device, device) != 0)
        s = s->next;
    return s == &cloud->sessions ? NULL : s;
}

void cloud_close_device(struct cloud *cloud, const char *device, enum hub_result why)
{
    struct hub_session *session;

    while ((session = session_of(cloud, device)) != NULL)
        expel(session, why);
}

static bool broken(struct cloud *cloud, const struct hub_session *session, const char *device)
{
    struct edge_identity target, actor;

    return session->chain && strstr(session->chain, device) &&
           cloud_chain(cloud, session->chain, &target, &actor, NULL) > 0;
}

void cloud_check_chains(struct cloud *cloud, const char *device)
{
    struct hub_session *session = cloud->sessions.next;

    while (session != &cloud->sessions) {
        bool ends = broken(cloud, session, device);
        struct hub_session *next = session->next;

        if (ends)
            expel(session, HUB_REFUSED); /* its client may end others */
        session = ends ? cloud->sessions.next : next;
    }
}

unsigned cloud_drop(struct cloud *cloud, const char *identity)
{
    unsigned count = 0;

    if (identity) {
        struct cloud_live *live = edge_map_get(&cloud->live, identity);

        if (!live || !live->session)
            return 0;
        expel(live->session, HUB_UNAVAILABLE);
        return 1;
    }
    while (cloud->sessions.next != &cloud->sessions) {
        expel(cloud->sessions.next, HUB_UNAVAILABLE);
        count++;
    }
    return count;
}

struct hub_session *cloud_session_with(struct cloud *cloud, const char *device, const char *module,
                                       unsigned features)
{
    struct cloud_live *live = cloud_live(cloud, device, module, false);

    if (!live || !live->session || (live->session->features & features) != features)
        return NULL;
    return live->session;
}

static void arm_expiry(struct hub_session *session)
{
    int64_t left = session->until_s - cloud_now_s(session->cloud);

    if (session->until_s == INT64_MAX)
        edge_timer_disarm(session->expiry);
    else if (left <= 0)
        edge_timer_arm(session->expiry, 0);
    else
        edge_timer_arm(session->expiry, (uint64_t) (left < WAIT_MAX_S ? left : WAIT_MAX_S) * 1000);
}

static void on_expiry(void *arg)
{
    struct hub_session *session = arg;

    if (session->until_s > cloud_now_s(session->cloud))
        arm_expiry(session);
    else
        expel(session, HUB_REFUSED);
}

void cloud_sessions_rearm(struct cloud *cloud)
{
    for (struct hub_session *s = cloud->sessions.next; s != &cloud->sessions; s = s->next)
        arm_expiry(s);
}

static void mark_dirty(struct hub_session *session)
{
    struct cloud *cloud = session->cloud;

    if (session->link_dirty)
        return;
    session->next_dirty = cloud->dirty;
    session->link_dirty = &cloud->dirty;
    if (cloud->dirty)
        cloud->dirty->link_dirty = &session->next_dirty;
    cloud->dirty = session;
    cloud_turn(cloud);
}

void cloud_wake(struct cloud *cloud, const char *device, const char *module)
{
    struct hub_session *session = cloud_session_with(cloud, device, module, 0);

    if (session)
        mark_dirty(session);
}

/* Kept sessions: what one is subscribed to, by identity. */

static int remember(struct hub_session *session)
{
    char text[16];

    snprintf(text, sizeof text, "%u", session->features);
    return store_put(session->cloud->store, STORE_SESSIONS, session->who.device,
                     session->who.module, text);
}

static int recall(struct hub_session *session, bool *ret_resumed)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(16);
    const struct edge_identity *who = &session->who;
    int rc = store_get(session->cloud->store, STORE_SESSIONS, who->device, who->module, &text);

    *ret_resumed = rc == 0 && session->keep;
    if (rc < 0)
        return rc;
    if (!session->keep)
        return rc == STORE_ABSENT
                   ? 0
                   : store_del(session->cloud->store, STORE_SESSIONS, who->device, who->module);
    if (rc == STORE_ABSENT)
        return remember(session);
    session->features = (unsigned) strtoul(text.data ? text.data : "0", NULL, 10);
    return 0;
}

/* Facts that go with every event, and the model the client has announced. */
static int note_identity(struct hub_session *session, const struct hub_claim *claim)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct cloud *cloud = session->cloud;
    const struct edge_identity *who = &session->who;
    int rc = cloud_identity_load(cloud, who->device, who->module, &identity, NULL);

    if (rc != 0)
        return rc < 0 ? rc : EDGE_EAUTH;
    snprintf(session->generation_id, sizeof session->generation_id, "%s",
             edge_json_str(edge_json_get(identity, "generationId"), ""));
    snprintf(session->auth_method, sizeof session->auth_method,
             "{\"scope\":\"%s\",\"type\":\"%s\",\"issuer\":\"iothub\",\"acceptingIpFilterRule\":"
             "null}",
             *who->module ? "module" : "device", session->until_s == INT64_MAX ? "x509" : "sas");
    if (!claim->model_id || !*claim->model_id)
        return 0;
    rc = cloud_twin_load(cloud, who->device, who->module, &twin, NULL);
    if (rc != 0 || strcmp(edge_json_str(edge_json_get(twin, "modelId"), ""), claim->model_id) == 0)
        return rc;
    rc = edge_json_set_str(twin, "modelId", claim->model_id);
    return rc == 0 ? cloud_save(cloud, STORE_TWINS, who->device, who->module, twin) : rc;
}

static bool note_chain(struct hub_session *session, const struct hub_claim *claim)
{
    if (!claim->auth_chain || !*claim->auth_chain)
        return true;
    session->chain = edge_strdup(claim->auth_chain);
    return session->chain != NULL;
}

static int take_over(struct hub_session *session)
{
    struct cloud *cloud = session->cloud;
    struct cloud_live *live = cloud_live(cloud, session->who.device, session->who.module, true);

    if (!live)
        return -ENOMEM;
    if (live->session)
        expel(live->session, HUB_CONFLICT);
    live->session = session;
    session->next = &cloud->sessions;
    session->prev = cloud->sessions.prev;
    session->prev->next = session;
    cloud->sessions.prev = session;
    cloud->nsessions++;
    touch(session, true);
    return 0;
}

static int op_open(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                   bool keep, const struct hub_events *events, void *arg, unsigned *ret_features,
                   struct hub_session **ret)
{
    struct cloud *cloud = backend;
    struct hub_session *session = calloc(1, sizeof *session);
    bool resumed = false;
    int rc;

    if (!session)
        return -ENOMEM;
    session->cloud = cloud;
    session->who = claim->who;
    session->events = *events;
    session->arg = arg;
    session->protocol = claim->protocol;
    session->keep = keep;
    session->until_s = grant->until_s;
    session->pendings_end = &session->pendings;
    session->expiry = edge_timer_create(cloud->loop, on_expiry, session);
    rc = session->expiry && note_chain(session, claim) ? note_identity(session, claim) : -ENOMEM;
    if (rc == 0)
        rc = recall(session, &resumed);
    if (rc == 0)
        rc = take_over(session);
    if (rc < 0) {
        release(session);
        return rc;
    }
    arm_expiry(session);
    mark_dirty(session);
    cloud_methods_ready(session);
    *ret_features = session->features;
    *ret = session;
    return resumed ? HUB_RESUMED : 0;
}

static void op_close(struct hub_session *session)
{
    end_session(session);
}

static void op_extend(struct hub_session *session, const struct hub_grant *grant)
{
    session->until_s = grant->until_s;
    arm_expiry(session);
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
        rc = remember(session);
    if (on & EDGE_FEATURE_C2D)
        mark_dirty(session);
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
    expel(p->session, HUB_UNAVAILABLE);
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

    touch(session, false);
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

    touch(session, false);
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

    touch(session, false);
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
    touch(session, false);
    return cloud_method_answer(session, rid, status, payload);
}

static void op_settle(struct hub_session *session, uint64_t lock, enum hub_outcome outcome)
{
    touch(session, false);
    cloud_c2d_settled(session, lock, outcome);
}

static void op_pause(struct hub_session *session, bool paused)
{
    session->paused = paused;
    if (!paused)
        mark_dirty(session);
}

const struct hub_backend_ops cloud_backend_ops = {
    .authenticate = cloud_authenticate,
    .open = op_open,
    .close = op_close,
    .extend = op_extend,
    .subscribe = op_subscribe,
    .send = op_send,
    .twin_get = op_twin_get,
    .twin_patch = op_twin_patch,
    .method_reply = op_method_reply,
    .settle = op_settle,
    .pause = op_pause,
};
