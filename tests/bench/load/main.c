/* mqtt-load, amqp-load: many devices against a server (the local cloud, a hub, a broker).
 *
 *     mqtt-load --host hub.test --port 8883 --hub hub.test --key BASE64 --ca ca.pem --devices 10000
 *
 * Connects them all, then publishes: at --rate messages a second over all devices, or without it as
 * fast as --window unacknowledged messages a device allow. Ends with 0 when every device came up,
 * every message was acknowledged and, with subscribers, came to one of them. README.md says what it
 * prints. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "common/base/file.h"
#include "tests/bench/load/publisher.h"
#include "tests/bench/load/run.h"
#include "tests/bench/load/subscriber.h"

enum { TICK_MS = 1, DRAIN_MS = 120000, DAY = 24 * 3600 };
enum phase { CONNECTING, PUBLISHING, DRAINING };

static struct run run = {.devices = 100,
                         .parallel = 64,
                         .seconds = 10,
                         .prefix = "dev-",
                         .subscriber_prefix = "sub-",
                         .load = {.size = 256, .window = 16}};
static struct publisher **publishers;
static struct subscriber **subscribers;
static struct edge_timer *timer;
static enum phase phase;
static unsigned begun, settled;
static unsigned next; /* whose turn it is */
static double owed;   /* messages the rate has come to */
static uint64_t began_us, tick_us;

static unsigned connections(void)
{
    return run.devices + run.subscribers;
}

/* Subscribers first: nobody publishes for nobody. */
static void connect_more(void)
{
    while (begun < connections() && begun - settled < run.parallel) {
        if (begun < run.subscribers)
            subscriber_connect(subscribers[begun]);
        else
            publisher_connect(publishers[begun - run.subscribers]);
        begun++;
    }
}

static double own_cpu_s(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double) used.tv_sec + (double) used.tv_nsec / 1e9;
}

/* What follows is of those that are lost from now on. */
static void say_all_up(void)
{
    printf("all_up 1\nfirst_s %.2f\nfirst_failed %u\nfirst_refused %u\n", run.connect_s,
           run.load.failed, run.load.refused);
    fflush(stdout);
    run.load.failed = run.load.refused = 0;
}

static void begin_publishing(void)
{
    run.connect_s = (double) (load_now_us() - began_us) / 1e6;
    phase = PUBLISHING;
    if (run.load.again)
        say_all_up();
    run.before = server_figures(run.pid);
    run.own_cpu_s = own_cpu_s();
    run.published_us = tick_us = run.load.turn_us = load_now_us();
    run.load.refill = run.rate == 0 && !run.hold;
    for (unsigned i = 0; run.load.refill && i < run.devices; i++) {
        while (publisher_send(publishers[i]))
            continue;
        publisher_flush(publishers[i]);
    }
}

static void on_settled(void *arg)
{
    (void) arg;
    settled++;
}

static void publish_at_rate(uint64_t now)
{
    owed += (double) run.rate * (double) (now - tick_us) / 1e6;
    tick_us = run.load.turn_us = now;
    /* One round at most: who cannot keep up does not get it all at once later. */
    for (unsigned tried = 0; owed >= 1 && tried < run.devices; tried++) {
        if (publisher_send(publishers[next]))
            owed -= 1;
        publisher_flush(publishers[next]);
        next = (next + 1) % run.devices;
    }
}

static bool drained(void)
{
    for (unsigned i = 0; i < run.devices; i++)
        if (!publisher_idle(publishers[i]))
            return false;
    return run.subscribers == 0 || run.load.received >= run.load.acked;
}

static void publish(uint64_t now)
{
    bool back = run.load.again && run.load.returned >= run.devices && run.load.up == connections();
    bool enough = back || (run.load.messages && run.load.acked >= run.load.messages) ||
                  (run.drain && run.load.received >= run.drain);

    if (run.rate > 0)
        publish_at_rate(now);
    if (!enough && now - run.published_us < (uint64_t) run.seconds * 1000000)
        return;
    run.load.refill = false;
    run.ended_us = now;
    run.acked_in_time = run.load.acked;
    phase = DRAINING;
}

static void end(uint64_t now)
{
    run.drained_us = now;
    run.after = server_figures(run.pid);
    run.own_cpu_s = own_cpu_s() - run.own_cpu_s;
    edge_loop_stop(run.load.loop);
}

static void on_tick(void *arg)
{
    uint64_t now = load_now_us();

    (void) arg;
    if (phase == CONNECTING)
        connect_more();
    if (phase == CONNECTING && settled == connections())
        begin_publishing();
    else if (phase == PUBLISHING)
        publish(now);
    if (phase == DRAINING && (drained() || now - run.ended_us > DRAIN_MS * 1000ull))
        end(now);
    else
        edge_timer_arm(timer, TICK_MS);
}

static int make_all(void)
{
    publishers = calloc(run.devices, sizeof(struct publisher *));
    subscribers = calloc(run.subscribers + 1, sizeof(struct subscriber *));
    for (unsigned i = 0; publishers && i < run.devices; i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("%s%u", run.prefix, i);

        publishers[i] = name ? publisher_create(&run.load, name) : NULL;
        if (!publishers[i])
            return -1;
    }
    for (unsigned i = 0; publishers && subscribers && i < run.subscribers; i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("%s%u", run.subscriber_prefix, i);

        subscribers[i] =
            name ? subscriber_create(&run.load, name, publishers[i], run.broker) : NULL;
        if (!subscribers[i])
            return -1;
    }
    return publishers && subscribers ? 0 : -1;
}

static int prepare(void)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf ca = EDGE_BUF_INIT(1 << 20);
    struct rlimit files;
    struct edge_err err = {0};

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
    if (edge_loop_create(&run.load.loop) < 0 || (run.ca && edge_file_read(run.ca, &ca, &err) < 0) ||
        (!run.plain && edge_tls_client_create(&(struct edge_tls_client_options){.ca_pem = ca.data},
                                              &run.load.tls, &err) < 0)) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    run.load.until_s = time(NULL) + DAY;
    run.load.settled = on_settled;
    run.load.body = calloc(1, run.load.size + 1);
    timer = edge_timer_create(run.load.loop, on_tick, NULL);
    return run.load.body && timer ? make_all() : -1;
}

static void finish(void)
{
    for (unsigned i = 0; i < run.devices; i++)
        publisher_destroy(publishers[i]);
    for (unsigned i = 0; i < run.subscribers; i++)
        subscriber_destroy(subscribers[i]);
    edge_timer_destroy(timer);
    edge_loop_destroy(run.load.loop);
    edge_tls_client_destroy(run.load.tls);
}

int main(int argc, char **argv)
{
    int code;

    if (!run_options(argc, argv, &run))
        return 2;
    if (prepare() < 0)
        return 1;
    run.idle = server_figures(run.pid);
    began_us = load_now_us();
    edge_timer_arm(timer, 0);
    edge_loop_run(run.load.loop);
    code = run_report(&run);
    finish();
    return code;
}
