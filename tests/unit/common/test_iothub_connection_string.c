#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/iothub/connection_string.h"

static void test_a_devices_string(void **state)
{
    struct edge_connection_string cs;
    (void) state;

    assert_int_equal(edge_connection_string_parse(
                         "HostName=h.test;deviceid=d;SharedAccessKey=Zm9vYg==;Newer=1;", &cs, NULL),
                     0);
    assert_string_equal(cs.hostname, "h.test");
    assert_string_equal(cs.device_id, "d");
    assert_string_equal(cs.key, "Zm9vYg==");
    assert_null(cs.module_id);
    edge_connection_string_fini(&cs);
}

static void test_what_is_missing_is_named_and_no_key_told(void **state)
{
    static const char *const bad[][2] = {
        {"DeviceId=d;SharedAccessKey=Zm9v", "HostName"},
        {"HostName=h;SharedAccessKey=Zm9v", "DeviceId"},
        {"HostName=h;DeviceId=a b;SharedAccessKey=Zm9v", "DeviceId"},
        {"HostName=h;DeviceId=d", "SharedAccessKey"},
        {"HostName=h;DeviceId=d;x509=false", "SharedAccessKey"},
        {"HostName=h;DeviceId=d;SharedAccessKey=secret!", "SharedAccessKey"},
        {"HostName=h;DeviceId=d;SharedAccessKey=", "SharedAccessKey"},
        {"HostName=h;HostName=h;DeviceId=d;SharedAccessKey=Zm9v", "HostName"},
        {"HostName=h;DeviceId=d;ModuleId=m/n;SharedAccessKey=Zm9v", "ModuleId"},
        {"nonsense", "'='"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct edge_connection_string cs;
        struct edge_err err = {0};

        assert_int_equal(edge_connection_string_parse(bad[i][0], &cs, &err), EDGE_EINVALID);
        if (!strstr(err.text, bad[i][1]) || strstr(err.text, "secret"))
            fail_msg("%s: %s", bad[i][0], err.text);
    }
}

static void test_a_certificate_needs_no_key(void **state)
{
    struct edge_connection_string cs;
    (void) state;

    assert_int_equal(
        edge_connection_string_parse("HostName=h;DeviceId=d;x509=true;ModuleId=m", &cs, NULL), 0);
    assert_true(cs.x509);
    assert_string_equal(cs.module_id, "m");
    edge_connection_string_fini(&cs);
}

static void test_white_space_around_it_is_no_part_of_it(void **state)
{
    static const char *const all[] = {
        "HostName=h;DeviceId=d;SharedAccessKey=Zm9v\n",
        "HostName=h;DeviceId=d;SharedAccessKey=Zm9v \t\r\n\n",
        "HostName=h;DeviceId=d;SharedAccessKey=Zm9v;\n",
        "\n HostName=h;DeviceId=d;SharedAccessKey=Zm9v",
        "HostName=h;SharedAccessKey=Zm9v;DeviceId=d\r\n",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        struct edge_connection_string cs;
        struct edge_err err = {0};

        if (edge_connection_string_parse(all[i], &cs, &err) != 0)
            fail_msg("%zu: %s", i, err.text);
        assert_string_equal(cs.hostname, "h");
        assert_string_equal(cs.device_id, "d");
        assert_string_equal(cs.key, "Zm9v");
        edge_connection_string_fini(&cs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_devices_string),
        cmocka_unit_test(test_what_is_missing_is_named_and_no_key_told),
        cmocka_unit_test(test_a_certificate_needs_no_key),
        cmocka_unit_test(test_white_space_around_it_is_no_part_of_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
