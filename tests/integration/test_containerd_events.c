/* The client against a real containerd: the event stream, and containerd's own death. */
#include "tests/integration/containerd_host.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "common/base/clock.h"

#define SLEEP "[\"/bin/busybox\",\"sleep\",\"1000\"]"

/* A thread that listens, and the events it has heard as lines "kind id code". */
enum { HEARD_MAX = 100 };
struct listener {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    char heard[HEARD_MAX][80];
    size_t len;
    struct edge_cancel *cancel;
    int rc;
    bool over;
};

static void hear(const struct agent_ctrd_event *ev, void *arg)
{
    static const char *const kinds[] = {"barrier", "start", "exit", "oom", "delete"};
    struct listener *l = arg;

    pthread_mutex_lock(&l->lock);
    if (l->len < HEARD_MAX)
        snprintf(l->heard[l->len++], sizeof l->heard[0], "%s %s %u", kinds[ev->kind], ev->id,
                 ev->exit_code);
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

static void *listen_on(void *arg)
{
    struct listener *l = arg;
    struct agent_ctrd_call call = {.cancel = l->cancel};
    struct edge_err err = {0};
    int rc = agent_ctrd_events_run(host.ctrd, &call, hear, l, &err);

    pthread_mutex_lock(&l->lock);
    l->rc = rc;
    l->over = true;
    pthread_cond_broadcast(&l->wake);
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

static void listener_start(struct listener *l)
{
    *l = (struct listener){.cancel = edge_cancel_create()};
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->wake, NULL);
    assert_int_equal(pthread_create(&l->thread, NULL, listen_on, l), 0);
}

static void listener_stop(struct listener *l)
{
    edge_cancel_fire(l->cancel);
    pthread_join(l->thread, NULL);
    edge_cancel_unref(l->cancel);
    pthread_cond_destroy(&l->wake);
    pthread_mutex_destroy(&l->lock);
}

static size_t find(const struct listener *l, const char *line)
{
    size_t i = 0;

    while (i < l->len && strcmp(l->heard[i], line) != 0)
        i++;
    return i;
}

/* Wait until @p line has been heard (NULL: until the stream is over). */
static void await(struct listener *l, const char *line)
{
    struct timespec until;
    bool there;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&l->lock);
    while (!(there = line ? find(l, line) < l->len : l->over)) {
        if (pthread_cond_timedwait(&l->wake, &l->lock, &until) != 0)
            break;
    }
    pthread_mutex_unlock(&l->lock);
    if (!there)
        print_error("never heard: %s\n", line ? line : "the end");
    assert_true(there);
}

static void run_exec(const char *id, const char *exec_id, const char *args)
{
    EDGE_CLEANUP(edge_free) char *process = host_process(args);
    struct agent_ctrd_exit ended;
    struct edge_err err = {0};

    assert_rc(agent_ctrd_exec_create(host.ctrd, NULL, id, exec_id, process, NULL, &err), 0, &err);
    assert_rc(agent_ctrd_exec_start(host.ctrd, NULL, id, exec_id, &err), 0, &err);
    assert_rc(agent_ctrd_task_wait(host.ctrd, NULL, id, exec_id, &ended, &err), 0, &err);
    assert_int_equal(ended.code, 0);
    assert_rc(agent_ctrd_task_delete(host.ctrd, NULL, id, exec_id, &ended, &err), 0, &err);
}

static void test_a_tasks_life_is_heard_behind_the_barrier(void **state)
{
    static struct listener l; /* a failed test leaves its thread behind */
    (void) state;

    host_run("before", SLEEP);
    listener_start(&l);
    await(&l, "barrier  0");
    host_run("heard", "[\"/bin/busybox\",\"sleep\",\"1000\"]");
    run_exec("heard", "probe", "[\"/bin/busybox\",\"true\"]");
    host_remove("heard");
    await(&l, "delete heard 137");
    assert_string_equal(l.heard[0], "barrier  0");
    assert_string_equal(l.heard[1], "start heard 0");
    assert_string_equal(l.heard[2], "exit heard 137");
    assert_string_equal(l.heard[3], "delete heard 137");
    assert_int_equal(l.len, 4); /* nothing of the exec, one barrier */
    host_remove("before");
    listener_stop(&l);
    assert_int_equal(l.rc, -ECANCELED);
}

/* The shim watches for it only once the task has started, so the process waits for a word. */
static void test_running_out_of_memory_is_heard(void **state)
{
    static const char greedy[] =
        "[\"/bin/busybox\",\"sh\",\"-c\",\"while ! [ -e /tmp/go ]; do /bin/busybox sleep 0.05; "
        "done; x=aaaaaaaa; while :; do x=$x$x; done\"]";
    static struct listener l; /* a failed test leaves its thread behind */
    (void) state;

    listener_start(&l);
    await(&l, "barrier  0");
    host_run("greedy", greedy);
    run_exec("greedy", "word", "[\"/bin/busybox\",\"touch\",\"/tmp/go\"]");
    await(&l, "oom greedy 0");
    await(&l, "exit greedy 137");
    host_remove("greedy");
    listener_stop(&l);
}

