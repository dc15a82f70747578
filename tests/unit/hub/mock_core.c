#include "tests/unit/hub/mock_core.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/test.h"

enum { PATIENCE_MS = 30 * 1000, TURNS = 12, KEY = 0x80 };

static struct mock *the; /* one at a time */

static void copy(char *to, size_t size, const void *from, size_t len)
{
    (void) snprintf(to, size, "%.*s", (int) len, from ? (const char *) from : "");
}

/* IoT Hub */

static struct mock_ask *note(void *self, enum mock_what what, const struct edge_identity *who)
{
    struct mock *mock = self;
    struct mock_ask *ask = &mock->asks[mock->nasks++];

    assert_true(mock->nasks < MOCK_ASKS);
    *ask = (struct mock_ask){.what = what};
    edge_identity_format(who, ask->who, sizeof ask->who);
    return ask;
}

static void up_want(void *self, const struct edge_identity *who, const struct hub_wish *wish)
{
    note(self, MOCK_WANT, who)->features = wish->features;
}

static void up_get(void *self, const struct edge_identity *who, hub_twin_done *done, void *arg)
{
    struct mock_ask *ask = note(self, MOCK_GET, who);

    ask->got = done;
    ask->arg = arg;
}

static void up_patch(void *self, const struct edge_identity *who, const char *patch, size_t len,
                     hub_version_done *done, void *arg)
{
    struct mock_ask *ask = note(self, MOCK_PATCH, who);

    copy(ask->text, sizeof ask->text, patch, len);
    ask->patched = done;
    ask->arg = arg;
}

static void up_reply(void *self, const struct edge_identity *who, const char *rid, int status,
                     struct edge_bytes payload)
{
    struct mock_ask *ask = note(self, MOCK_REPLY, who);

    copy(ask->text, sizeof ask->text, payload.data, payload.len);
    copy(ask->rid, sizeof ask->rid, rid, strlen(rid));
    ask->status = status;
}

static void up_settle(void *self, const struct edge_identity *who, uint64_t lock,
                      enum hub_outcome outcome)
{
    struct mock_ask *ask = note(self, MOCK_SETTLE, who);

    ask->lock = lock;
    ask->outcome = outcome;
}

static const struct hub_upstream_ops upstream_ops = {
    .want = up_want,
    .twin_get = up_get,
    .twin_patch = up_patch,
    .method_reply = up_reply,
    .settle = up_settle,
};

void mock_answer(struct mock_ask *ask, enum hub_result result, const char *json, int64_t version)
{
    hub_twin_done *got = ask->got;
    hub_version_done *patched = ask->patched;

    ask->got = NULL;
    ask->patched = NULL;
    if (got)
        got(result, "as told", json, json ? strlen(json) : 0, ask->arg);
    if (patched)
        patched(result, "as told", version, ask->arg);
}

/* The store and the vault: a document is one text, sealed by turning its bits. */

struct later {
    hub_stored_done *done;
    void (*got)(int rc, struct edge_bytes data, void *arg);
    char *text;
    void *arg;
    int rc;
};

static void on_later(void *arg)
{
    struct later *later = arg;
    struct edge_bytes data = {(uint8_t *) later->text, later->text ? strlen(later->text) : 0};

    if (later->done)
        later->done(later->rc, later->arg);
    if (later->got)
        later->got(later->rc, data, later->arg);
    free(later->text);
    free(later);
}

static void post(struct later from)
{
    struct later *later = malloc(sizeof *later);

    assert_non_null(later);
    *later = from;
    edge_loop_post(the->loop, on_later, later);
}

static void key_of(char *key, size_t size, const char *kind, const char *name)
{
    (void) snprintf(key, size, "%s/%s", kind, name);
}

int hub_store_set(struct hub_store *store, const char *kind, const char *name,
                  struct edge_bytes data, hub_stored_done *done, void *arg)
{
    char key[400];

    (void) store;
    key_of(key, sizeof key, kind, name);
    the->writes++;
    if (!the->broken) {
        free(edge_map_remove(&the->documents, key));
        if (data.data)
            assert_int_equal(
                edge_map_set(&the->documents, key, strndup((const char *) data.data, data.len)), 0);
    }
    if (done)
        post((struct later){.done = done, .arg = arg, .rc = the->broken ? EDGE_ESTORE : 0});
    return 0;
}

int hub_store_get(struct hub_store *store, const char *kind, const char *name,
                  void (*done)(int rc, struct edge_bytes data, void *arg), void *arg)
{
    char key[400];

    (void) store;
    key_of(key, sizeof key, kind, name);
    the->reads++;
    post((struct later){.got = done,
                        .text = the->unreadable ? NULL
                                                : edge_strdup(edge_map_get(&the->documents, key)),
                        .arg = arg,
                        .rc = the->unreadable ? EDGE_ESTORE : 0});
    return 0;
}

