#include "tests/unit/test.h"

#include "tests/unit/agent/deployment.h"

static void test_schema_versions(void **state)
{
    static const struct {
        const char *version;
        int code;
    } vectors[] = {
        {"\"1.0\"", 0},
        {"\"1.1\"", 0},
        {"\"1.1.0\"", 0},
        {"\"1.0.7\"", 0},
        {"\"1.0.7.9\"", 0},
        {"1.1", 0},
        {"1.0", 0},
        {"\"1\"", EDGE_ESCHEMA},
        {"1", EDGE_ESCHEMA},
        {"\"0.1\"", EDGE_ESCHEMA},
        {"\"1.1.0.0\"", EDGE_ESCHEMA},
        {"\"1.1.1\"", EDGE_ESCHEMA},
        {"\"1.2\"", EDGE_ESCHEMA},
        {"\"2.0\"", EDGE_ESCHEMA},
        {"\"2.0.1\"", EDGE_ESCHEMA},
        {"\"\"", EDGE_ESCHEMA},
        {"\"one\"", EDGE_ESCHEMA},
        {"\"1.\"", EDGE_ESCHEMA},
        {"\"1.0.\"", EDGE_ESCHEMA},
        {"\"-1.0\"", EDGE_ESCHEMA},
        {"\"1.0.0.0.0\"", EDGE_ESCHEMA},
        {"\"1.99999999999999999999\"", EDGE_ESCHEMA},
        {"null", EDGE_EINVALID},
        {"{}", EDGE_EINVALID},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = NULL;
        EDGE_CLEANUP(edge_free)
        char *text =
            edge_format("{\"schemaVersion\":%s,\"runtime\":{\"type\":\"docker\"}," SYSTEM "}",
                        vectors[i].version);

        assert_int_equal(deployment_parse(text, &desired, NULL), vectors[i].code);
    }
    deployment_refused("{\"runtime\":{\"type\":\"docker\"}," SYSTEM "}", EDGE_EINVALID,
                       "schemaVersion: is missing");
    deployment_refused("{\"schemaVersion\":\"1.2\"}", EDGE_ESCHEMA,
                       "schemaVersion: \"1.2\" is not supported: 1.0 to 1.1.0 are");
}

static void test_an_empty_twin_is_told_apart_from_a_bad_one(void **state)
{
    (void) state;

    deployment_refused("{}", EDGE_EEMPTY, "the deployment is empty");
    deployment_refused("{\"$version\":3,\"$metadata\":{\"x\":1}}", EDGE_EEMPTY,
                       "the deployment is empty");
    deployment_refused("{\"other\":1}", EDGE_EINVALID, "schemaVersion: is missing");
    deployment_refused("[]", EDGE_EINVALID, "the deployment must be an object, not an array");
    deployment_refused("", EDGE_EINVALID,
                       "the deployment: not valid JSON: it ends too early, after 0 bytes");
    assert_int_equal(agent_desired_status(EDGE_EEMPTY), 417);
    assert_int_equal(agent_desired_status(EDGE_EINVALID), 400);
    assert_int_equal(agent_desired_status(EDGE_ELIMIT), 400);
    assert_int_equal(agent_desired_status(EDGE_ESCHEMA), 412);
    assert_int_equal(agent_desired_status(0), 200);
    assert_int_equal(agent_desired_status(-12), 500);
}

static void test_the_runtime_must_be_docker(void **state)
{
    (void) state;

    deployment_refused("{\"schemaVersion\":\"1.0\"}", EDGE_EINVALID, "runtime: is missing");
    deployment_refused("{\"schemaVersion\":\"1.0\",\"runtime\":{\"type\":\"Docker\"}}",
                       EDGE_EINVALID, "runtime.type: must be \"docker\", not \"Docker\"");
    deployment_refused("{\"schemaVersion\":\"1.0\",\"runtime\":{}}", EDGE_EINVALID,
                       "runtime.type: is missing");
    deployment_refused("{\"schemaVersion\":\"1.0\",\"runtime\":[]}", EDGE_EINVALID,
                       "runtime: must be an object, not an array");
    deployment_refused("{" RUNTIME "}", EDGE_EINVALID, "systemModules: is missing");
    deployment_refused("{" RUNTIME ",\"systemModules\":1}", EDGE_EINVALID,
                       "systemModules: must be an object, not a number");
}

