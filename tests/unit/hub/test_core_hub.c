/* The hub's core as a whole, with a store on disk: data plane and control plane together. IoT Hub
 * answers at the next turn; hub/auth is mocked. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "hub/core/core.h"
#include "tests/unit/test.h"

#define M    "edge1/m"
#define SELF "edge1/$edgeHub"

enum { PATIENCE_MS = 30 * 1000, TEXT = 1024, ASKS = 64 };

/** An IoT Hub with a twin for everybody. */
struct ask {
    hub_twin_done *got;
    hub_version_done *patched;
    hub_done *sent;
    void *arg;
    bool self;
};
struct world {
    struct edge_loop *loop;
    struct hub_store *store;
    struct hub_core *core;
    struct hub_self self;
    struct hub_upstream upstream;
    char dir[64];
    struct edge_timer *deadline, *answer;
    struct ask asks[ASKS];
    unsigned nasks, answered;
    /* What IoT Hub heard. */
    char patch[TEXT], report[8 * TEXT], reply[TEXT], sent[TEXT];
    unsigned patches, replies, sends, reports, features;
    unsigned configured;
    /* The client. */
    struct hub_session *session;
    char twin[TEXT], desired[TEXT], rid[41];
    unsigned twins, ndesired, nmethods, subscribed, done;
    enum hub_result result;
};

static struct world *the;

void hub_auth_check(struct hub_auth *auth, const struct hub_claim *claim, hub_grant_done *done,
                    void *arg)
{
    const struct hub_grant grant = {HUB_OK, INT64_MAX, ""};

    (void) auth;
    (void) claim;
    done(&grant, arg);
}

const char *hub_auth_chain(struct hub_auth *auth, const struct edge_identity *who)
{
    (void) auth;
    (void) who;
    return "chain";
}

enum hub_result hub_auth_again(struct hub_auth *auth, const struct edge_identity *who)
{
    (void) auth;
    (void) who;
    return HUB_OK;
}

void hub_auth_online(struct hub_auth *auth)
{
    (void) auth;
}

void hub_auth_refresh(struct hub_auth *auth, const struct edge_identity *who, hub_done *done,
                      void *arg)
{
    (void) auth;
    (void) who;
    done(HUB_OK, NULL, arg);
}

/* IoT Hub */

static const char config_twin[] =
    "{\"desired\":{\"schemaVersion\":\"1.1\",\"routes\":{\"up\":\"FROM /messages/* INTO "
    "$upstream\",\"twins\":\"FROM /twinChangeNotifications INTO $upstream\"},\"$version\":3},"
    "\"reported\":{\"$version\":1}}";
static const char module_twin[] =
    "{\"desired\":{\"a\":1,\"$version\":5},\"reported\":{\"r\":1,\"$version\":7}}";

static struct ask *add(struct world *world)
{
    assert_true(world->nasks < ASKS);
    edge_timer_arm(world->answer, 0);
    return &world->asks[world->nasks++];
}

static bool is_self(const struct edge_identity *who)
{
    return strcmp(who->module, "$edgeHub") == 0;
}

static void up_want(void *self, const struct edge_identity *who, const struct hub_wish *wish)
{
    struct world *world = self;

    if (!is_self(who))
        world->features = wish->features;
}

static void up_send(void *self, const struct edge_identity *who, const struct edge_message *message,
                    hub_done *done, void *arg)
{
    struct world *world = self;

    (void) who;
    (void) snprintf(world->sent, TEXT, "%.*s", (int) message->len, (const char *) message->body);
    world->sends++;
    *add(world) = (struct ask){.sent = done, .arg = arg};
}

static void up_get(void *self, const struct edge_identity *who, hub_twin_done *done, void *arg)
{
    *add(self) = (struct ask){.got = done, .arg = arg, .self = is_self(who)};
}

static void up_patch(void *self, const struct edge_identity *who, const char *patch, size_t len,
                     hub_version_done *done, void *arg)
{
    struct world *world = self;

    if (is_self(who)) {
        (void) snprintf(world->report, sizeof world->report, "%.*s", (int) len, patch);
        world->reports++;
    } else {
        (void) snprintf(world->patch, TEXT, "%.*s", (int) len, patch);
        world->patches++;
    }
    *add(world) = (struct ask){.patched = done, .arg = arg};
}

