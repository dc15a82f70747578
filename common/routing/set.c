/* A set of routes: the twin's `routes`. */
#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/routing/set.h"

enum { PRIORITY_MAX = 9 };

/* What one entry of the document says. */
struct spec {
    const char *text; /* NULL: a route that is not there */
    uint32_t priority;
    int64_t ttl_s;
};

/* "1.0" to "1.3", with any third number. @return the second number, -1: no such schema */
static int minor_of(const char *schema)
{
    size_t digits;

    if (!schema || strncmp(schema, "1.", 2) != 0 || schema[2] < '0' || schema[2] > '3')
        return -1;
    if (schema[3] == '\0')
        return schema[2] - '0';
    digits = strspn(schema + 4, "0123456789");
    if (schema[3] != '.' || digits == 0 || digits > 9 || schema[4 + digits] != '\0')
        return -1;
    return schema[2] - '0';
}

static bool is_blank(const char *text)
{
    while (isspace((unsigned char) *text))
        text++;
    return *text == '\0';
}

/* A number between 0 and @p max; absent and null leave *ret as it is. */
static int read_number(const struct edge_json *object, const char *name, int64_t max, int64_t *ret,
                       struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(object, name);
    int64_t number;

    if (edge_json_is(value, EDGE_JSON_NULL))
        return 0;
    if (edge_json_loose_int(value, &number) < 0 || number < 0 || number > max)
        return edge_fail(err, EDGE_EINVALID, "%s is no number from 0 to %lld", name,
                         (long long) max);
    *ret = number;
    return 0;
}

static int read_object(const struct edge_json *object, struct spec *ret, struct edge_err *err)
{
    const struct edge_json *text = edge_json_get_nocase(object, "route");
    int64_t priority = EDGE_ROUTE_PRIORITY_DEFAULT;
    int rc;

    if (!edge_json_is(text, EDGE_JSON_STRING) && !edge_json_is(text, EDGE_JSON_NULL))
        return edge_fail(err, EDGE_EINVALID, "Malformed route specification: route is no string");
    ret->text = edge_json_str(text, NULL);
    rc = read_number(object, "priority", PRIORITY_MAX, &priority, err);
    if (rc == 0)
        rc = read_number(object, "timeToLiveSecs", UINT32_MAX, &ret->ttl_s, err);
    ret->priority = (uint32_t) priority;
    return rc;
}

static int read_spec(const struct edge_json *value, int minor, struct spec *ret,
                     struct edge_err *err)
{
    int rc = 0;

    *ret = (struct spec){.priority = EDGE_ROUTE_PRIORITY_DEFAULT};
    switch (edge_json_kind(value)) {
    case EDGE_JSON_NULL:
        return 0;
    case EDGE_JSON_STRING:
        ret->text = edge_json_str(value, NULL);
        break;
    case EDGE_JSON_OBJECT:
        if (minor == 0)
            return edge_fail(err, EDGE_EINVALID,
                             "Malformed route specification: an object is for schema 1.1 and on");
        rc = read_object(value, ret, err);
        break;
    default:
        return edge_fail(err, EDGE_EINVALID,
                         "Malformed route specification: neither a string nor an object");
    }
    if (ret->text && is_blank(ret->text))
        ret->text = NULL;
    return rc;
}

/* The next member, with its name; freed with the set. */
static struct route_of_set *add_member(struct edge_routes *set, const char *name)
{
    struct route_of_set *member = &set->members[set->count];

    member->name = edge_strdup(name);
    if (!member->name)
        return NULL;
    member->entry = (struct edge_route_entry){.name = member->name};
    set->count++;
    return member;
}

static int keep_error(struct route_of_set *member, const struct edge_err *err)
{
    member->error = edge_strdup(err->text);
    member->entry.error = member->error;
    member->entry.route = NULL;
    return member->error ? 0 : -ENOMEM;
}

/* @return as edge_routes_read; a lenient set keeps what is wrong with the document's words */
static int add_route(struct edge_routes *set, const struct edge_json_iter *it, int minor,
                     bool lenient, struct edge_err *err)
{
    struct edge_err why = {0};
    struct route_of_set *member;
    struct spec spec;
    int rc = read_spec(it->value, minor, &spec, &why);

    if (rc == 0 && !spec.text)
        return 0;
    if (rc == 0 && is_blank(it->name))
        rc = edge_fail(&why, EDGE_EINVALID, "A route has no name");
    member = add_member(set, it->name);
    if (!member)
        return -ENOMEM;
    member->entry.priority = spec.priority;
    member->entry.ttl_s = spec.ttl_s;
    if (rc == 0)
        rc = edge_route_compile(spec.text, strlen(spec.text), &member->route, &why);
    member->entry.route = member->route;
    if (rc == 0 || rc == -ENOMEM)
        return rc;
    if (lenient)
        return keep_error(member, &why);
    return edge_fail(err, rc, "Error parsing route %s - %s", it->name, why.text);
}

