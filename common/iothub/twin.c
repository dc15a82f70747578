#include "common/iothub/twin.h"

#include <errno.h>

const struct edge_twin_limits edge_twin_limits_properties = {
    .section = 32 * 1024, .string = 4096, .name = 1024, .depth = 10};
const struct edge_twin_limits edge_twin_limits_tags = {
    .section = 8 * 1024, .string = 4096, .name = 1024, .depth = 10};

static int merge(struct edge_json *target, const struct edge_json *patch, bool top);

static int merge_member(struct edge_json *target, const char *name, const struct edge_json *value)
{
    struct edge_json *here = edge_json_get(target, name);

    if (!value) {
        edge_json_del(target, name);
        return 0;
    }
    if (edge_json_is(value, EDGE_JSON_OBJECT)) {
        if (!edge_json_is(here, EDGE_JSON_OBJECT)) { /* nulls inside delete nothing, but go */
            struct edge_json *fresh = edge_json_new_object();
            int rc = fresh ? edge_json_set(target, name, fresh) : -ENOMEM;

            if (rc < 0)
                return rc;
            here = edge_json_get(target, name);
        }
        return merge(here, value, false);
    }
    here = edge_json_copy(value);
    return here ? edge_json_set(target, name, here) : -ENOMEM;
}

static int merge(struct edge_json *target, const struct edge_json *patch, bool top)
{
    for (edge_json_foreach (it, patch)) {
        int rc = top && it.name[0] == '$' ? 0 : merge_member(target, it.name, it.value);

        if (rc < 0)
            return rc;
    }
    return 0;
}

int edge_twin_merge(struct edge_json *target, const struct edge_json *patch)
{
    if (!edge_json_is(target, EDGE_JSON_OBJECT) || !edge_json_is(patch, EDGE_JSON_OBJECT))
        return EDGE_EINVALID;
    return merge(target, patch, true);
}

static int add_difference(struct edge_json *patch, const char *name, const struct edge_json *from,
                          const struct edge_json *to)
{
    struct edge_json *change;

    if (edge_json_equal(from, to))
        return 0;
    if (edge_json_is(from, EDGE_JSON_OBJECT) && edge_json_is(to, EDGE_JSON_OBJECT))
        change = edge_twin_diff(from, to);
    else
        change = edge_json_copy(to);
    return change ? edge_json_set(patch, name, change) : -ENOMEM;
}

static int add_changes(struct edge_json *patch, const struct edge_json *from,
                       const struct edge_json *to)
{
    int rc = 0;

    for (edge_json_foreach (it, to)) {
        if (it.value && rc == 0) /* null is as good as absent */
            rc = add_difference(patch, it.name, edge_json_get(from, it.name), it.value);
    }
    for (edge_json_foreach (old, from)) {
        if (old.value && rc == 0 && !edge_json_get(to, old.name))
            rc = edge_json_set(patch, old.name, NULL);
    }
    return rc;
}

struct edge_json *edge_twin_diff(const struct edge_json *from, const struct edge_json *to)
{
    struct edge_json *patch = edge_json_new_object();

    if (patch && add_changes(patch, from, to) < 0)
        return edge_json_free(patch);
    return patch;
}
