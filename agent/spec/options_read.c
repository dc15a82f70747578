#include "agent/spec/options_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

size_t opt_enter(struct opt_reader *reader, const char *name)
{
    size_t before = reader->path_len;
    int n = snprintf(reader->path + before, sizeof reader->path - before, "%s%.120s",
                     before > 0 ? "." : "", name);

    reader->path_len = strlen(reader->path);
    (void) n; /* cut when it does not fit: only people read it */
    return before;
}

size_t opt_enter_index(struct opt_reader *reader, size_t index)
{
    size_t before = reader->path_len;

    (void) snprintf(reader->path + before, sizeof reader->path - before, "[%zu]", index);
    reader->path_len = strlen(reader->path);
    return before;
}

void opt_leave(struct opt_reader *reader, size_t before)
{
    reader->path_len = before;
    reader->path[before] = '\0';
}

int opt_fail(struct opt_reader *reader, int code, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return edge_fail(reader->err, code, "%s: %s", reader->path, text);
}

int opt_wrong_kind(struct opt_reader *reader, const char *wanted, const struct edge_json *value)
{
    return opt_fail(reader, EDGE_EINVALID, "must be %s, not %s", wanted,
                    edge_json_kind_name(edge_json_kind(value)));
}

void opt_ignore(struct opt_reader *reader)
{
    size_t len = reader->ignored.len;

    if (len > OPT_MAX_IGNORED)
        return;
    (void) edge_buf_printf(&reader->ignored, "%s%s", len > 0 ? ", " : "", reader->path);
    if (reader->ignored.len > OPT_MAX_IGNORED)
        (void) edge_buf_puts(&reader->ignored, ", and more");
}

void opt_ignore_member(struct opt_reader *reader, const char *name)
{
    size_t before = opt_enter(reader, name);

    opt_ignore(reader);
    opt_leave(reader, before);
}

bool opt_trivial(const struct edge_json *value)
{
    switch (edge_json_kind(value)) {
    case EDGE_JSON_NULL:
        return true;
    case EDGE_JSON_BOOL:
        return !edge_json_bool(value, false);
    case EDGE_JSON_INT:
        return edge_json_int(value, 0) == 0;
    case EDGE_JSON_STRING:
        return *edge_json_str(value, "") == '\0';
    case EDGE_JSON_ARRAY:
    case EDGE_JSON_OBJECT:
        return edge_json_len(value) == 0;
    case EDGE_JSON_DOUBLE:
        break;
    }
    return false;
}

static const struct opt_member *find(const struct opt_member *table, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++) {
        if (strcasecmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

static void note_unknown(struct opt_reader *reader, const struct edge_json *object,
                         const struct opt_member *table, size_t len)
{
    for (edge_json_foreach (it, object)) {
        if (!opt_trivial(it.value) && !find(table, len, it.name))
            opt_ignore_member(reader, it.name);
    }
}

int opt_read_members(struct opt_reader *reader, const struct edge_json *object,
                     const struct opt_member *table, size_t len, void *base)
{
    int rc = opt_need(reader, object, EDGE_JSON_OBJECT);

    for (size_t i = 0; i < len && rc == 0; i++) {
        const struct edge_json *value = edge_json_get_nocase(object, table[i].name);
        size_t before;

        if (!value)
            continue;
        before = opt_enter(reader, table[i].name);
        rc = table[i].read(reader, value, (char *) base + table[i].offset);
        opt_leave(reader, before);
    }
    if (rc == 0)
        note_unknown(reader, object, table, len);
    return rc;
}

int opt_need(struct opt_reader *reader, const struct edge_json *value, enum edge_json_kind kind)
{
    if (!edge_json_is(value, kind))
        return opt_wrong_kind(reader, edge_json_kind_name(kind), value);
    if (edge_json_len(value) > OPT_MAX_ITEMS)
        return opt_fail(reader, EDGE_ELIMIT, "holds %zu entries, more than %d",
                        edge_json_len(value), OPT_MAX_ITEMS);
    return 0;
}

int opt_each_member(struct opt_reader *reader, const struct edge_json *value,
                    int (*read)(struct opt_reader *reader, const char *name,
                                const struct edge_json *value))
{
    int rc = opt_need(reader, value, EDGE_JSON_OBJECT);

    for (edge_json_foreach (it, value)) {
        size_t before;

        if (rc < 0)
            break;
        before = opt_enter(reader, it.name);
        rc = read(reader, it.name, it.value);
        opt_leave(reader, before);
    }
    return rc;
}

int opt_each(struct opt_reader *reader, const struct edge_json *value,
             int (*read)(struct opt_reader *reader, const struct edge_json *value))
{
    int rc = opt_need(reader, value, EDGE_JSON_ARRAY);

    for (size_t i = 0; rc == 0 && i < edge_json_len(value); i++) {
        size_t before = opt_enter_index(reader, i);

        if (edge_json_at(value, i))
            rc = read(reader, edge_json_at(value, i));
        opt_leave(reader, before);
    }
    return rc;
}

void *opt_extend(void *list, size_t len, size_t size)
{
    char *more = realloc(list, (len + 1) * size);

    if (more)
        memset(more + len * size, 0, size);
    return more;
}

size_t opt_strv_len(char *const *list)
{
    size_t len = 0;

    while (list && list[len])
        len++;
    return len;
}

bool opt_strv_has(char *const *list, const char *text)
{
    for (; list && *list; list++) {
        if (strcmp(*list, text) == 0)
            return true;
    }
    return false;
}

int opt_strv_add(char ***list, char *text)
{
    size_t len = opt_strv_len(*list);
    char **more = text ? realloc(*list, (len + 2) * sizeof *more) : NULL;

    if (!more) {
        free(text);
        return -ENOMEM;
    }
    more[len] = text;
    more[len + 1] = NULL;
    *list = more;
    return 0;
}

char **opt_strv_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        free(list[i]);
    free(list);
    return NULL;
}

int opt_keep(char **field, char *text)
{
    if (!text)
        return -ENOMEM;
    free(*field);
    *field = text;
    return 0;
}