static void test_two_listeners_each_pass_their_own_barrier(void **state)
{
    static struct listener a;
    static struct listener b;
    (void) state;

    listener_start(&a);
    listener_start(&b);
    await(&a, "barrier  0");
    await(&b, "barrier  0");
    host_run("both", SLEEP);
    host_remove("both");
    await(&a, "delete both 137");
    await(&b, "delete both 137");
    listener_stop(&a);
    listener_stop(&b);
    assert_int_equal(a.len, 4);
    assert_int_equal(b.len, 4);
}

static void *wait_for_end(void *arg)
{
    struct agent_ctrd_call call = {.timeout_ms = -1};
    struct agent_ctrd_exit ended;

    *(int *) arg = agent_ctrd_task_wait(host.ctrd, &call, "survivor", NULL, &ended, NULL);
    return NULL;
}

/* Calls that are under way break, calls meanwhile fail at once, and the same client works on. */
static void test_the_client_outlives_containerd(void **state)
{
    struct agent_ctrd_task task = {0};
    struct edge_err err = {0};
    static struct listener l; /* a failed test leaves its thread behind */
    pthread_t waiter;
    char *version = NULL;
    int64_t start;
    uint32_t pid;
    int waited = 0;
    (void) state;

    pid = host_run("survivor", SLEEP);
    listener_start(&l);
    await(&l, "barrier  0");
    assert_int_equal(pthread_create(&waiter, NULL, wait_for_end, &waited), 0);
    host_kill_containerd();
    await(&l, NULL);
    assert_int_equal(l.rc, EDGE_EUNAVAILABLE);
    pthread_join(waiter, NULL);
    assert_int_equal(waited, EDGE_EUNAVAILABLE);
    start = edge_now_ms();
    for (int i = 0; i < 20; i++)
        assert_rc(agent_ctrd_version(host.ctrd, NULL, &version, &err), EDGE_EUNAVAILABLE, &err);
    assert_true(edge_now_ms() - start < 10000);
    listener_stop(&l);

    host_start_containerd();
    assert_rc(agent_ctrd_task_get(host.ctrd, NULL, "survivor", &task, &err), 0, &err);
    assert_int_equal(task.status, AGENT_CTRD_RUNNING);
    assert_int_equal(task.pid, pid);
    agent_ctrd_task_fini(&task);
    listener_start(&l);
    await(&l, "barrier  0");
    host_remove("survivor");
    await(&l, "delete survivor 137");
    listener_stop(&l);
}

static void test_an_upload_breaks_with_containerd_and_goes_on_after(void **state)
{
    static const struct agent_ctrd_descriptor blob = {
        "text/plain", "sha256:2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", 3};
    struct agent_ctrd_ingest *ingest = NULL;
    struct edge_err err = {0};
    int64_t offset = -1;
    (void) state;

    assert_rc(agent_ctrd_ingest_open(host.ctrd, NULL, "up", &blob, &ingest, &offset, &err), 0,
              &err);
    assert_rc(agent_ctrd_ingest_write(ingest, (struct edge_bytes){(const uint8_t *) "f", 1}, &err),
              0, &err);
    host_kill_containerd();
    assert_rc(agent_ctrd_ingest_write(ingest, (struct edge_bytes){(const uint8_t *) "o", 1}, &err),
              EDGE_EUNAVAILABLE, &err);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), EDGE_EUNAVAILABLE, &err);
    agent_ctrd_ingest_close(ingest);

    host_start_containerd();
    assert_rc(agent_ctrd_ingest_open(host.ctrd, NULL, "up", &blob, &ingest, &offset, &err), 0,
              &err);
    assert_int_equal(offset, 1);
    assert_rc(agent_ctrd_ingest_write(ingest, (struct edge_bytes){(const uint8_t *) "oo", 2}, &err),
              0, &err);
    assert_rc(agent_ctrd_ingest_commit(ingest, &err), 0, &err);
    agent_ctrd_ingest_close(ingest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_tasks_life_is_heard_behind_the_barrier),
        cmocka_unit_test(test_running_out_of_memory_is_heard),
        cmocka_unit_test(test_two_listeners_each_pass_their_own_barrier),
        cmocka_unit_test(test_the_client_outlives_containerd),
        cmocka_unit_test(test_an_upload_breaks_with_containerd_and_goes_on_after),
    };

    return cmocka_run_group_tests(tests, host_up, host_down);
}
