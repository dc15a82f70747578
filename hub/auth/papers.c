/* What is known, sealed and as documents of the store. */
#include "hub/auth/papers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define KIND "scope"

enum {
    NAME_SIZE = 2 * EDGE_ID_MAX + 2,
    TEXT_MAX = 8 * 1024,
    SEALED_MAX = 16 * 1024,
};

/* ---- writing ---- */

static char *context_of(const char *name)
{
    return edge_format(KIND "/%s", name);
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

void hub_papers_save(struct hub_cache *cache, struct hub_record *record)
{
    char *text = record->entry ? hub_entry_text(record->entry) : edge_strdup("");
    char name[NAME_SIZE];

    edge_identity_format(&record->who, name, sizeof name);
    if (text && seal(cache, name, text) == 0)
        record->stored = true;
    else
        cache->failed++;
    (void) edge_wipe(text);
}

static void erase(struct hub_cache *cache, const char *name)
{
    if (hub_store_set(cache->store, KIND, name, (struct edge_bytes){NULL, 0}, NULL, NULL) < 0)
        cache->failed++;
}

void hub_papers_erase(struct hub_cache *cache, const struct hub_record *record)
{
    char name[NAME_SIZE];

    edge_identity_format(&record->who, name, sizeof name);
    if (record->stored)
        erase(cache, name);
}

/* ---- reading ---- */

struct loading {
    struct hub_cache *cache;
    int (*each)(const struct edge_identity *who, const struct hub_entry *entry, void *arg);
    void *arg;
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

/* @return 0, EDGE_EINVALID or EDGE_ELIMIT (delete it), -ENOMEM */
static int read_paper(const struct loading *loading, const char *name, const struct edge_buf *plain)
{
    EDGE_CLEANUP(hub_entry_free) struct hub_entry *entry = calloc(1, sizeof *entry);
    struct edge_identity who;
    int rc = entry ? edge_identity_parse(name, strlen(name), &who) : -ENOMEM;

    if (rc == 0 && plain->len > 0)
        rc = read_entry(name, plain, entry);
    return rc < 0 ? rc : loading->each(&who, plain->len > 0 ? entry : NULL, loading->arg);
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
        rc = read_paper(loading, name, &plain);
    if (rc < 0 && rc != -ENOMEM)
        rc = add_broken(loading, name);
    if (rc < 0)
        loading->rc = rc;
    edge_buf_wipe(&plain);
}

static void erase_broken(struct loading *loading)
{
    for (size_t i = 0; i < loading->count; i++) {
        erase(loading->cache, loading->broken[i]);
        free(loading->broken[i]);
    }
    free(loading->broken);
}

int hub_papers_load(struct hub_cache *cache,
                    int (*each)(const struct edge_identity *who, const struct hub_entry *entry,
                                void *arg),
                    void *arg)
{
    struct loading loading = {.cache = cache, .each = each, .arg = arg};
    int rc = hub_store_each(cache->store, KIND, load_document, &loading);

    erase_broken(&loading);
    return rc < 0 ? rc : loading.rc;
}
