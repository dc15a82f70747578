/* Series in Prometheus' text format. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/crypto/hmac.h"
#include "hub/core/series.h"

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

char *hub_metrics_defaults(const char *iothub, const char *device)
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

static void put_labels(const struct hub_metrics *m, const struct hub_series *series,
                       struct edge_buf *out)
{
    const char *value = series->key;

    (void) edge_buf_printf(out, "{%s", m->defaults);
    for (size_t i = 0; i < HUB_LABELS_MAX && series->kind->labels[i]; i++) {
        (void) edge_buf_printf(out, ",%s=\"", series->kind->labels[i]);
        put_value(out, value);
        (void) edge_buf_puts(out, "\"");
        value += strlen(value) + 1;
    }
}

/* The middle of what counts as this size. */
static double value_of(size_t size)
{
    double part = 0.5 + ((double) (size % HUB_SIZE_STEPS) + 0.5) / (2 * HUB_SIZE_STEPS);

    return ldexp(part, (int) (size / HUB_SIZE_STEPS) + 1 + HUB_SIZE_LOW);
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

    for (size_t i = 0; i < HUB_SIZES; i++)
        all += samples(series, i);
    for (size_t i = 0; i < HUB_SIZES; i++) {
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
            (void) edge_buf_printf(out, "# TYPE edgehub_%s %s\n", m->kinds[i]->kind->name,
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
