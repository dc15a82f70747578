/* What tools wrap around a deployment, and layers. */
#include "tests/unit/test.h"

#include "tests/unit/agent/deployment.h"

#define BARE "{\"$version\":4," RUNTIME "," SYSTEM ",\"modules\":{" MODULE("cam", "") "}}"

static void test_every_known_wrapping_comes_off(void **state)
{
    static const char *const texts[] = {
        BARE,
        "{\"properties.desired\":" BARE "}",
        "{\"$edgeAgent\":{\"properties.desired\":" BARE "},\"$edgeHub\":{}}",
        "{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":" BARE "}}}",
        "{\"content\":{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":" BARE "}}}}",
        "{\"moduleContent\":{\"$edgeAgent\":{\"properties.desired\":" BARE "}}}",
        "{\"id\":\"x\",\"content\":{\"modulesContent\":{\"$edgeAgent\":{\"properties\":{"
        "\"desired\":" BARE "}}}}}",
        "{\"deviceId\":\"d\",\"properties\":{\"desired\":" BARE ",\"reported\":{}}}",
        "{\"desired\":" BARE ",\"reported\":{}}",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        EDGE_CLEANUP(agent_desired_free) struct agent_desired *d = deployment_must(texts[i]);

        assert_int_equal(d->version, 4);
        assert_int_equal(d->nmodules, 1);
        assert_string_equal(d->modules[0].name, "cam");
    }
}

static void test_an_empty_wrapping_is_empty(void **state)
{
    (void) state;

    deployment_refused("{\"modulesContent\":{\"$edgeAgent\":{\"properties.desired\":{}}}}",
                       EDGE_EEMPTY, "the deployment is empty");
    deployment_refused("{\"properties\":{\"desired\":{\"$version\":1},\"reported\":{}}}",
                       EDGE_EEMPTY, "the deployment is empty");
}

static void test_layers_are_merged_into_the_base(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        "{\"modulesContent\":{\"$edgeAgent\":{"
        "\"properties.desired.modules.cam.env.X\":{\"value\":\"1\"},"
        "\"properties.desired.modules.two\":{\"type\":\"docker\",\"status\":\"stopped\","
        "\"settings\":{\"image\":\"b\"}},"
        "\"properties.desired.modules.old\":null,"
        "\"properties.desired\":{" RUNTIME "," SYSTEM
        ",\"modules\":{" MODULE("cam", "") "," MODULE("old", "") "}}}}}");
    (void) state;

    assert_int_equal(d->nmodules, 2);
    assert_string_equal(d->modules[0].name, "cam");
    assert_int_equal(d->modules[0].nenv, 1);
    assert_string_equal(d->modules[0].env[0].value, "1");
    assert_string_equal(d->modules[1].name, "two");
}

static void test_layers_alone_make_a_document(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        "{\"properties.desired.schemaVersion\":\"1.1\",\"properties.desired.runtime.type\":"
        "\"docker\",\"properties.desired.systemModules\":{},"
        "\"properties.desired.modules.cam\":{\"type\":\"docker\",\"status\":\"running\","
        "\"settings\":{\"image\":\"a\"}}}");
    (void) state;

    assert_int_equal(d->nmodules, 1);
}

static void test_odd_layers_are_refused(void **state)
{
    (void) state;

    deployment_refused("{\"properties.desired.\":1}", EDGE_EINVALID,
                       "properties.desired.: names nothing");
    deployment_refused("{\"properties.desired\":1}", EDGE_EINVALID,
                       "properties.desired: must be an object");
    deployment_refused("{\"properties.desired.a.b.c.d.e.f.g.h.i.j.k.l\":1}", EDGE_EINVALID,
                       "properties.desired.a.b.c.d.e.f.g.h.i.j.k.l: has too many parts");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_known_wrapping_comes_off),
        cmocka_unit_test(test_an_empty_wrapping_is_empty),
        cmocka_unit_test(test_layers_are_merged_into_the_base),
        cmocka_unit_test(test_layers_alone_make_a_document),
        cmocka_unit_test(test_odd_layers_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
