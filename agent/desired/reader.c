#include "agent/desired/reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

int desired_wrap(const struct desired_reader *r, int code, const char *path)
{
    if (r->module)
        return edge_wrap(r->err, code, "module \"%.*s\": %s", DESIRED_MAX_NAME, r->module, path);
    return edge_wrap(r->err, code, "%s", path);
}

int desired_bad(const struct desired_reader *r, const char *path, const char *fmt, ...)
{
    char what[400];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    edge_fail(r->err, EDGE_EINVALID, "%s", what);
    return desired_wrap(r, EDGE_EINVALID, path);
}

bool desired_has(const struct edge_json *object, const char *name)
{
    for (edge_json_foreach (it, object)) {
        if (strcasecmp(it.name, name) == 0)
            return true;
    }
    return false;
}

int desired_take_text(const struct desired_reader *r, const struct edge_json *object,
                      const char *name, const char *path, const char *fallback, char **ret)
{
    const struct edge_json *value = edge_json_get_nocase(object, name);
    int rc;

    if (!value && !fallback)
        return desired_bad(r, path, "is missing");
    if (!value) {
        *ret = edge_strdup(fallback);
        return *ret ? 0 : -ENOMEM;
    }
    rc = edge_json_loose_str(value, ret);
    if (rc == EDGE_EINVALID)
        return desired_bad(r, path, "must be a text, not %s",
                           edge_json_kind_name(edge_json_kind(value)));
    return rc;
}

int desired_take_object(const struct desired_reader *r, const struct edge_json *object,
                        const char *name, const char *path, bool required, struct edge_json **ret)
{
    struct edge_json *value = edge_json_get_nocase(object, name);

    if (!value && required)
        return desired_bad(r, path, "is missing");
    if (value && !edge_json_is(value, EDGE_JSON_OBJECT))
        return desired_bad(r, path, "must be an object, not %s",
                           edge_json_kind_name(edge_json_kind(value)));
    *ret = value;
    return 0;
}

int desired_take_word(const struct desired_reader *r, const struct edge_json *object,
                      const char *name, const struct desired_words *words, int fallback, int *ret)
{
    const struct edge_json *value = edge_json_get_nocase(object, name);
    int64_t number = edge_json_int(value, -1);
    const char *text = edge_json_str(value, NULL);

    if (!desired_has(object, name)) {
        *ret = fallback;
        return fallback >= 0 ? 0 : desired_bad(r, name, "is missing: %s", words->what);
    }
    if (words->ordinals && number >= 0 && number < words->len) {
        *ret = (int) number;
        return 0;
    }
    for (int i = 0; text && i < words->len; i++) {
        if (strcasecmp(text, words->words[i]) == 0) {
            *ret = i;
            return 0;
        }
    }
    if (text)
        return desired_bad(r, name, "must be %s, not \"%.40s\"", words->what, text);
    return desired_bad(r, name, "must be %s, not %s", words->what,
                       edge_json_kind_name(edge_json_kind(value)));
}