static void up_reply(void *self, const struct edge_identity *who, const char *rid, int status,
                     struct edge_bytes payload)
{
    struct world *world = self;

    (void) who;
    (void) snprintf(world->reply, TEXT, "%s %d %.*s", rid, status, (int) payload.len,
                    (const char *) payload.data);
    world->replies++;
}

static void up_settle(void *self, const struct edge_identity *who, uint64_t lock,
                      enum hub_outcome outcome)
{
    (void) self;
    (void) who;
    (void) lock;
    (void) outcome;
}

static const struct hub_upstream_ops ops = {.want = up_want,
                                            .send = up_send,
                                            .twin_get = up_get,
                                            .twin_patch = up_patch,
                                            .method_reply = up_reply,
                                            .settle = up_settle};

static void answer(struct world *world, enum hub_result result)
{
    while (world->answered < world->nasks) {
        const struct ask *ask = &world->asks[world->answered++];
        const char *twin = ask->self ? config_twin : module_twin;

        if (ask->got)
            ask->got(result, "told", result == HUB_OK ? twin : NULL,
                     result == HUB_OK ? strlen(twin) : 0, ask->arg);
        if (ask->patched)
            ask->patched(result, "told", 8, ask->arg);
        if (ask->sent)
            ask->sent(result, "told", ask->arg);
    }
}

static void on_answer(void *arg)
{
    answer(arg, HUB_OK);
}

/* The process */

static void on_configured(void *arg)
{
    ((struct world *) arg)->configured++;
}

static void fail_late(void *arg)
{
    (void) arg;
    fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static void up(struct world *world)
{
    struct hub_store_options store = {.dir = world->dir};
    struct hub_core_options options = {.self = &world->self,
                                       .settings = {.reported_sync_s = 1, .version = "1"},
                                       .configured = on_configured,
                                       .arg = world};
    struct edge_err err = {0};

    assert_int_equal(edge_loop_create(&world->loop), 0);
    store.loop = options.loop = world->loop;
    assert_int_equal(hub_store_open(&store, &world->store, &err), 0);
    options.store = world->store;
    assert_int_equal(hub_core_create(&options, &world->core, &err), 0);
    world->deadline = edge_timer_create(world->loop, fail_late, NULL);
    world->answer = edge_timer_create(world->loop, on_answer, world);
    world->upstream = (struct hub_upstream){&ops, world};
    hub_core_start(world->core, &world->upstream);
}

static void down(struct world *world)
{
    world->core = hub_core_destroy(world->core);
    world->session = NULL;
    answer(world, HUB_UNAVAILABLE);
    edge_timer_destroy(world->answer);
    edge_timer_destroy(world->deadline);
    hub_store_close(world->store);
    edge_loop_destroy(world->loop);
    world->nasks = world->answered = 0;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof *world);

    assert_non_null(world);
    the = world;
    (void) strcpy(world->dir, "/tmp/core-hub-XXXXXX");
    assert_non_null(mkdtemp(world->dir));
    world->self = (struct hub_self){.hub_name = (char *) "hub", .who = {"edge1", "$edgeHub"}};
    up(world);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    DIR *dir = opendir(world->dir);
    struct dirent *entry;
    char file[400];

    down(world);
    while (dir && (entry = readdir(dir))) {
        (void) snprintf(file, sizeof file, "%s/%s", world->dir, entry->d_name);
        if (entry->d_name[0] != '.')
            (void) unlink(file);
    }
    if (dir)
        closedir(dir);
    (void) rmdir(world->dir);
    free(world);
    return 0;
}

struct watch {
    struct edge_timer *timer;
    const unsigned *count;
    unsigned n;
};

static void on_look(void *arg)
{
    struct watch *watch = arg;

    if (*watch->count >= watch->n)
        edge_loop_stop(the->loop);
    else
        edge_timer_arm(watch->timer, 1);
}

