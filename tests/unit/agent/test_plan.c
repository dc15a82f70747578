/* Which steps, in which order. One line of a table each: what the container was made from, how it
 * lives, what the deployment wants, the steps. */
#include "tests/unit/test.h"

#include "agent/plan/plan.h"
#include "tests/unit/agent/deployment.h"

/* "stop remove" or "pull(a) create(a)": steps as text, with modules when @p named. */
static char *steps_of(const struct agent_plan *plan, bool named)
{
    struct edge_buf text;

    edge_buf_init(&text, 4096);
    for (size_t i = 0; i < plan->len; i++) {
        edge_buf_printf(&text, "%s%s", i ? " " : "", agent_step_name(plan->steps[i].kind));
        if (named)
            edge_buf_printf(&text, "(%s)", plan->steps[i].module);
    }
    return edge_buf_take(&text);
}

static char *document(const char *module)
{
    return edge_format("{" RUNTIME "," SYSTEM ",\"modules\":{%s}}", module);
}

#define UP       "\"status\":\"running\","
#define DOWN     "\"status\":\"stopped\","
#define POLICY   "\"restartPolicy\":"
#define BODY(m)  "\"m\":{" m "\"type\":\"docker\",\"settings\":{\"image\":\"a\"}}"
#define NEWER(m) "\"m\":{" m "\"type\":\"docker\",\"settings\":{\"image\":\"b\"}}"

enum {
    BY_ITSELF = 1, /* it came down by itself */
    READY = 2,     /* the wanted image is here */
};

