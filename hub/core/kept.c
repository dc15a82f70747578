#include "hub/core/kept.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/core/wanted.h"

/* {"subscriptions":["inputs", …], "inputs":["a", …]}; without "inputs": all of them */
static const char kind[] = "session";
static const struct {
    unsigned feature;
    const char *name;
} names[] = {
    {EDGE_FEATURE_C2D, "c2d"},         {EDGE_FEATURE_INPUTS, "inputs"},
    {EDGE_FEATURE_TWIN_RES, "twin"},   {EDGE_FEATURE_DESIRED, "desired"},
    {EDGE_FEATURE_METHODS, "methods"},
};

static int put_features(struct edge_json *json, unsigned features)
{
    struct edge_json *list = edge_json_need_array(json, "subscriptions");

    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++)
        if ((features & names[i].feature) &&
            edge_json_append(list, edge_json_new_str(names[i].name)) < 0)
            return -ENOMEM;
    return 0;
}

static int put_inputs(struct edge_json *json, const struct hub_wanted *wanted)
{
    struct edge_json *list;

    if (!wanted || wanted->n == 0)
        return 0;
    list = edge_json_need_array(json, "inputs");
    if (!list)
        return -ENOMEM;
    for (unsigned i = 0; i < wanted->n; i++)
        if (edge_json_append(list, edge_json_new_str(wanted->names[i])) < 0)
            return -ENOMEM;
    return 0;
}

/* NULL without memory */
static char *text_of(const struct hub_client *client)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = edge_json_new_object();

    if (!json || put_features(json, client->features) < 0 || put_inputs(json, client->wanted) < 0)
        return NULL;
    return edge_json_text(json);
}

static unsigned features_of(const struct edge_json *json)
{
    const struct edge_json *list = edge_json_get(json, "subscriptions");
    unsigned features = 0;

    for (size_t i = 0; i < edge_json_len(list); i++) {
        const char *name = edge_json_str(edge_json_at(list, i), "");

        for (size_t n = 0; n < EDGE_ARRAY_LEN(names); n++)
            if (strcmp(name, names[n].name) == 0)
                features |= names[n].feature;
    }
    return features;
}

static int get_inputs(const struct edge_json *list, struct hub_client *client)
{
    for (size_t i = 0; i < edge_json_len(list); i++) {
        int rc = hub_wanted_add(client, edge_json_str(edge_json_at(list, i), ""));

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int save(const struct hub_client *client, hub_stored_done *done, void *arg)
{
    EDGE_CLEANUP(edge_free) char *text = text_of(client);

    if (!text)
        return -ENOMEM;
    return hub_store_set(client->core->options.store, kind, client->name,
                         (struct edge_bytes){(const uint8_t *) text, strlen(text)}, done, arg);
}

bool hub_kept_open(struct hub_client *client, bool keep)
{
    bool forgets = !keep && client->kept;
    int rc = 0;

    if (!client->kept || !keep) {
        client->features = 0;
        hub_wanted_clear(client);
    }
    if (keep && !client->kept)
        rc = save(client, NULL, NULL);
    else if (forgets)
        rc = hub_store_set(client->core->options.store, kind, client->name,
                           (struct edge_bytes){NULL, 0}, NULL, NULL);
    if (rc < 0)
        edge_log_about(EDGE_LOG_WARN, client->name, "session is not on disk: client=%s reason=%s",
                       client->name, edge_strerror(rc));
    client->kept = keep;
    return forgets || (!keep && client->saving > 0);
}

struct saving {
    struct hub_life *life;
    struct hub_client *client; /* as long as the core lives */
    struct hub_session *session;
    hub_done *done;
    void *arg;
};

static void on_saved(int rc, void *arg)
{
    struct saving saving = *(struct saving *) arg;
    bool alive = hub_life_release(saving.life);

    free(arg);
    if (alive)
        saving.client->saving--;
    if (saving.session->ended)
        saving.done(HUB_GONE, NULL, saving.arg);
    else if (rc < 0)
        saving.done(HUB_FAILED, "the session could not be written to disk", saving.arg);
    else
        saving.done(HUB_OK, NULL, saving.arg);
    hub_session_release(saving.session);
}

static void on_forgotten(int rc, struct edge_bytes data, void *arg)
{
    (void) data;
    on_saved(rc, arg);
}

/* NULL without memory: @p done was told */
static struct saving *begin(struct hub_session *session, hub_done *done, void *arg)
{
    struct saving *saving = malloc(sizeof *saving);
    struct hub_client *client = session->client;

    if (!saving) {
        done(HUB_FAILED, "out of memory", arg);
        return NULL;
    }
    *saving = (struct saving){hub_life_hold(client->core), client, session, done, arg};
    client->saving++;
    hub_session_hold(session);
    return saving;
}

void hub_kept_save(struct hub_session *session, hub_done *done, void *arg)
{
    struct saving *saving = begin(session, done, arg);

    if (saving && save(session->client, on_saved, saving) < 0)
        on_saved(-ENOMEM, saving);
}

/* Read behind the deletion: they are told together. */
void hub_kept_forget(struct hub_session *session, hub_done *done, void *arg)
{
    struct saving *saving = begin(session, done, arg);
    struct hub_client *client = session->client;

    session->forgets = saving == NULL;
    if (saving &&
        hub_store_get(client->core->options.store, kind, client->name, on_forgotten, saving) < 0)
        on_saved(-ENOMEM, saving);
}

struct loading {
    struct hub_core *core;
    int rc;
};

static void on_document(const char *name, struct edge_bytes data, void *arg)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    struct loading *loading = arg;
    struct hub_client *client;
    struct edge_identity who;
    struct edge_err err;

    if (edge_identity_parse(name, strlen(name), &who) < 0 ||
        edge_json_parse((const char *) data.data, data.len, &json, &err) < 0) {
        edge_warn("kept session cannot be read, it is passed over: client=%s", name);
        return;
    }
    client = hub_client_need(loading->core, &who);
    if (!client) {
        loading->rc = -ENOMEM;
        return;
    }
    client->kept = true;
    client->features = features_of(json);
    if (get_inputs(edge_json_get(json, "inputs"), client) < 0)
        loading->rc = -ENOMEM;
}

int hub_sessions_load(struct hub_core *core, struct edge_err *err)
{
    struct loading loading = {core, 0};
    int rc = hub_store_each(core->options.store, kind, on_document, &loading);

    if (rc == 0)
        rc = loading.rc;
    return rc < 0 ? edge_wrap(err, rc, "kept sessions") : 0;
}
