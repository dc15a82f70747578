/* The watchdog against a launcher that is played here: the other end of its socket. */
#include "tests/unit/test.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/security/watchdog/launcher.h"
#include "agent/security/watchdog/watchdog.h"
#include "common/base/bytes.h"

struct play {
    struct edge_loop *loop;
    struct edge_pool *pool;
    struct edge_timer *patience;
    struct sec_watchdog *w;
    int launcher;
    bool lost;
    bool ended;
};

static void too_long(void *arg)
{
    (void) arg;
    fail_msg("nothing happened in 10 s");
}

static void on_lost(void *arg)
{
    struct play *p = arg;

    p->lost = true;
    edge_loop_stop(p->loop);
}

static void on_ended(void *arg)
{
    struct play *p = arg;

    p->ended = true;
    edge_loop_stop(p->loop);
}

static void open_play(struct play *p)
{
    int fds[2];
    struct sec_watchdog_options options;

    *p = (struct play){0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds), 0);
    p->launcher = fds[1];
    assert_int_equal(edge_loop_create(&p->loop), 0);
    assert_int_equal(edge_pool_create(p->loop, "test", 1, &p->pool), 0);
    p->patience = edge_timer_create(p->loop, too_long, p);
    edge_timer_arm(p->patience, 30000);
    options = (struct sec_watchdog_options){
        .loop = p->loop,
        .pool = p->pool,
        .launcher = fds[0],
        .lock = "/nowhere/agent.lock",
        .socket = "/nowhere/mgmt.sock",
        .lost = on_lost,
        .ended = on_ended,
        .arg = p,
    };
    assert_int_equal(sec_watchdog_open(&options, &p->w), 0);
}

static void close_play(struct play *p)
{
    edge_pool_destroy(p->pool);
    sec_watchdog_close(p->w);
    edge_timer_destroy(p->patience);
    edge_loop_destroy(p->loop);
    if (p->launcher >= 0)
        (void) close(p->launcher);
}

/* The loop runs while this waits: a thread listens for the command. */
struct wait {
    struct play *p;
    char command;
};

static void listen_once(void *arg)
{
    struct wait *w = arg;

    if (recv(w->p->launcher, &w->command, 1, 0) != 1)
        w->command = 0;
}

static void heard(void *arg)
{
    edge_loop_stop(((struct wait *) arg)->p->loop);
}

static char next_command(struct play *p)
{
    struct edge_pool *ear = NULL;
    struct wait w = {p, 0};

    assert_int_equal(edge_pool_create(p->loop, "ear", 1, &ear), 0);
    edge_pool_submit(ear, listen_once, heard, &w);
    edge_loop_run(p->loop);
    edge_pool_destroy(ear);
    return w.command;
}

static void report(struct play *p, int kind, int value)
{
    const struct sec_launcher_report r = {kind, value};

    assert_int_equal(send(p->launcher, &r, sizeof r, 0), sizeof r);
}

struct until {
    struct play *p;
    pid_t agent;
    struct edge_timer *timer;
};

static void check(void *arg)
{
    struct until *u = arg;

    if (sec_watchdog_agent(u->p->w) == u->agent)
        edge_loop_stop(u->p->loop);
    else
        edge_timer_arm(u->timer, 5);
}

static void until(struct play *p, pid_t agent)
{
    struct until u = {p, agent, NULL};

    u.timer = edge_timer_create(p->loop, check, &u);
    edge_timer_arm(u.timer, 0);
    edge_loop_run(p->loop);
    edge_timer_destroy(u.timer);
}

static void test_an_agent_that_ends_is_started_again(void **state)
{
    struct play p;
    (void) state;

    open_play(&p);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(next_command(&p), SEC_LAUNCH_START);
        report(&p, 'P', 4242 + i);
        until(&p, 4242 + i);
        report(&p, 'X', SIGKILL);
        until(&p, 0);
    }
    assert_int_equal(next_command(&p), SEC_LAUNCH_START);
    report(&p, 'P', -2);
    assert_int_equal(next_command(&p), SEC_LAUNCH_START);
    close_play(&p);
}

static void nothing(void *arg)
{
    (void) arg;
}

/* The pool's one thread does its jobs in order: this one's end comes after the answer's. */
static void let_the_answer_come(struct play *p)
{
    struct wait w = {p, 0};

    edge_pool_submit(p->pool, nothing, heard, &w);
    edge_loop_run(p->loop);
}

static void test_an_agent_that_does_not_answer_three_times_is_ended(void **state)
{
    struct play p;
    (void) state;

    open_play(&p);
    assert_int_equal(next_command(&p), SEC_LAUNCH_START);
    report(&p, 'P', 7);
    until(&p, 7);
    for (int i = 0; i < 2; i++) {
        char none;

        sec_watchdog_look(p.w);
        let_the_answer_come(&p);
        assert_int_equal(recv(p.launcher, &none, 1, MSG_DONTWAIT), -1);
    }
    sec_watchdog_look(p.w);
    assert_int_equal(next_command(&p), SEC_LAUNCH_TERM);
    report(&p, 'X', 0);
    assert_int_equal(next_command(&p), SEC_LAUNCH_START);
    close_play(&p);
}

static void test_the_end_waits_for_the_agent(void **state)
{
    struct play p;
    (void) state;

    open_play(&p);
    assert_int_equal(next_command(&p), SEC_LAUNCH_START);
    report(&p, 'P', 7);
    until(&p, 7);
    sec_watchdog_end(p.w);
    assert_int_equal(next_command(&p), SEC_LAUNCH_TERM);
    assert_false(p.ended);
    report(&p, 'X', 0);
    edge_loop_run(p.loop);
    assert_true(p.ended);
    assert_int_equal(sec_watchdog_agent(p.w), 0);
    close_play(&p);
}

static void test_a_lost_launcher_is_told(void **state)
{
    struct play p;
    (void) state;

    open_play(&p);
    assert_int_equal(next_command(&p), SEC_LAUNCH_START);
    (void) close(p.launcher);
    p.launcher = -1;
    edge_loop_run(p.loop);
    assert_true(p.lost);
    close_play(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_agent_that_ends_is_started_again),
        cmocka_unit_test(test_an_agent_that_does_not_answer_three_times_is_ended),
        cmocka_unit_test(test_the_end_waits_for_the_agent),
        cmocka_unit_test(test_a_lost_launcher_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