static const struct row {
    const char *was; /* module the container was made from; NULL: no container */
    enum agent_life life;
    int flags;
    const char *wanted; /* NULL: not in the deployment */
    const char *steps;
} rows[] = {
    /* not wanted any more */
    {BODY(UP), AGENT_LIFE_RUNNING, 0, NULL, "stop remove"},
    {BODY(UP), AGENT_LIFE_UNHEALTHY, 0, NULL, "stop remove"},
    {BODY(UP), AGENT_LIFE_BACKOFF, BY_ITSELF, NULL, "stop remove"},
    {BODY(UP), AGENT_LIFE_STOPPED, 0, NULL, "remove"},
    {BODY(UP), AGENT_LIFE_STOPPING, 0, NULL, "remove"},
    {NULL, AGENT_LIFE_ABSENT, 0, NULL, ""},
    /* new */
    {NULL, AGENT_LIFE_ABSENT, 0, BODY(UP), "pull create start"},
    {NULL, AGENT_LIFE_ABSENT, READY, BODY(UP), "create start"},
    {NULL, AGENT_LIFE_ABSENT, 0, BODY(DOWN), "pull create"},
    {NULL, AGENT_LIFE_ABSENT, 0, BODY(UP "\"imagePullPolicy\":\"never\","), "create start"},
    /* as wanted */
    {BODY(UP), AGENT_LIFE_RUNNING, 0, BODY(UP), ""},
    {BODY(UP), AGENT_LIFE_UNHEALTHY, 0, BODY(UP), ""},
    {BODY(UP), AGENT_LIFE_BACKOFF, BY_ITSELF, BODY(UP), ""},
    {BODY(UP), AGENT_LIFE_FAILED, BY_ITSELF, BODY(UP), ""},
    {BODY(UP), AGENT_LIFE_STOPPED, BY_ITSELF, BODY(UP), ""},
    {BODY(UP), AGENT_LIFE_STOPPING, BY_ITSELF, BODY(UP), ""},
    {BODY(DOWN), AGENT_LIFE_STOPPED, 0, BODY(DOWN), ""},
    {BODY(DOWN), AGENT_LIFE_STOPPING, 0, BODY(DOWN), ""},
    /* down though wanted up */
    {BODY(UP), AGENT_LIFE_STOPPED, 0, BODY(UP), "start"},
    {BODY(UP), AGENT_LIFE_STOPPING, 0, BODY(UP), "start"},
    /* up though wanted down */
    {BODY(DOWN), AGENT_LIFE_RUNNING, 0, BODY(DOWN), "stop"},
    {BODY(UP), AGENT_LIFE_RUNNING, 0, BODY(DOWN), "stop relabel"},
    {BODY(UP), AGENT_LIFE_UNHEALTHY, 0, BODY(DOWN), "stop relabel"},
    {BODY(UP), AGENT_LIFE_BACKOFF, BY_ITSELF, BODY(DOWN), "stop relabel"},
    {BODY(UP), AGENT_LIFE_FAILED, BY_ITSELF, BODY(DOWN), "stop relabel"},
    {BODY(UP), AGENT_LIFE_STOPPED, BY_ITSELF, BODY(DOWN), "relabel"},
    /* the status toggled: whatever kept it down is forgiven */
    {BODY(DOWN), AGENT_LIFE_STOPPED, 0, BODY(UP), "start relabel"},
    {BODY(DOWN), AGENT_LIFE_STOPPED, BY_ITSELF, BODY(UP), "start relabel"},
    {BODY(DOWN), AGENT_LIFE_FAILED, BY_ITSELF, BODY(UP), "start relabel"},
    {BODY(DOWN POLICY "0,"), AGENT_LIFE_STOPPED, BY_ITSELF, BODY(UP POLICY "0,"), "start relabel"},
    /* a policy that restarts what came down */
    {BODY(UP POLICY "0,"), AGENT_LIFE_FAILED, BY_ITSELF, BODY(UP POLICY "1,"), "start relabel"},
    {BODY(UP POLICY "1,"), AGENT_LIFE_FAILED, BY_ITSELF, BODY(UP POLICY "3,"), "start relabel"},
    {BODY(UP POLICY "1,"), AGENT_LIFE_FAILED, BY_ITSELF, BODY(UP POLICY "0,"), "relabel"},
    {BODY(UP POLICY "1,"), AGENT_LIFE_FAILED, BY_ITSELF, BODY(UP POLICY "1,\"version\":\"2\","),
     "relabel"},
    {BODY(UP POLICY "0,"), AGENT_LIFE_STOPPED, BY_ITSELF, BODY(UP POLICY "3,"), "start relabel"},
    {BODY(UP POLICY "0,"), AGENT_LIFE_STOPPED, BY_ITSELF, BODY(UP POLICY "2,"), "relabel"},
    {BODY(UP POLICY "0,"), AGENT_LIFE_STOPPING, BY_ITSELF, BODY(UP POLICY "3,"), ""},
    /* in place */
    {BODY(UP), AGENT_LIFE_RUNNING, 0, BODY(UP POLICY "0,"), "relabel"},
    {BODY(UP), AGENT_LIFE_RUNNING, 0, BODY(UP "\"startupOrder\":1,"), "relabel"},
    {BODY(UP), AGENT_LIFE_RUNNING, 0, BODY(UP "\"version\":\"2\","), "relabel"},
    {BODY(UP), AGENT_LIFE_RUNNING, 0, BODY(UP "\"imagePullPolicy\":\"never\","), "relabel"},
    /* made anew */
    {BODY(UP), AGENT_LIFE_RUNNING, 0, NEWER(UP), "pull replace start"},
    {BODY(UP), AGENT_LIFE_RUNNING, READY, NEWER(UP), "replace start"},
    {BODY(UP), AGENT_LIFE_RUNNING, 0, NEWER(UP "\"imagePullPolicy\":\"never\","), "replace start"},
    {BODY(UP), AGENT_LIFE_RUNNING, 0, NEWER(DOWN), "stop pull replace"},
    {BODY(UP), AGENT_LIFE_FAILED, BY_ITSELF, NEWER(UP), "pull replace start"},
    {BODY(UP), AGENT_LIFE_STOPPED, BY_ITSELF, NEWER(UP), "pull replace start"},
    {BODY(UP), AGENT_LIFE_STOPPED, 0, NEWER(DOWN), "pull replace"},
    {BODY(UP), AGENT_LIFE_STOPPING, 0, NEWER(UP), "pull replace start"},
    {"", AGENT_LIFE_RUNNING, 0, BODY(UP), "pull replace start"}, /* labels not readable */
};

static void check_row(const struct row *row)
{
    EDGE_CLEANUP(edge_free) char *was_text = document(row->was ? row->was : "");
    EDGE_CLEANUP(edge_free) char *wanted_text = document(row->wanted ? row->wanted : "");
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *was = deployment_must(was_text);
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *wanted = deployment_must(wanted_text);
    EDGE_CLEANUP(edge_free) char *steps = NULL;
    const struct agent_observed observed = {
        .name = "m",
        .life = row->life,
        .ended_by_itself = row->flags & BY_ITSELF,
        .image_ready = row->flags & READY,
        .hash = was->nmodules ? was->modules[0].hash : "",
        .text = was->nmodules ? was->modules[0].text : "",
    };
    struct agent_plan plan;

    assert_int_equal(agent_plan_make(wanted, &observed, 1, &plan), 0);
    steps = steps_of(&plan, false);
    if (strcmp(steps, row->steps) != 0)
        fail_msg("row %d: \"%s\" instead of \"%s\"", (int) (row - rows), steps, row->steps);
    agent_plan_fini(&plan);
}