/* The few names the tests use. */
int hub_store_each(struct hub_store *store, const char *kind,
                   void (*fn)(const char *name, struct edge_bytes data, void *arg), void *arg)
{
    static const char *const names[] = {"desired", "edge1/m", "edge1/n", "leaf"};
    char key[400];

    (void) store;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        const char *text;

        key_of(key, sizeof key, kind, names[i]);
        text = edge_map_get(&the->documents, key);
        if (text)
            fn(names[i], (struct edge_bytes){(const uint8_t *) text, strlen(text)}, arg);
    }
    return 0;
}

void hub_store_set_limit(struct hub_store *store, uint64_t max_bytes, enum hub_store_policy policy)
{
    (void) store;
    the->max_bytes = max_bytes;
    the->policy = policy;
}

static int turn_bits(struct edge_bytes from, struct edge_buf *ret)
{
    for (size_t i = 0; i < from.len; i++) {
        char c = (char) (from.data[i] ^ KEY);

        assert_int_equal(edge_buf_append(ret, &c, 1), 0);
    }
    return 0;
}

int hub_vault_seal(const struct hub_vault *vault, const char *context, struct edge_bytes plain,
                   struct edge_buf *ret)
{
    (void) vault;
    assert_non_null(strchr(context, '/'));
    return turn_bits(plain, ret);
}

int hub_vault_unseal(const struct hub_vault *vault, const char *context, struct edge_bytes sealed,
                     struct edge_buf *ret)
{
    (void) vault;
    assert_non_null(strchr(context, '/'));
    return sealed.len > 0 && sealed.data[0] == '{' ? EDGE_EDIGEST : turn_bits(sealed, ret);
}

/* The data plane */

void hub_router_set(struct hub_router *router, struct edge_routes *routes, int64_t default_ttl_s)
{
    (void) router;
    the->routes_set++;
    the->nroutes = edge_routes_count(routes);
    the->ttl_s = default_ttl_s;
    edge_routes_free(routes);
}

void hub_router_send(struct hub_router *router, const char *source,
                     const struct edge_identity *sender, const struct edge_message *message,
                     const struct edge_route_property *more, size_t nmore, hub_done *done,
                     void *arg)
{
    (void) router;
    (void) done;
    (void) arg;
    assert_string_equal(message->sys[EDGE_SYS_CONTENT_TYPE], "application/json");
    assert_string_equal(message->sys[EDGE_SYS_CONTENT_ENCODING], "utf-8");
    assert_string_equal(sender->module, "$edgeHub");
    for (size_t i = 0; i < nmore; i++)
        if (strcmp(more[i].name, "rpSenderModuleId") == 0)
            copy(the->routed_sender, sizeof the->routed_sender, more[i].value,
                 strlen(more[i].value));
    (void) snprintf(the->routed, sizeof the->routed, "%s %.*s", source, (int) message->len,
                    (const char *) message->body);
    the->nrouted++;
}

struct hub_client *hub_client_find(struct hub_core *core, const struct edge_identity *who)
{
    for (struct hub_client *client = core->first; client; client = client->next)
        if (edge_identity_equal(&client->who, who))
            return client;
    return NULL;
}

struct hub_client *hub_client_need(struct hub_core *core, const struct edge_identity *who)
{
    struct hub_client *client = hub_client_find(core, who);

    if (client)
        return client;
    client = calloc(1, sizeof *client);
    assert_non_null(client);
    client->core = core;
    client->who = *who;
    edge_identity_format(who, client->name, sizeof client->name);
    client->next = core->first;
    core->first = client;
    return client;
}

bool hub_client_tidy(struct hub_client *client)
{
    (void) client;
    return false; /* all live to the end */
}

bool hub_client_listens(const struct hub_client *client, unsigned features)
{
    return client->session && (client->features & features) == features;
}

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

void hub_metrics_count(struct hub_metrics *m, enum hub_counter which, const char *const *labels)
{
    (void) m;
    assert_true(which < HUB_COUNT_MAX);
    assert_non_null(labels[0]);
}

void hub_metrics_observe(struct hub_metrics *m, enum hub_summary which, const char *const *labels,
                         double value)
{
    (void) m;
    assert_true(which < HUB_SUMMARY_MAX && value >= 0);
    assert_non_null(labels[0]);
}

void hub_auth_refresh(struct hub_auth *auth, const struct edge_identity *who, hub_done *done,
                      void *arg)
{
    (void) auth;
    assert_non_null(who);
    the->refreshed++;
    done(the->refresh_result, NULL, arg);
}

/* Clients */

