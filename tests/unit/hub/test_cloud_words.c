#include "tests/unit/test.h"

#include "hub/amqp/mapping.h"
#include "hub/amqp/value.h"
#include "hub/cloud/amqp/words.h"

static void test_addresses_have_encoded_ids(void **state)
{
    const struct edge_identity device = {"a b#1", ""}, module = {"edge1", "$edgeHub"};
    EDGE_CLEANUP(edge_free) char *twin = hub_words_address(&device, "/twin");
    EDGE_CLEANUP(edge_free) char *events = hub_words_address(&module, "/messages/events");

    (void) state;
    assert_string_equal(twin, "/devices/a%20b%231/twin");
    assert_string_equal(events, "/devices/edge1/modules/%24edgeHub/messages/events");
}

static void test_the_product_ends_with_ours(void **state)
{
    EDGE_CLEANUP(edge_free) char *ours = hub_words_product("");
    EDGE_CLEANUP(edge_free) char *both = hub_words_product("sdk/1 (x)");

    (void) state;
    assert_string_equal(ours, "EdgeHub/" EDGE_VERSION);
    assert_string_equal(both, "sdk/1 (x) EdgeHub/" EDGE_VERSION);
}

static void test_conditions(void **state)
{
    (void) state;
    assert_int_equal(hub_words_rejected("amqp:unauthorized-access"), HUB_REFUSED);
    assert_int_equal(hub_words_rejected("amqp:link:message-size-exceeded"), HUB_TOO_LARGE);
    assert_int_equal(hub_words_rejected("com.microsoft:argument-error"), HUB_BAD);
    assert_int_equal(hub_words_rejected("com.microsoft:device-container-throttled"), HUB_THROTTLED);
    assert_int_equal(hub_words_rejected("something:else"), HUB_FAILED);
    assert_int_equal(hub_words_rejected(NULL), HUB_FAILED);
    /* a link that is ended says nothing against the messages that wait for it */
    assert_int_equal(hub_words_ended("com.microsoft:argument-error"), HUB_FAILED);
    assert_int_equal(hub_words_ended("amqp:link:message-size-exceeded"), HUB_FAILED);
    assert_int_equal(hub_words_ended("amqp:not-found"), HUB_NOT_FOUND);
    assert_int_equal(hub_words_ended("com.microsoft:iot-hub-not-found-error"), HUB_UNAVAILABLE);
    assert_int_equal(hub_words_ended("amqp:link:stolen"), HUB_UNAVAILABLE);
    assert_int_equal(hub_words_ended(NULL), HUB_UNAVAILABLE);
}

static void test_statuses(void **state)
{
    (void) state;
    assert_int_equal(hub_words_status(200), HUB_OK);
    assert_int_equal(hub_words_status(204), HUB_OK);
    assert_int_equal(hub_words_status(404), HUB_NOT_FOUND);
    assert_int_equal(hub_words_status(429), HUB_THROTTLED);
    assert_int_equal(hub_words_status(418), HUB_FAILED);
    assert_int_equal(hub_words_status(-1), HUB_FAILED);
    assert_int_equal(hub_words_status(INT64_MAX), HUB_FAILED);
}

static void test_answers(void **state)
{
    const struct hub_amqp_pair annotations[] = {
        {"status", {.kind = HUB_AMQP_INT, .i = 204}},
        {"version", {.kind = HUB_AMQP_LONG, .i = 7}},
    };
    struct hub_amqp_message m = {
        .correlation_id = hub_amqp_text("abc"), .annotations = annotations, .nannotations = 2};
    struct hub_words_answer answer;

    (void) state;
    hub_words_answer(&m, &answer);
    assert_string_equal(answer.id, "abc");
    assert_int_equal(answer.status, 204);
    assert_int_equal(answer.version, 7);
    m.nannotations = 0; /* no status: success */
    hub_words_answer(&m, &answer);
    assert_int_equal(answer.status, 200);
    m.correlation_id = (struct hub_amqp_value){.kind = HUB_AMQP_NULL};
    hub_words_answer(&m, &answer);
    assert_string_equal(answer.id, "");
    m.correlation_id = hub_amqp_text("an id that is far longer than any of ours has ever been");
    hub_words_answer(&m, &answer);
    assert_string_equal(answer.id, "");
}

static void test_methods(void **state)
{
    static char longest[HUB_WORDS_METHOD_MAX + 2];
    struct hub_amqp_pair name = {"IoThub-methodname", hub_amqp_text("reboot")};
    struct hub_amqp_message m = {.correlation_id =
                                     hub_words_id("3e5c5e3a-0a1b-4c2d-9e8f-001122334455"),
                                 .properties = &name,
                                 .nproperties = 1,
                                 .data = {(const uint8_t *) "{}", 2}};
    struct hub_words_call call;

    (void) state;
    assert_int_equal(m.correlation_id.kind, HUB_AMQP_UUID);
    assert_int_equal(hub_words_id("r1").kind, HUB_AMQP_STRING);
    assert_true(hub_words_call(&m, &call));
    assert_string_equal(call.name, "reboot");
    assert_string_equal(call.rid, "3e5c5e3a-0a1b-4c2d-9e8f-001122334455");
    assert_int_equal(call.payload.len, 2);
    memset(longest, 'x', sizeof longest - 1);
    name.value = hub_amqp_text(longest);
    assert_false(hub_words_call(&m, &call));
    longest[HUB_WORDS_METHOD_MAX] = '\0';
    name.value = hub_amqp_text(longest);
    assert_true(hub_words_call(&m, &call));
    m.correlation_id = (struct hub_amqp_value){.kind = HUB_AMQP_NULL}; /* nobody could answer */
    assert_false(hub_words_call(&m, &call));
    m.nproperties = 0;
    assert_false(hub_words_call(&m, &call));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_have_encoded_ids),
        cmocka_unit_test(test_the_product_ends_with_ours),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
