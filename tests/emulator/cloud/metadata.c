#include <errno.h>

#include "tests/emulator/cloud/internal.h"

static int stamp(struct edge_json *meta, const char *now, int64_t version)
{
    int rc = edge_json_set_str(meta, "$lastUpdated", now);

    return rc == 0 && version > 0 ? edge_json_set_int(meta, "$lastUpdatedVersion", version) : rc;
}

/* Forget what was below a property that is now a plain value. */
static int stamp_leaf(struct edge_json *meta, const char *name, const char *now, int64_t version)
{
    struct edge_json *leaf = edge_json_new_object();

    if (!leaf || stamp(leaf, now, version) < 0) {
        edge_json_free(leaf);
        return -ENOMEM;
    }
    return edge_json_set(meta, name, leaf);
}

int cloud_meta_touch(struct edge_json *meta, const struct edge_json *patch, const char *now,
                     int64_t version)
{
    int rc = stamp(meta, now, version);

    for (edge_json_foreach (it, patch)) {
        struct edge_json *below;

        if (rc < 0)
            break;
        if (it.name[0] == '$')
            continue;
        if (!it.value) {
            edge_json_del(meta, it.name);
        } else if (edge_json_is(it.value, EDGE_JSON_OBJECT)) {
            below = edge_json_need_object(meta, it.name);
            rc = below ? cloud_meta_touch(below, it.value, now, version) : -ENOMEM;
        } else {
            rc = stamp_leaf(meta, it.name, now, version);
        }
    }
    return rc;
}
