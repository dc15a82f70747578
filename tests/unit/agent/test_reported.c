#include "tests/unit/agent/quotes.h"

#include <stdio.h>

#include "agent/cloud/reported.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/iothub/twin.h"

static const char deployment[] =
    "{'schemaVersion':'1.1','runtime':{'type':'docker','settings':{'minDockerVersion':'v1.25',"
    "'registryCredentials':{'main':{'address':'r.example','username':'u','password':'p4ss'}}}},"
    "'systemModules':{"
    "'edgeAgent':{'type':'docker','env':{'RuntimeLogLevel':{'value':'debug'}},"
    "'settings':{'image':'mcr/"
    "agent:1.5','createOptions':'{\\\"Labels\\\":{\\\"a\\\":\\\"b\\\"}}'}},"
    "'edgeHub':{'type':'docker','status':'running','restartPolicy':'always',"
    "'settings':{'image':'mcr/hub:1.5'}}},"
    "'modules':{'cam':{'type':'docker','status':'running','restartPolicy':'always','version':'7',"
    "'startupOrder':3,'env':{'LEVEL':{'value':'5'},'DB_PASSWORD':{'value':'hunter2'},"
    "'CONN':{'value':'HostName=h;SharedAccessKey=abc='}},"
    "'settings':{'image':'r.example/"
    "cam:1','createOptions':'{\\\"Env\\\":[\\\"API_KEY=k1\\\",\\\"A=1\\\"]}'}},"
    "'late':{'type':'docker','status':'stopped','settings':{'image':'late'}}}}";

static const char list_text[] =
    "[{'name':'cam','status':'running','description':'Up 3 minutes','image':'r.example/cam:1',"
    "'imageHash':'sha256:11','version':'7','restartPolicy':'always','startupOrder':3,"
    "'desiredStatus':'running','exitCode':0,'restartCount':2,"
    "'startedAt':'2026-01-02T03:04:05.0000000Z','exitedAt':'2026-01-02T03:04:00.0000000Z',"
    "'lastRestartAt':'2026-01-02T03:04:05.0000000Z','containerId':'x','address':'1.2.3.4'},"
    "{'name':'old','status':'failed','image':'old:1','exitCode':3,'restartPolicy':'never',"
    "'desiredStatus':'removed','containerId':'y'}]";

struct world {
    struct agent_desired *desired;
    struct edge_json *list;
    struct agent_reported_facts facts;
    struct edge_json *made;
};

static void desire(struct world *w, const char *text)
{
    const struct agent_desired_rules rules = {0};
    struct edge_err err = {0};

    EDGE_CLEANUP(edge_free) char *copy = quoted(text);

    if (agent_desired_parse(copy, strlen(copy), &rules, &w->desired, &err) < 0)
        fail_msg("%s", err.text);
    w->facts.desired = w->desired;
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->facts = (struct agent_reported_facts){
        .last_version = 12,
        .code = 200,
        .description = "",
        .agent_started_ns = 1767323045000000000,
    };
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;

    agent_desired_free(w->desired);
    edge_json_free(w->list);
    edge_json_free(w->made);
    free(w);
    return 0;
}

static struct edge_json *make(struct world *w)
{
    w->facts.list = w->list;
    edge_json_free(w->made);
    w->made = agent_reported_make(&w->facts);
    assert_non_null(w->made);
    return w->made;
}

/* "modules/cam/env": the member at the end of the path. */
static struct edge_json *at(struct edge_json *value, const char *path)
{
    EDGE_CLEANUP(edge_free) char *copy = edge_strdup(path);
    char *rest = NULL;

    for (char *name = strtok_r(copy, "/", &rest); name; name = strtok_r(NULL, "/", &rest))
        value = edge_json_get(value, name);
    return value;
}

static const char *text(struct edge_json *value, const char *path)
{
    return edge_json_str(at(value, path), "(none)");
}

static void assert_is(struct edge_json *value, const char *path, const char *expected)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *want = json(expected);
    EDGE_CLEANUP(edge_free) char *seen = edge_json_canonical(path ? at(value, path) : value);
    EDGE_CLEANUP(edge_free) char *wanted = edge_json_canonical(want);

    assert_string_equal(seen, wanted);
}

