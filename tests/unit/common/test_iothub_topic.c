#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/iothub/topic.h"

static bool same(struct edge_bytes bytes, const char *text)
{
    return bytes.len == strlen(text) &&
           (bytes.len == 0 || memcmp(bytes.data, text, bytes.len) == 0);
}

static void test_what_clients_publish(void **state)
{
    static const struct {
        const char *text;
        enum edge_topic_kind kind;
        const char *device, *module, *bag, *rid;
        int status;
    } all[] = {
        {"devices/d/messages/events/", EDGE_TOPIC_TELEMETRY, "d", "", "", "", 0},
        {"devices/d/messages/events", EDGE_TOPIC_TELEMETRY, "d", "", "", "", 0},
        {"devices/d/messages/events/a=b&c", EDGE_TOPIC_TELEMETRY, "d", "", "a=b&c", "", 0},
        {"devices/d/modules/m/messages/events/%24.on=o&x=y/", EDGE_TOPIC_TELEMETRY, "d", "m",
         "%24.on=o&x=y", "", 0},
        {"devices/d%23/modules/%24edgeAgent/messages/events/", EDGE_TOPIC_TELEMETRY, "d#",
         "$edgeAgent", "", "", 0},
        {"$iothub/twin/GET/?$rid=7", EDGE_TOPIC_TWIN_GET, "", "", "", "7", 0},
        {"$iothub/twin/PATCH/properties/reported/?$rid=a-b&$version=3", EDGE_TOPIC_TWIN_PATCH, "",
         "", "", "a-b", 0},
        {"$iothub/twin/GET/?$rid=1&$random", EDGE_TOPIC_TWIN_GET, "", "", "", "1", 0},
        {"$iothub/twin/GET/?$random&$rid=1", EDGE_TOPIC_TWIN_GET, "", "", "", "1", 0},
        {"$iothub/twin/GET/?$rid=1&random=", EDGE_TOPIC_TWIN_GET, "", "", "", "1", 0},
        {"$iothub/twin/GET/?$rid=1&", EDGE_TOPIC_TWIN_GET, "", "", "", "1", 0},
        {"$iothub/twin/GET/?=value&$rid=a%20b", EDGE_TOPIC_TWIN_GET, "", "", "", "a%20b", 0},
        {"$iothub/twin/PATCH/properties/reported/?$version=1", EDGE_TOPIC_TWIN_PATCH, "", "", "",
         "", 0},
        {"$iothub/twin/PATCH/properties/reported/", EDGE_TOPIC_TWIN_PATCH, "", "", "", "", 0},
        {"$iothub/twin/PATCH/properties/reported/?", EDGE_TOPIC_TWIN_PATCH, "", "", "", "", 0},
        {"$iothub/twin/PATCH/properties/reported/?$rid=", EDGE_TOPIC_TWIN_PATCH, "", "", "", "", 0},
        {"$iothub/twin/PATCH/properties/reported", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"$iothub/twin/PATCH/properties/reported/x/?$rid=1", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"$iothub/twin/GET/x/?$rid=1", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"$iothub/twin/get/?$rid=1", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"$iothub/methods/res/200/?$rid=1f", EDGE_TOPIC_METHOD_RESPONSE, "", "", "", "1f", 200},
        {"$iothub/methods/res/x/?$rid=1", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"$iothub/twin/GET/?$rid=", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"$iothub/twin/GET/", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"devices//messages/events/", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"devices/d/messages/eventsx", EDGE_TOPIC_UNKNOWN, "d", "", "", "", 0},
        {"devices/d/messages/devicebound/", EDGE_TOPIC_UNKNOWN, "d", "", "", "", 0},
        {"other", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
        {"", EDGE_TOPIC_UNKNOWN, "", "", "", "", 0},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        struct edge_topic t;

        edge_topic_parse(all[i].text, strlen(all[i].text), &t);
        if (t.kind != all[i].kind)
            fail_msg("%s: kind %d", all[i].text, (int) t.kind);
        if (t.kind == EDGE_TOPIC_UNKNOWN)
            continue;
        assert_string_equal(t.who.device, all[i].device);
        assert_string_equal(t.who.module, all[i].module);
        assert_true(same(t.bag, all[i].bag));
        assert_true(same(t.rid, all[i].rid));
        assert_int_equal(t.status, all[i].status);
    }
}

static void test_what_clients_subscribe_to(void **state)
{
    static const struct {
        const char *text;
        unsigned feature;
        const char *device, *module, *input;
    } all[] = {
        {"devices/d/messages/devicebound/#", EDGE_FEATURE_C2D, "d", "", ""},
        {"devices/d/modules/m/inputs/#", EDGE_FEATURE_INPUTS, "d", "m", ""},
        {"devices/d/modules/m/inputs/in/#", EDGE_FEATURE_INPUTS, "d", "m", "in"},
        {"devices/d/modules/m/inputs/in", EDGE_FEATURE_INPUTS, "d", "m", "in"},
        {"devices/d/modules/m/#", EDGE_FEATURE_INPUTS, "d", "m", ""},
        {"$iothub/twin/res/#", EDGE_FEATURE_TWIN_RES, "", "", ""},
        {"$iothub/twin/PATCH/properties/desired/#", EDGE_FEATURE_DESIRED, "", "", ""},
        {"$iothub/methods/POST/#", EDGE_FEATURE_METHODS, "", "", ""},
        {"#", 0, "", "", ""},
        {"+/x", 0, "", "", ""},
        {"devices/#", 0, "", "", ""},
        {"devices/+/messages/devicebound/#", EDGE_FEATURE_C2D, "+", "", ""}, /* an id may be "+" */
        {"devices/d/inputs/#", 0, "", "", ""},
        {"devices/d/modules/m/inputs/+/#", 0, "", "", ""},
        {"devices/d/modules/m/inputs/", 0, "", "", ""},
        {"$iothub/twin/res/", 0, "", "", ""},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        struct edge_identity who;
        struct edge_bytes input;
        unsigned feature = edge_filter_parse(all[i].text, strlen(all[i].text), &who, &input);

        if (feature != all[i].feature)
            fail_msg("%s: %u", all[i].text, feature);
        assert_string_equal(who.device, all[i].device);
        assert_string_equal(who.module, all[i].module);
        assert_true(same(input, all[i].input));
    }
}

static void test_what_clients_are_sent(void **state)
{
    const struct edge_identity who = {"d", "m m"};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(65535);
    (void) state;

    edge_topic_twin_response(&out, 204, (struct edge_bytes){(const uint8_t *) "r", 1}, 5);
    edge_buf_puts(&out, "|");
    edge_topic_twin_response(&out, 200, (struct edge_bytes){(const uint8_t *) "r", 1}, 0);
    edge_buf_puts(&out, "|");
    edge_topic_desired(&out, 9);
    edge_buf_puts(&out, "|");
    edge_topic_method(&out, "do it", "1");
    edge_buf_puts(&out, "|");
    edge_topic_input(&out, &who, "in");
    assert_string_equal(out.data, "$iothub/twin/res/204/?$rid=r&$version=5|"
                                  "$iothub/twin/res/200/?$rid=r|"
                                  "$iothub/twin/PATCH/properties/desired/?$version=9|"
                                  "$iothub/methods/POST/do%20it/?$rid=1|"
                                  "devices/d/modules/m%20m/inputs/in/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_clients_publish),
        cmocka_unit_test(test_what_clients_subscribe_to),
        cmocka_unit_test(test_what_clients_are_sent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
