#include "agent/metrics/registry.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

enum { LABELS_TEXT_MAX = 2048 };

struct series {
    struct series *next;
    const struct metrics_family *family;
    char *labels; /* as they are written, without braces */
    double value;
};

struct metrics_registry {
    char *common;
    struct series *first;
    size_t n;
};

/* The format's three escapes; no other byte is special in a quoted value. */
static void put_value(struct edge_buf *out, const char *text)
{
    edge_buf_puts(out, "\"");
    for (; *text; text++) {
        if (*text == '\n')
            edge_buf_puts(out, "\\n");
        else if (*text == '"' || *text == '\\')
            edge_buf_printf(out, "\\%c", *text);
        else
            edge_buf_append(out, text, 1);
    }
    edge_buf_puts(out, "\"");
}

static void put_labels(struct edge_buf *out, const struct metrics_label *labels)
{
    for (; labels && labels->name; labels++) {
        edge_buf_printf(out, "%s%s=", out->len > 0 ? "," : "", labels->name);
        put_value(out, labels->value ? labels->value : "");
    }
}

static char *labels_text(const struct metrics_label *labels)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(LABELS_TEXT_MAX);

    put_labels(&out, labels);
    return edge_buf_take(&out);
}

struct metrics_registry *metrics_registry_create(const struct metrics_label *common)
{
    struct metrics_registry *registry = calloc(1, sizeof *registry);

    if (!registry)
        return NULL;
    registry->common = labels_text(common);
    return registry->common ? registry : metrics_registry_destroy(registry);
}

static void free_series(struct series *series)
{
    free(series->labels);
    free(series);
}

struct metrics_registry *metrics_registry_destroy(struct metrics_registry *registry)
{
    while (registry && registry->first) {
        struct series *first = registry->first;

        registry->first = first->next;
        free_series(first);
    }
    if (registry)
        free(registry->common);
    free(registry);
    return NULL;
}

/* Behind the last of its family, so that they stand together. */
static struct series **place_of(struct metrics_registry *registry,
                                const struct metrics_family *family)
{
    struct series **end = &registry->first;
    struct series **at = NULL;

    for (; *end; end = &(*end)->next) {
        if ((*end)->family == family)
            at = &(*end)->next;
    }
    return at ? at : end;
}

static int find(struct metrics_registry *registry, const struct metrics_family *family,
                const struct metrics_label *labels, struct series **ret)
{
    char *text = labels_text(labels);
    struct series **place;
    struct series *fresh;

    for (*ret = registry->first; text && *ret; *ret = (*ret)->next) {
        if ((*ret)->family == family && strcmp((*ret)->labels, text) == 0) {
            free(text);
            return 0;
        }
    }
    if (!text)
        return -ENOMEM;
    fresh = registry->n < METRICS_SERIES_MAX ? calloc(1, sizeof *fresh) : NULL;
    if (!fresh) {
        free(text);
        return registry->n < METRICS_SERIES_MAX ? -ENOMEM : EDGE_ELIMIT;
    }
    place = place_of(registry, family);
    *fresh = (struct series){.next = *place, .family = family, .labels = text};
    *place = fresh;
    registry->n++;
    *ret = fresh;
    return 0;
}

int metrics_set(struct metrics_registry *registry, const struct metrics_family *family,
                const struct metrics_label *labels, double value)
{
    struct series *series = NULL;
    int rc = find(registry, family, labels, &series);

    if (rc == 0)
        series->value = value;
    return rc;
}

int metrics_add(struct metrics_registry *registry, const struct metrics_family *family,
                const struct metrics_label *labels, double by)
{
    struct series *series = NULL;
    int rc = find(registry, family, labels, &series);

    if (rc == 0)
        series->value += by;
    return rc;
}

/* Is @p wanted one of the labels? A quote inside a value is escaped, so the text is unambiguous. */
static bool has_label(const char *labels, const char *wanted)
{
    size_t n = strlen(wanted);

    for (const char *at = strstr(labels, wanted); at; at = strstr(at + 1, wanted)) {
        if ((at == labels || (at[-1] == ',' && at >= labels + 2 && at[-2] == '"')) &&
            (at[n] == '\0' || at[n] == ','))
            return true;
    }
    return false;
}

void metrics_forget(struct metrics_registry *registry, const char *label, const char *value)
{
    const struct metrics_label labels[] = {{label, value}, {NULL, NULL}};
    EDGE_CLEANUP(edge_free) char *wanted = labels_text(labels);

    for (struct series **at = &registry->first; wanted && *at;) {
        struct series *series = *at;

        if (!has_label(series->labels, wanted)) {
            at = &series->next;
            continue;
        }
        *at = series->next;
        registry->n--;
        free_series(series);
    }
}

int metrics_render(const struct metrics_registry *registry, struct edge_buf *out)
{
    const struct series *above = NULL;

    for (const struct series *s = registry->first; s; above = s, s = s->next) {
        const char *comma = *registry->common && *s->labels ? "," : "";

        if (!above || s->family != above->family)
            edge_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", s->family->name, s->family->help,
                            s->family->name, s->family->type);
        edge_buf_printf(out, "%s{%s%s%s} %.17g\n", s->family->name, registry->common, comma,
                        s->labels, s->value);
    }
    return edge_buf_error(out);
}