static void test_every_row_of_the_table(void **state)
{
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(rows); i++)
        check_row(&rows[i]);
}

#define PLAIN(name, order)                                                                         \
    "\"" name "\":{\"type\":\"docker\",\"status\":\"running\",\"startupOrder\":" order             \
    ",\"settings\":{\"image\":\"a\"}}"

static void test_order_is_removals_then_groups_then_names(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *wanted = deployment_must(
        DOC(PLAIN("b", "2") "," PLAIN("z", "0") "," PLAIN("a", "2") "," PLAIN("m", "1")));
    const struct agent_observed observed[] = {
        {.name = "a", .hash = "x", .text = "", .life = AGENT_LIFE_RUNNING},
        {.name = "edgeAgent", .hash = "", .text = "", .life = AGENT_LIFE_RUNNING},
        {.name = "gone1", .hash = "", .text = "", .startup_order = 9},
        {.name = "gone2", .hash = "", .text = "", .startup_order = 9, .life = AGENT_LIFE_STOPPED},
        {.name = "gone3", .hash = "", .text = "", .startup_order = 3, .life = AGENT_LIFE_RUNNING},
    };
    EDGE_CLEANUP(edge_free) char *steps = NULL;
    struct agent_plan plan;
    (void) state;

    assert_int_equal(agent_plan_make(wanted, observed, EDGE_ARRAY_LEN(observed), &plan), 0);
    steps = steps_of(&plan, true);
    assert_string_equal(steps, "stop(gone3) remove(gone3) remove(gone2) "
                               "pull(z) create(z) start(z) pull(m) create(m) start(m) "
                               "pull(a) replace(a) start(a) pull(b) create(b) start(b)");
    assert_int_equal(plan.steps[0].order, 3);
    assert_int_equal(plan.steps[3].order, 0);
    agent_plan_fini(&plan);
}

static void test_a_container_that_is_outdated_is_made_anew(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *wanted = deployment_must(DOC(PLAIN("a", "2")));
    const struct agent_observed observed = {
        .name = "a",
        .life = AGENT_LIFE_RUNNING,
        .hash = wanted->modules[0].hash,
        .text = wanted->modules[0].text,
        .image_ready = true,
        .outdated = "its identity is another one",
    };
    EDGE_CLEANUP(edge_free) char *steps = NULL;
    struct agent_plan plan;
    (void) state;

    assert_int_equal(agent_plan_make(wanted, &observed, 1, &plan), 0);
    steps = steps_of(&plan, false);
    assert_string_equal(steps, "replace start");
    assert_string_equal(plan.steps[0].reason, "its identity is another one");
    agent_plan_fini(&plan);
}

static void test_nothing_and_nothing_is_an_empty_plan(void **state)
{
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *wanted = deployment_must(DOC(""));
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct agent_plan plan;
    (void) state;

    assert_int_equal(agent_plan_make(wanted, NULL, 0, &plan), 0);
    assert_int_equal(plan.len, 0);
    json = agent_plan_to_json(&plan);
    text = edge_json_text(json);
    assert_string_equal(text, "{\"steps\":[]}");
    agent_plan_fini(&plan);
}

static void test_a_plan_as_json(void **state)
{
    EDGE_CLEANUP(agent_desired_free)
    struct agent_desired *wanted = deployment_must(DOC(PLAIN("cam", "4")));
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct agent_plan plan;
    (void) state;

    assert_int_equal(agent_plan_make(wanted, NULL, 0, &plan), 0);
    json = agent_plan_to_json(&plan);
    text = edge_json_text(json);
    assert_string_equal(
        text, "{\"steps\":["
              "{\"step\":\"pull\",\"module\":\"cam\",\"startupOrder\":4,\"reason\":\"there is no "
              "container yet\"},"
              "{\"step\":\"create\",\"module\":\"cam\",\"startupOrder\":4,\"reason\":\"there is "
              "no container yet\"},"
              "{\"step\":\"start\",\"module\":\"cam\",\"startupOrder\":4,\"reason\":\"status is "
              "running\"}]}");
    agent_plan_fini(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_row_of_the_table),
        cmocka_unit_test(test_order_is_removals_then_groups_then_names),
        cmocka_unit_test(test_a_container_that_is_outdated_is_made_anew),
        cmocka_unit_test(test_nothing_and_nothing_is_an_empty_plan),
        cmocka_unit_test(test_a_plan_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
