#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/iothub/message.h"

static int parse(const char *text, struct edge_message *m)
{
    *m = (struct edge_message){0};
    return edge_bag_parse(text, strlen(text), m, NULL);
}

static void test_a_bag_is_system_and_application_properties(void **state)
{
    struct edge_message m;
    (void) state;

    assert_int_equal(parse("%24.on=out&$.mid=a%20b&x=1&&alone&y=&$.new=n&p=c+d", &m), 0);
    assert_string_equal(m.sys[EDGE_SYS_OUTPUT], "out");
    assert_string_equal(m.sys[EDGE_SYS_MESSAGE_ID], "a b");
    assert_int_equal(m.nproperties, 5);
    assert_string_equal(m.properties[0].name, "x");
    assert_string_equal(m.properties[1].name, "alone");
    assert_null(m.properties[1].value);
    assert_string_equal(m.properties[2].value, "");
    assert_string_equal(m.properties[3].name, "$.new");
    assert_string_equal(m.properties[4].value, "c+d");
    edge_message_fini(&m);
}

static void test_what_goes_out_reads_the_same_again(void **state)
{
    static const char bag[] = "k%20k=v%26v&alone&empty=&%24.mid=id&%24.ct=a%2Fb";
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
    struct edge_message m;
    (void) state;

    assert_int_equal(parse(bag, &m), 0);
    assert_int_equal(edge_bag_format(&m, &out), 0);
    assert_string_equal(out.data, bag);
    edge_message_fini(&m);
}

static void test_every_system_property_has_its_name(void **state)
{
    static const struct {
        const char *name;
        enum edge_sys which;
    } all[] = {
        {"mid", EDGE_SYS_MESSAGE_ID},    {"cid", EDGE_SYS_CORRELATION_ID},
        {"uid", EDGE_SYS_USER_ID},       {"to", EDGE_SYS_TO},
        {"ct", EDGE_SYS_CONTENT_TYPE},   {"ce", EDGE_SYS_CONTENT_ENCODING},
        {"exp", EDGE_SYS_EXPIRY},        {"on", EDGE_SYS_OUTPUT},
        {"ifid", EDGE_SYS_INTERFACE_ID}, {"sub", EDGE_SYS_SUBJECT},
        {"schema", EDGE_SYS_SCHEMA},     {"ctime", EDGE_SYS_CREATION_TIME},
        {"diagid", EDGE_SYS_DIAG_ID},    {"diagctx", EDGE_SYS_DIAG_CONTEXT},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        EDGE_CLEANUP(edge_free) char *bag = edge_format("%%24.%s=a%%2Fb", all[i].name);
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(100);
        struct edge_message m;

        assert_int_equal(parse(bag, &m), 0);
        assert_int_equal(m.nproperties, 0);
        assert_string_equal(m.sys[all[i].which], "a/b");
        assert_int_equal(edge_bag_format(&m, &out), 0);
        assert_string_equal(out.data, bag);
        edge_message_fini(&m);
    }
}

static void test_the_last_of_two_system_properties_counts(void **state)
{
    struct edge_message m;
    (void) state;

    assert_int_equal(parse("$.mid=a&%24.mid=b&x=1&x=2", &m), 0);
    assert_string_equal(m.sys[EDGE_SYS_MESSAGE_ID], "b");
    assert_int_equal(m.nproperties, 2); /* what is the application's stays as it is */
    assert_int_equal(edge_message_size(&m), 1 + 2 * 2);
    edge_message_fini(&m);
}

static void test_a_percent_sign_may_be_one(void **state)
{
    static const char *const same[] = {"50%", "%", "%zz", "%4", "%%41", "a%00b", "%2"};
    struct edge_message m;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(same); i++) {
        EDGE_CLEANUP(edge_free) char *bag = edge_format("x%%41%%=%s", same[i]);

        assert_int_equal(parse(bag, &m), 0);
        assert_string_equal(m.properties[0].name, "xA%");
        assert_string_equal(m.properties[0].value, i == 4 ? "%A" : same[i]);
        edge_message_fini(&m);
    }
}

static void test_bad_bags_are_refused(void **state)
{
    static const char *const bad[] = {"=x", "a=%0A", "a=%ff", "$.cdid=d", "%24.cmid=m"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct edge_message m;

        if (parse(bad[i], &m) != EDGE_EINVALID)
            fail_msg("took %s", bad[i]);
        edge_message_fini(&m);
    }
}

static void test_a_hub_says_whose_a_message_was(void **state)
{
    static const char bag[] = "k=v&%24.cdid=d&%24.cmid=m";
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
    struct edge_message m = {0};
    (void) state;

    assert_int_equal(edge_bag_parse_from_hub(bag, strlen(bag), &m, NULL), 0);
    assert_string_equal(m.sys[EDGE_SYS_ORIGIN_DEVICE], "d");
    assert_string_equal(m.sys[EDGE_SYS_ORIGIN_MODULE], "m");
    assert_int_equal(edge_bag_format(&m, &out), 0);
    assert_string_equal(out.data, bag);
    edge_message_fini(&m);
}

static void test_too_many_properties_are_refused(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf bag = EDGE_BUF_INIT(10000);
    struct edge_message m;
    (void) state;

    for (int i = 0; i < EDGE_PROPERTIES_MAX; i++)
        edge_buf_printf(&bag, "k%d&", i);
    assert_int_equal(parse(bag.data, &m), 0);
    assert_int_equal(m.nproperties, EDGE_PROPERTIES_MAX);
    edge_message_fini(&m);
    edge_buf_puts(&bag, "more");
    assert_int_equal(parse(bag.data, &m), EDGE_ELIMIT);
    edge_message_fini(&m);
}

static void test_a_copy_is_its_own(void **state)
{
    struct edge_message m;
    struct edge_message copy;
    (void) state;

    assert_int_equal(parse("$.mid=1&a=b", &m), 0);
    assert_int_equal(edge_message_set_body(&m, "body", 4), 0);
    m.sequence = 7;
    assert_int_equal(edge_message_copy(&m, &copy), 0);
    assert_int_equal(edge_message_size(&m), 4 + 1 + 2);
    edge_message_fini(&m);
    assert_string_equal(copy.sys[EDGE_SYS_MESSAGE_ID], "1");
    assert_string_equal(copy.properties[0].value, "b");
    assert_memory_equal(copy.body, "body", 4);
    assert_int_equal(copy.sequence, 7);
    edge_message_fini(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bag_is_system_and_application_properties),
        cmocka_unit_test(test_what_goes_out_reads_the_same_again),
        cmocka_unit_test(test_every_system_property_has_its_name),
        cmocka_unit_test(test_the_last_of_two_system_properties_counts),
        cmocka_unit_test(test_a_percent_sign_may_be_one),
        cmocka_unit_test(test_bad_bags_are_refused),
        cmocka_unit_test(test_a_hub_says_whose_a_message_was),
        cmocka_unit_test(test_too_many_properties_are_refused),
        cmocka_unit_test(test_a_copy_is_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
