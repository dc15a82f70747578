/* The client against a real containerd: container records, tasks, execs, metrics. */
#include "tests/integration/containerd_host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "common/base/clock.h"

#define SLEEP "[\"/bin/busybox\",\"sleep\",\"1000\"]"

static void test_a_container_record_keeps_what_it_was_given(void **state)
{
    struct agent_ctrd_container got = {0};
    struct edge_err err = {0};
    (void) state;

    host_container("rec.one", SLEEP, NULL);
    assert_rc(agent_ctrd_container_get(host.ctrd, NULL, "rec.one", &got, &err), 0, &err);
    assert_string_equal(got.id, "rec.one");
    assert_string_equal(got.image, "");
    assert_string_equal(got.runtime, "io.containerd.runc.v2");
    assert_string_equal(got.snapshotter, host.snapshotter);
    assert_string_equal(got.snapshot_key, "rec.one");
    assert_string_equal(agent_ctrd_container_label(&got, "note"), "a \"b\" \\c");
    assert_null(agent_ctrd_container_label(&got, "absent"));
    assert_non_null(strstr(got.spec, "\"ociVersion\":\"1.0.2\""));
    agent_ctrd_container_fini(&got);
    host_remove("rec.one");
    assert_rc(agent_ctrd_container_get(host.ctrd, NULL, "rec.one", &got, &err), -ENOENT, &err);
}

static void test_labels_and_spec_change_in_place(void **state)
{
    static const struct agent_ctrd_label labels[] = {{"owner", ""}, {"k.8/s", "new"}};
    struct agent_ctrd_container got = {0};
    struct edge_err err = {0};
    (void) state;

    host_container("rec", SLEEP, NULL);
    assert_rc(agent_ctrd_container_label_set(host.ctrd, NULL, "rec", labels, 2, &err), 0, &err);
    assert_rc(agent_ctrd_container_spec_set(host.ctrd, NULL, "rec", "{\"hostname\":\"h\"}", &err),
              0, &err);
    assert_rc(agent_ctrd_container_get(host.ctrd, NULL, "rec", &got, &err), 0, &err);
    assert_null(agent_ctrd_container_label(&got, "owner"));
    assert_string_equal(agent_ctrd_container_label(&got, "k.8/s"), "new");
    assert_non_null(agent_ctrd_container_label(&got, "note"));
    assert_string_equal(got.spec, "{\"hostname\":\"h\"}");
    agent_ctrd_container_fini(&got);
    assert_rc(agent_ctrd_container_spec_set(host.ctrd, NULL, "rec", "\xff", &err), EDGE_EINVALID,
              &err);
    assert_rc(agent_ctrd_container_label_set(host.ctrd, NULL, "no", labels, 2, &err), -ENOENT,
              &err);
    host_remove("rec");
}

static void test_containers_are_listed_by_label(void **state)
{
    struct agent_ctrd_container *list = NULL;
    struct edge_err err = {0};
    size_t len = 0;
    (void) state;

    host_container("one", SLEEP, NULL);
    host_container("two", SLEEP, NULL);
    assert_rc(agent_ctrd_container_list(host.ctrd, NULL, "note", "a \"b\" \\c", &list, &len, &err),
              0, &err);
    assert_int_equal(len, 2);
    agent_ctrd_containers_free(list, len);
    assert_rc(agent_ctrd_container_list(host.ctrd, NULL, "note", "a", &list, &len, &err), 0, &err);
    assert_int_equal(len, 0);
    agent_ctrd_containers_free(list, len);
    host_remove("one");
    host_remove("two");
}

static void test_bad_ids_are_refused(void **state)
{
    struct agent_ctrd_container_new what = {.id = "-no",
                                            .image = "",
                                            .runtime = "x",
                                            .snapshotter = "",
                                            .snapshot_key = "",
                                            .spec = ""};
    struct edge_err err = {0};
    (void) state;

    assert_rc(agent_ctrd_container_create(host.ctrd, NULL, &what, &err), EDGE_EINVALID, &err);
    assert_int_equal(err.status, 3);
    what.id = "bad\xff";
    assert_rc(agent_ctrd_container_create(host.ctrd, NULL, &what, &err), EDGE_EINVALID, &err);
}

