/* Counters and summaries as series: a kind and its label values.
 *
 * A summary keeps how often each size of value came, in steps of 19 %, for an hour at least and two
 * at most: quantiles are exact to that step, and cost no memory by the number of values. */
#include "hub/core/metrics.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/crypto/hmac.h"

enum {
    SERIES_MAX = 10000,
    KEY_MAX = 1024, /* bytes of all labels */
    LABELS_MAX = 5,
    BUCKETS = 8192, /* of the table */
    STEPS = 4,      /* to the double of a value */
    LOW = -20,
    HIGH = 24, /* powers of two a summary tells apart */
    SIZES = (HIGH - LOW) * STEPS,
    HOUR_MS = 60 * 60 * 1000,
};

static const struct kind {
    const char *name;
    const char *labels[LABELS_MAX];
} kinds[HUB_COUNT_MAX + HUB_SUMMARY_MAX] = {
    [HUB_COUNT_RECEIVED] = {"messages_received_total", {"route_output", "id"}},
    [HUB_COUNT_SENT] = {"messages_sent_total",
                        {"from", "to", "from_route_output", "to_route_input", "priority"}},
    [HUB_COUNT_DROPPED] = {"messages_dropped_total", {"reason", "from", "from_route_output"}},
    [HUB_COUNT_UNACK] = {"messages_unack_total", {"reason", "from", "from_route_output"}},
    [HUB_COUNT_GETTWIN] = {"gettwin_total", {"source", "id"}},
    [HUB_COUNT_REPORTED] = {"reported_properties_total", {"target", "id"}},
    [HUB_COUNT_METHODS] = {"direct_methods_total", {"from", "to"}},
    [HUB_COUNT_OFFLINE] = {"offline_count_total", {"id"}},
    [HUB_COUNT_RETRY] = {"operation_retry_total", {"id", "operation"}},
    [HUB_COUNT_CONNECT_FAILED] = {"client_connect_failed_total", {"id", "reason"}},
    [HUB_COUNT_CONNECTED] = {"client_connect_success_total", {"id"}},
    [HUB_COUNT_DISCONNECTED] = {"client_disconnect_total", {"id"}},
    [HUB_COUNT_MAX + HUB_TIME_GETTWIN] = {"gettwin_duration_seconds", {"source", "id"}},
    [HUB_COUNT_MAX + HUB_TIME_SEND] = {"message_send_duration_seconds",
                                       {"from", "to", "from_route_output", "to_route_input"}},
    [HUB_COUNT_MAX +
        HUB_TIME_PROCESS] = {"message_process_duration_seconds", {"from", "to", "priority"}},
    [HUB_COUNT_MAX +
        HUB_TIME_REPORTED] = {"reported_properties_update_duration_seconds", {"target", "id"}},
    [HUB_COUNT_MAX + HUB_TIME_METHODS] = {"direct_method_duration_seconds", {"from", "to"}},
    [HUB_COUNT_MAX + HUB_TIME_OFFLINE] = {"offline_duration_seconds", {"id"}},
    [HUB_COUNT_MAX + HUB_SIZE_MESSAGE] = {"message_size_bytes", {"id"}},
};

struct sizes {
    uint32_t of[SIZES];
};
struct hub_series {
    struct hub_series *next; /* in its bucket */
    struct hub_series *same; /* of its kind */
    uint64_t hash;
    const struct kind *kind;
    uint64_t count;
    double sum;                 /* of a summary */
    struct sizes *now, *before; /* this hour's and the last one's */
    int64_t since_ms;           /* of `now` */
    size_t len;
    char key[]; /* label values, each with its NUL */
};
struct hub_metrics {
    char *defaults; /* labels of every line */
    struct hub_series *kinds[HUB_COUNT_MAX + HUB_SUMMARY_MAX];
    unsigned count;
    struct hub_series *buckets[BUCKETS];
};

/* A label's value between quotes. */
static void put_value(struct edge_buf *out, const char *value)
{
    for (; *value; value++) {
        if (*value == '\n')
            (void) edge_buf_puts(out, "\\n");
        else if (*value == '"' || *value == '\\')
            (void) edge_buf_printf(out, "\\%c", *value);
        else
            (void) edge_buf_append(out, value, 1);
    }
}

static char *make_defaults(const char *iothub, const char *device)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(4096);
    uint8_t random[16] = {0};

    edge_ignore(
        edge_random(random, sizeof random)); /* zeros tell no start from another, at worst */
    (void) edge_buf_puts(&out, "iothub=\"");
    put_value(&out, iothub);
    (void) edge_buf_puts(&out, "\",edge_device=\"");
    put_value(&out, device);
    (void) edge_buf_puts(&out, "\",instance_number=\"");
    for (size_t i = 0; i < sizeof random; i++)
        (void) edge_buf_printf(&out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               random[i]);
    (void) edge_buf_puts(&out, "\",ms_telemetry=\"True\"");
    return edge_buf_take(&out);
}