static void until(struct world *world, const unsigned *count, unsigned n)
{
    struct watch watch = {NULL, count, n};

    watch.timer = edge_timer_create(world->loop, on_look, &watch);
    edge_timer_arm(watch.timer, 0);
    edge_timer_arm(world->deadline, PATIENCE_MS);
    edge_loop_run(world->loop);
    edge_timer_disarm(world->deadline);
    edge_timer_destroy(watch.timer);
}

static void connected(struct world *world, bool is)
{
    hub_core_events()->connected(is, "as told", world->core);
}

/* The client */

static void on_desired(const char *patch, size_t len, int64_t version, void *arg)
{
    struct world *world = arg;

    (void) version;
    (void) snprintf(world->desired, TEXT, "%.*s", (int) len, patch);
    world->ndesired++;
}

static void on_method(const char *rid, const char *name, struct edge_bytes payload, void *arg)
{
    struct world *world = arg;

    (void) name;
    (void) payload;
    (void) snprintf(world->rid, sizeof world->rid, "%s", rid);
    world->nmethods++;
}

static void on_closed(enum hub_result why, void *arg)
{
    (void) why;
    ((struct world *) arg)->session = NULL;
}

static void on_done(enum hub_result result, const char *why, void *arg)
{
    struct world *world = arg;

    (void) why;
    world->result = result;
    world->subscribed++;
}

static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    struct world *world = arg;

    (void) why;
    world->result = result;
    (void) snprintf(world->twin, TEXT, "%.*s", (int) len, json ? json : "");
    world->twins++;
}

static void on_version(enum hub_result result, const char *why, int64_t version, void *arg)
{
    struct world *world = arg;

    (void) why;
    (void) version;
    world->result = result;
    world->done++;
}

static const struct hub_events events = {
    .desired = on_desired, .method = on_method, .closed = on_closed};
static const struct edge_identity m = {"edge1", "m"};

static void join(struct world *world)
{
    const struct hub_backend *backend = hub_core_backend(world->core);
    const struct hub_claim claim = {.who = m, .client = "test", .model_id = ""};
    const struct hub_grant grant = {HUB_OK, INT64_MAX, ""};
    unsigned features;

    assert_true(backend->ops->open(backend->self, &claim, &grant, true, &events, world, &features,
                                   &world->session) >= 0);
}

static void subscribe(struct world *world, unsigned features)
{
    unsigned before = world->subscribed;

    hub_core_backend(world->core)->ops->subscribe(world->session, features, 0, on_done, world);
    until(world, &world->subscribed, before + 1);
}

static void get(struct world *world)
{
    unsigned before = world->twins;

    hub_core_backend(world->core)->ops->twin_get(world->session, on_twin, world);
    until(world, &world->twins, before + 1);
}

static void patch(struct world *world, const char *text)
{
    unsigned before = world->done;

    hub_core_backend(world->core)
        ->ops->twin_patch(world->session, text, strlen(text), on_version, world);
    until(world, &world->done, before + 1);
    assert_int_equal(world->result, HUB_OK);
}

/* Tests */

