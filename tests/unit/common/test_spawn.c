#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/spawn.h"

struct ran {
    struct edge_buf out;
    struct edge_buf err_out;
    struct edge_err err;
    int status;
    int rc;
};

static void run(struct ran *r, const char *script, struct edge_bytes input, int timeout_ms,
                size_t max)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    const struct edge_spawn spawn = {.argv = argv, .input = input, .timeout_ms = timeout_ms};

    *r = (struct ran){.status = -1};
    edge_buf_init(&r->out, max);
    edge_buf_init(&r->err_out, max);
    r->rc = edge_spawn_run(&spawn, &r->out, &r->err_out, &r->status, &r->err);
}

static void fini(struct ran *r)
{
    edge_buf_fini(&r->out);
    edge_buf_fini(&r->err_out);
}

static const struct edge_bytes nothing;

static void test_output_errors_and_exit_code_come_back(void **state)
{
    struct ran r;
    (void) state;

    run(&r, "read line; echo \"got $line\"; echo bad >&2; exit 3",
        (struct edge_bytes){(const uint8_t *) "hi\n", 3}, 20000, 1000);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.status, 3);
    assert_string_equal(r.out.data, "got hi\n");
    assert_string_equal(r.err_out.data, "bad\n");
    fini(&r);
    run(&r, "kill -TERM $$", nothing, 20000, 1000);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.status, 128 + SIGTERM);
    fini(&r);
}

static void test_both_outputs_may_go_into_one_buffer(void **state)
{
    static const char *const argv[] = {"sh", "-c", "echo one; echo two >&2", NULL};
    const struct edge_spawn spawn = {.argv = argv, .timeout_ms = 20000};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf all = EDGE_BUF_INIT(1000);
    int status;
    (void) state;

    assert_int_equal(edge_spawn_run(&spawn, &all, &all, &status, NULL), 0);
    assert_int_equal(all.len, 8);
    assert_non_null(strstr(all.data, "two\n"));
}

static void test_the_environment_is_the_one_given(void **state)
{
    static const char *const argv[] = {"sh", "-c", "echo \"$A-$HOME-\"", NULL};
    static const char *const env[] = {"A=1", NULL};
    const struct edge_spawn spawn = {.argv = argv, .env = env, .timeout_ms = 20000};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
    int status;
    (void) state;

    assert_int_equal(edge_spawn_run(&spawn, &out, &out, &status, NULL), 0);
    assert_string_equal(out.data, "1--\n");
}

static void test_large_output_is_cut_at_the_ceiling(void **state)
{
    struct ran r;
    (void) state;

    run(&r, "head -c 300000 /dev/zero | tr '\\0' x; head -c 300000 /dev/zero >&2", nothing, 20000,
        1000);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.out.len, 1000);
    assert_int_equal(r.err_out.len, 1000);
    assert_int_equal(r.out.data[999], 'x');
    assert_int_equal(edge_buf_error(&r.out), 0);
    fini(&r);
}

static void test_large_input_is_fed_while_output_is_read(void **state)
{
    struct ran r;
    char *big = malloc(500000);
    (void) state;

    assert_non_null(big);
    memset(big, 'y', 500000);
    run(&r, "cat", (struct edge_bytes){(const uint8_t *) big, 500000}, 20000, 1 << 20);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.out.len, 500000);
    assert_memory_equal(r.out.data, big, 500000);
    fini(&r);
    free(big);
}

static void test_a_child_that_reads_nothing_ends_nobody_else(void **state)
{
    struct ran r;
    char *big = calloc(1, 500000);
    (void) state;

    run(&r, "exec <&-; echo done", (struct edge_bytes){(const uint8_t *) big, 500000}, 20000, 1000);
    assert_int_equal(r.rc, 0);
    assert_string_equal(r.out.data, "done\n");
    fini(&r);
    free(big);
}

/* Who holds the writing end of this pipe lives; at the end of all of them it can be read to its
 * end.
 */
static void assert_all_gone(int fd)
{
    struct pollfd wait = {fd, POLLIN, 0};
    char byte;

    assert_int_equal(poll(&wait, 1, 20000), 1);
    assert_int_equal(read(fd, &byte, 1), 0);
}

