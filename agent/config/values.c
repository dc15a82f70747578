#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/config/schema.h"

enum { MAX_WARNINGS = 50 };

void config_warn(struct config_reader *r, size_t line, size_t column, const char *fmt, ...)
{
    struct edge_err at;
    char text[400];
    va_list args;

    if (!r->warn || r->warnings > MAX_WARNINGS)
        return;
    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (r->warnings++ == MAX_WARNINGS)
        (void) snprintf(text, sizeof text, "more warnings are not shown");
    edge_fail(&at, 0, "%s:%zu:%zu: %s", r->file, line, column, text); /* keeps it on one line */
    r->warn(at.text, r->arg);
}

int config_wrong(struct config_reader *r, const struct config_node *node, const char *path,
                 const char *what)
{
    return edge_fail(r->err, EDGE_EINVALID, "%s:%zu:%zu: `%s` must be %s", r->file, node->line,
                     node->column, path, what);
}

static int keep(const struct config_node *node, char **ret)
{
    char *copy = strdup(node->text);

    if (!copy)
        return -ENOMEM;
    free(*ret);
    *ret = copy;
    return 0;
}

int config_take_text(struct config_reader *r, const char *path, const struct config_node *node,
                     const char *(*check)(const char *text), char **ret)
{
    const char *what = node->kind == CONFIG_SCALAR && check ? check(node->text) : NULL;

    if (node->kind != CONFIG_SCALAR)
        return config_wrong(r, node, path, "a text");
    if (what)
        return edge_fail(r->err, EDGE_EINVALID, "%s:%zu:%zu: `%s` is `%.64s` but must be %s",
                         r->file, node->line, node->column, path, node->text, what);
    return keep(node, ret);
}

int config_take_secret(struct config_reader *r, const char *path, const struct config_node *node,
                       const char *(*check)(const char *text), char **ret)
{
    const char *what = node->kind == CONFIG_SCALAR ? check(node->text) : "a text";

    return what ? config_wrong(r, node, path, what) : keep(node, ret);
}

int config_take_bool(struct config_reader *r, const char *path, const struct config_node *node,
                     bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on"};
    static const char *const no[] = {"false", "no", "off"};

    for (size_t i = 0; node->kind == CONFIG_SCALAR && i < EDGE_ARRAY_LEN(yes); i++) {
        *ret = strcasecmp(node->text, yes[i]) == 0;
        if (*ret || strcasecmp(node->text, no[i]) == 0)
            return 0;
    }
    return config_wrong(r, node, path, "true or false");
}

int config_take_number(struct config_reader *r, const char *path, const struct config_node *node,
                       uint32_t least, uint32_t most, uint32_t *ret)
{
    const char *text = node->kind == CONFIG_SCALAR ? node->text : "";
    size_t digits = strspn(text, "0123456789");
    unsigned long long value = digits > 0 && digits < 12 ? strtoull(text, NULL, 10) : UINT64_MAX;

    if (text[digits] || value < least || value > most)
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s:%zu:%zu: `%s` must be a whole number from %u to %u", r->file,
                         node->line, node->column, path, least, most);
    *ret = (uint32_t) value;
    return 0;
}