static void a_module_lives_through_an_outage_and_a_restart(void **state)
{
    struct world *world = *state;

    connected(world, true);
    until(world, &world->configured, 1);
    join(world);
    subscribe(world, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS | EDGE_FEATURE_TWIN_RES);
    until(world, &world->features, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    get(world);
    assert_string_equal(world->twin, "{\"desired\":{\"a\":1,\"$version\":5},"
                                     "\"reported\":{\"r\":1,\"$version\":7}}");
    connected(world, false);
    patch(world, "{\"r\":2}");
    down(world);
    up(world);
    until(world, &world->configured, 2); /* from disk */
    join(world);
    get(world);
    assert_int_equal(world->result, HUB_OK);
    assert_string_equal(world->twin, "{\"desired\":{\"a\":1,\"$version\":5},"
                                     "\"reported\":{\"r\":2,\"$version\":8}}");
    assert_int_equal(world->patches, 0);
    connected(world, true);
    until(world, &world->patches, 1);
    assert_string_equal(world->patch, "{\"r\":2}");
    until(world, &world->sends, 1); /* the twin change, by its route */
    assert_string_equal(world->sent, "{\"r\":2}");
}

static void desired_properties_and_methods_reach_the_module(void **state)
{
    static const char desired[] = "{\"a\":2,\"$version\":6}";
    struct world *world = *state;
    const struct hub_upstream_events *up_events = hub_core_events();

    connected(world, true);
    until(world, &world->configured, 1);
    join(world);
    subscribe(world, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    until(world, &world->features, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    get(world);
    up_events->desired(&m, desired, strlen(desired), world->core);
    until(world, &world->ndesired, 1);
    assert_string_equal(world->desired, desired);
    up_events->method(&m, "r1", "go", (struct edge_bytes){(const uint8_t *) "1", 1}, world->core);
    until(world, &world->nmethods, 1);
    assert_true(hub_core_backend(world->core)
                    ->ops->method_reply(world->session, world->rid, 201,
                                        (struct edge_bytes){(const uint8_t *) "{}", 2}));
    until(world, &world->replies, 1);
    assert_string_equal(world->reply, "r1 201 {}");
}

static void the_report_shows_who_is_connected(void **state)
{
    struct world *world = *state;

    connected(world, true);
    until(world, &world->configured, 1);
    join(world);
    while (!strstr(world->report, "\"edge1/m\":{\"status\":\"Connected\""))
        until(world, &world->reports, world->reports + 1);
    hub_core_backend(world->core)->ops->close(world->session);
    world->session = NULL;
    until(world, &world->reports, world->reports + 1);
    assert_non_null(strstr(world->report, "\"status\":\"Disconnected\""));
}

/* A head may find within an event that its client cannot be served: nothing is left of it then. */

static const struct edge_identity leaf = {"leaf", ""};

static void on_deliver_leave(const struct edge_message *message, uint64_t lock, void *arg)
{
    struct world *world = arg;

    (void) message;
    (void) lock;
    world->done++;
    hub_core_backend(world->core)->ops->close(world->session);
    world->session = NULL;
}

static void a_session_may_end_within_a_delivery(void **state)
{
    static const struct hub_events leaving = {.deliver = on_deliver_leave, .closed = on_closed};
    struct world *world = *state;
    const struct hub_backend *backend = hub_core_backend(world->core);
    const struct hub_claim claim = {.who = leaf, .client = "test", .model_id = ""};
    const struct hub_grant grant = {HUB_OK, INT64_MAX, ""};
    struct edge_message message = {0};
    unsigned features;

    connected(world, true);
    until(world, &world->configured, 1);
    assert_int_equal(backend->ops->open(backend->self, &claim, &grant, false, &leaving, world,
                                        &features, &world->session),
                     0);
    subscribe(world, EDGE_FEATURE_C2D);
    until(world, &world->features, EDGE_FEATURE_C2D);
    assert_int_equal(edge_message_set_body(&message, "a", 1), 0);
    hub_core_events()->message(&leaf, &message, 1, world->core);
    edge_message_fini(&message);
    assert_int_equal(world->done, 1);
    assert_null(world->session);
}

/* Everything under way is answered, and nothing is left. */
static void the_hub_ends_with_requests_under_way(void **state)
{
    struct world *world = *state;
    const struct hub_backend *backend = hub_core_backend(world->core);

    connected(world, true);
    join(world);
    backend->ops->twin_get(world->session, on_twin, world);
    backend->ops->twin_patch(world->session, "{\"x\":1}", 7, on_version, world);
    backend->ops->subscribe(world->session, EDGE_FEATURE_DESIRED, 0, on_done, world);
    down(world);
    assert_int_equal(world->twins, 1);
    assert_int_equal(world->done, 1);
    assert_int_equal(world->subscribed, 1);
    up(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(a_module_lives_through_an_outage_and_a_restart),
        TEST(desired_properties_and_methods_reach_the_module),
        TEST(the_report_shows_who_is_connected),
        TEST(a_session_may_end_within_a_delivery),
        TEST(the_hub_ends_with_requests_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
