/* IoT Hub over MQTT and AMQP against the local cloud: it lets the hub speak for who is in its
 * scope.
 */
#include "tests/unit/emulator/cloud_house.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/iothub/sas.h"
#include "tests/unit/hub/line_site.h"

static const struct edge_identity stranger = {"stranger", ""};

static struct edge_json *parse(const char *text)
{
    struct edge_json *value = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &value, NULL), 0);
    return value;
}

static void put(struct house *h, const char *device, const char *module, const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = parse(text);
    EDGE_CLEANUP(edge_json_free) struct edge_json *done = NULL;
    struct edge_err err = {0};

    if (cloud_identity_put(h->cloud, device, module, wanted, "*", &done, &err) != 0)
        fail_msg("%s", err.text);
}

static void adopt(struct house *h, const char *device, const char *edge)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *parent = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct edge_err err = {0};
    const char *scope;

    assert_int_equal(cloud_identity_get(h->cloud, edge, "", &parent, &err), 0);
    scope = edge_json_str(edge_json_get(parent, "deviceScope"), "");
    text = edge_format("{\"deviceScope\":\"%s\",\"parentScopes\":[\"%s\"]}", scope, scope);
    put(h, device, "", text);
}

static char *own_token(void)
{
    static const uint8_t key[33] = "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk";
    EDGE_CLEANUP(edge_free) char *resource = edge_identity_resource(&site_self, "hub.test");

    return edge_sas_make(resource, edge_wall_ns() / 1000000000 + 600, (struct edge_bytes){key, 32},
                         NULL);
}

/* "leaf" and "modA" are in the scope of "edge1", "stranger" is not. */
static int setup(void **state, bool amqp)
{
    struct house *h;

    house_open(state);
    h = *state;
    house_identity(h, "edge1", "", true);
    put(h, "edge1", "$edgeHub",
        "{\"authentication\":{\"type\":\"sas\",\"symmetricKey\":{"
        "\"primaryKey\":\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\"}}}");
    house_identity(h, "edge1", "modA", false);
    house_identity(h, "leaf", "", false);
    house_identity(h, "stranger", "", false);
    adopt(h, "leaf", "edge1");
    site_begin(h->loop, cloud_backend(h->cloud));
    site.make_token = own_token;
    site.speaks_amqp = amqp;
    site_open(0, 0);
    site_wait("up;");
    return 0;
}

static int setup_mqtt(void **state)
{
    return setup(state, false);
}
static int setup_amqp(void **state)
{
    return setup(state, true);
}

static int teardown(void **state)
{
    site_end();
    return house_close(state);
}

/* Has @p who sent @p body? */
static bool arrived(struct house *h, const struct edge_identity *who, const char *body)
{
    bool found = false;

    for (unsigned partition = 0; partition < cloud_partitions(h->cloud); partition++) {
        struct cloud_event event = {0};

        if (cloud_event_read(h->cloud, partition, 0, &event) == 0 &&
            edge_identity_equal(&event.who, who) && event.message.len == strlen(body) &&
            memcmp(event.message.body, body, strlen(body)) == 0)
            found = true;
        edge_message_fini(&event.message);
    }
    return found;
}

static void test_it_speaks_for_who_is_in_its_scope(void **state)
{
    struct house *h = *state;

    site_send(&site_leaf, "from the leaf");
    site_wait("sent from the leaf 0;");
    assert_true(arrived(h, &site_leaf, "from the leaf"));
}

static void test_it_speaks_for_its_modules(void **state)
{
    struct house *h = *state;

    site_send(&site_module, "from the module");
    site_wait("sent from the module 0;");
    assert_true(arrived(h, &site_module, "from the module"));
}

static void test_who_is_not_is_refused_alone(void **state)
{
    (void) state;
    site_send(&stranger, "1");
    site_wait("refused stranger 2;");
    site_wait("sent 1 2;");
    site_send(&site_leaf, "2");
    site_wait("sent 2 0;");
}

static void test_twins_are_those_of_whom_it_speaks_for(void **state)
{
    (void) state;
    site_want(&site_leaf, EDGE_FEATURE_DESIRED);
    site_wait("ready leaf 8;");
    site_twin_patch(&site_leaf, "{\"a\":1}");
    site_wait("patched 0 2;");
    site_twin_get(&site_leaf);
    site_wait("twin 0 {");
    site_wait("\"a\":1");
}

static void test_messages_are_completed_or_come_again(void **state)
{
    struct house *h = *state;
    struct edge_message message = {0};
    struct edge_err err = {0};

    site_want(&site_leaf, EDGE_FEATURE_C2D);
    site_wait("ready leaf 1;");
    assert_int_equal(edge_message_set_body(&message, "hello", 5), 0);
    if (cloud_c2d_send(h->cloud, "leaf", &message, &err) != 0)
        fail_msg("%s", err.text);
    site_wait("c2d leaf hello");
    site_settle(&site_leaf, site.lock, HUB_RELEASED);
    site_wait("c2d leaf hello"); /* on the next connection */
    site_settle(&site_leaf, site.lock, HUB_ACCEPTED);
    assert_int_equal(edge_message_set_body(&message, "again", 5), 0);
    if (cloud_c2d_send(h->cloud, "leaf", &message, &err) != 0)
        fail_msg("%s", err.text);
    site_wait("c2d leaf again");
    site_settle(&site_leaf, site.lock, HUB_ACCEPTED);
    edge_message_fini(&message);
}

#define TEST(name)                                                                                 \
    {#name "_mqtt", name, setup_mqtt, teardown, NULL},                                             \
    {                                                                                              \
#name "_amqp", name, setup_amqp, teardown, NULL                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_it_speaks_for_who_is_in_its_scope),
        TEST(test_it_speaks_for_its_modules),
        TEST(test_who_is_not_is_refused_alone),
        TEST(test_twins_are_those_of_whom_it_speaks_for),
        TEST(test_messages_are_completed_or_come_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
