/* The whole link but for tunnel and daemon, against a small MQTT server on the same loop. */
#include "tests/unit/agent/quotes.h"

#include <stdatomic.h>
#include <stdio.h>

#include "agent/cloud/assembly.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "tests/unit/agent/fake_hub.h"

enum { PATIENCE_MS = 20000, STEP_MS = 2 };

struct world {
    char folder[40];
    char path[60];
    struct edge_loop *loop;
    struct fake_hub *hub;
    struct agent_cloud *cloud;
    struct agent_cloud_parts parts;
    struct edge_timer *step;
    /* given by the daemon, on the worker */
    atomic_int devices;
    atomic_int tokens;
    atomic_int reprovisions;
    atomic_bool no_daemon;
    /* the tunnel */
    bool unreachable;
    int dials;
    int hang_ups;
    void (*dialled)(int rc, const char *path, const struct edge_err *err, void *arg);
    void *dialled_arg;
    /* what the agent is told */
    struct edge_json *desired;
    int64_t version;
    int told;
    bool connected;
    int links;
    char why[700];
    struct agent_cloud_call *call;
    char method[140];
    struct edge_json *payload;
    bool answer_at_once;
    /* waiting */
    bool (*until)(struct world *w);
    int64_t deadline;
    bool late;
};

static struct world *the_world; /* for the daemon's calls, which have no argument of ours */

static int fake_device(const struct agent_identity_daemon *daemon, struct agent_device *ret,
                       struct edge_err *err)
{
    (void) daemon;
    the_world->devices++;
    if (the_world->no_daemon)
        return edge_fail(err, EDGE_EUNAVAILABLE, "edge-securityd does not answer");
    *ret = (struct agent_device){edge_strdup("hub.test"), edge_strdup("dev1"), edge_strdup("g")};
    return 0;
}

static int fake_token(const struct agent_identity_daemon *daemon, const struct agent_device *device,
                      int64_t lifetime_s, char **ret, struct edge_err *err)
{
    (void) daemon;
    (void) err;
    (void) lifetime_s;
    (void) device;
    *ret = edge_format("SharedAccessSignature number-%d", ++the_world->tokens);
    return *ret ? 0 : -12;
}

static int fake_reprovision(const struct agent_identity_daemon *daemon, struct edge_err *err)
{
    (void) daemon;
    (void) err;
    the_world->reprovisions++;
    return 0;
}

static void dial_later(void *arg)
{
    struct world *w = arg;
    struct edge_err err = {0};
    void (*done)(int rc, const char *path, const struct edge_err *e, void *a) = w->dialled;

    w->dialled = NULL;
    if (!done)
        return; /* hung up */
    if (w->unreachable)
        (void) edge_fail(&err, EDGE_EUNAVAILABLE, "hub.test:8883: no route");
    done(w->unreachable ? EDGE_EUNAVAILABLE : 0, w->path, &err, w->dialled_arg);
}

static int fake_dial(void *via, const char *host,
                     void (*done)(int rc, const char *path, const struct edge_err *err, void *arg),
                     void *arg, struct edge_err *err)
{
    struct world *w = via;

    (void) err;
    assert_string_equal(host, "hub.test");
    w->dials++;
    w->dialled = done;
    w->dialled_arg = arg;
    edge_loop_post(w->loop, dial_later, w);
    return 0;
}

static void fake_hang_up(void *via)
{
    struct world *w = via;

    w->hang_ups++;
    w->dialled = NULL;
}

static const char *fake_broken(void *via)
{
    (void) via;
    return "";
}

static const struct agent_link_ops ops = {fake_device, fake_token,   fake_reprovision,
                                          fake_dial,   fake_hang_up, fake_broken};

static void on_desired(const struct edge_json *desired, int64_t version, void *arg)
{
    struct world *w = arg;

    edge_json_free(w->desired);
    w->desired = edge_json_copy(desired);
    w->version = version;
    w->told++;
}

static void on_method(struct agent_cloud_call *call, const char *name,
                      const struct edge_json *payload, void *arg)
{
    struct world *w = arg;

    (void) snprintf(w->method, sizeof w->method, "%s", name);
    edge_json_free(w->payload);
    w->payload = edge_json_copy(payload);
    if (w->answer_at_once)
        agent_cloud_reply(call, 200, payload);
    else
        w->call = call;
}

static void on_link(bool connected, const char *why, void *arg)
{
    struct world *w = arg;

    w->connected = connected;
    w->links++;
    if (!connected)
        (void) snprintf(w->why, sizeof w->why, "%s", why);
}

