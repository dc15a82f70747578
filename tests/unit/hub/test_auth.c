/* Who may come in: a hub with a store on disk and a cloud that says what the test wants. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/iothub/sas.h"
#include "common/json/json.h"
#include "hub/auth/auth.h"
#include "hub/auth/cache.h"

enum { CLOUD_MAX = 8, PAGE = 2 };

/* ---- the cloud ---- */

struct cloud_identity {
    char name[64]; /* "d" or "d/m"; "": none */
    char key[16];  /* base64 */
    bool disabled;
};

struct question {
    int status;
    char *json;
    void (*done)(int status, const char *json, size_t len, const struct edge_err *err, void *arg);
    void *arg;
};

static struct world {
    char dir[64];
    struct edge_loop *loop;
    struct edge_timer *limit;
    struct hub_store *store;
    struct hub_self self;
    struct hub_workload *workload;
    struct edge_buf wrapped;
    struct hub_vault *vault;
    struct hub_scope_source source;
    struct hub_auth *auth;
    struct cloud_identity cloud[CLOUD_MAX];
    int status; /* of every answer; 200: as the cloud knows */
    unsigned pages, ones;
    bool endless;
    bool silent; /* questions stay open */
    struct question *open[4];
    unsigned nopen;
    /* what was told */
    unsigned granted;
    struct hub_grant grant;
    unsigned refreshed;
    enum hub_result refresh;
    char changed[256];
    bool timed_out;
} w;

static void add(const char *name, const char *key)
{
    size_t i = 0;

    while (*w.cloud[i].name && strcmp(w.cloud[i].name, name) != 0)
        i++;
    assert_true(i < CLOUD_MAX);
    (void) snprintf(w.cloud[i].name, sizeof w.cloud[i].name, "%s", name);
    (void) snprintf(w.cloud[i].key, sizeof w.cloud[i].key, "%s", key);
}

static struct cloud_identity *find(const char *name)
{
    for (size_t i = 0; i < CLOUD_MAX; i++) {
        if (strcmp(w.cloud[i].name, name) == 0)
            return &w.cloud[i];
    }
    return NULL;
}

/* It leaves a hole, which is passed over. */
static void drop(const char *name)
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

static void tell(void *arg)
{
    struct question *q = arg;
    struct edge_err err = {0};

    edge_fail(&err, EDGE_EUNAVAILABLE, "as the test says");
    q->done(q->status, q->json ? q->json : "", q->json ? strlen(q->json) : 0, &err, q->arg);
    free(q->json);
    free(q);
}

