/* Sessions: opened, kept, expired, ended. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/internal.h"
#include "hub/core/kept.h"
#include "hub/core/wanted.h"

enum { LOOK_MS = 60 * 60 * 1000, NS = 1000000000 };

void hub_session_hold(struct hub_session *session)
{
    session->pending++;
}

static void free_session(struct hub_session *session)
{
    if (session->ended && session->pending == 0)
        free(session);
}

void hub_session_release(struct hub_session *session)
{
    session->pending--;
    free_session(session);
}

/* Whoever must know that this client has come, gone or changed. */
static void tell_all(struct hub_client *client)
{
    hub_client_wish(client);
    hub_inputs_session(client);
    hub_c2d_session(client);
}

static void on_tell(struct hub_task *task)
{
    struct hub_session *session = EDGE_CONTAINER_OF(task, struct hub_session, tell);
    struct hub_client *client = session->client;
    unsigned fresh = session->fresh & client->features;

    session->fresh = 0;
    hub_session_hold(session);
    tell_all(client);
    if (!session->ended && (fresh & EDGE_FEATURE_DESIRED))
        hub_twins_subscribed(client);
    if (!session->ended && (fresh & EDGE_FEATURE_METHODS))
        hub_methods_available(client);
    hub_session_release(session);
}

/* From here on nothing is told to the session, and it is nobody's. */
static void detach(struct hub_session *session)
{
    struct hub_client *client = session->client;
    struct hub_core *core = client->core;

    session->ended = true;
    session->expiry = edge_timer_destroy(session->expiry);
    hub_never(&session->tell);
    client->session = NULL;
    client->disconnected_ns = edge_wall_ns();
    if (!client->kept) {
        client->features = 0;
        hub_wanted_clear(client);
    }
    core->sessions--;
    hub_metrics_count(core->metrics, HUB_COUNT_DISCONNECTED, (const char *[]){client->name});
    tell_all(client);
    hub_methods_gone(client);
    hub_report_client(core->report, client);
}

void hub_session_close(struct hub_session *session)
{
    struct hub_client *client = session->client;

    detach(session);
    free_session(session);
    (void) hub_client_tidy(client);
}

void hub_session_expel(struct hub_session *session, enum hub_result why)
{
    void (*closed)(enum hub_result, void *) = session->events.closed;
    void *arg = session->arg;

    hub_session_close(session);
    closed(why, arg);
}

void hub_sessions_end(struct hub_core *core)
{
    struct hub_client *next;

    for (struct hub_client *client = core->first; client; client = next) {
        next = client->next;
        if (client->session)
            hub_session_expel(client->session, HUB_UNAVAILABLE);
    }
}

/* A grant's end is a time of the wall clock, which may be set meanwhile. */
static int64_t left_ms(const struct hub_session *session)
{
    int64_t now_ns = edge_wall_ns();
    int64_t left_s = session->until_s - now_ns / NS;

    return left_s > LOOK_MS / 1000 ? LOOK_MS : left_s * 1000 - now_ns % NS / 1000000;
}

void hub_session_tick(struct hub_session *session)
{
    int64_t left = left_ms(session);

    if (session->until_s == INT64_MAX)
        edge_timer_disarm(session->expiry);
    else
        edge_timer_arm(session->expiry, left > 0 ? (uint64_t) left : 0);
}

static void on_expiry(void *arg)
{
    struct hub_session *session = arg;

    if (left_ms(session) > 0) {
        hub_session_tick(session);
        return;
    }
    edge_info("a client's token or certificate has expired: client=%s", session->client->name);
    hub_session_expel(session, HUB_REFUSED);
}

void hub_session_extend(struct hub_session *session, const struct hub_grant *grant)
{
    session->until_s = grant->until_s;
    hub_session_tick(session);
}