static void test_runtime_settings_are_kept(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        "{\"$version\":7,\"schemaVersion\":1.0,\"Runtime\":{\"TYPE\":\"docker\",\"settings\":{"
        "\"minDockerVersion\":\"v1.25\",\"loggingOptions\":\"\",\"registryCredentials\":{"
        "\"acr\":{\"address\":\"x.azurecr.io\",\"username\":\"u\",\"password\":12}}}}," SYSTEM "}");
    (void) state;

    assert_int_equal(d->version, 7);
    assert_string_equal(d->schema_version, "1.0");
    assert_string_equal(d->min_docker_version, "v1.25");
    assert_string_equal(d->logging_options, "");
    assert_int_equal(d->ncredentials, 1);
    assert_string_equal(d->credentials[0].label, "acr");
    assert_string_equal(d->credentials[0].address, "x.azurecr.io");
    assert_string_equal(d->credentials[0].username, "u");
    assert_string_equal(d->credentials[0].password, "12");
    assert_null(d->edge_agent);
    assert_int_equal(d->nmodules, 0);
}

#define CREDENTIAL(json)                                                                           \
    "{\"schemaVersion\":\"1.1\",\"runtime\":{\"type\":\"docker\",\"settings\":{"                   \
    "\"registryCredentials\":{\"r\":" json "}}}," SYSTEM "}"
#define AT_R "runtime.settings.registryCredentials.r: "

static void test_credentials_are_whole_or_wrong(void **state)
{
    (void) state;

    deployment_refused(CREDENTIAL("{\"address\":\"a\",\"username\":\"u\"}"), EDGE_EINVALID,
                       "runtime.settings.registryCredentials.r.password: is missing");
    deployment_refused(CREDENTIAL("{\"address\":\"a\",\"username\":\" \",\"password\":\"p\"}"),
                       EDGE_EINVALID, AT_R "address, username and password must not be blank");
    deployment_refused(CREDENTIAL("5"), EDGE_EINVALID,
                       AT_R "must be an object with address, username and password");
    deployment_refused(
        CREDENTIAL("{\"address\":\"$upstream:8000\",\"username\":\"u\",\"password\":\"p\"}"),
        EDGE_EINVALID, AT_R "\"$upstream:8000\" needs a parent device, and this one has none");
}

static void test_upstream_is_the_parent(void **state)
{
    static const char text[] =
        "{\"schemaVersion\":\"1.1\",\"runtime\":{\"type\":\"docker\","
        "\"settings\":{\"registryCredentials\":{\"r\":{\"address\":"
        "\"$upstream:8000\",\"username\":\"u\",\"password\":\"p\"}}}}," SYSTEM
        ",\"modules\":{\"m\":{\"type\":\"docker\",\"status\":\"running\","
        "\"settings\":{\"image\":\"$upstream:443/a/b\"}}}}";
    const struct agent_desired_rules rules = {.upstream = "parent.local"};
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *d = NULL;
    (void) state;

    assert_int_equal(agent_desired_parse(text, sizeof text - 1, &rules, &d, NULL), 0);
    assert_string_equal(d->credentials[0].address, "parent.local:8000");
    assert_string_equal(d->modules[0].image, "$upstream:443/a/b:latest");
}

static void test_a_module_has_the_documented_defaults(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        "{" RUNTIME ",\"systemModules\":{\"edgeAgent\":{\"anything\":1},\"edgeHub\":{"
        "\"type\":\"docker\",\"status\":\"running\",\"version\":\"9\",\"settings\":{\"image\":"
        "\"hub:1\"}}},\"modules\":{" MODULE("cam", "") "}}");
    const struct agent_module_spec *cam = agent_desired_find(d, "cam");
    const struct agent_module_spec *hub = agent_desired_find(d, "edgeHub");
    (void) state;

    assert_int_equal(d->nmodules, 2);
    assert_ptr_equal(cam, &d->modules[0]);
    assert_int_equal(cam->kind, AGENT_MODULE_USER);
    assert_int_equal(cam->want, AGENT_WANT_RUNNING);
    assert_int_equal(cam->policy, AGENT_POLICY_ON_UNHEALTHY);
    assert_int_equal(cam->pull, AGENT_PULL_ON_CREATE);
    assert_int_equal(cam->startup_order, AGENT_STARTUP_LAST);
    assert_string_equal(cam->version, "");
    assert_string_equal(cam->image, "a:latest");
    assert_string_equal(cam->digest, "");
    assert_int_equal(cam->nenv, 0);
    assert_int_equal(edge_json_len(cam->create_options), 0);
    assert_int_equal(hub->kind, AGENT_MODULE_EDGE_HUB);
    assert_int_equal(hub->policy, AGENT_POLICY_ALWAYS);
    assert_string_equal(hub->version, "");
    assert_int_equal(edge_json_int(edge_json_get(d->edge_agent, "anything"), 0), 1);
    assert_null(agent_desired_find(d, "edgeAgent"));
    assert_null(agent_desired_find(d, "Cam"));
}

