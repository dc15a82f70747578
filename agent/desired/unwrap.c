/* Deployments come as the twin's bare desired properties, as a whole twin, or as the files that
 * `az iot edge` takes, with layers ("properties.desired.modules.cam") beside the base. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/desired/reader.h"

#define LAYER "properties.desired"

enum { MAX_WRAPS = 6, MAX_SEGMENTS = 8 };

static bool is_layer(const char *name)
{
    size_t len = strlen(LAYER);

    return strncasecmp(name, LAYER, len) == 0 && (name[len] == '\0' || name[len] == '.');
}

static bool has_layers(const struct edge_json *object)
{
    for (edge_json_foreach (it, object)) {
        if (is_layer(it.name))
            return true;
    }
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* The names of all layers, sorted: what is shorter comes before what goes deeper into it. */
static int list_layers(const struct edge_json *object, const char ***ret, size_t *ret_len)
{
    const char **names = calloc(edge_json_len(object) + 1, sizeof *names);
    size_t n = 0;

    if (!names)
        return -ENOMEM;
    for (edge_json_foreach (it, object)) {
        if (is_layer(it.name))
            names[n++] = it.name;
    }
    qsort(names, n, sizeof *names, by_name);
    *ret = names;
    *ret_len = n;
    return 0;
}

/* The object at the first part of @p path, and the rest of the path in @p last. */
static int walk(const struct desired_reader *r, struct edge_json *object, const char *layer,
                char *path, struct edge_json **ret, const char **last)
{
    char *rest = NULL;
    char *part = strtok_r(path, ".", &rest);

    for (int depth = 0; part; depth++) {
        char *next = strtok_r(NULL, ".", &rest);

        if (depth > MAX_SEGMENTS)
            return desired_bad(r, layer, "has too many parts");
        if (!next)
            break;
        object = edge_json_need_object(object, part);
        if (!object)
            return -ENOMEM;
        part = next;
    }
    if (!part)
        return desired_bad(r, layer, "names nothing");
    *ret = object;
    *last = part;
    return 0;
}

/* A null removes what a lower layer has set. */
static int put_layer(const struct desired_reader *r, struct edge_json *merged, const char *layer,
                     const struct edge_json *value)
{
    EDGE_CLEANUP(edge_free) char *path = edge_strdup(layer + strlen(LAYER));
    struct edge_json *copy = edge_json_copy(value);
    struct edge_json *object = NULL;
    const char *last = NULL;
    int rc;

    if (!path || (value && !copy))
        return -ENOMEM;
    rc = walk(r, merged, layer, path, &object, &last);
    if (rc == 0 && !value)
        edge_json_del(object, last);
    else if (rc == 0)
        return edge_json_set(object, last, copy);
    edge_json_free(copy);
    return rc;
}

static int merge_layers(const struct desired_reader *r, const struct edge_json *object,
                        struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *merged = edge_json_new_object();
    EDGE_CLEANUP(edge_free) const char **names = NULL;
    size_t n = 0;
    int rc = merged ? list_layers(object, &names, &n) : -ENOMEM;

    for (size_t i = 0; i < n && rc == 0; i++) {
        const struct edge_json *value = edge_json_get(object, names[i]);

        if (names[i][strlen(LAYER)] == '.') {
            rc = put_layer(r, merged, names[i], value);
        } else if (!edge_json_is(value, EDGE_JSON_OBJECT)) {
            rc = desired_bad(r, names[i], "must be an object");
        } else {
            edge_json_free(merged);
            merged = edge_json_copy(value);
            rc = merged ? 0 : -ENOMEM;
        }
    }
    if (rc == 0)
        *ret = EDGE_TAKE(merged);
    return rc;
}

/* One wrapping less, or NULL when this is the document. */
static struct edge_json *inner(struct edge_json *object)
{
    static const char *const wraps[] = {
        "content", "modulesContent", "moduleContent", "$edgeAgent", "properties", "desired",
    };

    if (edge_json_get_nocase(object, "schemaVersion") || edge_json_get_nocase(object, "runtime") ||
        edge_json_get_nocase(object, "modules"))
        return NULL;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(wraps); i++) {
        struct edge_json *value = edge_json_get_nocase(object, wraps[i]);

        if (edge_json_is(value, EDGE_JSON_OBJECT))
            return value;
    }
    return NULL;
}

int desired_unwrap(const struct desired_reader *r, struct edge_json *document,
                   struct edge_json **ret)
{
    for (int i = 0; i < MAX_WRAPS; i++) {
        struct edge_json *value;

        if (has_layers(document))
            return merge_layers(r, document, ret);
        value = inner(document);
        if (!value)
            break;
        document = value;
    }
    *ret = edge_json_copy(document);
    return *ret ? 0 : -ENOMEM;
}
