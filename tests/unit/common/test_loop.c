#include "tests/unit/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/loop/loop.h"

enum { POSTERS = 4, POSTS = 2000, PATIENCE_MS = 20000 };

struct world {
    struct edge_loop *loop;
    struct edge_timer *patience; /* ends a test that would wait for ever */
    bool late;
    int calls;
    int order[8];
};

static void give_up(void *arg)
{
    struct world *w = arg;

    w->late = true;
    edge_loop_stop(w->loop);
}

static void set_up(struct world *w)
{
    *w = (struct world){0};
    assert_int_equal(edge_loop_create(&w->loop), 0);
    w->patience = edge_timer_create(w->loop, give_up, w);
    assert_non_null(w->patience);
    edge_timer_arm(w->patience, PATIENCE_MS);
}

static void tear_down(struct world *w)
{
    edge_timer_destroy(w->patience);
    edge_loop_destroy(w->loop);
    assert_false(w->late);
}

/* ---- posts ---- */

struct poster {
    struct world *world;
    int next;  /* to be delivered: on the loop thread */
    int wrong; /* deliveries out of order */
    pthread_t thread;
};

struct posted {
    struct poster *poster;
    int number;
};

static void deliver(void *arg)
{
    struct posted *p = arg;
    struct world *w = p->poster->world;

    if (p->number != p->poster->next++)
        p->poster->wrong++;
    if (++w->calls == POSTERS * POSTS)
        edge_loop_stop(w->loop);
    free(p);
}

static void *post_many(void *arg)
{
    struct poster *poster = arg;

    for (int i = 0; i < POSTS; i++) {
        struct posted *p = malloc(sizeof *p);

        if (!p)
            abort();
        *p = (struct posted){poster, i};
        edge_loop_post(poster->world->loop, deliver, p);
    }
    return NULL;
}

static void test_posts_of_many_threads_all_arrive_in_order(void **state)
{
    struct poster posters[POSTERS];
    struct world w;
    (void) state;

    set_up(&w);
    for (int i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.world = &w};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    edge_loop_run(w.loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].next, POSTS);
        assert_int_equal(posters[i].wrong, 0);
    }
    tear_down(&w);
}

static void count(void *arg)
{
    ((struct world *) arg)->calls++;
}

static void count_and_post_again(void *arg)
{
    struct world *w = arg;

    if (++w->calls < 5)
        edge_loop_post(w->loop, count_and_post_again, w);
}

static void test_what_was_posted_runs_even_if_the_loop_never_does(void **state)
{
    struct world w;
    (void) state;

    set_up(&w);
    edge_loop_post(w.loop, count, &w);
    edge_loop_post(w.loop, count_and_post_again, &w);
    tear_down(&w);
    assert_int_equal(w.calls, 5);
}

/* ---- timers ---- */

struct tick {
    struct world *world;
    struct edge_timer *timer;
    int name;
    bool last;
};

static void tick(void *arg)
{
    struct tick *t = arg;

    t->world->order[t->world->calls++] = t->name;
    t->timer = edge_timer_destroy(t->timer); /* from within is fine */
    if (t->last)
        edge_loop_stop(t->world->loop);
}

static void test_timers_fire_once_in_their_order(void **state)
{
    struct world w;
    struct tick ticks[4] = {
        {&w, NULL, 1, true}, {&w, NULL, 2, false}, {&w, NULL, 3, false}, {&w, NULL, 4, false}};
    (void) state;

    set_up(&w);
    for (int i = 0; i < 4; i++) {
        ticks[i].timer = edge_timer_create(w.loop, tick, &ticks[i]);
        assert_false(edge_timer_armed(ticks[i].timer));
    }
    edge_timer_arm(ticks[0].timer, 60);
    edge_timer_arm(ticks[1].timer, 1);
    edge_timer_arm(ticks[1].timer, 30); /* replaces */
    edge_timer_arm(ticks[2].timer, 0);
    edge_timer_arm(ticks[3].timer, 10);
    edge_timer_disarm(ticks[3].timer);
    assert_true(edge_timer_armed(ticks[0].timer));
    assert_false(edge_timer_armed(ticks[3].timer));
    edge_loop_run(w.loop);
    assert_int_equal(w.calls, 3);
    assert_int_equal(w.order[0], 3);
    assert_int_equal(w.order[1], 2);
    assert_int_equal(w.order[2], 1);
    edge_timer_destroy(ticks[3].timer);
    tear_down(&w);
}

