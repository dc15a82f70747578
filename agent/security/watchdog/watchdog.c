#include "agent/security/watchdog/watchdog.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/security/watchdog/launcher.h"
#include "agent/security/watchdog/orphan.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/pause.h"
#include "common/http/client.h"

enum {
    SETTLED_MS = 60000,  /* up this long: the next pause is the first again */
    PATIENCE_MS = 30000, /* from SIGTERM to SIGKILL */
    MAX_MISSES = 3,
    ANSWER_MS = 10000,
};

static const struct edge_pauses pauses = {1000, 60000};

enum state { NONE, DOWN, STARTING, UP, ENDING, STATES };
enum event { TIME, STARTED, FAILED, ENDED, UNWELL, RESTART, EVENTS };

struct sec_watchdog {
    struct sec_watchdog_options options;
    struct edge_pool *reader; /* waits for the launcher's reports */
    struct edge_timer *timer;
    enum state state;
    pid_t agent;
    int64_t since_ms;  /* when it was started */
    unsigned pause_ms; /* the last one; 0: none yet */
    unsigned misses;
    bool looking;
    bool ending; /* for good */
    bool closed;

    struct sec_launcher_report report; /* of the reader */
    bool have_report;
    int answer; /* of the last look */
};

static void step(struct sec_watchdog *w, enum event event);

static void command(const struct sec_watchdog *w, char letter)
{
    edge_ignore((int) send(w->options.launcher, &letter, 1, MSG_NOSIGNAL));
}

/* ---- the launcher's reports ---- */

static void read_report(void *arg)
{
    struct sec_watchdog *w = arg;
    ssize_t n;

    do {
        n = recv(w->options.launcher, &w->report, sizeof w->report, 0);
    } while (n < 0 && errno == EINTR);
    w->have_report = n == (ssize_t) sizeof w->report;
}

static void say_end(int status)
{
    if (WIFSIGNALED(status))
        edge_warn("edge-agent ended signal=%d", WTERMSIG(status));
    else if (WEXITSTATUS(status) != 0)
        edge_warn("edge-agent ended code=%d", WEXITSTATUS(status));
    else
        edge_info("edge-agent ended");
}

static void on_report(void *arg)
{
    struct sec_watchdog *w = arg;

    if (w->closed)
        return;
    if (!w->have_report) {
        w->agent = 0;
        (w->ending ? w->options.ended : w->options.lost)(w->options.arg);
        return;
    }
    if (w->report.kind == 'X') {
        say_end(w->report.value);
        w->agent = 0;
        step(w, ENDED);
    } else if (w->report.value > 0) {
        w->agent = w->report.value;
        step(w, STARTED);
    } else {
        edge_error("cannot start edge-agent: %s", strerror(-w->report.value));
        step(w, FAILED);
    }
    edge_pool_submit(w->reader, read_report, on_report, w);
}

/* ---- what is done on the way ---- */

static void pause_a_while(struct sec_watchdog *w)
{
    if (w->ending) {
        w->options.ended(w->options.arg);
        return;
    }
    if (w->since_ms && edge_now_ms() - w->since_ms > SETTLED_MS)
        w->pause_ms = 0;
    w->pause_ms = edge_pause_longer(w->pause_ms, &pauses);
    edge_timer_arm(w->timer, w->pause_ms + edge_random_below(w->pause_ms / 4));
}

/* One agent for a home: one that is left over goes first, in its own time. */
static void start(struct sec_watchdog *w)
{
    pid_t orphan = sec_orphan_find(w->options.lock);

    if (orphan) {
        edge_warn("ending an edge-agent that was left behind pid=%d", (int) orphan);
        sec_orphan_end(orphan);
        w->state = DOWN;
        pause_a_while(w);
        return;
    }
    command(w, SEC_LAUNCH_START);
}

static void up(struct sec_watchdog *w)
{
    edge_info("edge-agent started pid=%d", (int) w->agent);
    w->since_ms = edge_now_ms();
    w->misses = 0;
    if (w->ending)
        step(w, RESTART);
}

