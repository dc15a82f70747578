#include "tests/unit/emulator/cloud_house.h"

#include <stdio.h>

static struct edge_json *parse(const char *text)
{
    struct edge_json *value = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static const struct hub_backend_ops *ops(const struct house *h)
{
    return cloud_backend(h->cloud)->ops;
}

/* Sessions */

static void test_a_second_connection_takes_over(void **state)
{
    struct house *h = *state;
    struct guest first, second;

    house_identity(h, "d", "", false);
    guest_open(&first, h, "d", "", true, HUB_MQTT);
    guest_send(&first, "x");
    guest_open(&second, h, "d", "", true, HUB_MQTT);
    assert_true(first.closed);
    assert_int_equal(first.why, HUB_CONFLICT);
    assert_true(first.done);
    assert_int_equal(first.result, HUB_GONE);
    assert_int_equal(cloud_sessions(h->cloud), 1);
    guest_close(&second);
    assert_int_equal(cloud_sessions(h->cloud), 0);
}

static void test_a_kept_session_is_resumed_after_a_restart(void **state)
{
    struct house *h = *state;
    struct guest g;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    assert_false(g.resumed);
    guest_subscribe(&g, EDGE_FEATURE_METHODS | EDGE_FEATURE_DESIRED);
    guest_close(&g);
    house_restart(h);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    assert_true(g.resumed);
    assert_int_equal(g.features, EDGE_FEATURE_METHODS | EDGE_FEATURE_DESIRED);
    guest_close(&g);
    guest_open(&g, h, "d", "", false, HUB_MQTT);
    assert_false(g.resumed);
    guest_close(&g);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    assert_int_equal(g.features, 0);
    guest_close(&g);
}

static void test_who_is_disabled_or_deleted_is_closed(void **state)
{
    struct house *h = *state;
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = parse("{\"status\":\"disabled\"}");
    EDGE_CLEANUP(edge_json_free) struct edge_json *done = NULL;
    struct edge_err err = {0};
    struct guest one, its, two;

    house_identity(h, "one", "", false);
    house_identity(h, "one", "m", false);
    house_identity(h, "two", "", false);
    guest_open(&one, h, "one", "", true, HUB_MQTT);
    guest_open(&its, h, "one", "m", true, HUB_MQTT);
    guest_open(&two, h, "two", "", true, HUB_MQTT);
    assert_int_equal(cloud_identity_put(h->cloud, "one", "", wanted, "*", &done, &err), 0);
    assert_true(one.closed);
    assert_int_equal(one.why, HUB_REFUSED);
    assert_true(its.closed);
    assert_false(two.closed);
    assert_int_equal(cloud_identity_delete(h->cloud, "two", "", "*", &err), 0);
    assert_true(two.closed);
    assert_int_equal(two.why, HUB_REFUSED);
}

/* Messages to the cloud */

static void test_a_message_is_on_disk_when_it_is_acknowledged(void **state)
{
    struct house *h = *state;
    struct cloud_event event;
    struct guest g;
    bool found = false;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", false, HUB_AMQP);
    guest_send(&g, "hello");
    assert_false(g.done);
    guest_expect(&g, HUB_OK);
    house_restart(h);
    for (unsigned p = 0; p < cloud_partitions(h->cloud) && !found; p++)
        found = cloud_event_read(h->cloud, p, 0, &event) == 0;
    assert_true(found);
    assert_string_equal(event.who.device, "d");
    assert_memory_equal(event.message.body, "hello", 5);
    edge_message_fini(&event.message);
}

static void test_lost_acknowledgements_end_with_the_connection(void **state)
{
    struct house *h = *state;
    struct cloud_faults faults = {.lose_acks = 1};
    struct guest g;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    cloud_faults_set(h->cloud, &faults);
    guest_send(&g, "lost");
    guest_expect(&g, HUB_GONE);
    house_until(h, &g.closed);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    guest_send(&g, "fine");
    guest_expect(&g, HUB_OK);
    guest_close(&g);
}

static void test_a_frozen_cloud_answers_when_it_thaws(void **state)
{
    struct house *h = *state;
    struct cloud_faults frozen = {.freeze = true};
    struct cloud_faults thawed = {0};
    struct guest g;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", false, HUB_MQTT);
    house_settle(h);
    cloud_faults_set(h->cloud, &frozen);
    guest_send(&g, "x");
    assert_false(g.done);
    cloud_faults_set(h->cloud, &thawed);
    guest_expect(&g, HUB_OK);
    guest_close(&g);
}

/* Twins */

static void on_version(enum hub_result result, const char *why, int64_t version, void *arg)
{
    struct guest *g = arg;

    (void) why;
    g->done = true;
    g->result = result;
    g->version = version;
    house_stir(g->h);
}

static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    struct guest *g = arg;

