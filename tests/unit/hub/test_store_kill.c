/* The process is killed while it puts, takes and acknowledges: all it was told is there. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "common/base/file.h"
#include "tests/unit/hub/store.h"

enum { LIVES = 16, MESSAGES = 4000000, WINDOW = 200 };

/* What the child tells, in memory that survives it. */
static struct told {
    int puts;                      /* 0 .. puts-1 were told 0 */
    unsigned char taken[MESSAGES]; /* acknowledged: may be gone */
} * told;

static struct bench b;
static int asked;

static void put_more(void);

static void on_done(int rc, void *arg)
{
    (void) arg;
    if (rc != 0)
        _exit(1);
    told->puts++;
    put_more();
}

static void put_more(void)
{
    while (asked - told->puts < WINDOW && asked < MESSAGES) {
        char text[300];
        struct hub_target target = {bench_queue(&b, "q"), 0, 0};
        int n = snprintf(text, sizeof text, "message %d", asked);
        int rc;

        memset(text + n + 1, 'k', sizeof text - (size_t) n - 1);
        rc = hub_store_put(b.store, (struct edge_bytes){(const uint8_t *) text, sizeof text},
                           &target, 1, on_done, NULL);
        if (rc == HUB_STORE_FULL)
            return; /* until more is taken */
        if (rc != 0)
            _exit(2);
        asked++;
    }
}

static int number_of(const struct hub_stored *got)
{
    int number = -1;

    if (sscanf((const char *) got->data.data, "message %d", &number) != 1)
        return -1;
    return number;
}

static void on_ready(struct hub_queue *queue, void *arg)
{
    struct hub_stored got;
    (void) arg;

    while (hub_queue_take(queue, &got) == 0) {
        int number = number_of(&got);

        if (number < 0)
            _exit(3);
        if (number % 10 == 0)
            continue; /* stays pending */
        told->taken[number] = 1;
        hub_queue_ack(queue, got.id);
    }
    put_more();
}

static void live(void)
{
    if (edge_loop_create(&b.loop) < 0)
        _exit(4);
    b.options.loop = b.loop;
    if (hub_store_open(&b.options, &b.store, NULL) != 0 || hub_store_route(b.store, "r") != 0)
        _exit(5);
    asked = told->puts + WINDOW; /* what was on its way has numbers of its own */
    told->puts = asked;
    hub_queue_consume(bench_queue(&b, "q"), on_ready, NULL);
    on_ready(bench_queue(&b, "q"), NULL);
    put_more();
    edge_loop_run(b.loop);
}

static void check(const unsigned char *never)
{
    static unsigned char there[MESSAGES];
    struct hub_stored got;
    int before = -1;

    memset(there, 0, sizeof there);
    bench_open(&b);
    (void) bench_ledger(&b);
    while (bench_take(&b, "q", &got) == 0) {
        int number = number_of(&got);

        assert_in_range(number, before + 1, MESSAGES);
        there[number] = 1;
        before = number;
    }
    for (int i = 0; i < told->puts; i++)
        assert_true(there[i] || told->taken[i] || never[i]);
    bench_close(&b);
}

static void nothing_told_is_lost_when_killed(void **state)
{
    static unsigned char never[MESSAGES];
    (void) state;

    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(told, MAP_FAILED);
    bench_init(&b);
    b.options.max_bytes = 64 << 20; /* small segments: it dies in merges, too */
    for (int i = 0; i < LIVES; i++) {
        struct timespec while_it_lives = {0, 20000000 + i * 11000000};
        int status = 0;
        int from = told->puts;
        pid_t child = fork();

        if (child == 0)
            live();
        assert_true(child > 0);
        for (int n = from; n < from + WINDOW; n++)
            never[n] = 1; /* those numbers may or may not be there */
        while (told->puts < from + WINDOW + 100)
            nanosleep(&while_it_lives, NULL);
        nanosleep(&while_it_lives, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status))
            print_error("the child ended with %d\n", WEXITSTATUS(status));
        assert_true(WIFSIGNALED(status));
        check(never);
    }
    print_message("%d messages, %d lives\n", told->puts, LIVES);
    bench_fini(&b);
    munmap(told, sizeof *told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_told_is_lost_when_killed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
