/* The words that say why. */
#include "tests/unit/test.h"

#include "agent/plan/plan.h"
#include "tests/unit/agent/deployment.h"

/* The reason of the last step of @p kind on the way from one deployment of "m" to the other. */
static char *reason(const char *was_text, const char *wanted_text, enum agent_step_kind kind)
{
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *was = deployment_must(was_text);
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *wanted = deployment_must(wanted_text);
    const struct agent_observed observed = {
        .name = "m",
        .life = AGENT_LIFE_RUNNING,
        .hash = was->modules[0].hash,
        .text = was->modules[0].text,
    };
    char *found = NULL;
    struct agent_plan plan;

    assert_int_equal(agent_plan_make(wanted, &observed, 1, &plan), 0);
    for (size_t i = 0; i < plan.len; i++) {
        if (plan.steps[i].kind == kind) {
            free(found);
            found = strdup(plan.steps[i].reason);
        }
    }
    assert_non_null(found);
    agent_plan_fini(&plan);
    return found;
}

#define M(members, settings)                                                                       \
    DOC("\"m\":{\"type\":\"docker\",\"status\":\"running\"," members "\"settings\":{" settings "}" \
        "}")

static void replaces(const char *was, const char *wanted, const char *expected)
{
    EDGE_CLEANUP(edge_free) char *text = reason(was, wanted, AGENT_STEP_REPLACE);

    assert_string_equal(text, expected);
}

static void test_what_was_changed_is_named(void **state)
{
    (void) state;

    replaces(M("", "\"image\":\"r.io/cam:1\""), M("", "\"image\":\"r.io/cam:2\""),
             "image changed from r.io/cam:1 to r.io/cam:2");
    replaces(M("", "\"image\":\"a\",\"digest\":\"x\""), M("", "\"image\":\"a\""),
             "digest changed from x to ");
    replaces(
        M("\"env\":{\"B\":{\"value\":\"s\"},\"C\":{\"value\":\"1\"},\"D\":{}},", "\"image\":\"a\""),
        M("\"env\":{\"A\":{\"value\":\"s\"},\"C\":{\"value\":\"2\"},\"D\":{}},", "\"image\":\"a\""),
        "env changed: +A -B ~C");
    replaces(
        M("", "\"image\":\"a\",\"createOptions\":{\"Cmd\":[],\"Env\":[\"X=1\"],\"User\":\"a\"}"),
        M("", "\"image\":\"a\",\"createOptions\":{\"HostConfig\":{},\"Env\":[\"X=2\"],\"User\":"
              "\"a\"}"),
        "createOptions changed: -Cmd +HostConfig ~Env");
    replaces(M("\"env\":{\"A\":{}},", "\"image\":\"a\""), M("", "\"image\":\"b\""),
             "image changed from a:latest to b:latest; env changed: -A");
}

static void test_a_long_reason_is_cut(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf wanted = EDGE_BUF_INIT(1 << 16);
    EDGE_CLEANUP(edge_free) char *text = NULL;
    (void) state;

    edge_buf_puts(&wanted, "{" RUNTIME "," SYSTEM ",\"modules\":{\"m\":{\"type\":\"docker\","
                           "\"status\":\"running\",\"env\":{");
    for (int i = 0; i < 100; i++)
        edge_buf_printf(&wanted, "%s\"VARIABLE%d\":{}", i ? "," : "", i);
    edge_buf_puts(&wanted, "},\"settings\":{\"image\":\"a\"}}}}");
    text = reason(M("", "\"image\":\"a\""), wanted.data, AGENT_STEP_REPLACE);
    assert_in_range(strlen(text), 100, 127);
    assert_string_equal(text + strlen(text) - 4, " …");
    assert_int_equal(strncmp(text, "env changed: +VARIABLE0 +VARIABLE1 +VARIABLE10 ", 47), 0);
}

static void test_long_image_names_are_left_out(void **state)
{
    (void) state;

    replaces(M("", "\"image\":\"registry.example.org/a/rather/long/name/of/an/image/cam:1\""),
             M("", "\"image\":\"registry.example.org/a/rather/long/name/of/an/image/cam:2\""),
             "image changed");
}

static void test_changes_in_place_are_named(void **state)
{
    EDGE_CLEANUP(edge_free)
    char *text = reason(
        M("\"restartPolicy\":\"never\",", "\"image\":\"a\""),
        M("\"restartPolicy\":\"always\",\"startupOrder\":1,\"version\":\"2\",", "\"image\":\"a\""),
        AGENT_STEP_RELABEL);
    (void) state;

    assert_string_equal(text, "restartPolicy changed from never to always; startupOrder changed "
                              "from 4294967295 to 1; version changed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_changed_is_named),
        cmocka_unit_test(test_a_long_reason_is_cut),
        cmocka_unit_test(test_long_image_names_are_left_out),
        cmocka_unit_test(test_changes_in_place_are_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
