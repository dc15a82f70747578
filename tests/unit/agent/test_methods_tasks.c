#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/methods/tasks.h"

static const char *add(struct methods_tasks *tasks, int number, int64_t now)
{
    struct methods_task *task;
    char id[37];

    (void) snprintf(id, sizeof id, "Task-%d", number);
    task = methods_tasks_add(tasks, id, now);
    return task ? task->id : NULL;
}

static void test_a_task_is_told_of_until_a_day_after_its_end(void **state)
{
    struct methods_tasks tasks = {0};
    const struct methods_task *task;
    (void) state;

    assert_non_null(add(&tasks, 1, 0));
    task = methods_tasks_find(&tasks, "task-1", INT64_MAX);
    assert_non_null(task);
    assert_string_equal(methods_task_word(task->status), "NotStarted");
    assert_int_equal(methods_tasks_open(&tasks), 1);
    methods_tasks_set(&tasks, "Task-1", METHODS_TASK_FAILED, "why", 1000);
    task = methods_tasks_find(&tasks, "TASK-1", 1000 + METHODS_TASK_KEEP_MS);
    assert_non_null(task);
    assert_string_equal(methods_task_word(task->status), "Failed");
    assert_string_equal(task->message, "why");
    assert_int_equal(methods_tasks_open(&tasks), 0);
    assert_null(methods_tasks_find(&tasks, "Task-1", 1001 + METHODS_TASK_KEEP_MS));
    assert_null(methods_tasks_find(&tasks, "", 0));
    assert_null(methods_tasks_find(&tasks, "Task-2", 0));
}

static void test_the_one_that_ended_first_makes_room(void **state)
{
    struct methods_tasks tasks = {0};
    (void) state;

    for (int i = 0; i < METHODS_TASKS_MAX; i++)
        assert_non_null(add(&tasks, i, i));
    assert_null(add(&tasks, 1000, 100));
    methods_tasks_set(&tasks, "Task-7", METHODS_TASK_COMPLETED, NULL, 200);
    methods_tasks_set(&tasks, "Task-3", METHODS_TASK_COMPLETED, NULL, 300);
    assert_non_null(add(&tasks, 1001, 400));
    assert_null(methods_tasks_find(&tasks, "Task-7", 400));
    assert_non_null(methods_tasks_find(&tasks, "Task-3", 400));
    assert_non_null(methods_tasks_find(&tasks, "Task-1001", 400));
    methods_tasks_set(&tasks, "Task-7", METHODS_TASK_FAILED, "forgotten", 500);
    assert_int_equal(methods_tasks_open(&tasks), METHODS_TASKS_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_is_told_of_until_a_day_after_its_end),
        cmocka_unit_test(test_the_one_that_ended_first_makes_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