    (void) why;
    (void) len;
    g->done = true;
    g->result = result;
    strcpy(g->text, json);
    house_stir(g->h);
}

static void report(struct guest *g, const char *patch)
{
    g->done = false;
    ops(g->h)->twin_patch(g->session, patch, strlen(patch), on_version, g);
}

static void test_reported_properties_are_merged_and_counted(void **state)
{
    struct house *h = *state;
    struct guest g;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", false, HUB_MQTT);
    report(&g, "{\"a\":1,\"b\":{\"c\":2}}");
    guest_expect(&g, HUB_OK);
    assert_int_equal(g.version, 2);
    report(&g, "{\"a\":null,\"b\":{\"d\":3}}");
    guest_expect(&g, HUB_OK);
    report(&g, "{\"a.b\":1}");
    guest_expect(&g, HUB_BAD);
    report(&g, "[1]");
    guest_expect(&g, HUB_BAD);
    g.done = false;
    ops(h)->twin_get(g.session, on_twin, &g);
    guest_expect(&g, HUB_OK);
    assert_string_equal(g.text, "{\"desired\":{\"$version\":1},\"reported\":{\"b\":{\"c\":2,\"d\":3"
                                "},\"$version\":3}}");
    guest_close(&g);
}

static void put_twin(struct house *h, const char *text, bool replace, int wanted_rc)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = parse(text);
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct edge_err err = {0};

    assert_int_equal(cloud_twin_put(h->cloud, "d", "", wanted, replace, NULL, &twin, &err),
                     wanted_rc);
}

static void test_a_replacement_reaches_the_device_as_a_patch(void **state)
{
    struct house *h = *state;
    struct guest g;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", false, HUB_MQTT);
    guest_subscribe(&g, EDGE_FEATURE_DESIRED);
    put_twin(h, "{\"properties\":{\"desired\":{\"x\":1,\"y\":2}}}", false, 0);
    assert_int_equal(g.patches, 0); /* not before it is on disk */
    house_settle(h);
    assert_int_equal(g.patches, 1);
    assert_string_equal(g.text, "{\"x\":1,\"y\":2,\"$version\":2}");
    put_twin(h, "{\"properties\":{\"desired\":{\"x\":1,\"z\":3}}}", true, 0);
    house_settle(h);
    assert_int_equal(g.version, 3);
    assert_non_null(strstr(g.text, "\"y\":null"));
    assert_non_null(strstr(g.text, "\"z\":3"));
    assert_null(strstr(g.text, "\"x\""));
    put_twin(h, "{\"properties\":{\"desired\":{\"$x\":3}}}", false, CLOUD_INVALID);
    guest_close(&g);
}

static void test_etags_are_compared_in_all_their_forms(void **state)
{
    struct house *h = *state;
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = parse("{\"tags\":{\"a\":1}}");
    static const char *const good[] = {"*", "\"*\"", "AAAAAAAAAAM=", "\"AAAAAAAAAAQ=\""};
    static const char *const bad[] = {"AAAAAAAAAAE=", "\"\"", "\"AAAAAAAAAAE=\""};
    struct edge_err err = {0};

    house_identity(h, "d", "", false);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;

        assert_int_equal(cloud_twin_put(h->cloud, "d", "", wanted, false, good[i], &twin, &err), 0);
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct edge_json *twin = NULL;

        assert_int_equal(cloud_twin_put(h->cloud, "d", "", wanted, false, bad[i], &twin, &err),
                         CLOUD_STALE);
    }
}

/* Methods */

struct caller {
    struct house *h;
    bool done;
    int rc;
    char json[256];
};

static void on_answer(int rc, const struct edge_err *err, const char *json, size_t len, void *arg)
{
    struct caller *c = arg;

    (void) err;
    c->done = true;
    c->rc = rc;
    snprintf(c->json, sizeof c->json, "%.*s", (int) len, json);
    house_stir(c->h);
}

static int invoke(struct caller *c, struct house *h, const char *body)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *request = parse(body);
    struct cloud_method *method = NULL;
    struct edge_err err = {0};

    *c = (struct caller){.h = h};
    return cloud_method_invoke(h->cloud, "d", "", request, on_answer, c, &method, &err);
}

