/* What the heads ask of the core. */
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/core/wanted.h"

/* A client that waits to be let in. */
struct asked {
    struct hub_life *life;
    struct edge_identity who;
    hub_grant_done *done;
    void *arg;
};

/* Why, as few words: a label is kept for as long as the hub runs. */
static const char *reason_of(enum hub_result result)
{
    switch (result) {
    case HUB_REFUSED:
        return "refused";
    case HUB_UNAVAILABLE:
    case HUB_TIMEOUT:
    case HUB_THROTTLED:
        return "unavailable";
    default:
        return "failed";
    }
}

static void on_grant(const struct hub_grant *grant, void *arg)
{
    struct asked asked = *(struct asked *) arg;
    struct hub_core *core = hub_life_release(asked.life);

    free(arg);
    if (core && grant->result != HUB_OK) {
        const struct hub_client *known = hub_client_find(core, &asked.who);

        hub_metrics_count(
            core->metrics, HUB_COUNT_CONNECT_FAILED,
            (const char *[]){known ? known->name : "unknown", reason_of(grant->result)});
    }
    asked.done(grant, asked.arg);
}

static void authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                         void *arg)
{
    struct hub_core *core = backend;
    struct asked *asked = malloc(sizeof *asked);

    if (!asked) {
        done(&(struct hub_grant){HUB_FAILED, 0, "out of memory"}, arg);
        return;
    }
    *asked = (struct asked){hub_life_hold(core), claim->who, done, arg};
    hub_auth_check(core->options.auth, claim, on_grant, asked);
}

/* A message that is not on disk yet. */
struct sending {
    struct hub_session *session;
    hub_done *done;
    void *arg;
};

static void on_sent(enum hub_result result, const char *why, void *arg)
{
    struct sending sending = *(struct sending *) arg;
    struct hub_session *session = sending.session;

    free(arg);
    if (session->ended) {
        result = HUB_GONE;
        why = NULL;
    } else if (result != HUB_OK) {
        hub_metrics_count(session->client->core->metrics, HUB_COUNT_UNACK,
                          (const char *[]){"storage_failure", session->client->name, ""});
    }
    sending.done(result, why, sending.arg);
    hub_session_release(session);
}

static char *add(char *at, const char *end, const char *text)
{
    size_t len = strnlen(text, (size_t) (end - at) - 1);

    memcpy(at, text, len);
    at[len] = '\0';
    return at + len;
}

/* hub.md 5.2.1; a name that is too long is cut, and no route leads from there. */
static void source_of(const struct hub_client *client, const char *output,
                      char source[HUB_SOURCE_MAX])
{
    const char *end = source + HUB_SOURCE_MAX;
    char *at = add(source, end, "/messages");

    if (!client->who.module[0])
        return;
    at = add(at, end, "/modules/");
    at = add(at, end, client->who.module);
    if (!output)
        return;
    at = add(at, end, "/outputs/");
    (void) add(at, end, output);
}

static void take(struct hub_session *session, const struct edge_message *message, size_t size,
                 hub_done *done, void *arg)
{
    const struct hub_client *client = session->client;
    struct hub_core *core = client->core;
    const char *output = message->sys[EDGE_SYS_OUTPUT];
    const struct edge_route_property model = {"modelId", client->model_id};
    bool modelled = client->model_id && *client->model_id;
    char source[HUB_SOURCE_MAX];

    hub_metrics_count(core->metrics, HUB_COUNT_RECEIVED,
                      (const char *[]){output ? output : "", client->name});
    hub_metrics_observe(core->metrics, HUB_SIZE_MESSAGE, (const char *[]){client->name},
                        (double) size);
    source_of(client, output, source);
    hub_router_send(core->router, source, &client->who, message, &model, modelled ? 1 : 0, done,
                    arg);
}

static void send(struct hub_session *session, const struct edge_message *message, hub_done *done,
                 void *arg)
{
    size_t size = edge_message_size(message);
    struct sending *sending;

    if (size > EDGE_MESSAGE_MAX) {
        done(HUB_TOO_LARGE, "the message is over 256 KiB", arg);
        return;
    }
    sending = malloc(sizeof *sending);
    if (!sending) {
        done(HUB_FAILED, "out of memory", arg);
        return;
    }
    *sending = (struct sending){session, done, arg};
    hub_session_hold(session);
    take(session, message, size, on_sent, sending);
}

static void settle(struct hub_session *session, uint64_t lock, enum hub_outcome outcome)
{
    if (!hub_inputs_settle(session->client, lock, outcome))
        (void) hub_c2d_settle(session->client, lock, outcome);
}

static void pause(struct hub_session *session, bool paused)
{
    if (session->paused == paused)
        return;
    session->paused = paused;
    hub_later(session->client->core, &session->tell);
}

const struct hub_backend_ops hub_core_ops = {
    .authenticate = authenticate,
    .open = hub_session_open,
    .close = hub_session_close,
    .extend = hub_session_extend,
    .input = hub_wanted_input,
    .subscribe = hub_session_subscribe,
    .send = send,
    .twin_get = hub_twins_get,
    .twin_patch = hub_twins_patch,
    .method_reply = hub_methods_reply,
    .settle = settle,
    .pause = pause,
};
