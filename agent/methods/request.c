#include "agent/methods/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"

static bool blank(const char *text)
{
    return text[strspn(text, " \t\r\n")] == '\0';
}

int methods_request_schema(const struct edge_json *payload, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    char *end = NULL;

    if (!edge_json_is(payload, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the payload is missing or no JSON object");
    if (edge_json_loose_str(edge_json_get_nocase(payload, "schemaVersion"), &text) < 0 ||
        blank(text))
        return edge_fail(err, EDGE_EINVALID, "schemaVersion is missing");
    if (strspn(text, "0123456789") == 0 || strtoul(text, &end, 10) != 1 || (*end && *end != '.'))
        return edge_fail(err, EDGE_ESCHEMA, "schemaVersion %.20s is not supported, only 1.0", text);
    return 0;
}

int methods_request_text(const struct edge_json *payload, const char *name, const char **ret,
                         struct edge_err *err)
{
    const char *text = edge_json_str(edge_json_get_nocase(payload, name), "");

    if (blank(text))
        return edge_fail(err, EDGE_EINVALID, "%s is missing", name);
    *ret = text;
    return 0;
}

static int read_time(const struct edge_json *object, const char *name, int64_t now_ns,
                     int64_t *ret_ns, struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(object, name);
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (!value)
        return 0;
    if (edge_json_loose_str(value, &text) < 0)
        return edge_fail(err, EDGE_EINVALID, "%s is no time", name);
    if (edge_time_parse_since(text, now_ns, ret_ns) < 0)
        return edge_fail(err, EDGE_EINVALID, "%s is no time: \"%.60s\"", name, text);
    return 0;
}

int methods_request_window(const struct edge_json *object, int64_t now_ns, int64_t *since_ns,
                           int64_t *until_ns, struct edge_err *err)
{
    int rc;

    *since_ns = EDGE_TIME_NEVER;
    *until_ns = INT64_MAX;
    rc = read_time(object, "since", now_ns, since_ns, err);
    return rc < 0 ? rc : read_time(object, "until", now_ns, until_ns, err);
}

/* A number that is not negative; absent leaves @p ret. */
static int read_count(const struct edge_json *filter, const char *name, int64_t max, int64_t *ret,
                      struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(filter, name);
    int64_t number = 0;

    if (!value)
        return 0;
    if (edge_json_loose_int(value, &number) < 0 || number < 0 || number > max)
        return edge_fail(err, EDGE_EINVALID, "%s is no number from 0 to %lld", name,
                         (long long) max);
    *ret = number;
    return 0;
}

static int read_regex(const struct edge_json *filter, struct methods_item *item,
                      struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(filter, "regex");

    if (!value)
        return 0;
    if (!edge_json_is(value, EDGE_JSON_STRING))
        return edge_fail(err, EDGE_EINVALID, "regex is no text");
    return methods_pattern_create(edge_json_str(value, ""), false, &item->regex, err);
}

static int read_filter(const struct edge_json *filter, int64_t now_ns, struct methods_item *item,
                       struct edge_err *err)
{
    const struct edge_json *timestamps = edge_json_get_nocase(filter, "includeTimestamp");
    int64_t level = -1;
    int rc = methods_request_window(filter, now_ns, &item->since_ns, &item->until_ns, err);

    if (filter && !edge_json_is(filter, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "filter is no object");
    if (rc == 0)
        rc = read_count(filter, "tail", INT32_MAX, &item->tail, err);
    if (rc == 0)
        rc = read_count(filter, "loglevel", 9, &level, err);
    if (rc == 0 && timestamps && edge_json_loose_bool(timestamps, &item->timestamps) < 0)
        return edge_fail(err, EDGE_EINVALID, "includeTimestamp is neither true nor false");
    item->level = (int) level;
    item->tail_last =
        item->tail >= 0 && item->since_ns != EDGE_TIME_NEVER && item->until_ns != INT64_MAX;
    return rc < 0 ? rc : read_regex(filter, item, err);
}

static int read_item(const struct edge_json *value, int64_t now_ns, struct methods_item *item,
                     struct edge_err *err)
{
    const char *id;
    int rc;

    *item = (struct methods_item){.tail = -1, .level = -1};
    if (!edge_json_is(value, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "an item of items is no object");
    rc = methods_request_text(value, "id", &id, err);
    if (rc == 0 && strcasecmp(id, "all") != 0)
        rc = methods_pattern_create(id, true, &item->id, err);
    return rc < 0 ? rc : read_filter(edge_json_get_nocase(value, "filter"), now_ns, item, err);
}

static int read_items(const struct edge_json *items, int64_t now_ns,
                      struct methods_logs_request *ret, struct edge_err *err)
{
    bool many = edge_json_is(items, EDGE_JSON_ARRAY);
    size_t n = many ? edge_json_len(items) : 1;
    int rc = 0;

    if (!items)
        return edge_fail(err, EDGE_EINVALID, "items is missing");
    if (n > METHODS_ITEMS_MAX)
        return edge_fail(err, EDGE_ELIMIT, "more than %d items", METHODS_ITEMS_MAX);
    ret->items = calloc(n ? n : 1, sizeof *ret->items);
    if (!ret->items)
        return -ENOMEM;
    for (size_t i = 0; i < n && rc == 0; i++, ret->nitems++)
        rc = read_item(many ? edge_json_at(items, i) : items, now_ns, &ret->items[i], err);
    return rc;
}

/* One of two words; absent is the first. */
static int read_choice(const struct edge_json *payload, const char *name, const char *first,
                       const char *second, bool *ret, struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(payload, name);
    const char *text = value ? edge_json_str(value, "") : first;

    *ret = strcasecmp(text, second) == 0;
    if (!*ret && strcasecmp(text, first) != 0)
        return edge_fail(err, EDGE_EINVALID, "%s is neither \"%s\" nor \"%s\"", name, first,
                         second);
    return 0;
}

int methods_logs_request_parse(const struct edge_json *payload, int64_t now_ns,
                               struct methods_logs_request *ret, struct edge_err *err)
{
    int rc;

    *ret = (struct methods_logs_request){0};
    rc = methods_request_schema(payload, err);
    if (rc == 0)
        rc = read_choice(payload, "encoding", "none", "gzip", &ret->gzip, err);
    if (rc == 0)
        rc = read_choice(payload, "contentType", "text", "json", &ret->json, err);
    return rc < 0 ? rc : read_items(edge_json_get_nocase(payload, "items"), now_ns, ret, err);
}

void methods_logs_request_fini(struct methods_logs_request *request)
{
    for (size_t i = 0; i < request->nitems; i++) {
        methods_pattern_destroy(request->items[i].id);
        methods_pattern_destroy(request->items[i].regex);
    }
    free(request->items);
    *request = (struct methods_logs_request){0};
}

int methods_logs_request_find(const struct methods_logs_request *request, const char *module,
                              const struct methods_item **ret, struct edge_err *err)
{
    for (size_t i = 0; i < request->nitems; i++) {
        const struct methods_item *item = &request->items[i];
        int rc = item->id ? methods_pattern_match(item->id, module, strlen(module), err) : 1;

        if (rc == 1)
            *ret = item;
        if (rc != 0)
            return rc;
    }
    return 0;
}
