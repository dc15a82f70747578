#include "hub/auth/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KIND "scope"

enum {
    NAME_SIZE = 2 * EDGE_ID_MAX + 2,
    TEXT_MAX = 8 * 1024,
    SEALED_MAX = 16 * 1024,
};

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

/* ---- documents ---- */

static char *context_of(const char *name)
{
    return edge_format(KIND "/%s", name);
}

static void wipe(struct edge_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->len);
    edge_buf_fini(buf);
}

static struct edge_bytes bytes_of(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) (buf->data ? buf->data : ""), buf->len};
}

/* A tombstone has no text. */
static int seal(const struct hub_cache *cache, const char *name, const char *text)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf sealed = EDGE_BUF_INIT(SEALED_MAX);
    EDGE_CLEANUP(edge_free) char *context = context_of(name);
    int rc = -ENOMEM;

    if (context)
        rc = hub_vault_seal(cache->vault, context,
                            (struct edge_bytes){(const uint8_t *) text, strlen(text)}, &sealed);
    if (rc == 0)
        rc = hub_store_set(cache->store, KIND, name, bytes_of(&sealed), NULL, NULL);
    return rc;
}

static void save(struct hub_cache *cache, struct hub_record *record)
{
    char *text = record->entry ? hub_entry_text(record->entry) : edge_strdup("");
    char name[NAME_SIZE];

    edge_identity_format(&record->who, name, sizeof name);
    if (text && seal(cache, name, text) == 0)
        record->stored = true;
    else
        cache->failed++;
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
}

static int erase(struct hub_store *store, const char *name)
{
    return hub_store_set(store, KIND, name, (struct edge_bytes){NULL, 0}, NULL, NULL);
}

/* ---- records ---- */

static void forget(struct hub_cache *cache, struct hub_record *record)
{
    char name[NAME_SIZE];

    edge_identity_format(&record->who, name, sizeof name);
    if (record->stored && erase(cache->store, name) < 0)
        cache->failed++;
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
    save(cache, record);
    return record;
}

static void bury(struct hub_cache *cache, struct hub_record *record)
{
    set_entry(cache, record, NULL);
    save(cache, record);
    if (cache->absent.count > HUB_ABSENT_MAX)
        forget(cache, cache->absent.first);
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
    for (size_t i = 0; i < count; i++)
        lost(&all[i], arg);
}

/* ---- life ---- */

struct loading {
    struct hub_cache *cache;
    char **broken; /* names, to be deleted when all has been read */
    size_t count;
    int rc;
};

static int unseal(const struct hub_cache *cache, const char *name, struct edge_bytes sealed,
                  struct edge_buf *plain)
{
    EDGE_CLEANUP(edge_free) char *context = context_of(name);

    return context ? hub_vault_unseal(cache->vault, context, sealed, plain) : -ENOMEM;
}

static int read_entry(const char *name, const struct edge_buf *plain, struct hub_entry *ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;
    char own[NAME_SIZE];
    int rc = edge_json_parse(plain->data, plain->len, &root, NULL);

    if (rc == 0)
        rc = hub_entry_read(root, ret, NULL);
    if (rc < 0)
        return rc;
    edge_identity_format(&ret->who, own, sizeof own);
    return strcmp(own, name) == 0 ? 0 : EDGE_EINVALID;
}

/* @return 0, EDGE_EINVALID, EDGE_EDIGEST or EDGE_ELIMIT (delete it), -ENOMEM */
static int load(struct hub_cache *cache, const char *name, const struct edge_buf *plain)
{
    EDGE_CLEANUP(hub_entry_free) struct hub_entry *entry = calloc(1, sizeof *entry);
    struct hub_record *record;
    struct edge_identity who;
    int rc = entry ? edge_identity_parse(name, strlen(name), &who) : -ENOMEM;

    if (rc == 0 && plain->len > 0)
        rc = read_entry(name, plain, entry);
    if (rc == 0 && cache->present.count >= HUB_IDENTITIES_MAX)
        rc = EDGE_ELIMIT;
    if (rc < 0)
        return rc;
    record = need(cache, &who);
    if (!record)
        return -ENOMEM;
    record->stored = true;
    if (plain->len > 0)
        set_entry(cache, record, EDGE_TAKE(entry));
    record->changed = false;
    return 0;
}

static int add_broken(struct loading *loading, const char *name)
{
    char **more = reallocarray(loading->broken, loading->count + 1, sizeof *more);

    if (!more)
        return -ENOMEM;
    loading->broken = more;
    more[loading->count] = edge_strdup(name);
    return more[loading->count++] ? 0 : -ENOMEM;
}

static void load_document(const char *name, struct edge_bytes sealed, void *arg)
{
    struct loading *loading = arg;
    struct edge_buf plain = EDGE_BUF_INIT(TEXT_MAX);
    int rc = unseal(loading->cache, name, sealed, &plain);

    if (rc == 0)
        rc = load(loading->cache, name, &plain);
    if (rc < 0 && rc != -ENOMEM)
        rc = add_broken(loading, name);
    if (rc < 0)
        loading->rc = rc;
    wipe(&plain);
}

static void erase_broken(struct loading *loading)
{
    for (size_t i = 0; i < loading->count; i++) {
        if (erase(loading->cache->store, loading->broken[i]) < 0)
            loading->cache->failed++;
        free(loading->broken[i]);
    }
    free(loading->broken);
}

int hub_cache_open(struct hub_cache *cache, struct hub_store *store, const struct hub_vault *vault)
{
    struct loading loading = {.cache = cache};
    int rc;

    *cache = (struct hub_cache){.store = store, .vault = vault};
    rc = hub_store_each(store, KIND, load_document, &loading);
    erase_broken(&loading);
    return rc < 0 ? rc : loading.rc;
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