static void test_a_task_runs_and_its_end_is_told(void **state)
{
    struct agent_ctrd_task task = {0};
    struct agent_ctrd_exit ended = {0};
    struct edge_err err = {0};
    int64_t before = edge_wall_ns();
    uint32_t pid;
    (void) state;

    pid = host_run("life", SLEEP);
    assert_rc(agent_ctrd_task_get(host.ctrd, NULL, "life", &task, &err), 0, &err);
    assert_string_equal(task.id, "life");
    assert_int_equal(task.status, AGENT_CTRD_RUNNING);
    assert_int_equal(task.pid, pid);
    assert_true(task.exited_ns == EDGE_TIME_NEVER);
    agent_ctrd_task_fini(&task);
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "life", NULL, NULL, &err) < 0, 1, &err);

    assert_rc(agent_ctrd_task_kill(host.ctrd, NULL, "life", NULL, SIGKILL, false, &err), 0, &err);
    assert_rc(agent_ctrd_task_wait(host.ctrd, NULL, "life", NULL, &ended, &err), 0, &err);
    assert_int_equal(ended.code, 137);
    assert_true(ended.exited_ns > before && ended.exited_ns < edge_wall_ns());
    assert_rc(agent_ctrd_task_get(host.ctrd, NULL, "life", &task, &err), 0, &err);
    assert_int_equal(task.status, AGENT_CTRD_STOPPED);
    assert_int_equal(task.exit_code, 137);
    assert_int_equal(task.exited_ns, ended.exited_ns);
    agent_ctrd_task_fini(&task);
    assert_rc(agent_ctrd_task_kill(host.ctrd, NULL, "life", NULL, SIGKILL, false, &err), -ENOENT,
              &err);

    ended.code = 0;
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "life", NULL, &ended, &err), 0, &err);
    assert_int_equal(ended.code, 137);
    assert_rc(agent_ctrd_task_get(host.ctrd, NULL, "life", &task, &err), -ENOENT, &err);
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "life", NULL, &ended, &err), -ENOENT, &err);
    host_remove("life");
}

static void test_an_exit_code_comes_through(void **state)
{
    struct agent_ctrd_exit ended = {0};
    struct edge_err err = {0};
    (void) state;

    host_run("code", "[\"/bin/busybox\",\"sh\",\"-c\",\"exit 42\"]");
    assert_rc(agent_ctrd_task_wait(host.ctrd, NULL, "code", NULL, &ended, &err), 0, &err);
    assert_int_equal(ended.code, 42);
    host_remove("code");
}

static void test_pids_metrics_and_limits_of_a_running_task(void **state)
{
    struct agent_ctrd_metrics metrics = {0};
    struct agent_ctrd_task *tasks = NULL;
    struct edge_err err = {0};
    uint32_t *pids = NULL;
    size_t len = 0;
    uint32_t pid;
    (void) state;

    pid = host_run("figures", SLEEP);
    assert_rc(agent_ctrd_task_pids(host.ctrd, NULL, "figures", &pids, &len, &err), 0, &err);
    assert_int_equal(len, 1);
    assert_int_equal(pids[0], pid);
    free(pids);
    assert_rc(agent_ctrd_task_list(host.ctrd, NULL, &tasks, &len, &err), 0, &err);
    assert_int_equal(len, 1);
    assert_string_equal(tasks[0].id, "figures");
    agent_ctrd_tasks_free(tasks, len);

    assert_rc(agent_ctrd_task_metrics(host.ctrd, NULL, "figures", &metrics, &err), 0, &err);
    assert_int_equal(metrics.memory_limit, 16777216);
    assert_true(metrics.memory_bytes > 0 && metrics.memory_bytes < 16777216);
    assert_true(metrics.cpu_ns > 0);
    assert_true(metrics.pids >= 1); /* the threads runc started it with may just be going */
    assert_rc(agent_ctrd_task_update(host.ctrd, NULL, "figures",
                                     "{\"memory\":{\"limit\":33554432}}", &err),
              0, &err);
    assert_rc(agent_ctrd_task_metrics(host.ctrd, NULL, "figures", &metrics, &err), 0, &err);
    assert_int_equal(metrics.memory_limit, 33554432);
    assert_rc(agent_ctrd_task_metrics(host.ctrd, NULL, "absent", &metrics, &err), -ENOENT, &err);
    host_remove("figures");
}

/* Run @p args in the container @p id as exec @p exec_id. */
static void start_exec(const char *id, const char *exec_id, const char *args)
{
    EDGE_CLEANUP(edge_free) char *process = host_process(args);
    struct edge_err err = {0};

    assert_rc(agent_ctrd_exec_create(host.ctrd, NULL, id, exec_id, process, NULL, &err), 0, &err);
    assert_rc(agent_ctrd_exec_start(host.ctrd, NULL, id, exec_id, &err), 0, &err);
}