/* ---- waiting ---- */

static void on_step(void *arg)
{
    struct world *w = arg;

    w->late = edge_now_ms() >= w->deadline;
    if (w->late || w->until(w))
        edge_loop_stop(w->loop);
    else
        edge_timer_arm(w->step, STEP_MS);
}

static bool reached(struct world *w, bool (*until)(struct world *w), int ms)
{
    w->until = until;
    w->deadline = edge_now_ms() + ms;
    edge_timer_arm(w->step, 0);
    edge_loop_run(w->loop);
    return !w->late;
}

#define WAIT(w, until) assert_true(reached(w, until, PATIENCE_MS))

static bool is_never(struct world *w)
{
    (void) w;
    return false;
}

static bool is_up(struct world *w)
{
    return w->connected && agent_cloud_connected(w->cloud) && fake_hub_seen(w->hub)->gets > 0;
}

static bool is_told(struct world *w)
{
    return w->told > 0;
}

/* ---- the world ---- */

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    the_world = w;
    (void) snprintf(w->folder, sizeof w->folder, "/tmp/test-cloud-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void) snprintf(w->path, sizeof w->path, "%s/hub.sock", w->folder);
    assert_int_equal(edge_loop_create(&w->loop), 0);
    w->step = edge_timer_create(w->loop, on_step, w);
    w->hub = fake_hub_open(w->loop, w->path);
    w->parts = (struct agent_cloud_parts){
        .link = {.ops = &ops,
                 .via = w,
                 .pause_min_ms = 5,
                 .pause_max_ms = 40,
                 .slow_ms = 600 * 1000, /* not after the first two refusals */
                 .answer_ms = 3000},
        .twin = {.answer_ms = 3000, .pull_gap_ms = 1, .push_gap_ms = 100},
    };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    agent_cloud_close(w->cloud, 0);
    fake_hub_close(w->hub);
    edge_timer_destroy(w->step);
    edge_loop_destroy(w->loop);
    edge_json_free(w->desired);
    edge_json_free(w->payload);
    assert_int_equal(edge_remove_tree(w->folder, NULL), 0);
    free(w);
    return 0;
}

static void open_cloud(struct world *w)
{
    const struct agent_cloud_config config = {
        .loop = w->loop,
        .product = "EdgeAgent/1 (x y)",
        .on_desired = on_desired,
        .on_method = on_method,
        .on_link = on_link,
        .arg = w,
    };
    struct edge_err err = {0};

    if (agent_cloud_assemble(&config, &w->parts, &w->cloud, &err) < 0)
        fail_msg("%s", err.text);
}

static void report(struct world *w, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *reported = json(text);

    agent_cloud_report(w->cloud, reported);
}

/* ---- tests ---- */

static void test_connects_as_edge_agent_and_reads_the_twin(void **state)
{
    struct world *w = *state;
    const struct fake_hub_seen *seen = fake_hub_seen(w->hub);

    fake_hub_desire(w->hub, "{'a':1}", false);
    open_cloud(w);
    assert_false(agent_cloud_connected(w->cloud));
    WAIT(w, is_told);
    assert_int_equal(w->version, 2);
    assert_int_equal(edge_json_int(edge_json_get(w->desired, "a"), 0), 1);
    assert_true(w->connected);
    assert_int_equal(w->links, 1);
    assert_string_equal(seen->client_id, "dev1/$edgeAgent");
    assert_string_equal(seen->username, "hub.test/dev1/$edgeAgent/?api-version=2021-04-12"
                                        "&DeviceClientType=EdgeAgent%2F1%20%28x%20y%29");
    assert_string_equal(seen->password, "SharedAccessSignature number-1");
    assert_false(seen->clean);
    assert_int_equal(seen->keep_alive, 230);
    assert_int_equal(seen->subscribes, 1);
}

static bool patch_merged(struct world *w)
{
    return w->version == 3;
}

static void test_desired_patches_arrive(void **state)
{
    struct world *w = *state;

    fake_hub_desire(w->hub, "{'a':1,'b':{'x':1,'y':2}}", false);
    open_cloud(w);
    WAIT(w, is_told);
    fake_hub_desire(w->hub, "{'a':null,'b':{'x':5}}", false);
    WAIT(w, patch_merged);
    assert_null(edge_json_get(w->desired, "a"));
    assert_int_equal(edge_json_int(edge_json_get(edge_json_get(w->desired, "b"), "x"), 0), 5);
    assert_int_equal(fake_hub_seen(w->hub)->gets, 1);
}