static void test_a_method_waits_for_the_device_and_is_answered(void **state)
{
    struct house *h = *state;
    struct guest g;
    struct caller c;

    house_identity(h, "d", "", false);
    assert_int_equal(invoke(&c, h, "{\"methodName\":\"m\"}"), CLOUD_OFFLINE);
    assert_int_equal(invoke(&c, h, "{\"methodName\":\"\"}"), CLOUD_INVALID);
    assert_int_equal(invoke(&c, h,
                            "{\"methodName\":\"m\",\"payload\":{\"n\":1},"
                            "\"connectTimeoutInSeconds\":30}"),
                     0);
    guest_open(&g, h, "d", "", false, HUB_MQTT);
    guest_subscribe(&g, EDGE_FEATURE_METHODS);
    house_until(h, &g.method);
    assert_string_equal(g.name, "m");
    assert_string_equal(g.text, "{\"n\":1}");
    assert_false(ops(h)->method_reply(g.session, "none", 200, (struct edge_bytes){0}));
    assert_true(ops(h)->method_reply(g.session, g.rid, 201,
                                     (struct edge_bytes){(const uint8_t *) "[1]", 3}));
    assert_true(c.done);
    assert_int_equal(c.rc, 0);
    assert_string_equal(c.json, "{\"status\":201,\"payload\":[1]}");
    assert_false(ops(h)->method_reply(g.session, g.rid, 200, (struct edge_bytes){0}));
    guest_close(&g);
}

static void test_a_device_that_goes_leaves_no_method_waiting(void **state)
{
    struct house *h = *state;
    struct guest g;
    struct caller c;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", false, HUB_MQTT);
    guest_subscribe(&g, EDGE_FEATURE_METHODS);
    assert_int_equal(invoke(&c, h, "{\"methodName\":\"m\"}"), 0);
    house_until(h, &g.method);
    guest_close(&g);
    assert_true(c.done);
    assert_int_equal(c.rc, CLOUD_OFFLINE);
}

/* Messages to devices */

static int send(struct house *h, const char *body, const char *ack)
{
    struct edge_message message = {0};
    struct edge_err err = {0};
    int rc;

    assert_int_equal(edge_message_set_body(&message, body, strlen(body)), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_MESSAGE_ID, body), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_ACK, ack), 0);
    rc = cloud_c2d_send(h->cloud, "d", &message, &err);
    edge_message_fini(&message);
    return rc;
}

static void assert_feedback(struct house *h, const char *id, const char *status)
{
    struct cloud_feedback feedback;

    assert_int_equal(cloud_feedback_receive(h->cloud, &feedback), 0);
    assert_non_null(strstr(feedback.json, id));
    assert_non_null(strstr(feedback.json, status));
    free(feedback.json);
    cloud_feedback_settle(h->cloud, feedback.lock, HUB_ACCEPTED);
}

static void test_messages_wait_for_the_device_and_are_fed_back(void **state)
{
    struct house *h = *state;
    struct cloud_feedback none;
    struct guest g;

    house_identity(h, "d", "", false);
    assert_int_equal(send(h, "one", "full"), 0);
    assert_int_equal(send(h, "two", "negative"), 0);
    assert_int_equal(send(h, "bad", "maybe"), CLOUD_INVALID);
    house_restart(h);
    guest_open(&g, h, "d", "", false, HUB_AMQP);
    guest_subscribe(&g, EDGE_FEATURE_C2D);
    house_settle(h);
    assert_int_equal(g.messages, 2);
    assert_string_equal(g.text, "two");
    ops(h)->settle(g.session, g.lock, HUB_REJECTED);
    ops(h)->settle(g.session, g.lock - 1, HUB_ACCEPTED);
    assert_feedback(h, "two", "Rejected");
    assert_feedback(h, "one", "Success");
    assert_int_equal(cloud_feedback_receive(h->cloud, &none), CLOUD_NO_MESSAGE);
    guest_close(&g);
}

