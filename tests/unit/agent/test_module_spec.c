/* The text of a spec: stable, readable again, and a hash of what cannot change in place. */
#include "tests/unit/test.h"

#include "tests/unit/agent/deployment.h"

static void test_the_text_does_not_depend_on_the_documents_order(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *a = deployment_must(
        DOC("\"cam\":{\"type\":\"docker\",\"status\":\"running\",\"env\":{\"B\":{\"value\":\"2\"},"
            "\"A\":{\"value\":\"1\"}},\"settings\":{\"image\":\"a\",\"createOptions\":"
            "\"{\\\"y\\\":1,\\\"x\\\":{\\\"b\\\":1,\\\"a\\\":2}}\"}}"));
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *b = deployment_must(
        DOC("\"cam\":{\"settings\":{\"createOptions\":{\"x\":{\"a\":2,\"b\":1},\"y\":1},"
            "\"image\":\"a:latest\"},\"env\":{\"A\":{\"value\":1},\"B\":{\"value\":\"2\"}},"
            "\"restartPolicy\":2,\"status\":\"RUNNING\",\"type\":\"docker\"}"));
    (void) state;

    assert_string_equal(
        a->modules[0].text,
        "{\"createOptions\":{\"x\":{\"a\":2,\"b\":1},\"y\":1},\"digest\":\"\","
        "\"env\":{\"A\":\"1\",\"B\":\"2\"},\"image\":\"a:latest\",\"imagePullPolicy\":"
        "\"on-create\",\"name\":\"cam\",\"restartPolicy\":\"on-unhealthy\",\"startupOrder\":"
        "4294967295,\"status\":\"running\",\"version\":\"\"}");
    assert_string_equal(a->modules[0].text, b->modules[0].text);
    assert_string_equal(a->modules[0].hash, b->modules[0].hash);
    assert_int_equal(strlen(a->modules[0].hash), 64);
}

/* Does this deployment of "cam" have the hash of the plain one, and the text? */
static void compares(const char *text, bool same_hash, bool same_text)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *a = deployment_must(DOC(MODULE("cam", "")));
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *b = deployment_must(text);

    assert_int_equal(strcmp(a->modules[0].hash, b->modules[0].hash) == 0, same_hash);
    assert_int_equal(strcmp(a->modules[0].text, b->modules[0].text) == 0, same_text);
}

static void test_the_hash_holds_what_cannot_change_in_place(void **state)
{
    (void) state;

    compares(DOC(MODULE("cam", "")), true, true);
    compares(DOC(MODULE("cam", "\"restartPolicy\":\"always\",")), true, false);
    compares(DOC(MODULE("cam", "\"startupOrder\":1,")), true, false);
    compares(DOC(MODULE("cam", "\"version\":\"2\",")), true, false);
    compares(DOC(MODULE("cam", "\"imagePullPolicy\":\"never\",")), true, false);
    compares(DOC(MODULE("cam", "\"env\":{\"A\":{\"value\":\"\"}},")), false, false);
    compares(SETTINGS("\"image\":\"b\""), false, false);
    compares(SETTINGS("\"image\":\"a\",\"digest\":\"x\""), false, false);
    compares(SETTINGS("\"image\":\"a\",\"createOptions\":\"{\\\"x\\\":1}\""), false, false);
    compares(SETTINGS("\"image\":\"a\",\"createOptions\":{\"Labels\":{"
                      "\"normalizedCreateOptions\":\"x\"}}"),
             true, false);
}

static void test_a_text_reads_back_as_the_same_spec(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        "{" RUNTIME ",\"systemModules\":{\"edgeHub\":{\"type\":\"docker\",\"status\":\"stopped\","
        "\"env\":{\"A\":{\"value\":\"\\u00e9\\n\"}},\"startupOrder\":3,\"settings\":{\"image\":"
        "\"r:5000/hub\",\"createOptions\":{\"n\":1.50,\"big\":18446744073709551615,"
        "\"e\":1e3,\"z\":-0.0,\"null\":null,\"\":[]}}}}}");
    const struct agent_module_spec *hub = &d->modules[0];
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *again = NULL;
    (void) state;

    assert_int_equal(agent_module_spec_parse(hub->text, strlen(hub->text), &again, NULL), 0);
    assert_string_equal(again->text, hub->text);
    assert_string_equal(again->hash, hub->hash);
    assert_int_equal(again->kind, AGENT_MODULE_EDGE_HUB);
    assert_int_equal(again->want, AGENT_WANT_STOPPED);
    assert_int_equal(again->startup_order, 3);
    assert_string_equal(again->env[0].value, "\xc3\xa9\n");
    assert_true(edge_json_equal(again->create_options, hub->create_options));
}

static void test_a_copy_is_equal_and_its_own(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        DOC(MODULE("cam", "\"env\":{\"A\":{\"value\":\"1\"},\"B\":{\"value\":\"2\"}},")));
    EDGE_CLEANUP(agent_module_spec_free)
    struct agent_module_spec *copy = agent_module_spec_copy(&d->modules[0]);
    (void) state;

    assert_non_null(copy);
    d = agent_desired_free(d);
    assert_string_equal(copy->name, "cam");
    assert_string_equal(copy->env[1].value, "2");
    assert_non_null(strstr(copy->text, "\"name\":\"cam\""));
    assert_int_equal(strlen(copy->hash), 64);
}

static void test_what_is_no_spec_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "{}",
        "null",
        "[]",
        "{\"name\":\"cam\"}",
        "{\"name\":\"a/b\",\"image\":\"a:1\"}",
        "{\"name\":\"a\",\"image\":\"a:1\",\"env\":{\"A\":{}}}",
        "{\"name\":\"a\",\"image\":\"a:1\",\"status\":\"dead\"}",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        struct agent_module_spec *spec = NULL;
        struct edge_err err = {0};

        assert_int_equal(agent_module_spec_parse(texts[i], strlen(texts[i]), &spec, &err),
                         EDGE_EINVALID);
        assert_null(spec);
        assert_int_equal(strncmp(err.text, "module spec: ", 13), 0);
    }
}

static void test_a_text_of_another_version_is_read_too(void **state)
{
    static const char less[] = "{ \"name\":\"cam\", \"image\":\"a:latest\" }";
    static const char more[] = "{\"createOptions\":{},\"digest\":\"\",\"env\":{},\"image\":"
                               "\"a:latest\",\"name\":\"cam\",\"news\":[1]}";
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(DOC(MODULE("cam", "")));
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *a = NULL;
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *b = NULL;
    (void) state;

    assert_int_equal(agent_module_spec_parse(less, sizeof less - 1, &a, NULL), 0);
    assert_int_equal(agent_module_spec_parse(more, sizeof more - 1, &b, NULL), 0);
    assert_string_equal(a->text, less);
    assert_string_equal(b->text, more);
    assert_string_equal(a->hash, d->modules[0].hash);
    assert_string_equal(b->hash, d->modules[0].hash);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_text_does_not_depend_on_the_documents_order),
        cmocka_unit_test(test_the_hash_holds_what_cannot_change_in_place),
        cmocka_unit_test(test_a_text_reads_back_as_the_same_spec),
        cmocka_unit_test(test_a_text_of_another_version_is_read_too),
        cmocka_unit_test(test_a_copy_is_equal_and_its_own),
        cmocka_unit_test(test_what_is_no_spec_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