static void on_desired(const char *patch, size_t len, int64_t version, void *arg)
{
    struct mock_client *client = arg;

    assert_true(client->ndesired < MOCK_NOTES);
    copy(client->desired[client->ndesired++], MOCK_TEXT, patch, len);
    client->version = version;
}

static void on_method(const char *rid, const char *name, struct edge_bytes payload, void *arg)
{
    struct mock_client *client = arg;

    copy(client->rid, sizeof client->rid, rid, strlen(rid));
    copy(client->method, sizeof client->method, name, strlen(name));
    copy(client->payload, sizeof client->payload, payload.data, payload.len);
    client->nmethods++;
}

static void on_deliver(const struct edge_message *message, uint64_t lock, void *arg)
{
    struct mock_client *client = arg;

    assert_true(client->ngot < MOCK_NOTES);
    copy(client->got[client->ngot], 64, message->body, message->len);
    client->locks[client->ngot++] = lock;
}

struct mock_client *mock_connect(struct mock *mock, const char *name, unsigned features, bool kept)
{
    struct mock_client *client = &mock->clients[mock->nclients++];
    struct edge_identity who;

    assert_true(mock->nclients <= MOCK_CLIENTS);
    assert_int_equal(edge_identity_parse(name, strlen(name), &who), 0);
    memset(client, 0, sizeof *client);
    client->client = hub_client_need(&mock->core, &who);
    client->session = calloc(1, sizeof *client->session);
    assert_non_null(client->session);
    client->session->client = client->client;
    client->session->arg = client;
    client->session->events =
        (struct hub_events){.deliver = on_deliver, .desired = on_desired, .method = on_method};
    client->client->session = client->session;
    client->client->kept = kept;
    client->client->features = 0;
    client->client->connected_ns = 1700000000000000000;
    mock_subscribe(client, features);
    return client;
}

void mock_subscribe(struct mock_client *client, unsigned features)
{
    client->client->features |= features;
    hub_c2d_session(client->client);
    if (features & EDGE_FEATURE_DESIRED)
        hub_twins_subscribed(client->client);
    if (features & EDGE_FEATURE_METHODS)
        hub_methods_available(client->client);
    mock_settle(the);
}

void mock_disconnect(struct mock_client *client)
{
    client->session->ended = true;
    client->client->session = NULL;
    client->client->disconnected_ns = 1700000001000000000;
    hub_c2d_session(client->client);
    hub_methods_gone(client->client);
    free_session(client->session);
}

static void on_got(enum hub_result result, const char *why, const char *json, size_t len, void *arg)
{
    struct mock_client *client = arg;

    client->result = result;
    copy(client->why, sizeof client->why, why, why ? strlen(why) : 0);
    copy(client->text, sizeof client->text, json, len);
    client->answers++;
}

static void on_patched(enum hub_result result, const char *why, int64_t version, void *arg)
{
    struct mock_client *client = arg;

    client->version = version;
    on_got(result, why, NULL, 0, arg);
}

void mock_get(struct mock_client *client)
{
    hub_twins_get(client->session, on_got, client);
}

void mock_patch(struct mock_client *client, const char *patch)
{
    hub_twins_patch(client->session, patch, strlen(patch), on_patched, client);
}

void mock_desired(struct mock_client *client, const char *patch)
{
    hub_twins_desired(client->client, patch, strlen(patch));
    mock_settle(the);
}

/* The loop */