static void test_the_eleventh_delivery_does_not_come(void **state)
{
    struct house *h = *state;
    struct guest g;

    house_identity(h, "d", "", false);
    assert_int_equal(send(h, "again", "full"), 0);
    guest_open(&g, h, "d", "", false, HUB_AMQP);
    guest_subscribe(&g, EDGE_FEATURE_C2D);
    for (int i = 0; i < CLOUD_DELIVERIES_MAX; i++) {
        house_settle(h);
        assert_int_equal(g.messages, i + 1);
        assert_int_equal(g.delivery_count, i);
        ops(h)->settle(g.session, g.lock, HUB_RELEASED);
    }
    house_settle(h);
    assert_int_equal(g.messages, CLOUD_DELIVERIES_MAX);
    assert_feedback(h, "again", "DeliveryCountExceeded");
    guest_close(&g);
}

static void test_what_was_not_settled_comes_to_the_next_session(void **state)
{
    struct house *h = *state;
    struct guest g;

    house_identity(h, "d", "", false);
    assert_int_equal(send(h, "x", "none"), 0);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    guest_subscribe(&g, EDGE_FEATURE_C2D);
    house_settle(h);
    assert_int_equal(g.messages, 1);
    guest_close(&g);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    house_settle(h);
    assert_int_equal(g.messages, 1);
    assert_int_equal(g.delivery_count, 1);
    ops(h)->settle(g.session, g.lock, HUB_ACCEPTED);
    guest_close(&g);
}

static void test_a_paused_session_is_delivered_nothing(void **state)
{
    struct house *h = *state;
    struct guest g;

    house_identity(h, "d", "", false);
    guest_open(&g, h, "d", "", true, HUB_MQTT);
    ops(h)->pause(g.session, true);
    guest_subscribe(&g, EDGE_FEATURE_C2D);
    assert_int_equal(send(h, "x", "none"), 0);
    house_settle(h);
    assert_int_equal(g.messages, 0);
    ops(h)->pause(g.session, false);
    house_settle(h);
    assert_int_equal(g.messages, 1);
    guest_close(&g);
}

static void test_the_fifty_first_message_is_refused(void **state)
{
    struct house *h = *state;

    house_identity(h, "d", "", false);
    for (int i = 0; i < CLOUD_C2D_MAX; i++)
        assert_int_equal(send(h, "x", "none"), 0);
    assert_int_equal(send(h, "x", "none"), CLOUD_QUEUE_FULL);
}

/* Identities */

static void test_an_edge_device_has_its_two_modules_and_fifty_at_most(void **state)
{
    struct house *h = *state;
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *empty = parse("{}");
    struct edge_json *made = NULL;
    struct edge_err err = {0};
    char name[16];

    house_identity(h, "d", "", true);
    for (int i = 0; i < 48; i++) {
        snprintf(name, sizeof name, "m%d", i);
        house_identity(h, "d", name, false);
    }
    assert_int_equal(cloud_identity_put(h->cloud, "d", "more", empty, NULL, &made, &err),
                     CLOUD_TOO_MANY_MODULES);
    assert_int_equal(cloud_modules(h->cloud, "d", &list, &err), 0);
    assert_int_equal(edge_json_len(list), 50);
    assert_int_equal(cloud_identity_delete(h->cloud, "d", "$edgeAgent", "*", &err), CLOUD_INVALID);
    assert_int_equal(cloud_identity_put(h->cloud, "d", "$mine", empty, NULL, &made, &err),
                     CLOUD_INVALID);
}

#define HOUSE(test) cmocka_unit_test_setup_teardown(test, house_open, house_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE(test_a_second_connection_takes_over),
        HOUSE(test_a_kept_session_is_resumed_after_a_restart),
        HOUSE(test_who_is_disabled_or_deleted_is_closed),
        HOUSE(test_a_message_is_on_disk_when_it_is_acknowledged),
        HOUSE(test_lost_acknowledgements_end_with_the_connection),
        HOUSE(test_a_frozen_cloud_answers_when_it_thaws),
        HOUSE(test_reported_properties_are_merged_and_counted),
        HOUSE(test_a_replacement_reaches_the_device_as_a_patch),
        HOUSE(test_etags_are_compared_in_all_their_forms),
        HOUSE(test_a_method_waits_for_the_device_and_is_answered),
        HOUSE(test_a_device_that_goes_leaves_no_method_waiting),
        HOUSE(test_messages_wait_for_the_device_and_are_fed_back),
        HOUSE(test_the_eleventh_delivery_does_not_come),
        HOUSE(test_what_was_not_settled_comes_to_the_next_session),
        HOUSE(test_a_paused_session_is_delivered_nothing),
        HOUSE(test_the_fifty_first_message_is_refused),
        HOUSE(test_an_edge_device_has_its_two_modules_and_fifty_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