static void test_all_members_are_read_whatever_their_case(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(
        DOC("\"cam\":{\"Type\":\"docker\",\"STATUS\":\"Stopped\",\"restartpolicy\":\"ALWAYS\","
            "\"ImagePullPolicy\":\"Never\",\"startuporder\":\"12\",\"Version\":1.50,"
            "\"Env\":{\"B\":{\"VALUE\":true},\"A\":{\"value\":\"x\"},\"C\":{},\"D\":null,"
            "\"E\":{\"value\":null}},\"Settings\":{\"Image\":\" a:1 \",\"digest\":\"sha256:x\"},"
            "\"configuration\":{\"id\":\"z\"},\"unknown\":[1]}"));
    const struct agent_module_spec *cam = agent_desired_find(d, "cam");
    (void) state;

    assert_int_equal(cam->want, AGENT_WANT_STOPPED);
    assert_int_equal(cam->policy, AGENT_POLICY_ALWAYS);
    assert_int_equal(cam->pull, AGENT_PULL_NEVER);
    assert_int_equal(cam->startup_order, 12);
    assert_string_equal(cam->version, "1.50");
    assert_string_equal(cam->image, "a:1");
    assert_string_equal(cam->digest, "sha256:x");
    assert_int_equal(cam->nenv, 4);
    assert_string_equal(cam->env[0].name, "A");
    assert_string_equal(cam->env[0].value, "x");
    assert_string_equal(cam->env[1].value, "true");
    assert_string_equal(cam->env[2].value, "");
    assert_string_equal(cam->env[3].name, "E");
    assert_string_equal(cam->env[3].value, "");
}

static void test_of_two_spellings_the_exact_one_counts(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d =
        deployment_must(DOC("\"cam\":{\"STATUS\":\"stopped\",\"type\":\"docker\","
                            "\"status\":\"running\",\"Status\":5,\"settings\":{\"IMAGE\":\"b\","
                            "\"image\":\"a\"}}"));
    (void) state;

    assert_int_equal(d->modules[0].want, AGENT_WANT_RUNNING);
    assert_string_equal(d->modules[0].image, "a:latest");
}

static void test_a_policy_may_be_a_number(void **state)
{
    (void) state;

    for (int i = 0; i < 4; i++) {
        EDGE_CLEANUP(edge_free)
        char *text = edge_format(DOC(MODULE("cam", "\"restartPolicy\":%d,")), i);
        EDGE_CLEANUP(agent_desired_free) struct agent_desired *d = deployment_must(text);

        assert_int_equal(d->modules[0].policy, i);
    }
}

#define CAM        "module \"cam\": "
#define ONE_POLICY "must be \"never\", \"on-failure\", \"on-unhealthy\" or \"always\", not "

