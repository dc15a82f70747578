#include "common/base/map.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_SIZE = 64 };

struct edge_map_entry {
    struct edge_map_entry *next;
    uint64_t hash;
    void *value;
    char name[];
};

static uint64_t hash_of(const char *name)
{
    uint64_t hash = 14695981039346656037U; /* FNV-1a */

    for (; *name; name++)
        hash = (hash ^ (unsigned char) *name) * 1099511628211U;
    return hash;
}

static struct edge_map_entry **place(const struct edge_map *map, const char *name, uint64_t hash)
{
    struct edge_map_entry **at = &map->buckets[hash & (map->nbuckets - 1)];

    while (*at && ((*at)->hash != hash || strcmp((*at)->name, name) != 0))
        at = &(*at)->next;
    return at;
}

static int grow(struct edge_map *map)
{
    struct edge_map bigger = {.nbuckets = map->nbuckets ? map->nbuckets * 2 : FIRST_SIZE};

    bigger.buckets = calloc(bigger.nbuckets, sizeof(struct edge_map_entry *));
    if (!bigger.buckets)
        return -ENOMEM;
    for (size_t i = 0; i < map->nbuckets; i++) {
        while (map->buckets[i]) {
            struct edge_map_entry *entry = map->buckets[i];
            struct edge_map_entry **head = &bigger.buckets[entry->hash & (bigger.nbuckets - 1)];

            map->buckets[i] = entry->next;
            entry->next = *head;
            *head = entry;
        }
    }
    free(map->buckets);
    map->buckets = bigger.buckets;
    map->nbuckets = bigger.nbuckets;
    return 0;
}

static void *take(struct edge_map *map, struct edge_map_entry **at)
{
    struct edge_map_entry *entry = *at;
    void *value = entry->value;

    *at = entry->next;
    free(entry);
    map->count--;
    return value;
}

void edge_map_fini(struct edge_map *map)
{
    for (size_t i = 0; i < map->nbuckets; i++) {
        while (map->buckets[i])
            (void) take(map, &map->buckets[i]);
    }
    free(map->buckets);
    memset(map, 0, sizeof *map);
}

void *edge_map_get(const struct edge_map *map, const char *name)
{
    struct edge_map_entry *entry = map->nbuckets ? *place(map, name, hash_of(name)) : NULL;

    return entry ? entry->value : NULL;
}

int edge_map_set(struct edge_map *map, const char *name, void *value)
{
    uint64_t hash = hash_of(name);
    size_t len = strlen(name) + 1;
    struct edge_map_entry **at;
    struct edge_map_entry *entry;

    if (map->count >= map->nbuckets && grow(map) < 0)
        return -ENOMEM;
    at = place(map, name, hash);
    if (*at) {
        (*at)->value = value;
        return 0;
    }
    entry = malloc(sizeof *entry + len);
    if (!entry)
        return -ENOMEM;
    *entry = (struct edge_map_entry){.hash = hash, .value = value};
    memcpy(entry->name, name, len);
    *at = entry;
    map->count++;
    return 0;
}

void *edge_map_remove(struct edge_map *map, const char *name)
{
    struct edge_map_entry **at = map->nbuckets ? place(map, name, hash_of(name)) : NULL;

    return at && *at ? take(map, at) : NULL;
}

void *edge_map_pop(struct edge_map *map)
{
    for (size_t i = 0; i < map->nbuckets; i++) {
        if (map->buckets[i])
            return take(map, &map->buckets[i]);
    }
    return NULL;
}
