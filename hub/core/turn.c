/* What is done later: at the next turn of the loop, or when an answer comes. */
#include <errno.h>
#include <stdlib.h>

#include "hub/core/internal.h"

struct hub_life {
    struct hub_core *core; /* NULL: it has gone */
    unsigned holds;        /* the core's own among them */
};

void hub_ring_init(struct hub_task *ring)
{
    *ring = (struct hub_task){NULL, ring, ring};
}

void hub_ring_add(struct hub_task *ring, struct hub_task *task)
{
    if (task->next)
        return;
    task->prev = ring->prev;
    task->next = ring;
    ring->prev->next = task;
    ring->prev = task;
}

void hub_never(struct hub_task *task)
{
    if (!task->next)
        return;
    task->prev->next = task->next;
    task->next->prev = task->prev;
    task->prev = task->next = NULL;
}

struct hub_task *hub_ring_take(struct hub_task *ring)
{
    struct hub_task *task = ring->next;

    if (task == ring)
        return NULL;
    hub_never(task);
    return task;
}

/* What the tasks ask for meanwhile is for the turn after this one. */
static void on_turn(void *arg)
{
    struct hub_core *core = arg;
    struct hub_task end = {0};
    struct hub_task *task;

    hub_ring_add(&core->tasks, &end);
    while ((task = hub_ring_take(&core->tasks)) != &end)
        task->run(task);
    if (core->tasks.next != &core->tasks)
        edge_timer_arm(core->turn, 0);
}

void hub_later(struct hub_core *core, struct hub_task *task)
{
    hub_ring_add(&core->tasks, task);
    if (!edge_timer_armed(core->turn))
        edge_timer_arm(core->turn, 0);
}

int hub_turn_create(struct hub_core *core)
{
    hub_ring_init(&core->tasks);
    core->turn = edge_timer_create(core->options.loop, on_turn, core);
    core->life = calloc(1, sizeof *core->life);
    if (!core->turn || !core->life)
        return -ENOMEM;
    *core->life = (struct hub_life){core, 1};
    return 0;
}

void hub_turn_destroy(struct hub_core *core)
{
    core->turn = edge_timer_destroy(core->turn);
    if (core->life) {
        core->life->core = NULL;
        (void) hub_life_release(core->life);
    }
    core->life = NULL;
}

struct hub_life *hub_life_hold(struct hub_core *core)
{
    core->life->holds++;
    return core->life;
}

struct hub_core *hub_life_release(struct hub_life *life)
{
    struct hub_core *core = life->core;

    if (--life->holds == 0)
        free(life);
    return core;
}
