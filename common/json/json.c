#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "common/json/internal.h"
#include "common/json/utf8.h"

struct edge_json *edge_json_free(struct edge_json *value)
{
    json_object_put(raw(value));
    return NULL;
}

enum edge_json_kind edge_json_kind(const struct edge_json *value)
{
    switch (json_object_get_type(raw(value))) {
    case json_type_boolean:
        return EDGE_JSON_BOOL;
    case json_type_int:
        return EDGE_JSON_INT;
    case json_type_double:
        return EDGE_JSON_DOUBLE;
    case json_type_string:
        return EDGE_JSON_STRING;
    case json_type_array:
        return EDGE_JSON_ARRAY;
    case json_type_object:
        return EDGE_JSON_OBJECT;
    case json_type_null:
        break;
    }
    return EDGE_JSON_NULL;
}

const char *edge_json_kind_name(enum edge_json_kind kind)
{
    static const char *const names[] = {
        [EDGE_JSON_NULL] = "null",        [EDGE_JSON_BOOL] = "a boolean",
        [EDGE_JSON_INT] = "a number",     [EDGE_JSON_DOUBLE] = "a number",
        [EDGE_JSON_STRING] = "a text",    [EDGE_JSON_ARRAY] = "an array",
        [EDGE_JSON_OBJECT] = "an object",
    };

    return names[kind];
}

struct edge_json *edge_json_get(const struct edge_json *object, const char *name)
{
    struct json_object *value = NULL;

    if (!edge_json_is(object, EDGE_JSON_OBJECT))
        return NULL;
    json_object_object_get_ex(raw(object), name, &value);
    return own(value);
}

struct edge_json *edge_json_get_nocase(const struct edge_json *object, const char *name)
{
    if (edge_json_has(object, name))
        return edge_json_get(object, name);
    for (edge_json_foreach (it, object)) {
        if (strcasecmp(it.name, name) == 0)
            return it.value;
    }
    return NULL;
}

bool edge_json_has(const struct edge_json *object, const char *name)
{
    return edge_json_is(object, EDGE_JSON_OBJECT) &&
           json_object_object_get_ex(raw(object), name, NULL);
}

size_t edge_json_len(const struct edge_json *value)
{
    if (edge_json_is(value, EDGE_JSON_ARRAY))
        return json_object_array_length(raw(value));
    if (edge_json_is(value, EDGE_JSON_OBJECT))
        return (size_t) json_object_object_length(raw(value));
    return 0;
}

struct edge_json *edge_json_at(const struct edge_json *array, size_t index)
{
    if (!edge_json_is(array, EDGE_JSON_ARRAY) || index >= edge_json_len(array))
        return NULL;
    return own(json_object_array_get_idx(raw(array), index));
}

static struct edge_json_iter iter_at(struct lh_entry *entry)
{
    if (!entry)
        return (struct edge_json_iter){0};
    return (struct edge_json_iter){
        .name = lh_entry_k(entry),
        .value = own((struct json_object *) (uintptr_t) lh_entry_v(entry)),
        .next_ = entry->next,
    };
}

struct edge_json_iter edge_json_first(const struct edge_json *object)
{
    if (!edge_json_is(object, EDGE_JSON_OBJECT))
        return (struct edge_json_iter){0};
    return iter_at(json_object_get_object(raw(object))->head);
}

void edge_json_next(struct edge_json_iter *it)
{
    *it = iter_at(it->next_);
}

const char *edge_json_str(const struct edge_json *value, const char *fallback)
{
    return edge_json_is(value, EDGE_JSON_STRING) ? json_object_get_string(raw(value)) : fallback;
}

bool edge_json_bool(const struct edge_json *value, bool fallback)
{
    return edge_json_is(value, EDGE_JSON_BOOL) ? json_object_get_boolean(raw(value)) : fallback;
}

int64_t edge_json_int(const struct edge_json *value, int64_t fallback)
{
    return edge_json_is(value, EDGE_JSON_INT) ? json_object_get_int64(raw(value)) : fallback;
}

int edge_json_loose_bool(const struct edge_json *value, bool *ret)
{
    const char *text = edge_json_str(value, NULL);

    if (edge_json_is(value, EDGE_JSON_BOOL) || edge_json_is(value, EDGE_JSON_INT)) {
        *ret = json_object_get_boolean(raw(value));
        return 0;
    }
    if (text && (strcasecmp(text, "true") == 0 || strcmp(text, "1") == 0))
        *ret = true;
    else if (text && (strcasecmp(text, "false") == 0 || strcmp(text, "0") == 0 || !*text))
        *ret = false;
    else
        return EDGE_EINVALID;
    return 0;
}

