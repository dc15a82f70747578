/* What a direct method's request over HTTP says. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "hub/http/request.h"

static int read_text(const char *text, struct hub_method_request *ret, struct edge_err *err)
{
    return hub_method_request_read((struct edge_bytes){(const uint8_t *) text, strlen(text)}, ret,
                                   err);
}

static void request__with_all_members__is_read(void **state)
{
    struct hub_method_request request;
    struct edge_err err = {0};

    (void) state;
    assert_int_equal(read_text("{\"methodName\":\"reboot\",\"payload\":{\"d\":[1,null]},"
                               "\"responseTimeoutInSeconds\":5,\"connectTimeoutInSeconds\":300}",
                               &request, &err),
                     0);
    assert_string_equal(request.name, "reboot");
    assert_string_equal(request.payload, "{\"d\":[1,null]}");
    assert_int_equal(request.response_s, 5);
    assert_int_equal(request.connect_s, 300);
    hub_method_request_fini(&request);
}

static void request__with_a_name_alone__has_defaults(void **state)
{
    struct hub_method_request request;
    struct edge_err err = {0};

    (void) state;
    assert_int_equal(read_text("{\"methodName\":\"m\"}", &request, &err), 0);
    assert_string_equal(request.payload, "null");
    assert_int_equal(request.response_s, 30);
    assert_int_equal(request.connect_s, 0);
    hub_method_request_fini(&request);
}

static void requests__that_break_a_rule__say_which(void **state)
{
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"", "JSON"},
        {"{", "JSON"},
        {"[]", "object"},
        {"{}", "methodName"},
        {"{\"methodName\":1}", "methodName"},
        {"{\"methodName\":\"m\",\"responseTimeoutInSeconds\":4}", "responseTimeoutInSeconds"},
        {"{\"methodName\":\"m\",\"responseTimeoutInSeconds\":301}", "responseTimeoutInSeconds"},
        {"{\"methodName\":\"m\",\"responseTimeoutInSeconds\":\"5\"}", "responseTimeoutInSeconds"},
        {"{\"methodName\":\"m\",\"connectTimeoutInSeconds\":-1}", "connectTimeoutInSeconds"},
        {"{\"methodName\":\"m\",\"connectTimeoutInSeconds\":301}", "connectTimeoutInSeconds"},
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        struct hub_method_request request;
        struct edge_err err = {0};

        assert_int_equal(read_text(cases[i].text, &request, &err), EDGE_EINVALID);
        assert_non_null(strstr(err.text, cases[i].word));
        hub_method_request_fini(&request);
    }
}

static void name__of_100_characters__is_the_longest(void **state)
{
    struct hub_method_request request;
    struct edge_err err = {0};
    char text[160];

    (void) state;
    (void) snprintf(text, sizeof text, "{\"methodName\":\"%0100d\"}", 1);
    assert_int_equal(read_text(text, &request, &err), 0);
    hub_method_request_fini(&request);
    (void) snprintf(text, sizeof text, "{\"methodName\":\"%0101d\"}", 1);
    assert_int_equal(read_text(text, &request, &err), EDGE_EINVALID);
    hub_method_request_fini(&request);
}

static void paths__name_a_device_or_a_module(void **state)
{
    static const struct {
        const char *path;
        int rc;
        const char *device, *module;
    } cases[] = {
        {"/twins/d/methods", 0, "d", ""},
        {"/twins/d/modules/m/methods", 0, "d", "m"},
        {"/twins/d/modules/$edgeHub/methods", 0, "d", "$edgeHub"},
        {"/twins/d", HUB_PATH_OTHER, NULL, NULL},
        {"/twins/d/modules/m", HUB_PATH_OTHER, NULL, NULL},
        {"/twins/d/modules/m/methods/x", HUB_PATH_OTHER, NULL, NULL},
        {"/twins/d/module/m/methods", HUB_PATH_OTHER, NULL, NULL},
        {"/devices/d/methods", HUB_PATH_OTHER, NULL, NULL},
        {"/twins//methods", EDGE_EINVALID, NULL, NULL},
        {"/twins/d/modules//methods", EDGE_EINVALID, NULL, NULL},
        {"/twins/a b/methods", EDGE_EINVALID, NULL, NULL},
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        struct edge_identity who;

        assert_int_equal(hub_method_path(cases[i].path, &who), cases[i].rc);
        if (cases[i].rc == 0) {
            assert_string_equal(who.device, cases[i].device);
            assert_string_equal(who.module, cases[i].module);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(request__with_all_members__is_read),
        cmocka_unit_test(request__with_a_name_alone__has_defaults),
        cmocka_unit_test(requests__that_break_a_rule__say_which),
        cmocka_unit_test(name__of_100_characters__is_the_longest),
        cmocka_unit_test(paths__name_a_device_or_a_module),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