static void test_bad_members_are_named(void **state)
{
    static const struct {
        const char *more;
        const char *error;
    } vectors[] = {
        {"\"restartPolicy\":null,", CAM "restartPolicy: " ONE_POLICY "null"},
        {"\"restartPolicy\":4,", CAM "restartPolicy: " ONE_POLICY "a number"},
        {"\"restartPolicy\":\"unknown\",", CAM "restartPolicy: " ONE_POLICY "\"unknown\""},
        {"\"imagePullPolicy\":\"always\",",
         CAM "imagePullPolicy: must be \"on-create\" or \"never\", not \"always\""},
        {"\"startupOrder\":-1,", CAM "startupOrder: must be a whole number from 0 to 4294967295"},
        {"\"startupOrder\":4294967296,",
         CAM "startupOrder: must be a whole number from 0 to 4294967295"},
        {"\"startupOrder\":1.5,", CAM "startupOrder: must be a whole number from 0 to 4294967295"},
        {"\"startupOrder\":null,", CAM "startupOrder: must be a whole number from 0 to 4294967295"},
        {"\"startupOrder\":\"first\",",
         CAM "startupOrder: must be a whole number from 0 to 4294967295"},
        {"\"version\":{},", CAM "version: must be a text, not an object"},
        {"\"env\":[],", CAM "env: must be an object, not an array"},
        {"\"env\":{\"A\":\"x\"},",
         CAM "env.A: must be an object such as {\"value\": \"text\"}, not a text"},
        {"\"env\":{\"A\":{\"value\":[]}},", CAM "env.A: must be a text, not an array"},
        {"\"env\":{\"A=B\":{\"value\":\"\"}},",
         CAM "env.A=B: the name of a variable must be a text without \"=\""},
        {"\"env\":{\"\":{\"value\":\"\"}},",
         CAM "env.: the name of a variable must be a text without \"=\""},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        EDGE_CLEANUP(edge_free)
        char *text = edge_format("{" RUNTIME "," SYSTEM ",\"modules\":{\"cam\":{%s\"type\":"
                                 "\"docker\",\"status\":\"running\",\"settings\":{\"image\":\"a\""
                                 "}}}}",
                                 vectors[i].more);

        deployment_refused(text, EDGE_EINVALID, vectors[i].error);
    }
}

static void test_what_a_module_needs(void **state)
{
    (void) state;

    deployment_refused(DOC("\"cam\":5"), EDGE_EINVALID,
                       CAM "the module: must be an object, not a number");
    deployment_refused(DOC("\"cam\":{}"), EDGE_EINVALID, CAM "type: is missing");
    deployment_refused(DOC("\"cam\":{\"type\":\"wasm\"}"), EDGE_EINVALID,
                       CAM "type: must be \"docker\", not \"wasm\"");
    deployment_refused(DOC("\"cam\":{\"type\":\"docker\"}"), EDGE_EINVALID,
                       CAM "status: is missing: \"running\" or \"stopped\"");
    deployment_refused(DOC("\"cam\":{\"type\":\"docker\",\"status\":\"backoff\"}"), EDGE_EINVALID,
                       CAM "status: must be \"running\" or \"stopped\", not \"backoff\"");
    deployment_refused(DOC("\"cam\":{\"type\":\"docker\",\"status\":\"running\"}"), EDGE_EINVALID,
                       CAM "settings: is missing");
    deployment_refused(SETTINGS(""), EDGE_EINVALID, CAM "settings.image: is missing");
    deployment_refused(SETTINGS("\"image\":\" \""), EDGE_EINVALID, CAM "settings.image: is blank");
    deployment_refused("{" RUNTIME ",\"systemModules\":{\"edgeHub\":{\"type\":\"docker\"}}}",
                       EDGE_EINVALID,
                       "module \"edgeHub\": status: is missing: \"running\" or \"stopped\"");
    deployment_refused("{" RUNTIME ",\"systemModules\":{\"edgeAgent\":[]}}", EDGE_EINVALID,
                       "systemModules.edgeAgent: must be an object, not an array");
}

static void test_module_names(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *d = deployment_must(DOC(MODULE("b", "") "," MODULE(
        "Az09-:.+%_#*?!(),=@;$'", "") "," MODULE("B", "") ",\"gone\":null"));
    (void) state;

    assert_int_equal(d->nmodules, 3);
    assert_string_equal(d->modules[1].name, "B");
    deployment_refused(DOC(MODULE("", "")), EDGE_EINVALID,
                       "modules: the name \"\" must have 1 to 128 characters");
    deployment_refused(DOC(MODULE("a/b", "")), EDGE_EINVALID,
                       "modules: the name \"a/b\" holds a character that IoT Hub does not allow");
    deployment_refused(DOC(MODULE("EdgeHub", "")), EDGE_EINVALID,
                       "modules: the name \"EdgeHub\" belongs to systemModules");
    deployment_refused(DOC(MODULE("$edgeAgent", "")), EDGE_EINVALID,
                       "modules: the name \"$edgeAgent\" belongs to systemModules");
}

