#include "tests/unit/hub/auth_house.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/iothub/sas.h"
#include "common/json/json.h"

struct auth_world w;

/* ---- the cloud ---- */

void add(const char *name, const char *key)
{
    size_t i = 0;

    while (*w.cloud[i].name && strcmp(w.cloud[i].name, name) != 0)
        i++;
    assert_true(i < CLOUD_MAX);
    (void) snprintf(w.cloud[i].name, sizeof w.cloud[i].name, "%s", name);
    (void) snprintf(w.cloud[i].key, sizeof w.cloud[i].key, "%s", key);
}

struct cloud_identity *find(const char *name)
{
    for (size_t i = 0; i < CLOUD_MAX; i++) {
        if (strcmp(w.cloud[i].name, name) == 0)
            return &w.cloud[i];
    }
    return NULL;
}

/* It leaves a hole, which is passed over. */
void drop(const char *name)
{
    memset(find(name), 0, sizeof *w.cloud);
}

static void append(struct edge_json *answer, const struct cloud_identity *identity)
{
    struct edge_json *one = edge_json_new_object();
    struct edge_json *keys, *authentication = edge_json_need_object(one, "authentication");
    struct edge_identity who;

    assert_int_equal(edge_identity_parse(identity->name, strlen(identity->name), &who), 0);
    keys = edge_json_need_object(authentication, "symmetricKey");
    edge_ignore(edge_json_set_str(one, "deviceId", who.device));
    if (*who.module)
        edge_ignore(edge_json_set_str(one, "moduleId", who.module));
    else
        edge_ignore(edge_json_set_str(one, "status", identity->disabled ? "disabled" : "enabled"));
    edge_ignore(edge_json_set_str(authentication, "type", "sas"));
    edge_ignore(edge_json_set_str(keys, "primaryKey", identity->key));
    edge_ignore(edge_json_append(edge_json_get(answer, *who.module ? "modules" : "devices"), one));
}

static struct edge_json *new_answer(void)
{
    struct edge_json *answer = edge_json_new_object();

    assert_non_null(edge_json_need_array(answer, "devices"));
    assert_non_null(edge_json_need_array(answer, "modules"));
    return answer;
}

static char *answer_text(struct edge_json *answer)
{
    char *text = edge_json_text(answer);

    edge_json_free(answer);
    return text;
}

void tell(void *arg)
{
    struct question *q = arg;
    struct edge_err err = {0};

    edge_fail(&err, EDGE_EUNAVAILABLE, "as the test says");
    q->done(q->status, q->json ? q->json : "", q->json ? strlen(q->json) : 0, &err, q->arg);
    free(q->json);
    free(q);
}

void tell_first(void)
{
    struct question *q = w.open[0];

    assert_true(w.nopen > 0);
    memmove(w.open, w.open + 1, --w.nopen * sizeof(struct question *));
    tell(q);
}

static void answer_later(struct question *q)
{
    assert_true(w.nopen < EDGE_ARRAY_LEN(w.open));
    if (w.silent)
        w.open[w.nopen++] = q;
    else
        edge_loop_post(w.loop, tell, q);
}

static struct question *question(void *done_arg)
{
    struct question *q = calloc(1, sizeof *q);

    q->status = w.status;
    q->arg = done_arg;
    return q;
}

static void on_page(void *self, const char *link,
                    void (*done)(int status, const char *json, size_t len,
                                 const struct edge_err *err, void *arg),
                    void *arg)
{
    struct question *q = question(arg);
    size_t from = link ? strtoul(link, NULL, 10) : 0;
    struct edge_json *answer = new_answer();
    char next[16] = "";

    (void) self;
    w.pages++;
    for (size_t i = from; i < from + PAGE; i++) {
        if (*w.cloud[i].name)
            append(answer, &w.cloud[i]);
    }
    if (from + PAGE < CLOUD_MAX)
        (void) snprintf(next, sizeof next, "%zu", w.endless ? 0 : from + PAGE);
    edge_ignore(edge_json_set_str(answer, "continuationLink", next));
    q->json = answer_text(answer);
    q->done = done;
    answer_later(q);
}

static void on_one(void *self, const struct edge_identity *who,
                   void (*done)(int status, const char *json, size_t len,
                                const struct edge_err *err, void *arg),
                   void *arg)
{
    struct question *q = question(arg);
    struct edge_json *answer = new_answer();
    char name[2 * EDGE_ID_MAX + 2];

    (void) self;
    w.ones++;
    edge_identity_format(who, name, sizeof name);
    if (!find(name) && q->status == 200)
        q->status = 404;
    if (find(who->device))
        append(answer, find(who->device));
    if (*who->module && find(name))
        append(answer, find(name));
    q->json = answer_text(answer);
    q->done = done;
    answer_later(q);
}

/* ---- the house ---- */

static void on_changed(const struct edge_identity *who, void *arg)
{
    size_t len = strlen(w.changed);
    char name[2 * EDGE_ID_MAX + 2];

    (void) arg;
    edge_identity_format(who, name, sizeof name);
    (void) snprintf(w.changed + len, sizeof w.changed - len, "%s ", name);
    assert_int_equal(hub_auth_again(w.auth, who), HUB_REFUSED);
}

static const char *no_env(const char *name)
{
    static const char *const env[][2] = {
        {"IotHubConnectionString",
         "HostName=hub.net;DeviceId=edge;ModuleId=$edgeHub;SharedAccessKey=a2V5"},
        {"EdgeDeviceHostName", "gate.local"},
        {"EdgeHubDevServerCertificateFile", "/c"},
        {"EdgeHubDevServerPrivateKeyFile", "/k"},
        {"EdgeHubDevTrustBundleFile", "/t"},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(env); i++) {
        if (strcmp(env[i][0], name) == 0)
            return env[i][1];
    }
    return NULL;
}