static void test_a_running_deployment_is_shown_in_iot_edges_words(void **state)
{
    struct world *w = *state;
    struct edge_json *made;

    desire(w, deployment);
    w->list = json(list_text);
    made = make(w);
    assert_is(made, "lastDesiredStatus", "{'code':200,'description':''}");
    assert_int_equal(edge_json_int(at(made, "lastDesiredVersion"), 0), 12);
    assert_string_equal(text(made, "schemaVersion"), "1.0");
    assert_string_equal(text(made, "runtime/platform/os"), "linux");
    assert_is(made, "modules/cam",
              "{'type':'docker','version':'7','status':'running','restartPolicy':'always',"
              "'imagePullPolicy':'on-create','startupOrder':3,"
              "'env':{'LEVEL':{'value':'5'},'DB_PASSWORD':{'value':'***'},'CONN':{'value':'***'}},"
              "'settings':{'image':'r.example/cam:1','imageHash':'sha256:11',"
              "'createOptions':'{\\\"Env\\\":[\\\"API_KEY=***\\\",\\\"A=1\\\"]}'},"
              "'exitCode':0,'statusDescription':'running',"
              "'lastStartTimeUtc':'2026-01-02T03:04:05.0000000Z',"
              "'lastExitTimeUtc':'2026-01-02T03:04:00.0000000Z','restartCount':2,"
              "'lastRestartTimeUtc':'2026-01-02T03:04:05.0000000Z','runtimeStatus':'running'}");
    assert_is(made, "modules/late/env", "{}");
    assert_string_equal(text(made, "modules/late/runtimeStatus"), "unknown");
    assert_string_equal(text(made, "modules/late/status"), "stopped");
    assert_string_equal(text(made, "modules/late/lastStartTimeUtc"), "0001-01-01T00:00:00Z");
    assert_false(edge_json_has(at(made, "modules/late"), "startupOrder"));
    assert_string_equal(text(made, "modules/old/statusDescription"), "exited with code 3");
    assert_string_equal(text(made, "modules/old/status"), "stopped");
    assert_int_equal(edge_json_len(at(made, "modules")), 3);
}

static void test_system_modules_have_their_own_members(void **state)
{
    struct world *w = *state;
    struct edge_json *made;

    desire(w, deployment);
    made = make(w);
    assert_is(made, "systemModules/edgeAgent",
              "{'type':'docker','runtimeStatus':'running','exitCode':0,"
              "'statusDescription':'running','lastStartTimeUtc':'2026-01-02T03:04:05.0000000Z',"
              "'lastExitTimeUtc':'0001-01-01T00:00:00Z','imagePullPolicy':'on-create',"
              "'startupOrder':0,'env':{'RuntimeLogLevel':{'value':'debug'}},"
              "'settings':{'image':'mcr/agent:1.5','imageHash':'',"
              "'createOptions':'{\\\"Labels\\\":{\\\"a\\\":\\\"b\\\"}}'}}");
    assert_false(edge_json_has(at(made, "systemModules/edgeHub"), "version"));
    assert_string_equal(text(made, "systemModules/edgeHub/restartPolicy"), "always");
    assert_string_equal(text(made, "systemModules/edgeHub/runtimeStatus"), "unknown");
}

static void test_no_secret_of_the_deployment_leaves(void **state)
{
    struct world *w = *state;
    EDGE_CLEANUP(edge_free) char *all = NULL;

    desire(w, deployment);
    w->list = json(list_text);
    all = edge_json_text(make(w));
    assert_null(strstr(all, "p4ss"));
    assert_null(strstr(all, "hunter2"));
    assert_null(strstr(all, "SharedAccessKey"));
    assert_null(strstr(all, "k1"));
    assert_is(w->made, "runtime/settings",
              "{'minDockerVersion':'v1.25','loggingOptions':'',"
              "'registryCredentials':{'main':{'address':'r.example','username':'u'}}}");
}

static void test_before_a_deployment_all_is_unknown(void **state)
{
    struct world *w = *state;
    struct edge_json *made;

    w->facts.last_version = 0;
    w->facts.code = 417;
    w->facts.description = "nothing is deployed";
    made = make(w);
    assert_false(edge_json_has(made, "lastDesiredVersion"));
    assert_string_equal(text(made, "runtime/type"), "Unknown");
    assert_is(made, "systemModules/edgeHub", "{'type':'Unknown'}");
    assert_is(made, "modules", "{}");
    assert_is(made, "lastDesiredStatus", "{'code':417,'description':'nothing is deployed'}");
}