static bool gap_closed(struct world *w)
{
    return w->version == 4;
}

static void test_a_lost_patch_is_made_good_by_the_next(void **state)
{
    struct world *w = *state;

    open_cloud(w);
    WAIT(w, is_told);
    fake_hub_desire(w->hub, "{'a':1}", true);
    fake_hub_desire(w->hub, "{'b':1}", true);
    fake_hub_desire(w->hub, "{'c':1}", false);
    WAIT(w, gap_closed);
    assert_int_equal(edge_json_len(w->desired), 3);
}

static bool reported_one(struct world *w)
{
    return edge_json_int(edge_json_get(fake_hub_reported(w->hub), "n"), 0) == 1;
}

static bool reported_two(struct world *w)
{
    return edge_json_int(edge_json_get(fake_hub_reported(w->hub), "n"), 0) == 2;
}

static void test_reports_reach_the_cloud(void **state)
{
    struct world *w = *state;

    open_cloud(w);
    report(w, "{'n':1,'m':{'cam':'running'}}");
    WAIT(w, is_up);
    report(w, "{'n':2,'m':{'cam':'running'}}");
    WAIT(w, reported_two);
    assert_in_range(fake_hub_seen(w->hub)->patches, 1, 2);
}

static bool came_back(struct world *w)
{
    return is_up(w) && fake_hub_seen(w->hub)->connects >= 2 && fake_hub_seen(w->hub)->gets >= 2;
}

static void test_a_dropped_connection_comes_back_and_state_is_resent(void **state)
{
    struct world *w = *state;

    open_cloud(w);
    report(w, "{'n':1}");
    WAIT(w, is_up);
    fake_hub_drop(w->hub);
    report(w, "{'n':2}");
    WAIT(w, reported_two);
    WAIT(w, came_back);
    assert_int_equal(w->links, 3); /* up, down, up */
    assert_int_equal(w->told, 1);
}

static bool a_few_dials(struct world *w)
{
    return w->dials >= 8;
}

static void test_an_unreachable_cloud_is_told_of_once_and_tried_for_ever(void **state)
{
    struct world *w = *state;

    w->unreachable = true;
    open_cloud(w);
    WAIT(w, a_few_dials);
    assert_int_equal(w->links, 1);
    assert_false(w->connected);
    assert_string_equal(w->why, "hub.test:8883: no route");
    w->unreachable = false;
    WAIT(w, is_up);
    assert_int_equal(w->links, 2);
}

static void test_pauses_grow_and_do_not_storm(void **state)
{
    struct world *w = *state;

    w->parts.link.pause_min_ms = 20;
    w->parts.link.pause_max_ms = 2000;
    w->unreachable = true;
    open_cloud(w);
    assert_false(reached(w, is_never, 1500));
    assert_in_range(w->dials, 2, 20);
}

static bool drop_when_up(struct world *w)
{
    if (w->told > 0 && agent_cloud_connected(w->cloud))
        fake_hub_drop(w->hub);
    return false;
}

static void test_a_connection_thrown_out_again_and_again_does_not_storm(void **state)
{
    struct world *w = *state;

    w->parts.link.pause_min_ms = 10;
    w->parts.link.pause_max_ms = 2000;
    open_cloud(w);
    assert_false(reached(w, drop_when_up, 1500));
    assert_in_range(fake_hub_seen(w->hub)->connects, 3, 15);
}

static bool asked_often(struct world *w)
{
    return w->devices >= 5;
}

static void test_without_the_daemon_it_waits(void **state)
{
    struct world *w = *state;

    w->no_daemon = true;
    open_cloud(w);
    WAIT(w, asked_often);
    assert_int_equal(w->dials, 0);
    assert_int_equal(w->links, 1);
    assert_string_equal(w->why, "edge-securityd does not answer");
    w->no_daemon = false;
    WAIT(w, is_up);
}

static bool refused_thrice(struct world *w)
{
    return fake_hub_seen(w->hub)->connects >= 3;
}

static bool refused_twice(struct world *w)
{
    return fake_hub_seen(w->hub)->connects >= 2;
}