static void test_images(void **state)
{
    static const struct {
        const char *image;
        const char *expected; /* NULL: refused */
    } vectors[] = {
        {"a", "a:latest"},
        {"a:latest", "a:latest"},
        {"localhost:5000/x/y", "localhost:5000/x/y:latest"},
        {"localhost:5000/x/y:1.2", "localhost:5000/x/y:1.2"},
        {"a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "a@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {"r.io/a:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
         "r.io/a:1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"},
        {"a:1:2", NULL},
        {"a:", NULL},
        {"a/", NULL},
        {"/a", NULL},
        {":1", NULL},
        {"a b", NULL},
        {"https://a", NULL},
        {"a@sha256:xyz", NULL},
        {"a@sha256", NULL},
        {"$parent:1/a", NULL},
        {"$upstream/a", NULL},
        {"$upstream:0/a", NULL},
        {"$upstream:443/a", NULL}, /* no parent here */
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        EDGE_CLEANUP(agent_desired_free) struct agent_desired *d = NULL;
        EDGE_CLEANUP(edge_free)
        char *text = edge_format("{" RUNTIME "," SYSTEM ",\"modules\":{\"cam\":{\"type\":"
                                 "\"docker\",\"status\":\"running\",\"settings\":{\"image\":\"%s\""
                                 "}}}}",
                                 vectors[i].image);
        int rc = deployment_parse(text, &d, NULL);

        assert_int_equal(rc, vectors[i].expected ? 0 : EDGE_EINVALID);
        if (vectors[i].expected)
            assert_string_equal(d->modules[0].image, vectors[i].expected);
    }
}

static void test_growth_has_limits(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 20);
    EDGE_CLEANUP(edge_free) char *big = calloc(1, (1 << 20) + 2);
    (void) state;

    assert_non_null(big);
    memset(big, ' ', (1 << 20) + 1);
    deployment_refused(big, EDGE_ELIMIT, "the deployment has more than 1048576 bytes");
    edge_buf_puts(&text, "{" RUNTIME "," SYSTEM ",\"modules\":{");
    for (int i = 0; i < 201; i++)
        edge_buf_printf(&text, "%s\"m%d\":{}", i ? "," : "", i);
    edge_buf_puts(&text, "}}");
    deployment_refused(text.data, EDGE_ELIMIT, "modules: more than 200");
    edge_buf_fini(&text);
    edge_buf_puts(&text, "{" RUNTIME "," SYSTEM ",\"modules\":{\"cam\":{\"type\":\"docker\","
                         "\"status\":\"running\",\"env\":{");
    for (int i = 0; i < 1001; i++)
        edge_buf_printf(&text, "%s\"V%d\":{}", i ? "," : "", i);
    edge_buf_puts(&text, "}}}}");
    deployment_refused(text.data, EDGE_ELIMIT, CAM "env: more than 1000 variables");
}

static void test_a_file_may_leave_system_modules_out(void **state)
{
    static const char text[] = "{" RUNTIME ",\"modules\":{" MODULE("cam", "") "}}";
    const struct agent_desired_rules rules = {.system_modules_optional = true};
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *d = NULL;
    (void) state;

    assert_int_equal(agent_desired_parse(text, sizeof text - 1, &rules, &d, NULL), 0);
    assert_int_equal(d->nmodules, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_versions),
        cmocka_unit_test(test_an_empty_twin_is_told_apart_from_a_bad_one),
        cmocka_unit_test(test_the_runtime_must_be_docker),
        cmocka_unit_test(test_runtime_settings_are_kept),
        cmocka_unit_test(test_credentials_are_whole_or_wrong),
        cmocka_unit_test(test_upstream_is_the_parent),
        cmocka_unit_test(test_a_module_has_the_documented_defaults),
        cmocka_unit_test(test_all_members_are_read_whatever_their_case),
        cmocka_unit_test(test_of_two_spellings_the_exact_one_counts),
        cmocka_unit_test(test_a_policy_may_be_a_number),
        cmocka_unit_test(test_bad_members_are_named),
        cmocka_unit_test(test_what_a_module_needs),
        cmocka_unit_test(test_module_names),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_growth_has_limits),
        cmocka_unit_test(test_a_file_may_leave_system_modules_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
