#include "hub/auth/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hub/auth/papers.h"

enum { NAME_SIZE = 2 * EDGE_ID_MAX + 2 };

/* ---- lists ---- */

static void list_add(struct hub_record_list *list, struct hub_record *record)
{
    record->next = NULL;
    record->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = record;
    list->last = record;
    list->count++;
}

static void list_remove(struct hub_record_list *list, struct hub_record *record)
{
    *(record->previous ? &record->previous->next : &list->first) = record->next;
    *(record->next ? &record->next->previous : &list->last) = record->previous;
    list->count--;
}

static struct hub_record_list *list_of(struct hub_cache *cache, const struct hub_record *record)
{
    return record->entry ? &cache->present : &cache->absent;
}

/* ---- records ---- */

static void forget(struct hub_cache *cache, struct hub_record *record)
{
    char name[NAME_SIZE];

    edge_identity_format(&record->who, name, sizeof name);
    hub_papers_erase(cache, record);
    (void) edge_map_remove(&cache->names, name);
    list_remove(list_of(cache, record), record);
    hub_entry_free(record->entry);
    free(record->proof);
    free(record);
}

/* A new one is absent. */
static struct hub_record *need(struct hub_cache *cache, const struct edge_identity *who)
{
    struct hub_record *record = hub_cache_find(cache, who);
    char name[NAME_SIZE];

    if (record)
        return record;
    record = calloc(1, sizeof *record);
    edge_identity_format(who, name, sizeof name);
    if (!record || edge_map_set(&cache->names, name, record) < 0) {
        free(record);
        return NULL;
    }
    record->who = *who;
    list_add(&cache->absent, record);
    if (cache->absent.count > HUB_ABSENT_MAX)
        forget(cache, cache->absent.first);
    return record;
}

/* NULL: absent from now on. */
static void set_entry(struct hub_cache *cache, struct hub_record *record, struct hub_entry *entry)
{
    list_remove(list_of(cache, record), record);
    hub_entry_free(record->entry);
    record->entry = entry;
    record->changed = true;
    list_add(list_of(cache, record), record);
}

struct hub_record *hub_cache_find(const struct hub_cache *cache, const struct edge_identity *who)
{
    char name[NAME_SIZE];

    edge_identity_format(who, name, sizeof name);
    return edge_map_get(&cache->names, name);
}

const struct hub_entry *hub_cache_entry(const struct hub_cache *cache,
                                        const struct edge_identity *who, bool device)
{
    struct edge_identity owner = *who;
    const struct hub_record *record;

    if (device && !*who->module)
        return NULL;
    if (device)
        *owner.module = '\0';
    record = hub_cache_find(cache, &owner);
    return record ? record->entry : NULL;
}

/* ---- what IoT Hub says ---- */

struct hub_record *hub_cache_put(struct hub_cache *cache, const struct hub_entry *entry,
                                 unsigned round)
{
    struct hub_record *record = hub_cache_find(cache, &entry->who);
    struct hub_entry *copy;

    if (record && record->entry && hub_entry_equal(record->entry, entry)) {
        record->round = round;
        return record;
    }
    if ((!record || !record->entry) && cache->present.count >= HUB_IDENTITIES_MAX) {
        cache->full = true;
        return NULL;
    }
    copy = malloc(sizeof *copy);
    record = copy ? need(cache, &entry->who) : NULL;
    if (!record) {
        free(copy);
        return NULL;
    }
    *copy = *entry;
    set_entry(cache, record, copy);
    record->round = round;
    hub_papers_save(cache, record);
    return record;
}

/* It is not forgotten before settle has looked at it: who came in by it would stay. */
static void bury(struct hub_cache *cache, struct hub_record *record)
{
    set_entry(cache, record, NULL);
    hub_papers_save(cache, record);
}

struct hub_record *hub_cache_gone(struct hub_cache *cache, const struct edge_identity *who)
{
    struct hub_record *record = need(cache, who);

