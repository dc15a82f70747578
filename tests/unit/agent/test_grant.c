/* What a module's container is given where the cloud drives the device. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/runtime/grant.h"
#include "common/base/bytes.h"

static char hub[] = "h.azure-devices.net";
static char device[] = "dev1";
static char module[] = "cam";
static char generation[] = "637";
static char workload[] = "/run/edge/workload/cam";

static const struct agent_grant grant = {hub, device, module, generation, workload};
static const struct agent_surroundings around = {
    .hostname = "gate.local", .log_level = "debug", .upstream = "MqttWs"};

static struct agent_module_spec *spec_must(const char *name, const char *env)
{
    EDGE_CLEANUP(edge_free)
    char *text = edge_format("{\"name\":\"%s\",\"image\":\"a:1\",\"env\":{%s}}", name, env);
    struct agent_module_spec *spec = NULL;
    struct edge_err err = {0};

    assert_non_null(text);
    if (agent_module_spec_parse(text, strlen(text), &spec, &err) < 0)
        fail_msg("%s", err.text);
    return spec;
}

/* The value that counts: the last one. */
static const char *value_of(char **env, const char *name)
{
    const char *found = NULL;

    for (char **at = env; *at; at++) {
        if (strncmp(*at, name, strlen(name)) == 0 && (*at)[strlen(name)] == '=')
            found = *at + strlen(name) + 1;
    }
    return found;
}

static void assert_env(char **env, const char *name, const char *expected)
{
    const char *value = value_of(env, name);

    if (!expected && value)
        fail_msg("%s is \"%s\", should not be there", name, value);
    if (expected && (!value || strcmp(value, expected) != 0))
        fail_msg("%s is \"%s\" instead of \"%s\"", name, value ? value : "absent", expected);
}

static void test_a_module_is_told_who_it_is(void **state)
{
    EDGE_CLEANUP(agent_module_spec_free)
    struct agent_module_spec *spec = spec_must("cam", "\"A\":\"1\"");
    EDGE_CLEANUP(agent_strv_free) char **env = agent_grant_env(spec, &grant, &around);
    (void) state;

    assert_non_null(env);
    assert_env(env, "A", "1");
    assert_env(env, "IOTEDGE_WORKLOADURI", "unix:///var/run/iotedge/workload.sock");
    assert_env(env, "IOTEDGE_AUTHSCHEME", "sasToken");
    assert_env(env, "IOTEDGE_MODULEGENERATIONID", "637");
    assert_env(env, "IOTEDGE_IOTHUBHOSTNAME", "h.azure-devices.net");
    assert_env(env, "IOTEDGE_DEVICEID", "dev1");
    assert_env(env, "IOTEDGE_MODULEID", "cam");
    assert_env(env, "IOTEDGE_GATEWAYHOSTNAME", "gate.local");
    assert_env(env, "IOTEDGE_APIVERSION", "2022-08-03");
    assert_env(env, "RuntimeLogLevel", "debug");
    assert_env(env, "UpstreamProtocol", "MqttWs");
    assert_env(env, "IOTEDGE_PARENTHOSTNAME", NULL);
    assert_env(env, "EdgeDeviceHostName", NULL);
}

static void test_the_hub_is_told_the_devices_name_and_no_gateway(void **state)
{
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *spec = spec_must("edgeHub", "");
    EDGE_CLEANUP(agent_strv_free) char **env = agent_grant_env(spec, &grant, &around);
    char id[130];
    (void) state;

    assert_non_null(env);
    assert_env(env, "EdgeDeviceHostName", "gate.local");
    assert_env(env, "IOTEDGE_GATEWAYHOSTNAME", NULL);
    assert_string_equal(agent_grant_module_id("edgeHub", id), "$edgeHub");
    assert_string_equal(agent_grant_module_id("cam", id), "cam");
}

static void test_behind_a_parent(void **state)
{
    const struct agent_surroundings nested = {.hostname = "gate.local", .parent = "up.local"};
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *cam = spec_must("cam", "");
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *sys = spec_must("edgeHub", "");
    EDGE_CLEANUP(agent_strv_free) char **cam_env = agent_grant_env(cam, &grant, &nested);
    EDGE_CLEANUP(agent_strv_free) char **hub_env = agent_grant_env(sys, &grant, &nested);
    (void) state;

    assert_env(cam_env, "IOTEDGE_GATEWAYHOSTNAME", "gate.local");
    assert_env(cam_env, "IOTEDGE_PARENTHOSTNAME", "up.local");
    assert_env(hub_env, "IOTEDGE_GATEWAYHOSTNAME", "up.local");
    assert_env(hub_env, "IOTEDGE_PARENTHOSTNAME", NULL);
    assert_env(cam_env, "RuntimeLogLevel", NULL);
}

static void test_who_it_is_cannot_be_changed_but_log_level_and_protocol_can(void **state)
{
    EDGE_CLEANUP(agent_module_spec_free)
    struct agent_module_spec *spec =
        spec_must("cam", "\"IOTEDGE_DEVICEID\":\"other\",\"runtimeloglevel\":\"error\","
                         "\"UPSTREAMPROTOCOL\":\"Amqp\"");
    EDGE_CLEANUP(agent_strv_free) char **env = agent_grant_env(spec, &grant, &around);
    (void) state;

    assert_non_null(env);
    assert_env(env, "IOTEDGE_DEVICEID", "dev1");
    assert_env(env, "runtimeloglevel", "error");
    assert_env(env, "RuntimeLogLevel", NULL);
    assert_env(env, "UPSTREAMPROTOCOL", "Amqp");
    assert_env(env, "UpstreamProtocol", NULL);
    assert_string_equal(agent_grant_hides(spec, &around), "IOTEDGE_DEVICEID");
}

static void test_without_an_identity_there_is_the_modules_env_alone(void **state)
{
    EDGE_CLEANUP(agent_module_spec_free)
    struct agent_module_spec *spec = spec_must("cam", "\"IOTEDGE_DEVICEID\":\"mine\"");
    EDGE_CLEANUP(agent_strv_free) char **env = agent_grant_env(spec, NULL, &around);
    (void) state;

    assert_non_null(env);
    assert_string_equal(env[0], "IOTEDGE_DEVICEID=mine");
    assert_null(env[1]);
}

static void test_another_identity_needs_another_container(void **state)
{
    static char later[] = "638";
    const struct agent_grant again = {hub, device, module, later, workload};
    EDGE_CLEANUP(edge_free) char *label = agent_grant_text(&grant);
    (void) state;

    assert_true(agent_grant_fits(&grant, label));
    assert_false(agent_grant_fits(&again, label));
    assert_false(agent_grant_fits(&grant, NULL)); /* made without one */
    assert_true(agent_grant_fits(NULL, label));   /* no cloud any more: it may stay */
    assert_true(agent_grant_fits(NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_module_is_told_who_it_is),
        cmocka_unit_test(test_the_hub_is_told_the_devices_name_and_no_gateway),
        cmocka_unit_test(test_behind_a_parent),
        cmocka_unit_test(test_who_it_is_cannot_be_changed_but_log_level_and_protocol_can),
        cmocka_unit_test(test_without_an_identity_there_is_the_modules_env_alone),
        cmocka_unit_test(test_another_identity_needs_another_container),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