static void test_at_the_end_every_module_is_unknown(void **state)
{
    struct world *w = *state;
    struct edge_json *made;

    desire(w, deployment);
    w->list = json(list_text);
    w->facts.code = 406;
    w->facts.description = "Agent is not running";
    made = make(w);
    assert_string_equal(text(made, "modules/cam/runtimeStatus"), "unknown");
    assert_string_equal(text(made, "systemModules/edgeAgent/runtimeStatus"), "unknown");
    assert_string_equal(text(made, "modules/cam/settings/image"), "r.example/cam:1");
}

static const char *description_of(struct world *w, const char *entry)
{
    edge_json_free(w->list);
    w->list = json(entry);
    return text(make(w), "modules/cam/statusDescription");
}

static void test_descriptions_say_what_happens_and_do_not_tick(void **state)
{
    struct world *w = *state;

    desire(w, deployment);
    assert_string_equal(
        description_of(w, "[{'name':'cam','status':'downloading','pull':{'doneBytes':13400000,"
                          "'totalBytes':40000000,'unpacking':false}}]"),
        "Downloading 30 % of 40.0 MB");
    assert_string_equal(text(w->made, "modules/cam/runtimeStatus"), "downloading");
    assert_string_equal(
        description_of(w, "[{'name':'cam','status':'downloading','pull':{'doneBytes':0,"
                          "'totalBytes':0,'unpacking':false}}]"),
        "Downloading");
    assert_string_equal(
        description_of(w, "[{'name':'cam','status':'downloading','pull':{'doneBytes':1,"
                          "'totalBytes':2000000,'unpacking':true}}]"),
        "Unpacking 2.0 MB");
    assert_string_equal(
        description_of(w, "[{'name':'cam','status':'backoff','pull':{'error':'no route'}}]"),
        "Pull failed, tried again: no route");
    assert_string_equal(
        description_of(w, "[{'name':'cam','status':'backoff','exitCode':1,'containerId':'x',"
                          "'note':'start: no such file'}]"),
        "exited with code 1; start: no such file");
    assert_string_equal(description_of(w,
                                       "[{'name':'cam','status':'running','containerId':'x',"
                                       "'pull':{'doneBytes':1,'totalBytes':2,'unpacking':false}}]"),
                        "running");
    assert_string_equal(
        description_of(w, "[{'name':'cam','status':'failed','exitCode':-1,'containerId':'x'}]"),
        "exited, code unknown");
}

static void test_long_create_options_come_in_pieces_that_join_again(void **state)
{
    struct world *w = *state;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf doc = EDGE_BUF_INIT(100000);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf joined = EDGE_BUF_INIT(100000);
    EDGE_CLEANUP(edge_free) char *whole = NULL;
    struct edge_json *settings;

    edge_buf_puts(&doc, "{'schemaVersion':'1.1','runtime':{'type':'docker'},'systemModules':{"
                        "'edgeAgent':{},'edgeHub':{'type':'docker','status':'running','settings':{"
                        "'image':'h'}}},'modules':{'cam':{'type':'docker','status':'running',"
                        "'settings':{'image':'i','createOptions':{'Labels':{'k':'");
    for (int i = 0; i < 700; i++)
        edge_buf_puts(&doc, "\xc3\xa4"); /* two bytes each: no piece ends inside one */
    edge_buf_puts(&doc, "'}}}}}}");
    assert_int_equal(edge_buf_error(&doc), 0);
    desire(w, doc.data);
    settings = at(make(w), "modules/cam/settings");
    for (edge_json_foreach (it, settings)) {
        const char *piece = edge_json_str(it.value, "");

        if (strncmp(it.name, "createOptions", 13) != 0)
            continue;
        assert_in_range(strlen(piece), 1, 512);
        edge_buf_puts(&joined, piece);
    }
    assert_true(edge_json_has(settings, "createOptions02"));
    assert_false(edge_json_has(settings, "createOptions00"));
    whole = edge_json_text(w->desired->modules[0].create_options);
    assert_string_equal(joined.data, whole);
}

/* ---- the limit ---- */

