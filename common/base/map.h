/* common/base/map.h - pointers by name. Pure. */
#ifndef EDGE_BASE_MAP_H
#define EDGE_BASE_MAP_H

#include <stddef.h>

#include "common/base/attr.h"

struct edge_map {
    struct edge_map_entry **buckets;
    size_t nbuckets; /* a power of two, or 0 */
    size_t count;
};

/** Free the map, not what it points to. */
void edge_map_fini(struct edge_map *map);
/** NULL when absent. */
void *edge_map_get(const struct edge_map *map, const char *name);
/** Add or replace; the name is copied. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int edge_map_set(struct edge_map *map, const char *name, void *value);
/** @return what it pointed to, or NULL */
void *edge_map_remove(struct edge_map *map, const char *name);
/** Take any one out, for the end; NULL when empty. */
void *edge_map_pop(struct edge_map *map);

#endif
