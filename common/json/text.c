#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/json/internal.h"

bool edge_json_equal(const struct edge_json *a, const struct edge_json *b)
{
    return json_object_equal(raw(a), raw(b)) != 0;
}

enum { PLAIN = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

char *edge_json_text(const struct edge_json *value)
{
    return value ? edge_strdup(json_object_to_json_string_ext(raw(value), PLAIN)) : strdup("null");
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct edge_json_iter *) a)->name,
                  ((const struct edge_json_iter *) b)->name);
}

static struct edge_json *sorted(const struct edge_json *value);

static struct edge_json *sorted_object(const struct edge_json *object)
{
    struct edge_json *copy = edge_json_new_object();
    size_t len = edge_json_len(object);
    struct edge_json_iter *members = calloc(len + 1, sizeof *members);
    size_t n = 0;

    if (!copy || !members) {
        free(members);
        return edge_json_free(copy);
    }
    for (edge_json_foreach (it, object))
        members[n++] = it;
    qsort(members, n, sizeof *members, by_name);
    for (size_t i = 0; copy && i < n; i++) {
        struct edge_json *value = sorted(members[i].value);

        if ((members[i].value && !value) || edge_json_set(copy, members[i].name, value) < 0)
            copy = edge_json_free(copy);
    }
    free(members);
    return copy;
}

static struct edge_json *sorted(const struct edge_json *value)
{
    struct edge_json *copy;

    if (edge_json_is(value, EDGE_JSON_OBJECT))
        return sorted_object(value);
    if (!edge_json_is(value, EDGE_JSON_ARRAY))
        return edge_json_copy(value);
    copy = edge_json_new_array();
    for (size_t i = 0; copy && i < edge_json_len(value); i++) {
        const struct edge_json *at = edge_json_at(value, i);
        struct edge_json *element = sorted(at);

        if ((at && !element) || edge_json_append(copy, element) < 0)
            copy = edge_json_free(copy);
    }
    return copy;
}

char *edge_json_canonical(const struct edge_json *value)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *copy = sorted(value);

    return value && !copy ? NULL : edge_json_text(copy);
}