static void test_an_exec_ends_with_its_own_code(void **state)
{
    struct agent_ctrd_exit ended = {0};
    struct edge_err err = {0};
    (void) state;

    host_run("probed", SLEEP);
    start_exec("probed", "probe-1", "[\"/bin/busybox\",\"sh\",\"-c\",\"exit 7\"]");
    assert_rc(agent_ctrd_task_wait(host.ctrd, NULL, "probed", "probe-1", &ended, &err), 0, &err);
    assert_int_equal(ended.code, 7);
    ended.code = 0;
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "probed", "probe-1", &ended, &err), 0, &err);
    assert_int_equal(ended.code, 7);
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "probed", "probe-1", &ended, &err), -ENOENT,
              &err);
    host_remove("probed");
}

static void test_an_exec_that_takes_too_long_is_killed(void **state)
{
    struct agent_ctrd_call brief = {.timeout_ms = 100};
    struct agent_ctrd_exit ended = {0};
    struct edge_err err = {0};
    (void) state;

    host_run("slow", SLEEP);
    start_exec("slow", "probe-1", SLEEP);
    assert_rc(agent_ctrd_task_wait(host.ctrd, &brief, "slow", "probe-1", &ended, &err), -ETIMEDOUT,
              &err);
    assert_rc(agent_ctrd_task_kill(host.ctrd, NULL, "slow", "probe-1", SIGKILL, false, &err), 0,
              &err);
    assert_rc(agent_ctrd_task_wait(host.ctrd, NULL, "slow", "probe-1", &ended, &err), 0, &err);
    assert_int_equal(ended.code, 137);
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "slow", "probe-1", &ended, &err), 0, &err);
    host_remove("slow");
}

static void test_an_exec_of_a_missing_program_fails_to_start(void **state)
{
    EDGE_CLEANUP(edge_free) char *process = host_process("[\"/bin/none\"]");
    struct edge_err err = {0};
    (void) state;

    host_run("missing", SLEEP);
    assert_rc(agent_ctrd_exec_create(host.ctrd, NULL, "missing", "p", process, NULL, &err), 0,
              &err);
    assert_rc(agent_ctrd_exec_create(host.ctrd, NULL, "missing", "p", process, NULL, &err), -EEXIST,
              &err);
    assert_rc(agent_ctrd_exec_start(host.ctrd, NULL, "missing", "p", &err), EDGE_EREMOTE, &err);
    assert_non_null(strstr(err.text, "/bin/none"));
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, "missing", "p", NULL, &err), 0, &err);
    host_remove("missing");
}

static int create_with(const char *id, const char *binary, const struct agent_ctrd_stdio *stdio,
                       struct edge_err *err)
{
    struct agent_ctrd_mounts mounts = {0};
    uint32_t pid = 0;
    int rc;

    assert_rc(agent_ctrd_snapshot_mounts(host.ctrd, NULL, host.snapshotter, id, &mounts, err), 0,
              err);
    rc = agent_ctrd_task_create(host.ctrd, NULL, id, &mounts, stdio, binary, &pid, err);
    agent_ctrd_mounts_fini(&mounts);
    if (rc == 0)
        assert_true(pid > 0);
    return rc;
}

static void test_another_runtime_program_is_used_when_named(void **state)
{
    struct agent_ctrd_task task = {0};
    struct edge_err err = {0};
    (void) state;

    host_container("bin", SLEEP, "/usr/sbin/runc");
    assert_rc(create_with("bin", "/nonexistent/crun", NULL, &err), EDGE_EREMOTE, &err);
    assert_non_null(strstr(err.text, "crun"));
    assert_rc(create_with("bin", "/usr/sbin/runc", NULL, &err), 0, &err);
    assert_rc(agent_ctrd_task_get(host.ctrd, NULL, "bin", &task, &err), 0, &err);
    assert_int_equal(task.status, AGENT_CTRD_CREATED);
    agent_ctrd_task_fini(&task);
    host_remove("bin");

    host_container("bin", SLEEP, "/nonexistent/crun");
    assert_rc(create_with("bin", NULL, NULL, &err), EDGE_EREMOTE, &err);
    host_remove("bin");
}

