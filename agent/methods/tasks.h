/* agent/methods/tasks.h - uploads that were asked for, to be told of later. In memory, bounded: the
 * oldest that has ended makes room. Pure; loop thread. */
#ifndef AGENT_METHODS_TASKS_H
#define AGENT_METHODS_TASKS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"

enum methods_task_status {
    METHODS_TASK_NOT_STARTED,
    METHODS_TASK_RUNNING,
    METHODS_TASK_COMPLETED,
    METHODS_TASK_CANCELLED,
    METHODS_TASK_FAILED,
    METHODS_TASK_UNKNOWN,
};
const char *methods_task_word(enum methods_task_status status);

enum { METHODS_TASKS_MAX = 64, METHODS_TASK_KEEP_MS = 24 * 60 * 60 * 1000 };

struct methods_task {
    char id[37]; /* "": free */
    enum methods_task_status status;
    char message[256];
    int64_t changed_ms;
};
struct methods_tasks {
    struct methods_task items[METHODS_TASKS_MAX];
};

/** A new one, not started; borrowed until the next call. NULL when all are still at work. */
struct methods_task *methods_tasks_add(struct methods_tasks *tasks, const char *id, int64_t now_ms);
/** Nothing happens when it has been forgotten. @param message  may be NULL */
void methods_tasks_set(struct methods_tasks *tasks, const char *id, enum methods_task_status status,
                       const char *message, int64_t now_ms);
/** NULL: unknown, or ended a day ago. Ids compare without case. */
const struct methods_task *methods_tasks_find(const struct methods_tasks *tasks, const char *id,
                                              int64_t now_ms);
/** How many have not ended. */
unsigned methods_tasks_open(const struct methods_tasks *tasks);

#endif