int hub_metrics_create(const char *iothub, const char *device, struct hub_metrics **ret)
{
    struct hub_metrics *m = calloc(1, sizeof *m);

    if (!m)
        return -ENOMEM;
    m->defaults = make_defaults(iothub, device);
    if (!m->defaults) {
        free(m);
        return -ENOMEM;
    }
    *ret = m;
    return 0;
}

struct hub_metrics *hub_metrics_destroy(struct hub_metrics *m)
{
    for (size_t i = 0; m && i < EDGE_ARRAY_LEN(m->kinds); i++) {
        while (m->kinds[i]) {
            struct hub_series *series = m->kinds[i];

            m->kinds[i] = series->same;
            free(series->now);
            free(series->before);
            free(series);
        }
    }
    if (m)
        free(m->defaults);
    free(m);
    return NULL;
}

/* Eight bytes at a time: this runs for every message. */
static uint64_t hash_of(const char *key, size_t len, uint64_t hash)
{
    uint64_t word;

    for (; len >= sizeof word; len -= sizeof word, key += sizeof word) {
        memcpy(&word, key, sizeof word);
        hash = (hash ^ word) * 0x9e3779b97f4a7c15U;
        hash ^= hash >> 29;
    }
    word = 0;
    memcpy(&word, key, len);
    hash = (hash ^ word ^ (uint64_t) len << 56) * 0x9e3779b97f4a7c15U;
    return hash ^ hash >> 32;
}

/* @return bytes of all labels, each with its NUL; 0: too many */
static size_t key_of(const struct kind *kind, const char *const *labels, char key[KEY_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < LABELS_MAX && kind->labels[i]; i++) {
        size_t more = strlen(labels[i]) + 1;

        if (more > KEY_MAX - len)
            return 0;
        memcpy(key + len, labels[i], more);
        len += more;
    }
    return len;
}

static struct hub_series *add(struct hub_metrics *m, size_t which, const char *key, size_t len,
                              uint64_t hash)
{
    struct hub_series *series;

    if (m->count >= SERIES_MAX)
        return NULL;
    series = calloc(1, sizeof *series + len);
    if (!series)
        return NULL;
    series->kind = &kinds[which];
    series->hash = hash;
    series->len = len;
    memcpy(series->key, key, len);
    series->same = m->kinds[which];
    m->kinds[which] = series;
    series->next = m->buckets[hash % BUCKETS];
    m->buckets[hash % BUCKETS] = series;
    m->count++;
    return series;
}

static struct hub_series *find(struct hub_metrics *m, size_t which, const char *const *labels)
{
    char key[KEY_MAX];
    size_t len = key_of(&kinds[which], labels, key);
    uint64_t hash = hash_of(key, len, which);

    if (len == 0)
        return NULL;
    for (struct hub_series *s = m->buckets[hash % BUCKETS]; s; s = s->next)
        if (s->hash == hash && s->kind == &kinds[which] && s->len == len &&
            memcmp(s->key, key, len) == 0)
            return s;
    return add(m, which, key, len, hash);
}

struct hub_series *hub_metrics_counter(struct hub_metrics *m, enum hub_counter which,
                                       const char *const *labels)
{
    return find(m, which, labels);
}

struct hub_series *hub_metrics_summary(struct hub_metrics *m, enum hub_summary which,
                                       const char *const *labels)
{
    return find(m, (size_t) HUB_COUNT_MAX + which, labels);
}

void hub_series_count(struct hub_series *series)
{
    if (series)
        series->count++;
}

void hub_series_set(struct hub_series *series, uint64_t count)
{
    if (series)
        series->count = count;
}

static size_t size_of(double value)
{
    int exponent;
    double part; /* 0.5 and up, below 1 */

    if (!(value > 0))
        return 0;
    part = frexp(value, &exponent);
    if (exponent <= LOW)
        return 0;
    if (exponent > HIGH)
        return SIZES - 1;
    return (size_t) (exponent - 1 - LOW) * STEPS + (size_t) ((part - 0.5) * 2 * STEPS);
}

/* The middle of what counts as this size. */
static double value_of(size_t size)
{
    double part = 0.5 + ((double) (size % STEPS) + 0.5) / (2 * STEPS);

    return ldexp(part, (int) (size / STEPS) + 1 + LOW);
}