int edge_json_loose_int(const struct edge_json *value, int64_t *ret)
{
    const char *text = edge_json_str(value, NULL);
    char *end;
    double number;

    if (edge_json_is(value, EDGE_JSON_INT)) {
        *ret = json_object_get_int64(raw(value));
        return 0;
    }
    if (edge_json_is(value, EDGE_JSON_DOUBLE)) {
        number = json_object_get_double(raw(value));
        if (!(number > -9e18 && number < 9e18) || number != (double) (int64_t) number)
            return EDGE_EINVALID;
        *ret = (int64_t) number;
        return 0;
    }
    if (!text || !*text)
        return EDGE_EINVALID;
    errno = 0;
    *ret = strtoll(text, &end, 10);
    return errno || *end ? EDGE_EINVALID : 0;
}

int edge_json_loose_str(const struct edge_json *value, char **ret)
{
    const char *text;

    switch (edge_json_kind(value)) {
    case EDGE_JSON_BOOL:
    case EDGE_JSON_INT:
    case EDGE_JSON_DOUBLE:
    case EDGE_JSON_STRING:
        text = json_object_get_string(raw(value));
        *ret = edge_strdup(text);
        return *ret ? 0 : -ENOMEM;
    case EDGE_JSON_NULL:
    case EDGE_JSON_ARRAY:
    case EDGE_JSON_OBJECT:
        break;
    }
    return EDGE_EINVALID;
}

struct edge_json *edge_json_new_object(void)
{
    return own(json_object_new_object());
}

struct edge_json *edge_json_new_array(void)
{
    return own(json_object_new_array());
}

struct edge_json *edge_json_new_str(const char *text)
{
    return text ? edge_json_new_str_len(text, strlen(text)) : NULL;
}

/* Texts that were cut to a length, or that come from a foreign program, may hold half characters;
 * what we send must be JSON all the same. */
static char *repaired(const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy)
        return NULL;
    for (size_t i = 0; i < len;) {
        size_t step = edge_utf8_char(text + i, len - i);

        if (step > 0)
            memcpy(copy + i, text + i, step);
        else
            copy[i] = '?';
        i += step > 0 ? step : 1;
    }
    copy[len] = '\0';
    return copy;
}

struct edge_json *edge_json_new_str_len(const char *text, size_t len)
{
    EDGE_CLEANUP(edge_free) char *copy = NULL;

    if (len > INT32_MAX)
        return NULL;
    if (!edge_utf8_valid(text, len)) {
        copy = repaired(text, len);
        if (!copy)
            return NULL;
        text = copy;
    }
    return own(json_object_new_string_len(text, (int) len));
}

struct edge_json *edge_json_new_int(int64_t number)
{
    return own(json_object_new_int64(number));
}

struct edge_json *edge_json_new_bool(bool truth)
{
    return own(json_object_new_boolean(truth));
}

struct edge_json *edge_json_copy(const struct edge_json *value)
{
    struct json_object *copy = NULL;

    if (value && json_object_deep_copy(raw(value), &copy, NULL) < 0)
        return NULL;
    return own(copy);
}

int edge_json_set(struct edge_json *object, const char *name, struct edge_json *value)
{
    if (!object || json_object_object_add(raw(object), name, raw(value)) < 0) {
        edge_json_free(value);
        return -ENOMEM;
    }
    return 0;
}

int edge_json_append(struct edge_json *array, struct edge_json *value)
{
    if (!array || json_object_array_add(raw(array), raw(value)) < 0) {
        edge_json_free(value);
        return -ENOMEM;
    }
    return 0;
}

void edge_json_del(struct edge_json *object, const char *name)
{
    json_object_object_del(raw(object), name);
}

int edge_json_set_str(struct edge_json *object, const char *name, const char *text)
{
    return edge_json_set(object, name, edge_json_new_str(text));
}

int edge_json_set_int(struct edge_json *object, const char *name, int64_t number)
{
    return edge_json_set(object, name, edge_json_new_int(number));
}

int edge_json_set_bool(struct edge_json *object, const char *name, bool truth)
{
    return edge_json_set(object, name, edge_json_new_bool(truth));
}

struct edge_json *edge_json_need_object(struct edge_json *object, const char *name)
{
    struct edge_json *member = edge_json_get(object, name);

    if (edge_json_is(member, EDGE_JSON_OBJECT))
        return member;
    member = edge_json_new_object();
    return member && edge_json_set(object, name, member) == 0 ? member : NULL;
}

struct edge_json *edge_json_need_array(struct edge_json *object, const char *name)
{
    struct edge_json *member = edge_json_get(object, name);

    if (edge_json_is(member, EDGE_JSON_ARRAY))
        return member;
    member = edge_json_new_array();
    return member && edge_json_set(object, name, member) == 0 ? member : NULL;
}
