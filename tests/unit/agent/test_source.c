/* The twin as the source of deployments. */
#include "deployment.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "agent/source/source.h"
#include "common/base/file.h"

static struct world {
    char folder[40];
    struct edge_loop *loop;
    struct agent_state *state;
    struct agent_source *source;
    struct agent_desired *desired; /* handed over last */
    int handed;
    bool running; /* the loop, until the next one is handed over */
} w;

static void on_desired(struct agent_desired *desired, void *arg)
{
    (void) arg;
    agent_desired_free(w.desired);
    w.desired = desired;
    w.handed++;
    if (w.running)
        edge_loop_stop(w.loop);
}

static void open_source(void)
{
    EDGE_CLEANUP(edge_free) char *db = edge_format("%s/agent.db", w.folder);
    struct agent_source_config config = {
        .rules = {.reserved = "/var/run/iotedge"},
        .retry_ms = 50,
        .on_desired = on_desired,
    };
    struct edge_err err = {0};

    w.handed = 0;
    assert_int_equal(edge_loop_create(&w.loop), 0);
    assert_int_equal(agent_state_open(db, &w.state, &err), 0);
    config.loop = w.loop;
    config.state = w.state;
    assert_int_equal(agent_source_open(&config, &w.source, &err), 0);
}

static void close_source(void)
{
    w.source = agent_source_close(w.source);
    w.loop = edge_loop_destroy(w.loop);
    w.state = agent_state_close(w.state);
    w.desired = agent_desired_free(w.desired);
}

static int set_up(void **state)
{
    (void) state;
    w = (struct world){.folder = "/tmp/test-source-XXXXXX"};
    if (!mkdtemp(w.folder))
        return -1;
    open_source();
    return 0;
}

static int tear_down(void **state)
{
    (void) state;
    close_source();
    return edge_remove_tree(w.folder, NULL);
}

static int twin(const char *text, int64_t version)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *desired = NULL;

    assert_int_equal(edge_json_parse(text, strlen(text), &desired, NULL), 0);
    return agent_source_twin(w.source, desired, version);
}

static void assert_status(int code, const char *text)
{
    const char *now;

    assert_int_equal(agent_source_status(w.source, &now), code);
    assert_string_equal(now, text);
}

#define ONE DOC(MODULE("cam", ""))
#define BAD DOC("\"cam\":{\"type\":\"docker\",\"status\":\"up\",\"settings\":{\"image\":\"a\"}}")

static void test_a_deployment_is_handed_over_with_its_version(void **state)
{
    (void) state;

    assert_status(406, "no deployment yet");
    assert_int_equal(twin(ONE, 7), 0);
    assert_int_equal(w.handed, 1);
    assert_int_equal(w.desired->version, 7);
    assert_int_equal(agent_source_version(w.source), 7);
    assert_status(200, "");
    assert_int_equal(twin(ONE, 7), 0); /* the same again after a reconnect */
    assert_int_equal(w.handed, 1);
    assert_int_equal(twin(ONE, 8), 0);
    assert_int_equal(w.handed, 2);
}

static void test_it_is_there_again_without_the_cloud(void **state)
{
    (void) state;

    assert_int_equal(twin(ONE, 7), 0);
    close_source();
    open_source();
    assert_int_equal(w.handed, 1);
    assert_int_equal(w.desired->nmodules, 1);
    assert_int_equal(agent_source_version(w.source), 7);
    assert_int_equal(twin(ONE, 7), 0);
    assert_int_equal(w.handed, 1);
}

static void test_what_is_refused_changes_nothing(void **state)
{
    (void) state;

    assert_int_equal(twin(ONE, 7), 0);
    assert_int_equal(twin(BAD, 8), EDGE_EINVALID);
    assert_status(400, "module \"cam\": status: must be \"running\" or \"stopped\", not \"up\"");
    assert_int_equal(twin("{\"schemaVersion\":\"2.0\"}", 9), EDGE_ESCHEMA);
    assert_status(412, "schemaVersion: \"2.0\" is not supported: 1.0 to 1.1.0 are");
    assert_int_equal(twin("{}", 10), EDGE_EEMPTY);
    assert_status(417, "the deployment is empty");
    assert_int_equal(w.handed, 1);
    assert_int_equal(agent_source_version(w.source), 7);

    close_source(); /* nor in the next life */
    open_source();
    assert_int_equal(w.desired->version, 7);
}