static bool same_sink(const struct edge_route_sink *a, const struct edge_route_sink *b)
{
    return a->upstream == b->upstream && strcmp(a->module, b->module) == 0 &&
           strcmp(a->input, b->input) == 0;
}

static size_t first_to_sink(const struct edge_routes *set, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (set->members[i].route &&
            same_sink(&set->members[i].route->sink, &set->members[index].route->sink))
            return i;
    }
    return index;
}

static int by_priority(const void *a, const void *b)
{
    const struct route_of_set *x = *(const struct route_of_set *const *) a;
    const struct route_of_set *y = *(const struct route_of_set *const *) b;

    if (x->entry.priority != y->entry.priority)
        return x->entry.priority < y->entry.priority ? -1 : 1;
    return x < y ? -1 : 1;
}

/* Its paths among those of all, and its place among the others. */
static int place_route(struct edge_routes *set, size_t index)
{
    struct route_of_set *member = &set->members[index];
    const struct route_program *program = &member->route->program;
    int rc;

    member->map = calloc(program->tree.slots + 1, sizeof *member->map);
    if (!member->map)
        return -ENOMEM;
    rc = route_tree_merge(&set->tree, &program->tree, member->map);
    if (rc < 0)
        return rc;
    member->sink = first_to_sink(set, index);
    set->order[set->nroutes++] = member;
    set->looks_inside = set->looks_inside || program->looks_inside;
    return 0;
}

static int place_all(struct edge_routes *set, bool lenient, struct edge_err *err)
{
    for (size_t i = 0; i < set->count; i++) {
        struct route_of_set *member = &set->members[i];
        struct edge_err why = {0};
        int rc = member->route ? place_route(set, i) : 0;

        if (rc == EDGE_ELIMIT) {
            edge_fail(&why, rc, "More than %d different $body paths in all routes",
                      ROUTE_PATHS_MAX);
            rc = lenient
                     ? keep_error(member, &why)
                     : edge_fail(err, rc, "Error parsing route %s - %s", member->name, why.text);
        }
        if (rc < 0)
            return rc;
    }
    if (set->nroutes > 0)
        qsort(set->order, set->nroutes, sizeof set->order[0], by_priority);
    return 0;
}

static struct edge_routes *new_set(size_t max)
{
    struct edge_routes *set = calloc(1, sizeof *set);

    if (!set)
        return NULL;
    set->members = calloc(max + 1, sizeof *set->members);
    set->order = calloc(max + 1, sizeof(const struct route_of_set *));
    return set->members && set->order ? set : edge_routes_free(set);
}

int edge_routes_read(const struct edge_json *routes, const char *schema, bool lenient,
                     struct edge_routes **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_routes_free) struct edge_routes *set = NULL;
    int minor = minor_of(schema);
    int rc = 0;

    assert(ret);
    if (minor < 0)
        return edge_fail(err, EDGE_ESCHEMA, "schemaVersion %s is none of 1.0 to 1.3",
                         schema ? schema : "(none)");
    if (!edge_json_is(routes, EDGE_JSON_OBJECT) && !edge_json_is(routes, EDGE_JSON_NULL))
        return edge_fail(err, EDGE_EINVALID, "routes is no object");
    if (edge_json_len(routes) > EDGE_ROUTES_MAX)
        return edge_fail(err, EDGE_ELIMIT, "More than %d routes", EDGE_ROUTES_MAX);
    set = new_set(edge_json_len(routes));
    if (!set)
        return -ENOMEM;
    if (routes) {
        for (edge_json_foreach (it, routes)) {
            rc = add_route(set, &it, minor, lenient, err);
            if (rc < 0)
                return rc;
        }
    }
    rc = place_all(set, lenient, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(set);
    return 0;
}

struct edge_routes *edge_routes_free(struct edge_routes *routes)
{
    if (!routes)
        return NULL;
    for (size_t i = 0; routes->members && i < routes->count; i++) {
        edge_route_free(routes->members[i].route);
        free(routes->members[i].name);
        free(routes->members[i].error);
        free(routes->members[i].map);
    }
    free(routes->members);
    free(routes->order);
    route_tree_fini(&routes->tree);
    free(routes);
    return NULL;
}

size_t edge_routes_count(const struct edge_routes *routes)
{
    return routes->count;
}

const struct edge_route_entry *edge_routes_at(const struct edge_routes *routes, size_t index)
{
    return index < routes->count ? &routes->members[index].entry : NULL;
}

bool edge_routes_look_inside(const struct edge_routes *routes)
{
    return routes->looks_inside;
}