static void test_output_goes_where_it_is_told(void **state)
{
    struct agent_ctrd_exit ended;
    struct agent_ctrd_stdio stdio;
    struct edge_err err = {0};
    char uri[300];
    char line[20];
    FILE *file;
    (void) state;

    snprintf(uri, sizeof uri, "file://%s/output", getenv("TEST_DIR"));
    stdio = (struct agent_ctrd_stdio){.out = uri, .err = uri};
    host_container("output", "[\"/bin/busybox\",\"echo\",\"hello\"]", NULL);
    assert_rc(create_with("output", NULL, &stdio, &err), 0, &err);
    assert_rc(agent_ctrd_task_start(host.ctrd, NULL, "output", &err), 0, &err);
    assert_rc(agent_ctrd_task_wait(host.ctrd, NULL, "output", NULL, &ended, &err), 0, &err);
    host_remove("output"); /* the shim has written all when the task is deleted */
    file = fopen(uri + strlen("file://"), "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_string_equal(line, "hello\n");

    host_container("output", SLEEP, NULL);
    stdio.err = "";
    assert_rc(create_with("output", NULL, &stdio, &err), EDGE_EINVALID, &err);
    host_remove("output");
}

static void test_a_deadline_ends_a_wait_and_not_the_task(void **state)
{
    struct agent_ctrd_call brief = {.timeout_ms = 150};
    struct agent_ctrd_task task = {0};
    struct agent_ctrd_exit ended;
    struct edge_err err = {0};
    int64_t start;
    (void) state;

    host_run("deadline", SLEEP);
    start = edge_now_ms();
    assert_rc(agent_ctrd_task_wait(host.ctrd, &brief, "deadline", NULL, &ended, &err), -ETIMEDOUT,
              &err);
    assert_true(edge_now_ms() - start >= 140);
    assert_true(edge_now_ms() - start < 20000);
    assert_rc(agent_ctrd_task_get(host.ctrd, NULL, "deadline", &task, &err), 0, &err);
    assert_int_equal(task.status, AGENT_CTRD_RUNNING);
    agent_ctrd_task_fini(&task);
    host_remove("deadline");
}

static void *fire_soon(void *arg)
{
    edge_cancel_sleep(NULL, 100);
    edge_cancel_fire(arg);
    return NULL;
}

static void test_a_blocked_wait_returns_when_cancelled(void **state)
{
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    struct agent_ctrd_call call = {.timeout_ms = -1, .cancel = cancel};
    struct agent_ctrd_exit ended;
    struct edge_err err = {0};
    pthread_t thread;
    int64_t start;
    (void) state;

    host_run("cancelled", SLEEP);
    start = edge_now_ms();
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, cancel), 0);
    assert_rc(agent_ctrd_task_wait(host.ctrd, &call, "cancelled", NULL, &ended, &err), -ECANCELED,
              &err);
    assert_true(edge_now_ms() - start < 20000);
    pthread_join(thread, NULL);
    host_remove("cancelled");
}

enum { THREADS = 12, ROUNDS = 40 };

static void *call_often(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct agent_ctrd_task task = {0};
        char *version = NULL;

        if (agent_ctrd_version(host.ctrd, NULL, &version, NULL) != 0 ||
            agent_ctrd_task_get(host.ctrd, NULL, "absent", &task, NULL) != -ENOENT)
            *(int *) arg += 1;
        free(version);
    }
    return NULL;
}

static void test_many_threads_share_a_client(void **state)
{
    pthread_t threads[THREADS];
    int failures[THREADS] = {0};
    (void) state;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &failures[i]), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(failures[i], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_container_record_keeps_what_it_was_given),
        cmocka_unit_test(test_labels_and_spec_change_in_place),
        cmocka_unit_test(test_containers_are_listed_by_label),
        cmocka_unit_test(test_bad_ids_are_refused),
        cmocka_unit_test(test_a_task_runs_and_its_end_is_told),
        cmocka_unit_test(test_an_exit_code_comes_through),
        cmocka_unit_test(test_pids_metrics_and_limits_of_a_running_task),
        cmocka_unit_test(test_an_exec_ends_with_its_own_code),
        cmocka_unit_test(test_an_exec_that_takes_too_long_is_killed),
        cmocka_unit_test(test_an_exec_of_a_missing_program_fails_to_start),
        cmocka_unit_test(test_another_runtime_program_is_used_when_named),
        cmocka_unit_test(test_output_goes_where_it_is_told),
        cmocka_unit_test(test_a_deadline_ends_a_wait_and_not_the_task),
        cmocka_unit_test(test_a_blocked_wait_returns_when_cancelled),
        cmocka_unit_test(test_many_threads_share_a_client),
    };

    return cmocka_run_group_tests(tests, host_up, host_down);
}