static void answer_later(struct question *q)
{
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

static void turn(void)
{
    edge_loop_post(w.loop, stop, NULL);
    edge_loop_run(w.loop);
}

static void run_until(bool (*until)(void))
{
    edge_timer_arm(w.limit, 60000);
    while (!until() && !w.timed_out)
        turn();
    assert_false(w.timed_out);
    edge_timer_disarm(w.limit);
}

static void open_auth(void)
{
    struct hub_store_options store = {.loop = w.loop, .dir = w.dir};
    struct hub_auth_options options = {
        .loop = w.loop, .source = &w.source, .self = &w.self, .changed = on_changed};
    struct edge_err err = {0};

    assert_int_equal(hub_store_open(&store, &w.store, &err), 0);
    options.store = w.store;
    options.vault = w.vault;
    assert_int_equal(hub_auth_open(&options, &w.auth, &err), 0);
}

static void close_auth(void)
{
    w.auth = hub_auth_close(w.auth);
    w.store = hub_store_close(w.store);
}

static void open_vault(void)
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

static int set_up_with(int status)
{
    struct edge_err err = {0};

    w = (struct world){.dir = "/tmp/test-auth-XXXXXX", .status = status};
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

static int set_up(void **state)
{
    (void) state;
    edge_ignore(set_up_with(200));
    run_until(full_is_over);
    turn();
    return 0;
}

static int set_up_offline(void **state)
{
    (void) state;
    edge_ignore(set_up_with(0));
    run_until(full_is_over);
    return 0;
}

static int tear_down(void **state)
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

static void on_grant(const struct hub_grant *grant, void *arg)
{
    (void) arg;
    w.grant = *grant;
    w.granted++;
}

static struct edge_identity who_is(const char *name)
{
    struct edge_identity who;

    assert_int_equal(edge_identity_parse(name, strlen(name), &who), 0);
    return who;
}

/* Comes with a token of @p name, signed by @p key. The claim is gone when the call returns. */
static void begin(const char *name, const char *key)
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

static unsigned awaited;
static bool all_granted(void)
{
    return w.granted >= awaited;
}

static enum hub_result come(const char *name, const char *key)
{
    awaited = w.granted + 1;
    begin(name, key);
    run_until(all_granted);
    assert_int_equal(w.granted, awaited);
    return w.grant.result;
}

static enum hub_result again(const char *name)
{
    const struct edge_identity who = who_is(name);

    return hub_auth_again(w.auth, &who);
}

static void on_refreshed(enum hub_result result, const char *why, void *arg)
{
    (void) arg;
    assert_non_null(why);
    w.refresh = result;
    w.refreshed++;
}

static bool is_refreshed(void)
{
    return w.refreshed > 0;
}

static enum hub_result refresh(const char *name)
{
    struct edge_identity who;

    w.refreshed = 0;
    if (name)
        who = who_is(name);
    hub_auth_refresh(w.auth, name ? &who : NULL, on_refreshed, NULL);
    run_until(is_refreshed);
    return w.refresh;
}

static void test_who_is_in_the_scope_comes_in(void **state)
{
    (void) state;

    assert_int_equal(w.pages, CLOUD_MAX / PAGE);
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_true(w.grant.until_s >= edge_wall_ns() / 1000000000 + 350);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
    assert_int_equal(come("edge/$edgeHub", "hub"), HUB_OK);
    assert_int_equal(w.ones, 0);
    assert_int_equal(again("d"), HUB_OK);
    assert_int_equal(again("edge"), HUB_REFUSED); /* it has never come */
}

static void test_a_wrong_key_is_asked_about_once(void **state)
{
    (void) state;

    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_string_equal(w.grant.reason, "the token's signature is wrong");
    assert_int_equal(w.ones, 1);
    for (int i = 0; i < 20; i++)
        assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_a_key_that_was_rotated_serves_at_once(void **state)
{
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_OK);
    add("d", "a2V5Mg==");
    assert_int_equal(come("d", "key2"), HUB_OK);
    assert_string_equal(w.changed, "d "); /* who had come by the old one */
    assert_int_equal(again("d"), HUB_OK);
    assert_int_equal(come("d", "key1"), HUB_REFUSED);
}

static void test_who_is_new_waits_for_the_cloud(void **state)
{
    (void) state;

    add("new", "bmV3");
    add("new/n", "bjE=");
    awaited = 5;
    for (int i = 0; i < 5; i++)
        begin("new/n", "n1");
    assert_int_equal(w.granted, 0);
    run_until(all_granted);
    assert_int_equal(w.grant.result, HUB_OK);
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("new", "new"), HUB_OK); /* it came along */
    assert_int_equal(w.ones, 1);
}

static void test_who_is_nobody_is_asked_about_once(void **state)
{
    (void) state;

    assert_int_equal(come("ghost", "x"), HUB_REFUSED);
    assert_int_equal(come("ghost", "x"), HUB_REFUSED);
    assert_int_equal(w.ones, 1);
}

/* A crowd of names costs no more than a bounded number of questions. */
static void test_a_crowd_of_strangers(void **state)
{
    (void) state;

    for (int i = 0; i < 3000; i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("ghost%d", i);

        assert_int_not_equal(come(name, "x"), HUB_OK);
    }
    assert_true(w.ones >= 50 && w.ones < 300);
    assert_int_equal(w.grant.result, HUB_UNAVAILABLE);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_with_no_cloud_what_is_known_decides(void **state)
{
    (void) state;

    w.status = 0;
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("ghost", "x"), HUB_UNAVAILABLE);
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("ghost", "x"), HUB_UNAVAILABLE); /* not asked again so soon */
    assert_int_equal(w.ones, 1);
    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    w.status = 200;
    hub_auth_online(w.auth);
    assert_int_equal(come("ghost", "x"), HUB_REFUSED);
    assert_int_equal(w.ones, 2);
}

