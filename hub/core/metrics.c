/* Counters and summaries as series: a kind and its label values.
 *
 * A summary keeps how often each size of value came, in steps of 19 %, for an hour at least and two
 * at most: quantiles are exact to that step, and cost no memory by the number of values. */
#include "hub/core/series.h"
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    SERIES_MAX = 10000,
    KEY_MAX = 1024, /* bytes of all labels */
};

static const struct hub_series_kind kinds[HUB_COUNT_MAX + HUB_SUMMARY_MAX] = {
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

int hub_metrics_create(const char *iothub, const char *device, struct hub_metrics **ret)
{
    struct hub_metrics *m = calloc(1, sizeof *m);

    if (!m)
        return -ENOMEM;
    m->defaults = hub_metrics_defaults(iothub, device);
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
static size_t key_of(const struct hub_series_kind *kind, const char *const *labels,
                     char key[KEY_MAX])
{
    size_t len = 0;

    for (size_t i = 0; i < HUB_LABELS_MAX && kind->labels[i]; i++) {
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
    series->next = m->buckets[hash % HUB_SERIES_BUCKETS];
    m->buckets[hash % HUB_SERIES_BUCKETS] = series;
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
    for (struct hub_series *s = m->buckets[hash % HUB_SERIES_BUCKETS]; s; s = s->next)
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
    if (exponent <= HUB_SIZE_LOW)
        return 0;
    if (exponent > HUB_SIZE_HIGH)
        return HUB_SIZES - 1;
    return (size_t) (exponent - 1 - HUB_SIZE_LOW) * HUB_SIZE_STEPS +
           (size_t) ((part - 0.5) * 2 * HUB_SIZE_STEPS);
}

void hub_metrics_turn(struct hub_metrics *m)
{
    for (size_t i = HUB_COUNT_MAX; i < EDGE_ARRAY_LEN(m->kinds); i++) {
        for (struct hub_series *s = m->kinds[i]; s; s = s->same) {
            free(s->before);
            s->before = s->now;
            s->now = NULL;
        }
    }
}

void hub_series_observe(struct hub_series *series, double value)
{
    if (!series)
        return;
    series->count++;
    series->sum += value;
    if (!series->now)
        series->now = calloc(1, sizeof *series->now);
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