static void desire_many(struct world *w, int n, int options)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf doc = EDGE_BUF_INIT(1 << 20);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf entries = EDGE_BUF_INIT(1 << 20);

    edge_buf_puts(&doc, "{'schemaVersion':'1.1','runtime':{'type':'docker'},'systemModules':{"
                        "'edgeAgent':{},'edgeHub':{'type':'docker','status':'running','settings':{"
                        "'image':'h'}}},'modules':{");
    edge_buf_puts(&entries, "[");
    for (int i = 0; i < n; i++) {
        edge_buf_printf(
            &doc,
            "%s'module%03d':{'type':'docker','status':'running','env':{'SETTING':{"
            "'value':'%0*d'}},'settings':{'image':'registry.example.com/some/module:1.2.3',"
            "'createOptions':{'Labels':{'k':'%0*d'}}}}",
            i ? "," : "", i, 100, i, options + i, i);
        edge_buf_printf(&entries,
                        "%s{'name':'module%03d','status':'running','containerId':'x','imageHash':"
                        "'sha256:%064d','startedAt':'2026-01-02T03:04:05.0000000Z',"
                        "'exitedAt':'0001-01-01T00:00:00Z','lastRestartAt':'0001-01-01T00:00:00Z'}",
                        i ? "," : "", i, i);
    }
    edge_buf_puts(&doc, "}}");
    edge_buf_puts(&entries, "]");
    desire(w, doc.data);
    w->list = json(entries.data);
}

static void assert_fits(struct world *w)
{
    assert_true(edge_twin_size(w->made) <= AGENT_REPORTED_MAX);
}

static void test_what_fits_is_left_alone(void **state)
{
    struct world *w = *state;
    EDGE_CLEANUP(edge_json_free) struct edge_json *before = NULL;

    desire_many(w, 20, 200);
    before = edge_json_copy(make(w));
    assert_false(agent_reported_fit(w->made, AGENT_REPORTED_MAX));
    assert_true(edge_json_equal(before, w->made));
}

static void test_thirty_modules_lose_the_largest_echoes_only_and_say_so(void **state)
{
    struct world *w = *state;

    desire_many(w, 30, 800);
    make(w);
    assert_true(agent_reported_fit(w->made, AGENT_REPORTED_MAX));
    assert_fits(w);
    assert_false(edge_json_has(at(w->made, "modules/module029/settings"), "createOptions"));
    assert_false(edge_json_has(at(w->made, "modules/module029/settings"), "createOptions01"));
    assert_true(edge_json_has(at(w->made, "modules/module000/settings"), "createOptions"));
    for (int i = 0; i < 30; i++) {
        char path[60];

        (void) snprintf(path, sizeof path, "modules/module%03d/runtimeStatus", i);
        assert_string_equal(text(w->made, path), "running");
        (void) snprintf(path, sizeof path, "modules/module%03d/env/SETTING", i);
        assert_non_null(at(w->made, path));
    }
    assert_non_null(strstr(text(w->made, "lastDesiredStatus/description"),
                           "left out for its size: createOptions of "));
    assert_null(strstr(text(w->made, "lastDesiredStatus/description"), "env"));
}

static void test_two_hundred_modules_keep_their_status(void **state)
{
    struct world *w = *state;

    desire_many(w, 200, 300);
    make(w);
    assert_true(agent_reported_fit(w->made, AGENT_REPORTED_MAX));
    assert_fits(w);
    assert_int_equal(edge_json_len(at(w->made, "modules")), 200);
    assert_string_equal(text(w->made, "modules/module199/runtimeStatus"), "running");
    assert_non_null(strstr(text(w->made, "lastDesiredStatus/description"), "env of 202 modules"));
}

static void test_a_tiny_limit_leaves_the_status_of_the_deployment(void **state)
{
    struct world *w = *state;

    desire_many(w, 30, 300);
    make(w);
    assert_true(agent_reported_fit(w->made, 1500));
    assert_true(edge_twin_size(w->made) <= 1500);
    assert_int_equal(edge_json_int(at(w->made, "lastDesiredStatus/code"), 0), 200);
    assert_non_null(strstr(text(w->made, "lastDesiredStatus/description"), "all of "));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        T(test_a_running_deployment_is_shown_in_iot_edges_words),
        T(test_system_modules_have_their_own_members),
        T(test_no_secret_of_the_deployment_leaves),
        T(test_before_a_deployment_all_is_unknown),
        T(test_at_the_end_every_module_is_unknown),
        T(test_descriptions_say_what_happens_and_do_not_tick),
        T(test_long_create_options_come_in_pieces_that_join_again),
        T(test_what_fits_is_left_alone),
        T(test_thirty_modules_lose_the_largest_echoes_only_and_say_so),
        T(test_two_hundred_modules_keep_their_status),
        T(test_a_tiny_limit_leaves_the_status_of_the_deployment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
