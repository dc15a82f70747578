/* What really applies to a container: createOptions, the image, and what kind of module it is. */
#include "tests/unit/test.h"

#include "agent/runtime/effective.h"
#include "agent/spec/options.h"
#include "common/base/bytes.h"

/* @param host  members of HostConfig, or NULL: there is none */
static bool privileged(enum agent_module_kind kind, const char *host)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    EDGE_CLEANUP(edge_free)
    char *create = host ? edge_format("{\"HostConfig\":{%s}}", host) : edge_strdup("{}");
    EDGE_CLEANUP(edge_free)
    char *text = edge_format("{\"name\":\"m\",\"image\":\"a:1\",\"createOptions\":%s}", create);
    EDGE_CLEANUP(edge_json_free) struct edge_json *image = edge_json_new_object();
    struct agent_module_spec *spec = NULL;
    struct edge_err err = {0};
    bool is;

    if (agent_module_spec_parse(text, strlen(text), &spec, &err) < 0)
        fail_msg("%s", err.text);
    spec->kind = kind;
    if (agent_effective_options(spec, image, &options, &err) < 0)
        fail_msg("%s", err.text);
    is = options->privileged;
    agent_module_spec_free(spec);
    return is;
}

static void test_edge_hub_is_privileged_unless_its_options_say_otherwise(void **state)
{
    (void) state;
    assert_true(privileged(AGENT_MODULE_EDGE_HUB, NULL));
    assert_true(privileged(AGENT_MODULE_EDGE_HUB, "\"Binds\":[\"a:/b\"]"));
    assert_true(privileged(AGENT_MODULE_EDGE_HUB, "\"Privileged\":true"));
    assert_false(privileged(AGENT_MODULE_EDGE_HUB, "\"Privileged\":false"));
    assert_false(privileged(AGENT_MODULE_EDGE_HUB, "\"privileged\":false"));
    assert_false(privileged(AGENT_MODULE_USER, NULL));
    assert_false(privileged(AGENT_MODULE_USER, "\"Privileged\":false"));
    assert_true(privileged(AGENT_MODULE_USER, "\"Privileged\":true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_edge_hub_is_privileged_unless_its_options_say_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