static void test_refused_credentials_are_told_once_and_ask_for_provisioning(void **state)
{
    struct world *w = *state;

    fake_hub_orders(w->hub)->connack = 5;
    open_cloud(w);
    WAIT(w, refused_twice);
    assert_int_equal(w->links, 1);
    assert_non_null(strstr(w->why, "CONNACK 5). Look at the clock of this device"));
    assert_int_equal(w->reprovisions, 1); /* once in five minutes */
    fake_hub_orders(w->hub)->connack = 0;
    WAIT(w, is_up);
    assert_true(w->tokens >= 3); /* a fresh one each time */
}

static void test_a_busy_cloud_is_tried_again(void **state)
{
    struct world *w = *state;

    fake_hub_orders(w->hub)->connack = 3;
    open_cloud(w);
    WAIT(w, refused_thrice);
    assert_non_null(strstr(w->why, "CONNACK 3"));
    assert_int_equal(w->reprovisions, 0);
    fake_hub_orders(w->hub)->connack = 0;
    WAIT(w, is_up);
}

static void test_a_server_that_says_nothing_is_left(void **state)
{
    struct world *w = *state;

    w->parts.link.answer_ms = 60;
    fake_hub_orders(w->hub)->mute = true;
    open_cloud(w);
    WAIT(w, refused_thrice);
    assert_non_null(strstr(w->why, "did not answer CONNECT"));
    fake_hub_orders(w->hub)->mute = false;
    WAIT(w, is_up);
}

static void test_refused_subscriptions_end_the_connection(void **state)
{
    struct world *w = *state;

    fake_hub_orders(w->hub)->refuse_subscriptions = true;
    open_cloud(w);
    WAIT(w, refused_thrice);
    assert_string_equal(w->why, "IoT Hub refused a subscription");
    fake_hub_orders(w->hub)->refuse_subscriptions = false;
    WAIT(w, is_up);
}

static void test_a_cloud_that_freezes_mid_twin_is_left(void **state)
{
    struct world *w = *state;

    w->parts.twin.answer_ms = 60;
    fake_hub_orders(w->hub)->frozen = true;
    open_cloud(w);
    WAIT(w, refused_thrice);
    assert_int_equal(w->told, 0);
    assert_non_null(strstr(w->why, "did not answer a request for the twin"));
    fake_hub_orders(w->hub)->frozen = false;
    WAIT(w, is_told);
}

static bool renewed_twice(struct world *w)
{
    return fake_hub_seen(w->hub)->connects >= 3;
}

static void test_the_token_is_renewed_in_order(void **state)
{
    struct world *w = *state;
    const struct fake_hub_seen *seen = fake_hub_seen(w->hub);

    w->parts.link.token_s = 1;
    open_cloud(w);
    WAIT(w, renewed_twice);
    WAIT(w, is_up);
    assert_int_equal(seen->disconnects, seen->connects - 1);
    assert_int_equal(w->links, 1); /* nobody is told: nothing is wrong */
    assert_string_not_equal(seen->password, "SharedAccessSignature number-1");
    assert_int_equal(w->told, 1);
}

static bool pinged(struct world *w)
{
    return fake_hub_seen(w->hub)->pings > 0;
}

static void test_a_quiet_link_is_kept_by_pings(void **state)
{
    struct world *w = *state;

    w->parts.link.keep_alive_s = 5; /* the least libmosquitto takes */
    w->parts.link.answer_ms = 100;
    open_cloud(w);
    WAIT(w, pinged);
    assert_false(reached(w, is_never, 200));
    assert_int_equal(fake_hub_seen(w->hub)->connects, 1);
}

static bool reconnected(struct world *w)
{
    return fake_hub_seen(w->hub)->connects >= 2;
}

static void test_a_link_whose_pings_are_not_answered_is_left(void **state)
{
    struct world *w = *state;

    w->parts.link.keep_alive_s = 5;
    w->parts.link.answer_ms = 500;
    open_cloud(w);
    WAIT(w, is_up);
    fake_hub_orders(w->hub)->frozen = true;
    WAIT(w, reconnected);
    assert_string_equal(w->why, "IoT Hub does not answer any more");
}

static bool is_called(struct world *w)
{
    return w->call != NULL;
}

static bool is_answered(struct world *w)
{
    return fake_hub_seen(w->hub)->answer_topic[0] != '\0';
}