/* Each hour begins anew, and remembers the last one. */
static void turn_hour(struct hub_series *series, int64_t now)
{
    struct sizes *old = series->before;
    bool recent = now - series->since_ms < 2 * HOUR_MS;

    if (series->now && now - series->since_ms < HOUR_MS)
        return;
    series->before = series->now;
    series->now = old;
    series->since_ms = now;
    if (series->now)
        memset(series->now, 0, sizeof *series->now);
    else
        series->now = calloc(1, sizeof *series->now);
    if (series->before && !recent)
        memset(series->before, 0, sizeof *series->before);
}

void hub_series_observe(struct hub_series *series, double value)
{
    if (!series)
        return;
    series->count++;
    series->sum += value;
    turn_hour(series, edge_now_ms());
    if (series->now)
        series->now->of[size_of(value)]++;
}

void hub_metrics_count(struct hub_metrics *m, enum hub_counter which, const char *const *labels)
{
    hub_series_count(hub_metrics_counter(m, which, labels));
}

void hub_metrics_observe(struct hub_metrics *m, enum hub_summary which, const char *const *labels,
                         double value)
{
    hub_series_observe(hub_metrics_summary(m, which, labels), value);
}

/* As text */

static void put_labels(const struct hub_metrics *m, const struct hub_series *series,
                       struct edge_buf *out)
{
    const char *value = series->key;

    (void) edge_buf_printf(out, "{%s", m->defaults);
    for (size_t i = 0; i < LABELS_MAX && series->kind->labels[i]; i++) {
        (void) edge_buf_printf(out, ",%s=\"", series->kind->labels[i]);
        put_value(out, value);
        (void) edge_buf_puts(out, "\"");
        value += strlen(value) + 1;
    }
}

static uint64_t samples(const struct hub_series *series, size_t size)
{
    return (series->now ? series->now->of[size] : 0) +
           (series->before ? series->before->of[size] : 0);
}

/* NaN: nothing came lately. */
static double quantile(const struct hub_series *series, double q)
{
    uint64_t all = 0, seen = 0;

    if (edge_now_ms() - series->since_ms > 2 * HOUR_MS)
        return NAN;
    for (size_t i = 0; i < SIZES; i++)
        all += samples(series, i);
    for (size_t i = 0; i < SIZES; i++) {
        seen += samples(series, i);
        if (seen > 0 && (double) seen >= q * (double) all)
            return value_of(i);
    }
    return NAN;
}

static void put_number(struct edge_buf *out, double value)
{
    if (isnan(value))
        (void) edge_buf_puts(out, "NaN\n");
    else
        (void) edge_buf_printf(out, "%.10g\n", value);
}

static void print_summary(const struct hub_metrics *m, const struct hub_series *series,
                          struct edge_buf *out)
{
    static const char *const quantiles[] = {"0.5", "0.9", "0.95", "0.99", "0.999", "0.9999"};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(quantiles); i++) {
        (void) edge_buf_printf(out, "edgehub_%s", series->kind->name);
        put_labels(m, series, out);
        (void) edge_buf_printf(out, ",quantile=\"%s\"} ", quantiles[i]);
        put_number(out, quantile(series, strtod(quantiles[i], NULL)));
    }
    (void) edge_buf_printf(out, "edgehub_%s_sum", series->kind->name);
    put_labels(m, series, out);
    (void) edge_buf_puts(out, "} ");
    put_number(out, series->sum);
    (void) edge_buf_printf(out, "edgehub_%s_count", series->kind->name);
    put_labels(m, series, out);
    (void) edge_buf_printf(out, "} %llu\n", (unsigned long long) series->count);
}

static void print_counter(const struct hub_metrics *m, const struct hub_series *series,
                          struct edge_buf *out)
{
    (void) edge_buf_printf(out, "edgehub_%s", series->kind->name);
    put_labels(m, series, out);
    (void) edge_buf_printf(out, "} %llu\n", (unsigned long long) series->count);
}

void hub_metrics_print(const struct hub_metrics *m, struct edge_buf *out)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(m->kinds); i++) {
        bool counter = i < HUB_COUNT_MAX;

        if (m->kinds[i])
            (void) edge_buf_printf(out, "# TYPE edgehub_%s %s\n", kinds[i].name,
                                   counter ? "counter" : "summary");
        for (const struct hub_series *s = m->kinds[i]; s; s = s->same) {
            if (counter)
                print_counter(m, s, out);
            else
                print_summary(m, s, out);
        }
    }
}

void hub_metrics_line(const struct hub_metrics *m, struct edge_buf *out, const char *name,
                      const char *const *labels, double value)
{
    (void) edge_buf_printf(out, "edgehub_%s{%s", name, m->defaults);
    for (size_t i = 0; labels && labels[i]; i += 2) {
        (void) edge_buf_printf(out, ",%s=\"", labels[i]);
        put_value(out, labels[i + 1]);
        (void) edge_buf_puts(out, "\"");
    }
    (void) edge_buf_puts(out, "} ");
    put_number(out, value);
}