static void test_a_restart_with_no_cloud(void **state)
{
    (void) state;

    drop("d/m");
    assert_int_equal(refresh("d/m"), HUB_OK); /* a tombstone */
    close_auth();
    w.status = 0;
    w.ones = w.pages = 0;
    open_auth();
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_int_equal(come("edge/$edgeHub", "hub"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_REFUSED);
    assert_int_equal(come("ghost", "x"), HUB_UNAVAILABLE);
}

static unsigned documents, readable;
static void look_at(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    (void) arg;
    documents++;
    readable += memmem(data.data, data.len, "a2V5", 4) || memmem(data.data, data.len, "key1", 4) ||
                memmem(data.data, data.len, "deviceId", 8);
}

static void count_documents(void)
{
    documents = readable = 0;
    assert_int_equal(hub_store_each(w.store, "scope", look_at, NULL), 0);
}

static bool a_document_is_gone(void)
{
    count_documents();
    return documents == 0;
}

static bool four_documents(void)
{
    count_documents();
    return documents == 4;
}

static void test_what_is_on_disk_is_sealed(void **state)
{
    (void) state;

    run_until(four_documents);
    assert_int_equal(readable, 0);
}

/* As after the module was made anew. */
static void test_what_cannot_be_unsealed_is_asked_for_again(void **state)
{
    (void) state;

    run_until(four_documents);
    close_auth();
    open_vault();
    w.status = 0;
    w.pages = 0;
    open_auth();
    assert_int_equal(come("d", "key1"), HUB_UNAVAILABLE);
    run_until(a_document_is_gone);
    w.status = 200;
    hub_auth_online(w.auth);
    assert_int_equal(refresh(NULL), HUB_OK);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_who_leaves_the_scope_goes(void **state)
{
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
    drop("d/m");
    assert_int_equal(refresh(NULL), HUB_OK);
    assert_string_equal(w.changed, "d/m ");
    assert_int_equal(again("d/m"), HUB_REFUSED);
    assert_int_equal(again("d"), HUB_OK);
    add("d/m", "bTE=");
    assert_int_equal(refresh("d/m"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
}

static void test_a_disabled_device_takes_its_modules_along(void **state)
{
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
    find("d")->disabled = true;
    assert_int_equal(refresh("d"), HUB_OK);
    assert_int_equal(strlen(w.changed), strlen("d d/m "));
    assert_true(strstr(w.changed, "d ") && strstr(w.changed, "d/m "));
    assert_int_equal(come("d/m", "m1"), HUB_REFUSED);
    find("d")->disabled = false;
    assert_int_equal(refresh("d"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
}

/* Our own token may be what is refused (a clock): only a list of all can say who has left. */
static void test_a_refusal_to_speak_closes_no_door(void **state)
{
    (void) state;

    w.status = 401;
    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_int_equal(refresh("d"), HUB_FAILED);
    assert_int_equal(refresh(NULL), HUB_FAILED);
    assert_int_equal(come("d", "key1"), HUB_OK);
    w.status = 500;
    assert_int_equal(refresh("d"), HUB_UNAVAILABLE);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_a_list_that_is_empty_or_endless_changes_nothing(void **state)
{
    (void) state;

    w.endless = true;
    assert_int_equal(refresh(NULL), HUB_FAILED);
    w.endless = false;
    memset(w.cloud, 0, sizeof w.cloud);
    assert_int_equal(refresh(NULL), HUB_FAILED);
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
}

/* What is asked for now may have happened after the pages that are on their way. */
static void test_a_refresh_begins_after_it_was_asked_for(void **state)
{
    unsigned before = w.pages;
    (void) state;

    hub_auth_refresh(w.auth, NULL, on_refreshed, NULL);
    add("late", "bGF0ZQ==");
    turn();
    assert_int_equal(refresh(NULL), HUB_OK); /* the first of both */
    w.refreshed = 0;
    run_until(is_refreshed);
    assert_int_equal(w.pages, before + 2 * CLOUD_MAX / PAGE);
}

static bool five_pages(void)
{
    return w.pages >= 1 + CLOUD_MAX / PAGE;
}

static void test_the_first_refresh_may_come_late(void **state)
{
    unsigned before = w.pages;
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_UNAVAILABLE);
    w.status = 200;
    hub_auth_online(w.auth);
    hub_auth_online(w.auth); /* it is on its way */
    run_until(five_pages);
    turn();
    assert_int_equal(w.pages, before + CLOUD_MAX / PAGE);
    hub_auth_online(w.auth); /* fresh */
    assert_int_equal(w.pages, before + CLOUD_MAX / PAGE);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_for_whom_we_speak(void **state)
{
    const struct edge_identity d = who_is("d"), m = who_is("d/m"), ghost = who_is("ghost");
    const struct edge_identity self = who_is("edge/$edgeHub");
    (void) state;

    assert_string_equal(hub_auth_chain(w.auth, &d), "d;edge");
    assert_string_equal(hub_auth_chain(w.auth, &m), "d/m;edge");
    assert_string_equal(hub_auth_chain(w.auth, &self), "edge/$edgeHub;edge");
    assert_null(hub_auth_chain(w.auth, &ghost));
}

static void test_nested_edges_are_refused(void **state)
{
    struct hub_claim claim = {.who = who_is("d"), .auth_chain = "d;child"};
    (void) state;

    hub_auth_check(w.auth, &claim, on_grant, NULL);
    assert_int_equal(w.grant.result, HUB_REFUSED);
    assert_non_null(strstr(w.grant.reason, "nested"));
    claim.auth_chain = "d;edge";
    hub_auth_check(w.auth, &claim, on_grant, NULL);
    assert_string_equal(w.grant.reason, "neither a token nor a certificate was shown");
}

static void test_who_waits_is_told_at_the_end(void **state)
{
    (void) state;

    w.silent = true;
    begin("ghost", "x");
    hub_auth_refresh(w.auth, NULL, on_refreshed, NULL);
    assert_int_equal(w.granted + w.refreshed, 0);
    close_auth();
    assert_int_equal(w.granted, 1);
    assert_int_equal(w.grant.result, HUB_GONE);
    assert_int_equal(w.refreshed, 1);
    assert_int_equal(w.refresh, HUB_GONE);
    while (w.nopen > 0)
        tell(w.open[--w.nopen]); /* the source ends after us */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_HOUSE(test_who_is_in_the_scope_comes_in),
        IN_HOUSE(test_a_wrong_key_is_asked_about_once),
        IN_HOUSE(test_a_key_that_was_rotated_serves_at_once),
        IN_HOUSE(test_who_is_new_waits_for_the_cloud),
        IN_HOUSE(test_who_is_nobody_is_asked_about_once),
        IN_HOUSE(test_a_crowd_of_strangers),
        IN_HOUSE(test_with_no_cloud_what_is_known_decides),
        IN_HOUSE(test_a_restart_with_no_cloud),
        IN_HOUSE(test_what_is_on_disk_is_sealed),
        IN_HOUSE(test_what_cannot_be_unsealed_is_asked_for_again),
        IN_HOUSE(test_who_leaves_the_scope_goes),
        IN_HOUSE(test_a_disabled_device_takes_its_modules_along),
        IN_HOUSE(test_a_refusal_to_speak_closes_no_door),
        IN_HOUSE(test_a_list_that_is_empty_or_endless_changes_nothing),
        IN_HOUSE(test_a_refresh_begins_after_it_was_asked_for),
        IN_HOUSE(test_for_whom_we_speak),
        IN_HOUSE(test_nested_edges_are_refused),
        IN_HOUSE(test_who_waits_is_told_at_the_end),
        cmocka_unit_test_setup_teardown(test_the_first_refresh_may_come_late, set_up_offline,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