/* @return 0 or why nobody more comes in */
static int make_place(struct hub_core *core, const struct hub_claim *claim)
{
    const struct hub_client *client = hub_client_find(core, &claim->who);

    if (core->ending)
        return EDGE_EUNAVAILABLE;
    if (client && client->session) {
        hub_session_expel(client->session, HUB_CONFLICT);
        return 0;
    }
    if (core->sessions < core->options.settings.max_clients)
        return 0;
    edge_log_about(EDGE_LOG_WARN, claim->address, "client refused, %u are the limit: client=%s%s%s",
                   core->sessions, claim->who.device, claim->who.module[0] ? "/" : "",
                   claim->who.module);
    hub_metrics_count(core->metrics, HUB_COUNT_CONNECT_FAILED,
                      (const char *[]){client ? client->name : "unknown", "MaxConnectedClients"});
    return EDGE_EUNAVAILABLE;
}

static int describe(struct hub_client *client, const struct hub_claim *claim)
{
    char *product = edge_strdup(claim->client ? claim->client : "");
    char *model_id = edge_strdup(claim->model_id ? claim->model_id : "");

    if (!product || !model_id) {
        free(product);
        free(model_id);
        return -ENOMEM;
    }
    if ((client->product && strcmp(client->product, product) != 0) ||
        (client->model_id && strcmp(client->model_id, model_id) != 0))
        client->renamed = true;
    free(client->product);
    free(client->model_id);
    client->product = product;
    client->model_id = model_id;
    return 0;
}

static struct hub_session *make(struct hub_core *core, const struct hub_claim *claim,
                                const struct hub_grant *grant, bool keep,
                                const struct hub_events *events, void *arg)
{
    struct hub_session *session = calloc(1, sizeof *session);

    if (!session)
        return NULL;
    *session = (struct hub_session){
        .events = *events,
        .arg = arg,
        .protocol = claim->protocol,
        .until_s = grant->until_s,
        .tell = {.run = on_tell},
        .keep = keep,
        .expiry = edge_timer_create(core->options.loop, on_expiry, session),
    };
    if (!session->expiry) {
        free(session);
        return NULL;
    }
    return session;
}

static void begin(struct hub_client *client, struct hub_session *session)
{
    struct hub_core *core = client->core;

    session->client = client;
    client->session = session;
    client->connected_ns = edge_wall_ns();
    core->sessions++;
    hub_metrics_count(core->metrics, HUB_COUNT_CONNECTED, (const char *[]){client->name});
    hub_report_client(core->report, client);
    session->fresh = client->features;
    hub_later(core, &session->tell);
    hub_session_tick(session);
}

int hub_session_open(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                     bool keep, const struct hub_events *events, void *arg, unsigned *ret_features,
                     struct hub_session **ret)
{
    struct hub_core *core = backend;
    int rc = make_place(core, claim);
    struct hub_session *session;
    struct hub_client *client;
    bool resumed;

    if (rc < 0)
        return rc;
    client = hub_client_need(core, &claim->who);
    session = client ? make(core, claim, grant, keep, events, arg) : NULL;
    if (!session || describe(client, claim) < 0) {
        if (session)
            (void) edge_timer_destroy(session->expiry);
        free(session);
        if (client)
            (void) hub_client_tidy(client);
        return -ENOMEM;
    }
    resumed = keep && client->kept;
    session->forgets = hub_kept_open(client, keep);
    begin(client, session);
    *ret_features = client->features;
    *ret = session;
    return resumed ? HUB_RESUMED : session->forgets ? HUB_FORGETTING : 0;
}

void hub_session_subscribe(struct hub_session *session, unsigned on, unsigned off, hub_done *done,
                           void *arg)
{
    struct hub_client *client = session->client;
    unsigned features = (client->features | on) & ~off;
    bool changed = features != client->features || (client->wanted && client->wanted->fresh);

    session->fresh |= features & ~client->features;
    client->features = features;
    if (!(features & EDGE_FEATURE_INPUTS))
        hub_wanted_clear(client);
    else if (client->wanted)
        client->wanted->fresh = false;
    hub_later(client->core, &session->tell);
    if (session->keep && (changed || client->saving > 0))
        hub_kept_save(session, done, arg);
    else if (session->forgets)
        hub_kept_forget(session, done, arg);
    else
        done(HUB_OK, NULL, arg);
}
