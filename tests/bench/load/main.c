/* mqtt-load: many devices against an MQTT head (the local cloud, a hub), with TLS and QoS 1.
 *
 *     mqtt-load --host hub.test --port 8883 --hub hub.test --key BASE64 --ca ca.pem --devices 10000
 *
 * Connects them all, then publishes: at --rate messages a second over all devices, or without it as
 * fast as --window unacknowledged messages a device allow. Prints "name value" lines:
 *
 *     connect_per_s, up, lost, sent, acked, acked_per_s, ack_p50_us, ack_p99_us, ack_max_us,
 * pss_kib
 *
 * Ends with 0 when every device came up and every message was acknowledged. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "common/base/encode.h"
#include "common/base/file.h"
#include "tests/bench/load/publisher.h"

enum { TICK_MS = 10, DRAIN_MS = 30000, DAY = 24 * 3600 };
enum phase { CONNECTING, PUBLISHING, DRAINING };

static struct run {
    struct load load;
    struct publisher **all;
    unsigned devices, parallel, rate, seconds;
    const char *prefix, *ca, *pid;
    enum phase phase;
    unsigned begun, settled;
    unsigned next; /* whose turn it is */
    double owed;   /* messages the rate has come to */
    uint64_t began_us, tick_us, published_us, ended_us;
    double connect_s;
    struct edge_timer *timer;
} run = {.devices = 100, .parallel = 64, .seconds = 10, .prefix = "dev-"};

static void connect_more(void)
{
    while (run.begun < run.devices && run.begun - run.settled < run.parallel)
        publisher_connect(run.all[run.begun++]);
}

static void begin_publishing(void)
{
    run.connect_s = (double) (load_now_us() - run.began_us) / 1e6;
    run.phase = PUBLISHING;
    run.published_us = run.tick_us = load_now_us();
    run.load.refill = run.rate == 0;
    for (unsigned i = 0; run.load.refill && i < run.devices; i++)
        while (publisher_send(run.all[i]))
            continue;
}

static void on_settled(void *arg)
{
    (void) arg;
    run.settled++;
}

static void publish_at_rate(void)
{
    uint64_t now = load_now_us();

    run.owed += (double) run.rate * (double) (now - run.tick_us) / 1e6;
    run.tick_us = now;
    /* One round at most: who cannot keep up does not get it all at once later. */
    for (unsigned tried = 0; run.owed >= 1 && tried < run.devices; tried++) {
        if (publisher_send(run.all[run.next]))
            run.owed -= 1;
        run.next = (run.next + 1) % run.devices;
    }
}

static bool drained(void)
{
    for (unsigned i = 0; i < run.devices; i++)
        if (!publisher_idle(run.all[i]))
            return false;
    return true;
}

static void publish(uint64_t now)
{
    if (run.rate > 0)
        publish_at_rate();
    if (now - run.published_us < (uint64_t) run.seconds * 1000000)
        return;
    run.load.refill = false;
    run.ended_us = now;
    run.phase = DRAINING;
}

static void on_tick(void *arg)
{
    uint64_t now = load_now_us();

    (void) arg;
    if (run.phase == CONNECTING)
        connect_more();
    if (run.phase == CONNECTING && run.settled == run.devices)
        begin_publishing();
    else if (run.phase == PUBLISHING)
        publish(now);
    if (run.phase == DRAINING && (drained() || now - run.ended_us > DRAIN_MS * 1000ull)) {
        edge_loop_stop(run.load.loop);
        return;
    }
    edge_timer_arm(run.timer, run.phase == CONNECTING ? 1 : TICK_MS);
}

/* Proportional set size of a process, in KiB; 0 when it cannot be known. */
static unsigned long pss_of(const char *pid)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("/proc/%s/smaps_rollup", pid);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 16);
    const char *line;

    if (!path || edge_file_read(path, &text, NULL) < 0)
        return 0;
    line = strstr(text.data, "\nPss:");
    return line ? strtoul(line + strlen("\nPss:"), NULL, 10) : 0;
}

static int report(void)
{
    const struct load *load = &run.load;
    double seconds = (double) (run.ended_us - run.published_us) / 1e6;

    printf("connect_per_s %.0f\nup %u\nlost %u\n", run.devices / run.connect_s, load->up,
           load->lost);
    printf("sent %llu\nacked %llu\nacked_per_s %.0f\n", (unsigned long long) load->sent,
           (unsigned long long) load->acked, (double) load->acked / seconds);
    printf("ack_p50_us %llu\nack_p99_us %llu\nack_max_us %llu\n",
           (unsigned long long) histogram_at(&load->acks, 0.50),
           (unsigned long long) histogram_at(&load->acks, 0.99),
           (unsigned long long) load->acks.max);
    if (run.pid)
        printf("pss_kib %lu\n", pss_of(run.pid));
    if (load->lost > 0)
        fprintf(stderr, "first lost: %s\n", load->reason);
    return load->lost == 0 && load->acked == load->sent ? 0 : 1;
}

