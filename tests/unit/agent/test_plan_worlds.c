/* Random deployments against random devices: a plan carried out leads to an empty plan, whether all
 * its steps are taken or, as the supervisor does it, one a module and then a new plan. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/plan/plan.h"
#include "tests/unit/agent/deployment.h"

enum { NAMES = 6, WORLDS = 3000 };
static const char *const names[NAMES] = {"B", "a", "b", "c", "cam", "z"}; /* sorted */

struct container {
    enum agent_life life;
    bool by_itself;
    bool ready;
    char hash[65];
    char text[2000];
    uint32_t order;
};

static uint32_t seed;

static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % sides;
}

static void add_module(struct edge_buf *text, const char *name, bool *first)
{
    static const char *const pulls[] = {"on-create", "never"};

    edge_buf_printf(text,
                    "%s\"%s\":{\"type\":\"docker\",\"status\":\"%s\",\"restartPolicy\":%u,"
                    "\"imagePullPolicy\":\"%s\",\"startupOrder\":%u,\"version\":\"%u\",\"env\":{"
                    "\"A\":{\"value\":\"%u\"}},\"settings\":{\"image\":\"i:%u\"}}",
                    *first ? "" : ",", name, dice(3) ? "running" : "stopped", dice(4),
                    pulls[dice(4) == 0], dice(3), dice(2), dice(2), dice(2));
    *first = false;
}

static struct agent_desired *random_deployment(void)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 16);
    bool first = true;

    edge_buf_puts(&text, "{" RUNTIME "," SYSTEM ",\"modules\":{");
    for (int i = 0; i < NAMES; i++) {
        if (dice(4) > 0)
            add_module(&text, names[i], &first);
    }
    edge_buf_puts(&text, "}}");
    return deployment_must(text.data);
}

static void apply_spec(struct container *c, const struct agent_module_spec *spec)
{
    (void) snprintf(c->hash, sizeof c->hash, "%s", spec->hash);
    (void) snprintf(c->text, sizeof c->text, "%s", spec->text);
    c->order = spec->startup_order;
}

/* Containers as some earlier deployment may have left them. */
static void random_world(struct container world[NAMES])
{
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *before = random_deployment();

    memset(world, 0, NAMES * sizeof *world);
    for (int i = 0; i < NAMES; i++) {
        const struct agent_module_spec *spec = agent_desired_find(before, names[i]);
        struct container *c = &world[i];

        if (!spec)
            continue;
        c->life = (enum agent_life) dice(AGENT_LIFE_STOPPING + 1);
        c->by_itself = c->life == AGENT_LIFE_BACKOFF || c->life == AGENT_LIFE_FAILED || dice(2);
        apply_spec(c, spec);
        if (dice(10) == 0)
            c->hash[0] = c->text[0] = '\0';
    }
}

static void observe(struct container world[NAMES], struct agent_observed observed[NAMES])
{
    for (int i = 0; i < NAMES; i++)
        observed[i] = (struct agent_observed){
            .name = names[i],
            .life = world[i].life,
            .ended_by_itself = world[i].by_itself,
            .hash = world[i].hash,
            .text = world[i].text,
            .startup_order = world[i].order,
            .image_ready = world[i].ready,
        };
}

static void take_step(struct container world[NAMES], const struct agent_desired *desired,
                      const struct agent_step *step)
{
    const struct agent_module_spec *spec = agent_desired_find(desired, step->module);
    struct container *c = NULL;

    for (int i = 0; i < NAMES; i++) {
        if (strcmp(names[i], step->module) == 0)
            c = &world[i];
    }
    assert_non_null(c);
    switch (step->kind) {
    case AGENT_STEP_STOP:
        assert_int_not_equal(c->life, AGENT_LIFE_ABSENT);
        c->life = AGENT_LIFE_STOPPED;
        c->by_itself = false;
        break;
    case AGENT_STEP_REMOVE:
        assert_null(spec);
        assert_int_not_equal(c->life, AGENT_LIFE_ABSENT);
        *c = (struct container){0};
        break;
    case AGENT_STEP_PULL:
        assert_false(c->ready);
        c->ready = true;
        break;
    case AGENT_STEP_CREATE:
    case AGENT_STEP_REPLACE:
        assert_int_equal(c->life == AGENT_LIFE_ABSENT, step->kind == AGENT_STEP_CREATE);
        assert_true(c->ready || spec->pull == AGENT_PULL_NEVER);
        c->life = AGENT_LIFE_STOPPED;
        c->by_itself = false;
        apply_spec(c, spec);
        break;
    case AGENT_STEP_RELABEL:
        assert_string_equal(c->hash, spec->hash);
        apply_spec(c, spec);
        break;
    case AGENT_STEP_START:
        assert_int_equal(spec->want, AGENT_WANT_RUNNING);
        c->life = AGENT_LIFE_RUNNING;
        break;
    }
}

/* What was going down is down before the next plan. */
static void settle(struct container world[NAMES])
{
    for (int i = 0; i < NAMES; i++) {
        if (world[i].life == AGENT_LIFE_STOPPING)
            world[i].life = world[i].by_itself ? AGENT_LIFE_FAILED : AGENT_LIFE_STOPPED;
    }
}

static size_t plan_and_act(struct container world[NAMES], const struct agent_desired *desired,
                           bool one_each)
{
    struct agent_observed observed[NAMES];
    struct agent_plan plan;
    size_t len;
    const char *last = "";

    observe(world, observed);
    assert_int_equal(agent_plan_make(desired, observed, NAMES, &plan), 0);
    len = plan.len;
    for (size_t i = 0; i < plan.len; i++) {
        if (!one_each || strcmp(last, plan.steps[i].module) != 0)
            take_step(world, desired, &plan.steps[i]);
        last = plan.steps[i].module;
        assert_true(strlen(plan.steps[i].reason) > 0);
    }
    agent_plan_fini(&plan);
    return len;
}

static void assert_wanted(const struct container world[NAMES], const struct agent_desired *desired)
{
    for (int i = 0; i < NAMES; i++) {
        const struct agent_module_spec *spec = agent_desired_find(desired, names[i]);
        const struct container *c = &world[i];

        assert_int_equal(!spec, c->life == AGENT_LIFE_ABSENT);
        if (!spec)
            continue;
        assert_string_equal(c->text, spec->text);
        if (spec->want == AGENT_WANT_STOPPED)
            assert_int_equal(c->life, AGENT_LIFE_STOPPED);
        else
            assert_true(c->life == AGENT_LIFE_RUNNING || c->life == AGENT_LIFE_UNHEALTHY ||
                        c->by_itself);
    }
}

static void test_a_whole_plan_leaves_nothing_to_do(void **state)
{
    (void) state;

    for (uint32_t i = 0; i < WORLDS; i++) {
        struct container world[NAMES];
        EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = NULL;

        seed = i;
        random_world(world);
        settle(world);
        desired = random_deployment();
        plan_and_act(world, desired, false);
        assert_int_equal(plan_and_act(world, desired, false), 0);
        assert_wanted(world, desired);
    }
}

static void test_one_step_at_a_time_gets_there_too(void **state)
{
    (void) state;

    for (uint32_t i = 0; i < WORLDS; i++) {
        struct container world[NAMES];
        EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = NULL;
        int rounds = 0;

        seed = i;
        random_world(world);
        desired = random_deployment();
        do {
            assert_true(rounds++ < 12);
            settle(world);
        } while (plan_and_act(world, desired, true) > 0);
        assert_wanted(world, desired);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_plan_leaves_nothing_to_do),
        cmocka_unit_test(test_one_step_at_a_time_gets_there_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