static void fail_late(void *arg)
{
    (void) arg;
    fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

struct watch {
    struct edge_timer *timer;
    bool (*look)(void *arg);
    void *arg;
};

static void on_look(void *arg)
{
    struct watch *watch = arg;

    if (watch->look(watch->arg))
        edge_loop_stop(the->loop);
    else
        edge_timer_arm(watch->timer, 1);
}

static void run_until(bool (*look)(void *arg), void *arg)
{
    struct watch watch = {NULL, look, arg};

    watch.timer = edge_timer_create(the->loop, on_look, &watch);
    edge_timer_arm(watch.timer, 0);
    edge_timer_arm(the->deadline, PATIENCE_MS);
    edge_loop_run(the->loop);
    edge_timer_disarm(the->deadline);
    edge_timer_destroy(watch.timer);
}

struct counting {
    const unsigned *count;
    unsigned n;
};

static bool enough(void *arg)
{
    const struct counting *counting = arg;

    return *counting->count >= counting->n;
}

void mock_until(struct mock *mock, const unsigned *count, unsigned n)
{
    struct counting counting = {count, n};

    (void) mock;
    run_until(enough, &counting);
}

static bool turns_over(void *arg)
{
    return ++*(unsigned *) arg > TURNS;
}

void mock_settle(struct mock *mock)
{
    unsigned turns = 0;

    (void) mock;
    run_until(turns_over, &turns);
}

struct seeking {
    struct mock *mock;
    enum mock_what what;
    const char *who;
    struct mock_ask *found;
};

static bool seek(void *arg)
{
    struct seeking *seeking = arg;

    for (unsigned i = 0; i < seeking->mock->nasks; i++) {
        struct mock_ask *ask = &seeking->mock->asks[i];

        if (!ask->seen && ask->what == seeking->what && strcmp(ask->who, seeking->who) == 0) {
            seeking->found = ask;
            return true;
        }
    }
    return false;
}

struct mock_ask *mock_asked(struct mock *mock, enum mock_what what, const char *who)
{
    struct seeking seeking = {mock, what, who, NULL};

    run_until(seek, &seeking);
    seeking.found->seen = true;
    return seeking.found;
}

unsigned mock_unseen(const struct mock *mock, enum mock_what what, const char *who)
{
    unsigned n = 0;

    for (unsigned i = 0; i < mock->nasks; i++)
        n += !mock->asks[i].seen && mock->asks[i].what == what &&
             strcmp(mock->asks[i].who, who) == 0;
    return n;
}

/* The whole */

static void on_configured(void *arg)
{
    ((struct mock *) arg)->configured++;
}

static void up(struct mock *mock)
{
    struct hub_core *core = &mock->core;
    struct edge_err err = {0};

    assert_int_equal(edge_loop_create(&mock->loop), 0);
    mock->deadline = edge_timer_create(mock->loop, fail_late, NULL);
    *core = (struct hub_core){0};
    core->options = (struct hub_core_options){
        .loop = mock->loop,
        .self = &mock->self,
        .settings = mock->settings,
        .vault = mock->sealed ? (const struct hub_vault *) "vault" : NULL,
        .configured = on_configured,
        .arg = mock,
    };
    mock->upstream = (struct hub_upstream){&upstream_ops, mock};
    assert_int_equal(hub_turn_create(core), 0);
    assert_int_equal(hub_methods_create(core, &core->methods), 0);
    assert_int_equal(hub_twins_load(core, &err), 0);
    assert_int_equal(hub_report_create(core, &core->report), 0);
    assert_int_equal(hub_config_create(core, &core->config, &err), 0);
}

/* What IoT Hub still owes comes when the core has gone. */
static void down(struct mock *mock)
{
    struct hub_core *core = &mock->core;
    struct hub_client *client;

    core->ending = true;
    for (unsigned i = 0; i < mock->nclients; i++)
        if (mock->clients[i].client->session == mock->clients[i].session)
            mock_disconnect(&mock->clients[i]);
    core->upstream = NULL;
    core->online = false;
    core->config = hub_config_destroy(core->config);
    core->report = hub_report_destroy(core->report);
    core->methods = hub_methods_destroy(core->methods);
    for (client = core->first; client; client = client->next)
        hub_twins_free(client);
    hub_twins_destroy(core);
    hub_turn_destroy(core);
    while ((client = core->first)) {
        core->first = client->next;
        free(client);
    }
    for (unsigned i = 0; i < mock->nasks; i++)
        mock_answer(&mock->asks[i], HUB_UNAVAILABLE, NULL, 0);
    mock->nasks = 0;
    mock->nclients = 0;
    edge_timer_destroy(mock->deadline);
    edge_loop_destroy(mock->loop);
}

struct mock *mock_open(void)
{
    struct mock *mock = calloc(1, sizeof *mock);

    assert_non_null(mock);
    the = mock;
    mock->sealed = true;
    mock->settings = (struct hub_core_settings){
        .reported_sync_s = 1, .config_refresh_s = 3600, .twin_sync_s = 120, .version = "9.8.7"};
    mock->self = (struct hub_self){.who = {"edge1", "$edgeHub"}};
    up(mock);
    return mock;
}

void mock_restart(struct mock *mock)
{
    down(mock);
    up(mock);
}

void mock_close(struct mock *mock)
{
    void *text;

    down(mock);
    while ((text = edge_map_pop(&mock->documents)))
        free(text);
    edge_map_fini(&mock->documents);
    free(mock);
}

void mock_online(struct mock *mock, bool on)
{
    struct hub_core *core = &mock->core;

    if (!core->upstream) {
        core->upstream = &mock->upstream;
        hub_config_start(core);
    }
    core->online = on;
    if (on) {
        hub_config_online(core);
        hub_report_online(core->report);
        hub_twins_online(core);
    } else {
        hub_c2d_offline(core);
    }
    mock_settle(mock);
}

void mock_same(const char *json, const char *expected)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *a = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *b = NULL;

    assert_int_equal(edge_json_parse(json, strlen(json), &a, NULL), 0);
    assert_int_equal(edge_json_parse(expected, strlen(expected), &b, NULL), 0);
    if (!edge_json_equal(a, b))
        fail_msg("%s\nis not %s", json, expected);
}