static void test_time_over_ends_the_child_and_its_children(void **state)
{
    int64_t before = edge_now_ms();
    struct ran r;
    int fds[2];
    (void) state;

    assert_int_equal(pipe(fds), 0);
    run(&r, "sleep 100 & sleep 100", nothing, 300, 1000);
    close(fds[1]);
    assert_int_equal(r.rc, -ETIMEDOUT);
    assert_string_equal(r.err.text, "sh did not end within 300 ms and was killed");
    assert_in_range(edge_now_ms() - before, 290, 15000);
    assert_all_gone(fds[0]);
    close(fds[0]);
    fini(&r);
}

static void test_output_closed_early_is_waited_for(void **state)
{
    struct ran r;
    (void) state;

    run(&r, "exec >&- 2>&-; sleep 0.1; exit 4", nothing, 20000, 1000);
    assert_int_equal(r.rc, 0);
    assert_int_equal(r.status, 4);
    fini(&r);
    run(&r, "exec >&- 2>&-; sleep 100", nothing, 200, 1000);
    assert_int_equal(r.rc, -ETIMEDOUT);
    fini(&r);
}

static void test_what_is_kept_stays_open_and_nothing_else_does(void **state)
{
    int fds[2];
    EDGE_CLEANUP(edge_free) char *script = NULL;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
    struct edge_spawn spawn = {.timeout_ms = 20000};
    int status;
    (void) state;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    script =
        edge_format("for n in %d %d; do (: <&$n) 2>/dev/null && echo $n; done", fds[0], fds[1]);
    spawn.argv = (const char *const[]){"sh", "-c", script, NULL};
    spawn.keep = fds[1];
    assert_int_equal(edge_spawn_run(&spawn, &out, &out, &status, NULL), 0);
    assert_int_equal(atoi(out.data), fds[1]);
    assert_null(strchr(strchr(out.data, '\n') + 1, '\n'));
    close(fds[0]);
    close(fds[1]);
}

static void *fire_soon(void *arg)
{
    edge_cancel_sleep(NULL, 100);
    edge_cancel_fire(arg);
    return NULL;
}

/* Also when it has closed its outputs, and its children with it. */
static void test_who_gives_up_does_not_wait_for_the_child(void **state)
{
    static const char *const scripts[] = {"sleep 100 & sleep 100", "exec >&- 2>&-; sleep 100"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(scripts); i++) {
        EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
        const struct edge_spawn spawn = {.argv =
                                             (const char *const[]){"sh", "-c", scripts[i], NULL},
                                         .timeout_ms = 20000,
                                         .cancel = cancel};
        int64_t began_ms = edge_now_ms();
        pthread_t thread;
        int status;

        assert_int_equal(pthread_create(&thread, NULL, fire_soon, cancel), 0);
        assert_int_equal(edge_spawn_run(&spawn, &out, &out, &status, NULL), -ECANCELED);
        assert_true(edge_now_ms() - began_ms < 10000);
        pthread_join(thread, NULL);
        assert_int_equal(edge_spawn_run(&spawn, &out, &out, &status, NULL), -ECANCELED);
    }
}

static void test_a_missing_program_is_named(void **state)
{
    static const char *const argv[] = {"/no/such/program", NULL};
    const struct edge_spawn spawn = {.argv = argv, .timeout_ms = 1000};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(1000);
    struct edge_err err = {0};
    int status;
    (void) state;

    assert_int_equal(edge_spawn_run(&spawn, &out, &out, &status, &err), -ENOENT);
    assert_string_equal(err.text, "cannot run /no/such/program: No such file or directory");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_errors_and_exit_code_come_back),
        cmocka_unit_test(test_both_outputs_may_go_into_one_buffer),
        cmocka_unit_test(test_the_environment_is_the_one_given),
        cmocka_unit_test(test_large_output_is_cut_at_the_ceiling),
        cmocka_unit_test(test_large_input_is_fed_while_output_is_read),
        cmocka_unit_test(test_a_child_that_reads_nothing_ends_nobody_else),
        cmocka_unit_test(test_time_over_ends_the_child_and_its_children),
        cmocka_unit_test(test_output_closed_early_is_waited_for),
        cmocka_unit_test(test_what_is_kept_stays_open_and_nothing_else_does),
        cmocka_unit_test(test_who_gives_up_does_not_wait_for_the_child),
        cmocka_unit_test(test_a_missing_program_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