static const struct option names[] = {
    {"host", required_argument, NULL, 'h'},     {"port", required_argument, NULL, 'p'},
    {"hub", required_argument, NULL, 'H'},      {"key", required_argument, NULL, 'k'},
    {"ca", required_argument, NULL, 'c'},       {"plain", no_argument, NULL, 'P'},
    {"prefix", required_argument, NULL, 'x'},   {"devices", required_argument, NULL, 'n'},
    {"parallel", required_argument, NULL, 'j'}, {"twins", no_argument, NULL, 't'},
    {"rate", required_argument, NULL, 'r'},     {"size", required_argument, NULL, 's'},
    {"window", required_argument, NULL, 'w'},   {"seconds", required_argument, NULL, 'd'},
    {"pid", required_argument, NULL, 'i'},      {0},
};

static unsigned number(const char *text)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || value > 10000000) {
        fprintf(stderr, "not a number: %s\n", text);
        exit(2);
    }
    return (unsigned) value;
}

static void take_key(const char *text)
{
    static struct edge_buf key = EDGE_BUF_INIT(256);

    if (edge_base64_decode(text, strlen(text), &key) < 0) {
        fprintf(stderr, "the key is not base64\n");
        exit(2);
    }
    run.load.key = (struct edge_bytes){(const uint8_t *) key.data, key.len};
}

static bool take_number(int option, unsigned value)
{
    unsigned *const places[] = {['n'] = &run.devices,
                                ['j'] = &run.parallel,
                                ['r'] = &run.rate,
                                ['w'] = &run.load.window,
                                ['d'] = &run.seconds};

    if (option == 'p')
        run.load.port = (uint16_t) value;
    else if (option == 's')
        run.load.size = value;
    else if (option < (int) EDGE_ARRAY_LEN(places) && places[option])
        *places[option] = value;
    else
        return false;
    return true;
}

static bool take_option(int option, const char *value, bool *plain)
{
    switch (option) {
    case 'h':
        run.load.host = value;
        return true;
    case 'H':
        run.load.hub = value;
        return true;
    case 'k':
        take_key(value);
        return true;
    case 'c':
        run.ca = value;
        return true;
    case 'x':
        run.prefix = value;
        return true;
    case 'i':
        run.pid = value;
        return true;
    case 'P':
        *plain = true;
        return true;
    case 't':
        run.load.subscribe = true;
        return true;
    default:
        return option != '?' && take_number(option, number(value));
    }
}

static bool take_options(int argc, char **argv, bool *plain)
{
    int option;

    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (!take_option(option, optarg, plain))
            return false;
    return optind == argc && run.load.host && run.load.port && run.load.hub && run.load.key.data &&
           run.devices > 0 && run.load.window > 0 && run.load.window < LOAD_WINDOW_MAX;
}

static int prepare(bool plain)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf ca = EDGE_BUF_INIT(1 << 20);
    struct rlimit files;
    struct edge_err err = {0};

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
    if (edge_loop_create(&run.load.loop) < 0 || (run.ca && edge_file_read(run.ca, &ca, &err) < 0) ||
        (!plain && edge_tls_client_create(&(struct edge_tls_client_options){.ca_pem = ca.data},
                                          &run.load.tls, &err) < 0)) {
        fprintf(stderr, "%s\n", err.text);
        return -1;
    }
    run.load.until_s = time(NULL) + DAY;
    run.load.settled = on_settled;
    run.load.body = calloc(1, run.load.size + 1);
    run.all = calloc(run.devices, sizeof(struct publisher *));
    run.timer = edge_timer_create(run.load.loop, on_tick, NULL);
    for (unsigned i = 0; run.all && i < run.devices; i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("%s%u", run.prefix, i);

        run.all[i] = name ? publisher_create(&run.load, name) : NULL;
        if (!run.all[i])
            return -1;
    }
    return run.load.body && run.all && run.timer ? 0 : -1;
}

int main(int argc, char **argv)
{
    bool plain = false;
    int code;

    run.load.size = 256;
    run.load.window = 16;
    if (!take_options(argc, argv, &plain)) {
        fprintf(stderr,
                "usage: mqtt-load --host NAME --port N --hub NAME --key BASE64 [--ca FILE | "
                "--plain] [--prefix TEXT] [--devices N] [--parallel N] [--twins] "
                "[--rate N] [--size N] [--window N] [--seconds N] [--pid N]\n");
        return 2;
    }
    if (prepare(plain) < 0)
        return 1;
    run.began_us = load_now_us();
    edge_timer_arm(run.timer, 0);
    edge_loop_run(run.load.loop);
    code = report();
    for (unsigned i = 0; i < run.devices; i++)
        publisher_destroy(run.all[i]);
    edge_timer_destroy(run.timer);
    edge_loop_destroy(run.load.loop);
    edge_tls_client_destroy(run.load.tls);
    return code;
}
