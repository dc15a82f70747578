/* tests/emulator/cloud/map.h - pointers by name. Pure. */
#ifndef TESTS_EMULATOR_CLOUD_MAP_H
#define TESTS_EMULATOR_CLOUD_MAP_H

#include <stddef.h>

#include "common/base/attr.h"

struct cloud_map {
    struct cloud_map_entry **buckets;
    size_t nbuckets; /* a power of two, or 0 */
    size_t count;
};

/** Free the map, not what it points to. */
void cloud_map_fini(struct cloud_map *map);
/** NULL when absent. */
void *cloud_map_get(const struct cloud_map *map, const char *name);
/** Add or replace; the name is copied. @return 0 or -ENOMEM */
EDGE_MUST_CHECK int cloud_map_set(struct cloud_map *map, const char *name, void *value);
/** @return what it pointed to, or NULL */
void *cloud_map_remove(struct cloud_map *map, const char *name);
/** Take any one out, for the end; NULL when empty. */
void *cloud_map_pop(struct cloud_map *map);

#endif