static void test_a_destroyed_timer_does_not_fire(void **state)
{
    struct world w;
    struct tick t = {&w, NULL, 9, false};
    struct tick last = {&w, NULL, 1, true};
    (void) state;

    set_up(&w);
    t.timer = edge_timer_create(w.loop, tick, &t);
    edge_timer_arm(t.timer, 1);
    assert_null(edge_timer_destroy(t.timer));
    assert_null(edge_timer_destroy(NULL));
    last.timer = edge_timer_create(w.loop, tick, &last);
    edge_timer_arm(last.timer, 20);
    edge_loop_run(w.loop);
    assert_int_equal(w.calls, 1);
    tear_down(&w);
}

/* ---- signals ---- */

static void on_signal(int signum, void *arg)
{
    struct world *w = arg;

    w->order[0] = signum;
    edge_loop_stop(w->loop);
}

static void test_a_signal_arrives_on_the_loop(void **state)
{
    struct world w;
    (void) state;

    set_up(&w);
    assert_int_equal(edge_loop_on_signal(w.loop, SIGUSR1, on_signal, &w), 0);
    assert_int_equal(edge_loop_on_signal(w.loop, SIGUSR2, on_signal, &w), 0);
    kill(getpid(), SIGUSR2);
    edge_loop_run(w.loop);
    assert_int_equal(w.order[0], SIGUSR2);
    tear_down(&w);
}

/* ---- watches ---- */

struct watching {
    struct world world;
    char folder[40];
    char path[60];
    struct edge_timer *writer;
    int writes;
    int most;
    bool at_once; /* all writes in one turn of the loop */
    int told;
};

static void told(void *arg)
{
    struct watching *w = arg;

    w->told++;
    if (w->writes >= w->most)
        edge_loop_stop(w->world.loop);
}

static void write_again(void *arg)
{
    struct watching *w = arg;

    do
        assert_int_equal(edge_file_write(w->path, "x", 1, 0600, NULL), 0);
    while (++w->writes < w->most && w->at_once);
    if (w->writes < w->most)
        edge_timer_arm(w->writer, 20);
}

static void set_up_watching(struct watching *w, int most)
{
    *w = (struct watching){.folder = "/tmp/test-watch-XXXXXX", .most = most};
    assert_non_null(mkdtemp(w->folder));
    (void) snprintf(w->path, sizeof w->path, "%s/file", w->folder);
    set_up(&w->world);
    w->writer = edge_timer_create(w->world.loop, write_again, w);
    assert_non_null(w->writer);
    edge_timer_arm(w->writer, 0);
}

static void tear_down_watching(struct watching *w)
{
    edge_timer_destroy(w->writer);
    tear_down(&w->world);
    assert_int_equal(edge_remove_tree(w->folder, NULL), 0);
}

static void test_a_watch_sees_write_and_rename_once(void **state)
{
    struct watching w;
    struct edge_watch *watch = NULL;
    (void) state;

    set_up_watching(&w, 3);
    w.at_once = true;
    assert_int_equal(edge_watch_create(w.world.loop, w.path, told, &w, &watch), 0);
    edge_loop_run(w.world.loop);
    assert_int_equal(w.told, 1);
    assert_null(edge_watch_destroy(watch));
    tear_down_watching(&w);
}

static void test_a_file_written_all_the_time_is_told_of_meanwhile(void **state)
{
    struct watching w;
    struct edge_watch *watch = NULL;
    (void) state;

    set_up_watching(&w, 100); /* some 2 seconds without a pause to settle in */
    assert_int_equal(edge_watch_create(w.world.loop, w.path, told, &w, &watch), 0);
    edge_loop_run(w.world.loop);
    assert_in_range(w.told, 2, 100);
    edge_watch_destroy(watch);
    tear_down_watching(&w);
}

