/* Sessions of clients: opened, kept, taken over, expired, ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "tests/emulator/cloud/session.h"

enum { WAIT_MAX_S = 86400, NS_PER_S = 1000000000 };

void cloud_session_touch(struct hub_session *session, bool state)
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

    cloud_session_touch(session, true);
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
void cloud_session_close(struct hub_session *session)
{
    unlink_session(session);
    unlock_messages(session);
    cloud_methods_gone(session);
    cloud_owed_end(session);
    release(session);
}

void cloud_session_expel(struct hub_session *session, enum hub_result why)
{
    struct hub_events events = session->events;
    void *arg = session->arg;

    cloud_session_close(session);
    events.closed(why, arg);
}

void cloud_close_session(struct cloud *cloud, const char *device, const char *module,
                         enum hub_result why)
{
    struct cloud_live *live = cloud_live(cloud, device, module, false);

    if (live && live->session)
        cloud_session_expel(live->session, why);
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
        cloud_session_expel(session, why);
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
            cloud_session_expel(session, HUB_REFUSED); /* its client may end others */
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
        cloud_session_expel(live->session, HUB_UNAVAILABLE);
        return 1;
    }
    while (cloud->sessions.next != &cloud->sessions) {
        cloud_session_expel(cloud->sessions.next, HUB_UNAVAILABLE);
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
        cloud_session_expel(session, HUB_REFUSED);
}

void cloud_sessions_rearm(struct cloud *cloud)
{
    for (struct hub_session *s = cloud->sessions.next; s != &cloud->sessions; s = s->next)
        arm_expiry(s);
}

void cloud_session_stir(struct hub_session *session)
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
        cloud_session_stir(session);
}

/* Kept sessions: what one is subscribed to, by identity. */

int cloud_session_remember(struct hub_session *session)
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
        return cloud_session_remember(session);
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
        cloud_session_expel(live->session, HUB_CONFLICT);
    live->session = session;
    session->next = &cloud->sessions;
    session->prev = cloud->sessions.prev;
    session->prev->next = session;
    cloud->sessions.prev = session;
    cloud->nsessions++;
    cloud_session_touch(session, true);
    return 0;
}

int cloud_session_open(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                       bool keep, const struct hub_events *events, void *arg,
                       unsigned *ret_features, struct hub_session **ret)
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
    cloud_session_stir(session);
    cloud_methods_ready(session);
    *ret_features = session->features;
    *ret = session;
    return resumed ? HUB_RESUMED : 0;
}

void cloud_session_extend(struct hub_session *session, const struct hub_grant *grant)
{
    session->until_s = grant->until_s;
    arm_expiry(session);
}
