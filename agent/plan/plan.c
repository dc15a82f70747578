#include "agent/plan/plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/plan/reason.h"

/* One module: what is wanted of it and what there is. */
struct item {
    const struct agent_module_spec *spec;  /* NULL: not in the deployment */
    const struct agent_observed *observed; /* NULL: no container */
    struct agent_module_spec *old; /* what the container was made from, when that is not the spec */
    uint32_t order;
};

enum { MOST_STEPS = 5 }; /* of one module */

/* What to do about whether a module runs, by what is wanted and what is seen. */
enum move {
    STAY,
    STOP,
    START,
    ASK, /* it is down: by its own doing? then only a changed wish starts it */
};

static const enum move moves[][AGENT_LIFE_STOPPING + 1] = {
    [AGENT_WANT_RUNNING] =
        {
            [AGENT_LIFE_ABSENT] = START,
            [AGENT_LIFE_STOPPED] = ASK,
            [AGENT_LIFE_RUNNING] = STAY,
            [AGENT_LIFE_UNHEALTHY] = STAY,
            [AGENT_LIFE_BACKOFF] = STAY, /* its restart is due already */
            [AGENT_LIFE_FAILED] = ASK,
            [AGENT_LIFE_STOPPING] = ASK,
        },
    [AGENT_WANT_STOPPED] =
        {
            [AGENT_LIFE_ABSENT] = STAY,
            [AGENT_LIFE_STOPPED] = STAY,
            [AGENT_LIFE_RUNNING] = STOP,
            [AGENT_LIFE_UNHEALTHY] = STOP,
            [AGENT_LIFE_BACKOFF] = STOP,
            [AGENT_LIFE_FAILED] = STOP, /* so that a later "running" finds it merely stopped */
            [AGENT_LIFE_STOPPING] = STAY,
        },
};

const char *agent_step_name(enum agent_step_kind kind)
{
    static const char *const names[] = {
        [AGENT_STEP_STOP] = "stop",       [AGENT_STEP_REMOVE] = "remove",
        [AGENT_STEP_PULL] = "pull",       [AGENT_STEP_CREATE] = "create",
        [AGENT_STEP_REPLACE] = "replace", [AGENT_STEP_RELABEL] = "relabel",
        [AGENT_STEP_START] = "start",
    };

    return names[kind];
}

static enum agent_life life_of(const struct item *item)
{
    return item->observed ? item->observed->life : AGENT_LIFE_ABSENT;
}

static const char *name_of(const struct item *item)
{
    assert(item->spec || item->observed);
    return item->spec ? item->spec->name : item->observed->name;
}

static void add(struct agent_plan *plan, const struct item *item, enum agent_step_kind kind,
                const char *reason)
{
    struct agent_step *step = &plan->steps[plan->len++];

    *step = (struct agent_step){.kind = kind, .module = name_of(item), .order = item->order};
    (void) snprintf(step->reason, sizeof step->reason, "%s", reason);
}

static void add_pull(struct agent_plan *plan, const struct item *item, const char *reason)
{
    bool ready = item->observed && item->observed->image_ready;

    if (!ready && item->spec->pull != AGENT_PULL_NEVER)
        add(plan, item, AGENT_STEP_PULL, reason);
}

static void plan_removal(struct agent_plan *plan, const struct item *item)
{
    static const char why[] = "not in the deployment";

    if (moves[AGENT_WANT_STOPPED][life_of(item)] == STOP)
        add(plan, item, AGENT_STEP_STOP, why);
    add(plan, item, AGENT_STEP_REMOVE, why);
}

static void plan_creation(struct agent_plan *plan, const struct item *item)
{
    add_pull(plan, item, "there is no container yet");
    add(plan, item, AGENT_STEP_CREATE, "there is no container yet");
    if (item->spec->want == AGENT_WANT_RUNNING)
        add(plan, item, AGENT_STEP_START, "status is running");
}

static void plan_replacement(struct agent_plan *plan, const struct item *item)
{
    char reason[PLAN_REASON];

    if (strcmp(item->observed->hash, item->spec->hash) != 0)
        plan_reason_replace(item->old, item->spec, reason);
    else
        (void) snprintf(reason, sizeof reason, "%s", item->observed->outdated);
    if (moves[item->spec->want][life_of(item)] == STOP)
        add(plan, item, AGENT_STEP_STOP, "status is stopped");
    add_pull(plan, item, reason);
    add(plan, item, AGENT_STEP_REPLACE, reason);
    if (item->spec->want == AGENT_WANT_RUNNING)
        add(plan, item, AGENT_STEP_START, "status is running");
}

/* A module that came down by itself stays down, until its status is toggled or it gets a policy
 * that restarts such an end. */
static const char *reason_to_start(const struct item *item)
{
    const struct agent_module_spec *new = item->spec;
    enum agent_life life = life_of(item);

    if (!item->observed->ended_by_itself && life != AGENT_LIFE_FAILED)
        return "status is running";
    if (!item->old || life == AGENT_LIFE_STOPPING)
        return NULL;
    if (item->old->want == AGENT_WANT_STOPPED)
        return "status changed from stopped to running";
    if (item->old->policy == new->policy)
        return NULL;
    if (new->policy == AGENT_POLICY_ALWAYS ||
        (life == AGENT_LIFE_FAILED && new->policy != AGENT_POLICY_NEVER))
        return "restartPolicy changed and restarts it now";
    return NULL;
}