static void test_other_files_are_not_told_of(void **state)
{
    struct watching w;
    struct edge_watch *watch = NULL;
    EDGE_CLEANUP(edge_free) char *other = NULL;
    struct tick last = {&w.world, NULL, 1, true};
    (void) state;

    set_up_watching(&w, 2);
    other = edge_format("%s/other", w.folder);
    assert_int_equal(edge_watch_create(w.world.loop, other, told, &w, &watch), 0);
    last.timer = edge_timer_create(w.world.loop, tick, &last);
    edge_timer_arm(last.timer, 400);
    edge_loop_run(w.world.loop);
    assert_int_equal(w.told, 0);
    edge_watch_destroy(watch);
    tear_down_watching(&w);
}

static void test_a_watch_needs_its_folder(void **state)
{
    struct edge_watch *watch = NULL;
    struct world w;
    (void) state;

    set_up(&w);
    assert_true(edge_watch_create(w.loop, "/no/such/folder/f", count, &w, &watch) < 0);
    assert_null(watch);
    tear_down(&w);
}

/* ---- descriptors ---- */

struct polling {
    struct world world;
    struct edge_poll *poll;
    int pair[2];
    unsigned seen;
};

static void on_ready(unsigned events, void *arg)
{
    struct polling *p = arg;
    char byte;

    p->world.calls++;
    p->seen |= events;
    if ((events & EDGE_POLL_WRITE) && p->world.calls == 1) {
        edge_poll_want(p->poll, EDGE_POLL_READ);
        assert_int_equal(write(p->pair[1], "x", 1), 1);
        return;
    }
    if (read(p->pair[0], &byte, 1) == 1) {
        close(p->pair[1]); /* the end of it shows as readable */
        return;
    }
    close(p->pair[0]);
    p->poll = edge_poll_destroy(p->poll); /* from within, and closed already */
    edge_loop_stop(p->world.loop);
}

static void test_a_descriptor_is_told_of_when_it_is_ready(void **state)
{
    struct polling p = {0};
    struct edge_poll *second = NULL;
    (void) state;

    set_up(&p.world);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p.pair), 0);
    assert_int_equal(edge_poll_create(p.world.loop, p.pair[0], on_ready, &p, &p.poll), 0);
    edge_poll_want(p.poll, EDGE_POLL_READ | EDGE_POLL_WRITE);
    assert_true(edge_poll_create(p.world.loop, p.pair[0], on_ready, &p, &second) < 0);
    edge_loop_run(p.world.loop);
    assert_int_equal(p.world.calls, 3);
    assert_int_equal(p.seen, EDGE_POLL_READ | EDGE_POLL_WRITE);
    assert_null(edge_poll_destroy(NULL));
    tear_down(&p.world);
}

static void test_a_descriptor_nobody_wants_is_left_alone(void **state)
{
    struct polling p = {0};
    struct tick last = {&p.world, NULL, 1, true};
    (void) state;

    set_up(&p.world);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, p.pair), 0);
    assert_int_equal(edge_poll_create(p.world.loop, p.pair[0], on_ready, &p, &p.poll), 0);
    edge_poll_want(p.poll, EDGE_POLL_WRITE);
    edge_poll_want(p.poll, 0);
    last.timer = edge_timer_create(p.world.loop, tick, &last);
    edge_timer_arm(last.timer, 30);
    edge_loop_run(p.world.loop);
    assert_int_equal(p.seen, 0);
    edge_poll_destroy(p.poll);
    close(p.pair[0]);
    close(p.pair[1]);
    tear_down(&p.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_of_many_threads_all_arrive_in_order),
        cmocka_unit_test(test_what_was_posted_runs_even_if_the_loop_never_does),
        cmocka_unit_test(test_timers_fire_once_in_their_order),
        cmocka_unit_test(test_a_destroyed_timer_does_not_fire),
        cmocka_unit_test(test_a_signal_arrives_on_the_loop),
        cmocka_unit_test(test_a_watch_sees_write_and_rename_once),
        cmocka_unit_test(test_a_file_written_all_the_time_is_told_of_meanwhile),
        cmocka_unit_test(test_other_files_are_not_told_of),
        cmocka_unit_test(test_a_watch_needs_its_folder),
        cmocka_unit_test(test_a_descriptor_is_told_of_when_it_is_ready),
        cmocka_unit_test(test_a_descriptor_nobody_wants_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
