#include "agent/methods/tasks.h"

#include <stdio.h>
#include <strings.h>

#include "common/base/attr.h"

const char *methods_task_word(enum methods_task_status status)
{
    static const char *const words[] = {
        [METHODS_TASK_NOT_STARTED] = "NotStarted", [METHODS_TASK_RUNNING] = "Running",
        [METHODS_TASK_COMPLETED] = "Completed",    [METHODS_TASK_CANCELLED] = "Cancelled",
        [METHODS_TASK_FAILED] = "Failed",          [METHODS_TASK_UNKNOWN] = "Unknown",
    };

    return words[status];
}

static bool is_open(const struct methods_task *task)
{
    return *task->id && task->status <= METHODS_TASK_RUNNING;
}

static bool is_over(const struct methods_task *task, int64_t now_ms)
{
    return !is_open(task) && now_ms - task->changed_ms > METHODS_TASK_KEEP_MS;
}

/* A free place, or the one that ended first. */
static struct methods_task *place(struct methods_tasks *tasks)
{
    struct methods_task *best = NULL;

    for (size_t i = 0; i < METHODS_TASKS_MAX; i++) {
        struct methods_task *task = &tasks->items[i];

        if (!*task->id)
            return task;
        if (!is_open(task) && (!best || task->changed_ms < best->changed_ms))
            best = task;
    }
    return best;
}

struct methods_task *methods_tasks_add(struct methods_tasks *tasks, const char *id, int64_t now_ms)
{
    struct methods_task *task = place(tasks);

    if (!task)
        return NULL;
    *task = (struct methods_task){.status = METHODS_TASK_NOT_STARTED, .changed_ms = now_ms};
    (void) snprintf(task->id, sizeof task->id, "%s", id);
    return task;
}

const struct methods_task *methods_tasks_find(const struct methods_tasks *tasks, const char *id,
                                              int64_t now_ms)
{
    for (size_t i = 0; *id && i < METHODS_TASKS_MAX; i++) {
        const struct methods_task *task = &tasks->items[i];

        if (strcasecmp(task->id, id) == 0)
            return is_over(task, now_ms) ? NULL : task;
    }
    return NULL;
}

void methods_tasks_set(struct methods_tasks *tasks, const char *id, enum methods_task_status status,
                       const char *message, int64_t now_ms)
{
    for (size_t i = 0; i < METHODS_TASKS_MAX; i++) {
        struct methods_task *task = &tasks->items[i];

        if (strcasecmp(task->id, id) != 0)
            continue;
        task->status = status;
        task->changed_ms = now_ms;
        (void) snprintf(task->message, sizeof task->message, "%s", message ? message : "");
    }
}

unsigned methods_tasks_open(const struct methods_tasks *tasks)
{
    unsigned n = 0;

    for (size_t i = 0; i < METHODS_TASKS_MAX; i++)
        n += is_open(&tasks->items[i]) ? 1 : 0;
    return n;
}