/* It is going down by itself: what comes of that is seen first, and the old text tells then whether
 * the wish has changed since. */
static bool is_undecided(const struct item *item)
{
    return life_of(item) == AGENT_LIFE_STOPPING && item->observed->ended_by_itself;
}

/* The new text goes on last: until then a plan made anew sees the change that led to a start. */
static void plan_in_place(struct agent_plan *plan, const struct item *item)
{
    enum move move = moves[item->spec->want][life_of(item)];
    char reason[PLAN_REASON];
    const char *why;

    if (move == STOP)
        add(plan, item, AGENT_STEP_STOP, "status is stopped");
    why = move == ASK ? reason_to_start(item) : NULL;
    if (why)
        add(plan, item, AGENT_STEP_START, why);
    if (strcmp(item->observed->text, item->spec->text) == 0 || is_undecided(item))
        return;
    plan_reason_relabel(item->old, item->spec, reason);
    add(plan, item, AGENT_STEP_RELABEL, reason);
}

static void plan_item(struct agent_plan *plan, const struct item *item)
{
    if (!item->spec)
        plan_removal(plan, item);
    else if (life_of(item) == AGENT_LIFE_ABSENT)
        plan_creation(plan, item);
    else if (strcmp(item->observed->hash, item->spec->hash) != 0 || item->observed->outdated)
        plan_replacement(plan, item);
    else
        plan_in_place(plan, item);
}

/* Read what the container was made from, when that differs. A text of no use is as good as none. */
static int read_old(struct item *item)
{
    const char *text = item->observed ? item->observed->text : "";
    int rc;

    if (!item->spec || !*text || strcmp(text, item->spec->text) == 0)
        return 0;
    rc = agent_module_spec_parse(text, strlen(text), &item->old, NULL);
    return rc == -ENOMEM ? rc : 0;
}

/* The agent itself is no container, whatever a foreign hand has made under its name. */
static bool is_for_us(const struct item *item)
{
    if (strcmp(name_of(item), "edgeAgent") == 0)
        return false;
    return item->spec || life_of(item) != AGENT_LIFE_ABSENT;
}

/* Both lists are sorted by name: walk them side by side. */
static size_t pair(const struct agent_desired *desired, const struct agent_observed *observed,
                   size_t nobserved, struct item *items)
{
    size_t i = 0;
    size_t j = 0;
    size_t n = 0;

    while (i < desired->nmodules || j < nobserved) {
        struct item item = {0};
        int order = i == desired->nmodules ? 1
                    : j == nobserved       ? -1
                                           : strcmp(desired->modules[i].name, observed[j].name);

        if (order <= 0)
            item.spec = &desired->modules[i++];
        if (order >= 0)
            item.observed = &observed[j++];
        assert(item.spec || item.observed);
        item.order = item.spec ? item.spec->startup_order : item.observed->startup_order;
        if (is_for_us(&item))
            items[n++] = item;
    }
    return n;
}

/* Removals first, then by startupOrder, then by name. */
static int by_turn(const void *a, const void *b)
{
    const struct item *x = a;
    const struct item *y = b;

    if (!x->spec != !y->spec)
        return x->spec ? 1 : -1;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return strcmp(name_of(x), name_of(y));
}

static int plan_items(struct item *items, size_t n, struct agent_plan *ret)
{
    struct agent_plan plan = {.steps = calloc(n * MOST_STEPS + 1, sizeof *plan.steps)};
    int rc = plan.steps ? 0 : -ENOMEM;

    qsort(items, n, sizeof *items, by_turn);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = read_old(&items[i]);
        if (rc == 0)
            plan_item(&plan, &items[i]);
    }
    if (rc < 0)
        agent_plan_fini(&plan);
    else
        *ret = plan;
    return rc;
}

int agent_plan_make(const struct agent_desired *desired, const struct agent_observed *observed,
                    size_t nobserved, struct agent_plan *ret)
{
    struct item *items = calloc(desired->nmodules + nobserved + 1, sizeof *items);
    size_t n;
    int rc;

    if (!items)
        return -ENOMEM;
    n = pair(desired, observed, nobserved, items);
    rc = plan_items(items, n, ret);
    for (size_t i = 0; i < n; i++)
        agent_module_spec_free(items[i].old);
    free(items);
    return rc;
}

void agent_plan_fini(struct agent_plan *plan)
{
    free(plan->steps);
    *plan = (struct agent_plan){0};
}

static struct edge_json *step_to_json(const struct agent_step *step)
{
    struct edge_json *object = edge_json_new_object();
    int rc = object ? 0 : -ENOMEM;

    if (rc == 0)
        rc = edge_json_set_str(object, "step", agent_step_name(step->kind));
    if (rc == 0)
        rc = edge_json_set_str(object, "module", step->module);
    if (rc == 0)
        rc = edge_json_set_int(object, "startupOrder", step->order);
    if (rc == 0)
        rc = edge_json_set_str(object, "reason", step->reason);
    return rc < 0 ? edge_json_free(object) : object;
}

struct edge_json *agent_plan_to_json(const struct agent_plan *plan)
{
    struct edge_json *object = edge_json_new_object();
    struct edge_json *steps = object ? edge_json_need_array(object, "steps") : NULL;

    for (size_t i = 0; steps && i < plan->len; i++) {
        struct edge_json *step = step_to_json(&plan->steps[i]);

        if (!step || edge_json_append(steps, step) < 0)
            return edge_json_free(object);
    }
    return steps ? object : edge_json_free(object);
}