static void on_limit(void *arg)
{
    (void) arg;
    w.timed_out = true;
    edge_loop_stop(w.loop);
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(w.loop);
}

void turn(void)
{
    edge_loop_post(w.loop, stop, NULL);
    edge_loop_run(w.loop);
}

void run_until(bool (*until)(void))
{
    edge_timer_arm(w.limit, 60000);
    while (!until() && !w.timed_out)
        turn();
    assert_false(w.timed_out);
    edge_timer_disarm(w.limit);
}

void open_auth(void)
{
    struct hub_store_options store = {.loop = w.loop, .dir = w.dir};
    struct hub_auth_options options = {.loop = w.loop,
                                       .source = &w.source,
                                       .self = &w.self,
                                       .changed = on_changed,
                                       .refresh_s = w.refresh_s,
                                       .refresh_delay_s = w.delay_s};
    struct edge_err err = {0};

    assert_int_equal(hub_store_open(&store, &w.store, &err), 0);
    options.store = w.store;
    options.vault = w.vault;
    assert_int_equal(hub_auth_open(&options, &w.auth, &err), 0);
}

void close_auth(void)
{
    w.auth = hub_auth_close(w.auth);
    w.store = hub_store_close(w.store);
}

void open_vault(void)
{
    struct edge_err err = {0};

    w.vault = hub_vault_close(w.vault);
    edge_buf_fini(&w.wrapped);
    assert_int_equal(
        hub_vault_open(w.workload, (struct edge_bytes){NULL, 0}, &w.wrapped, &w.vault, &err), 0);
}

static bool full_is_over(void)
{
    return w.pages >= CLOUD_MAX / PAGE || (w.status != 200 && w.pages > 0);
}

static int set_up_with(int status, bool silent)
{
    struct edge_err err = {0};

    w = (struct auth_world){.dir = "/tmp/test-auth-XXXXXX", .status = status, .silent = silent};
    w.source = (struct hub_scope_source){on_page, on_one, NULL};
    edge_buf_init(&w.wrapped, 4096);
    assert_non_null(mkdtemp(w.dir));
    assert_int_equal(hub_self_read(no_env, &w.self, &err), 0);
    assert_int_equal(edge_loop_create(&w.loop), 0);
    w.limit = edge_timer_create(w.loop, on_limit, NULL);
    assert_int_equal(hub_workload_open(w.loop, &w.self, &w.workload, &err), 0);
    open_vault();
    add("edge", "ZWRnZQ==");
    add("edge/$edgeHub", "aHVi");
    add("d", "a2V5MQ==");
    add("d/m", "bTE=");
    open_auth();
    return 0;
}

int set_up(void **state)
{
    (void) state;
    edge_ignore(set_up_with(200, false));
    run_until(full_is_over);
    turn();
    return 0;
}

int set_up_offline(void **state)
{
    (void) state;
    edge_ignore(set_up_with(0, false));
    run_until(full_is_over);
    return 0;
}

static bool first_page_is_asked_for(void)
{
    return w.pages == 1;
}

int set_up_empty(void **state)
{
    (void) state;
    edge_ignore(set_up_with(200, true));
    run_until(first_page_is_asked_for);
    return 0;
}

int tear_down(void **state)
{
    (void) state;
    close_auth();
    hub_vault_close(w.vault);
    hub_workload_close(w.workload);
    edge_timer_destroy(w.limit);
    edge_loop_destroy(w.loop);
    hub_self_fini(&w.self);
    edge_buf_fini(&w.wrapped);
    return edge_remove_tree(w.dir, NULL);
}

/* ---- claims ---- */

void on_grant(const struct hub_grant *grant, void *arg)
{
    (void) arg;
    w.grant = *grant;
    w.granted++;
}

struct edge_identity who_is(const char *name)
{
    struct edge_identity who;

    assert_int_equal(edge_identity_parse(name, strlen(name), &who), 0);
    return who;
}

/* Comes with a token of @p name, signed by @p key. The claim is gone when the call returns. */
void begin(const char *name, const char *key)
{
    const struct edge_identity who = who_is(name);
    EDGE_CLEANUP(edge_free) char *resource = edge_identity_resource(&who, "hub.net");
    EDGE_CLEANUP(edge_free)
    char *token = edge_sas_make(resource, edge_wall_ns() / 1000000000 + 60,
                                (struct edge_bytes){(const uint8_t *) key, strlen(key)}, NULL);
    const struct hub_claim claim = {.who = who, .token = token, .auth_chain = ""};

    hub_auth_check(w.auth, &claim, on_grant, NULL);
    memset(token, 'x', strlen(token));
}

bool all_granted(void)
{
    return w.granted >= w.awaited;
}

enum hub_result come(const char *name, const char *key)
{
    w.awaited = w.granted + 1;
    begin(name, key);
    run_until(all_granted);
    assert_int_equal(w.granted, w.awaited);
    return w.grant.result;
}

enum hub_result again(const char *name)
{
    const struct edge_identity who = who_is(name);

    return hub_auth_again(w.auth, &who);
}

void on_refreshed(enum hub_result result, const char *why, void *arg)
{
    (void) arg;
    assert_non_null(why);
    w.refresh = result;
    w.refreshed++;
}

bool is_refreshed(void)
{
    return w.refreshed > 0;
}

enum hub_result refresh(const char *name)
{
    struct edge_identity who;

    w.refreshed = 0;
    if (name)
        who = who_is(name);
    hub_auth_refresh(w.auth, name ? &who : NULL, on_refreshed, NULL);
    run_until(is_refreshed);
    return w.refresh;
}