static void test_back_to_the_good_one_is_good_again(void **state)
{
    (void) state;

    assert_int_equal(twin(ONE, 7), 0);
    assert_int_equal(twin(BAD, 8), EDGE_EINVALID);
    assert_int_equal(twin(ONE, 7), 0);
    assert_status(200, "");
}

/* What IoT Edge stumbles over: agent.md 13.12. */
static void test_guards_name_the_module_and_the_member(void **state)
{
    static const struct {
        const char *document;
        const char *text;
    } refused[] = {
        {SETTINGS("\"image\":\"$upstream:443/a:1\""),
         "module \"cam\": settings.image: image reference \"$upstream:443/a:1\": $upstream is "
         "the parent device, and none is configured"},
        {SETTINGS("\"image\":\"a\",\"createOptions\":{\"HostConfig\":{\"Binds\":["
                  "\"/tmp:/var/run/iotedge/workload.sock\"]}}"),
         "module \"cam\": settings.createOptions: HostConfig: a mount on "
         "/var/run/iotedge/workload.sock would hide the workload socket: remove it, the runtime "
         "mounts it"},
        {SETTINGS("\"image\":\"a\",\"createOptions\":{\"Volumes\":{\"/var/run/iotedge\":{}}}"),
         "module \"cam\": settings.createOptions: HostConfig: a mount on /var/run/iotedge would "
         "hide the workload socket: remove it, the runtime mounts it"},
        {DOC(MODULE("$edgeAgent", "")),
         "modules: the name \"$edgeAgent\" belongs to systemModules"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(refused); i++) {
        assert_int_equal(twin(refused[i].document, (int64_t) i + 1), EDGE_EINVALID);
        assert_status(400, refused[i].text);
    }
    assert_int_equal(w.handed, 0);
    assert_int_equal(twin(SETTINGS("\"image\":\"a\",\"createOptions\":{\"HostConfig\":{\"Binds\":["
                                   "\"/tmp:/var/run/iotedge2\"]}}"),
                          20),
                     0);
}

static void test_a_deployment_without_the_agent_is_taken(void **state)
{
    (void) state;

    assert_int_equal(twin(ONE, 1), 0); /* systemModules is empty: the agent stays nevertheless */
    assert_null(w.desired->edge_agent);
}

static void on_impatience(void *arg)
{
    edge_loop_stop(arg);
}

/* @param soft  bytes that a file may have */
static void limit_files(rlim_t soft)
{
    struct rlimit limit;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = soft == RLIM_INFINITY ? limit.rlim_max : soft;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_what_a_full_disk_did_not_keep_is_tried_again(void **state)
{
    EDGE_CLEANUP(edge_free) char *value = calloc(1, 60001);
    EDGE_CLEANUP(edge_free) char *document = NULL;
    struct edge_timer *patience = edge_timer_create(w.loop, on_impatience, w.loop);
    const char *text;
    (void) state;

    assert_non_null(value);
    memset(value, 'x', 60000);
    document = edge_format(DOC(MODULE("cam", "\"env\":{\"A\":{\"value\":\"%s\"}},")), value);
    signal(SIGXFSZ, SIG_IGN);
    limit_files(32768);
    assert_int_equal(twin(document, 7), EDGE_ESTORE);
    assert_int_equal(agent_source_status(w.source, &text), 500);
    assert_int_equal(w.handed, 0);

    limit_files(RLIM_INFINITY);
    edge_timer_arm(patience, 20000);
    w.running = true;
    edge_loop_run(w.loop);
    edge_timer_destroy(patience);
    assert_int_equal(w.handed, 1);
    assert_status(200, "");
    assert_int_equal(agent_source_version(w.source), 7);
}

static void test_nobody_else_deploys(void **state)
{
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(agent_source_apply(w.source, ONE, strlen(ONE), &err), EDGE_ECONFLICT);
    assert_string_equal(err.text, "the deployment comes from IoT Hub: change it there, or set "
                                  "provisioning.source to file");
    assert_int_equal(w.handed, 0);
    assert_status(406, "no deployment yet");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_deployment_is_handed_over_with_its_version),
        TEST(test_it_is_there_again_without_the_cloud),
        TEST(test_what_is_refused_changes_nothing),
        TEST(test_back_to_the_good_one_is_good_again),
        TEST(test_guards_name_the_module_and_the_member),
        TEST(test_a_deployment_without_the_agent_is_taken),
        TEST(test_what_a_full_disk_did_not_keep_is_tried_again),
        TEST(test_nobody_else_deploys),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