static void test_a_method_is_answered_later(void **state)
{
    struct world *w = *state;

    open_cloud(w);
    WAIT(w, is_up);
    fake_hub_call(w->hub, "Restart%20It", "a1-b2", "{\"id\":\"cam\"}");
    WAIT(w, is_called);
    assert_string_equal(w->method, "Restart It");
    assert_string_equal(edge_json_str(edge_json_get(w->payload, "id"), ""), "cam");
    agent_cloud_reply(w->call, 200, NULL);
    WAIT(w, is_answered);
    assert_string_equal(fake_hub_seen(w->hub)->answer_topic, "$iothub/methods/res/200/?$rid=a1-b2");
    assert_string_equal(fake_hub_seen(w->hub)->answer, "null");
}

static void test_a_method_is_answered_at_once(void **state)
{
    struct world *w = *state;

    w->answer_at_once = true;
    open_cloud(w);
    WAIT(w, is_up);
    fake_hub_call(w->hub, "ping", "r", "null");
    WAIT(w, is_answered);
    assert_null(w->payload);
    assert_string_equal(fake_hub_seen(w->hub)->answer, "null");
}

static void test_a_method_with_a_broken_payload_is_refused_here(void **state)
{
    struct world *w = *state;

    open_cloud(w);
    WAIT(w, is_up);
    fake_hub_call(w->hub, "ping", "r7", "{\"id\":");
    WAIT(w, is_answered);
    assert_string_equal(fake_hub_seen(w->hub)->answer_topic, "$iothub/methods/res/400/?$rid=r7");
    assert_non_null(strstr(fake_hub_seen(w->hub)->answer, "{\"message\":\"payload: "));
    assert_string_equal(w->method, "");
}

static void test_a_method_may_be_answered_after_the_link_is_gone(void **state)
{
    struct world *w = *state;
    struct agent_cloud_call *call;

    open_cloud(w);
    WAIT(w, is_up);
    fake_hub_call(w->hub, "slow", "r", "");
    WAIT(w, is_called);
    call = w->call;
    w->cloud = agent_cloud_close(w->cloud, 0);
    agent_cloud_reply(call, 200, NULL);
    assert_false(is_answered(w));
}

static void test_closing_sends_what_waits_and_says_goodbye(void **state)
{
    struct world *w = *state;
    int64_t before;

    w->parts.twin.push_gap_ms = 15000;
    open_cloud(w);
    report(w, "{'n':1}");
    WAIT(w, reported_one);
    report(w, "{'n':2}");
    before = edge_now_ms();
    w->cloud = agent_cloud_close(w->cloud, 20000);
    assert_true(reported_two(w));
    assert_in_range(edge_now_ms() - before, 0, 10000);
    assert_false(reached(w, is_never, 50)); /* the goodbye is on its way */
    assert_int_equal(fake_hub_seen(w->hub)->disconnects, 1);
}

static void test_closing_does_not_wait_for_a_frozen_cloud(void **state)
{
    struct world *w = *state;
    int64_t before;

    open_cloud(w);
    WAIT(w, is_up);
    fake_hub_orders(w->hub)->frozen = true;
    report(w, "{'n':2}");
    before = edge_now_ms();
    w->cloud = agent_cloud_close(w->cloud, 200);
    assert_in_range(edge_now_ms() - before, 190, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_connects_as_edge_agent_and_reads_the_twin),
        T(test_desired_patches_arrive),
        T(test_a_lost_patch_is_made_good_by_the_next),
        T(test_reports_reach_the_cloud),
        T(test_a_dropped_connection_comes_back_and_state_is_resent),
        T(test_an_unreachable_cloud_is_told_of_once_and_tried_for_ever),
        T(test_pauses_grow_and_do_not_storm),
        T(test_a_connection_thrown_out_again_and_again_does_not_storm),
        T(test_without_the_daemon_it_waits),
        T(test_refused_credentials_are_told_once_and_ask_for_provisioning),
        T(test_a_busy_cloud_is_tried_again),
        T(test_a_server_that_says_nothing_is_left),
        T(test_refused_subscriptions_end_the_connection),
        T(test_a_cloud_that_freezes_mid_twin_is_left),
        T(test_the_token_is_renewed_in_order),
        T(test_a_quiet_link_is_kept_by_pings),
        T(test_a_link_whose_pings_are_not_answered_is_left),
        T(test_a_method_is_answered_later),
        T(test_a_method_is_answered_at_once),
        T(test_a_method_with_a_broken_payload_is_refused_here),
        T(test_a_method_may_be_answered_after_the_link_is_gone),
        T(test_closing_sends_what_waits_and_says_goodbye),
        T(test_closing_does_not_wait_for_a_frozen_cloud),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