static void end_agent(struct sec_watchdog *w)
{
    command(w, SEC_LAUNCH_TERM);
    edge_timer_arm(w->timer, PATIENCE_MS);
}

static void kill_agent(struct sec_watchdog *w)
{
    edge_error("edge-agent does not end: killing it pid=%d", (int) w->agent);
    command(w, SEC_LAUNCH_KILL);
}

static const struct way {
    enum state next; /* NONE: no such way */
    void (*act)(struct sec_watchdog *w);
} ways[STATES][EVENTS] = {
    [DOWN] = {[TIME] = {STARTING, start}, [RESTART] = {DOWN, pause_a_while}},
    [STARTING] = {[STARTED] = {UP, up}, [FAILED] = {DOWN, pause_a_while}},
    [UP] = {[ENDED] = {DOWN, pause_a_while},
            [UNWELL] = {ENDING, end_agent},
            [RESTART] = {ENDING, end_agent}},
    [ENDING] = {[TIME] = {ENDING, kill_agent}, [ENDED] = {DOWN, pause_a_while}},
};

static void step(struct sec_watchdog *w, enum event event)
{
    const struct way *way = &ways[w->state][event];

    if (way->next == NONE)
        return;
    edge_timer_disarm(w->timer);
    w->state = way->next;
    way->act(w);
}

static void on_time(void *arg)
{
    step(arg, TIME);
}

/* ---- is it well? ---- */

static void ask(void *arg)
{
    struct sec_watchdog *w = arg;
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    const struct edge_http_request request = {
        .url = "http://agent/systeminfo?api-version=2022-08-03",
        .unix_path = w->options.socket,
        .total_ms = ANSWER_MS,
    };

    w->answer = edge_http_request(&request, &response, NULL);
}

static void answered(void *arg)
{
    struct sec_watchdog *w = arg;

    w->looking = false;
    if (w->closed || w->state != UP)
        return;
    w->misses = w->answer == 0 ? 0 : w->misses + 1;
    if (w->misses < MAX_MISSES)
        return;
    edge_error("edge-agent has not answered %d times: starting it again", MAX_MISSES);
    step(w, UNWELL);
}

void sec_watchdog_look(struct sec_watchdog *w)
{
    if (w->state != UP || w->looking)
        return;
    w->looking = true;
    edge_pool_submit(w->options.pool, ask, answered, w);
}

/* ---- outside ---- */

int sec_watchdog_open(const struct sec_watchdog_options *options, struct sec_watchdog **ret)
{
    struct sec_watchdog *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (!w) {
        edge_close(options->launcher);
        return rc;
    }
    w->options = *options;
    w->state = DOWN;
    w->timer = edge_timer_create(options->loop, on_time, w);
    if (w->timer)
        rc = edge_pool_create(options->loop, "launcher", 1, &w->reader);
    if (rc < 0) {
        sec_watchdog_close(w);
        return rc;
    }
    edge_pool_submit(w->reader, read_report, on_report, w);
    edge_timer_arm(w->timer, 0);
    *ret = w;
    return 0;
}

/* Behind what the pools still have to tell. */
struct sec_watchdog *sec_watchdog_close(struct sec_watchdog *w)
{
    if (!w)
        return NULL;
    w->closed = true;
    edge_ignore(shutdown(w->options.launcher, SHUT_RDWR)); /* the reader wakes up */
    edge_pool_destroy(w->reader);
    edge_timer_destroy(w->timer);
    edge_close(w->options.launcher);
    edge_loop_post(w->options.loop, free, w);
    return NULL;
}

void sec_watchdog_restart(struct sec_watchdog *w)
{
    if (w->state == UP)
        step(w, RESTART);
}

void sec_watchdog_end(struct sec_watchdog *w)
{
    w->ending = true;
    step(w, RESTART);
}

pid_t sec_watchdog_agent(const struct sec_watchdog *w)
{
    return w->agent;
}