    if (record && record->entry)
        bury(cache, record);
    return record;
}

void hub_cache_sweep(struct hub_cache *cache, unsigned round)
{
    struct hub_record *record = cache->present.first;

    while (record) {
        struct hub_record *next = record->next;

        if (record->round != round)
            bury(cache, record);
        record = next;
    }
}

/* ---- changes ---- */

static bool is_lost(const struct hub_cache *cache, const struct hub_record *record, int64_t now_s)
{
    return record->proof && !hub_proof_holds(record->proof, record->entry,
                                             hub_cache_entry(cache, &record->who, true), now_s);
}

static bool has_changed(const struct hub_cache *cache, const struct hub_record *record)
{
    struct edge_identity device = record->who;
    const struct hub_record *owner;

    if (record->changed || !*record->who.module)
        return record->changed;
    *device.module = '\0';
    owner = hub_cache_find(cache, &device);
    return owner && owner->changed;
}

static size_t collect(struct hub_cache *cache, const struct hub_record_list *list, int64_t now_s,
                      struct edge_identity *lost)
{
    size_t count = 0;

    for (struct hub_record *r = list->first; r; r = r->next) {
        if (!r->proof || !has_changed(cache, r) || !is_lost(cache, r, now_s))
            continue;
        lost[count++] = r->who;
        free(r->proof);
        r->proof = NULL;
    }
    return count;
}

static void unmark(const struct hub_record_list *list)
{
    for (struct hub_record *r = list->first; r; r = r->next)
        r->changed = false;
}

static size_t count_proofs(const struct hub_record_list *list)
{
    size_t count = 0;

    for (const struct hub_record *r = list->first; r; r = r->next)
        count += r->proof != NULL;
    return count;
}

void hub_cache_settle(struct hub_cache *cache, int64_t now_s,
                      void (*lost)(const struct edge_identity *who, void *arg), void *arg)
{
    size_t most = count_proofs(&cache->present) + count_proofs(&cache->absent);
    EDGE_CLEANUP(edge_free) struct edge_identity *all = calloc(most + 1, sizeof *all);
    size_t count = 0;

    if (!all)
        return; /* the marks stay for the next time */
    count = collect(cache, &cache->present, now_s, all);
    count += collect(cache, &cache->absent, now_s, all + count);
    unmark(&cache->present);
    unmark(&cache->absent);
    while (cache->absent.count > HUB_ABSENT_MAX)
        forget(cache, cache->absent.first);
    for (size_t i = 0; i < count; i++)
        lost(&all[i], arg);
}

/* ---- life ---- */

static int restore(const struct edge_identity *who, const struct hub_entry *entry, void *arg)
{
    struct hub_cache *cache = arg;
    struct hub_entry *copy = NULL;
    struct hub_record *record;

    if (entry && cache->present.count >= HUB_IDENTITIES_MAX)
        return EDGE_ELIMIT;
    record = need(cache, who);
    if (record && entry)
        copy = malloc(sizeof *copy);
    if (!record || (entry && !copy))
        return -ENOMEM;
    if (copy) {
        *copy = *entry;
        set_entry(cache, record, copy);
    }
    record->stored = true;
    record->changed = false;
    return 0;
}

int hub_cache_open(struct hub_cache *cache, struct hub_store *store, const struct hub_vault *vault)
{
    *cache = (struct hub_cache){.store = store, .vault = vault};
    return hub_papers_load(cache, restore, cache);
}

static void free_list(const struct hub_record_list *list)
{
    struct hub_record *record = list->first;

    while (record) {
        struct hub_record *next = record->next;

        hub_entry_free(record->entry);
        free(record->proof);
        free(record);
        record = next;
    }
}

void hub_cache_fini(struct hub_cache *cache)
{
    free_list(&cache->present);
    free_list(&cache->absent);
    edge_map_fini(&cache->names);
}
