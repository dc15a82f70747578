#include "agent/security/identities/cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/file.h"
#include "common/crypto/sha256.h"
#include "common/iothub/identity.h"
#include "common/json/json.h"

enum { FILE_MAX = 512 * 1024 };

struct sec_cache {
    pthread_mutex_t lock;
    char *path;
    struct sec_identity ids[SEC_CACHE_MAX]; /* sorted */
    size_t len;
};

static int order(const void *a, const void *b)
{
    return strcmp(((const struct sec_identity *) a)->module,
                  ((const struct sec_identity *) b)->module);
}

static struct sec_identity *find(struct sec_cache *cache, const char *module)
{
    for (size_t i = 0; i < cache->len; i++) {
        if (strcmp(cache->ids[i].module, module) == 0)
            return &cache->ids[i];
    }
    return NULL;
}

static void take(char *to, size_t size, const struct edge_json *object, const char *name)
{
    (void) snprintf(to, size, "%s", edge_json_str(edge_json_get(object, name), ""));
}

static void load(struct sec_cache *cache)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(FILE_MAX);
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = NULL;

    if (edge_file_read(cache->path, &text, NULL) < 0 ||
        edge_json_parse(text.data ? text.data : "", text.len, &root, NULL) < 0)
        return;
    for (edge_json_foreach (it, edge_json_get(root, "identities"))) {
        struct sec_identity *id = &cache->ids[cache->len];

        if (cache->len == SEC_CACHE_MAX)
            return;
        (void) snprintf(id->module, sizeof id->module, "%s", it.name);
        take(id->generation, sizeof id->generation, it.value, "generationId");
        take(id->managed_by, sizeof id->managed_by, it.value, "managedBy");
        take(id->keys, sizeof id->keys, it.value, "keys");
        if (edge_id_valid(it.name, strlen(it.name)) &&
            edge_id_valid(id->generation, strlen(id->generation)))
            cache->len++;
    }
    qsort(cache->ids, cache->len, sizeof cache->ids[0], order);
}

static struct edge_json *to_json(const struct sec_cache *cache)
{
    struct edge_json *root = edge_json_new_object();
    struct edge_json *all = root ? edge_json_need_object(root, "identities") : NULL;

    for (size_t i = 0; all && i < cache->len; i++) {
        const struct sec_identity *id = &cache->ids[i];
        struct edge_json *one = edge_json_need_object(all, id->module);

        if (!one || edge_json_set_str(one, "generationId", id->generation) < 0 ||
            edge_json_set_str(one, "managedBy", id->managed_by) < 0 ||
            edge_json_set_str(one, "keys", id->keys) < 0)
            return edge_json_free(root);
    }
    return all ? root : edge_json_free(root);
}

static int save(const struct sec_cache *cache, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = to_json(cache);
    EDGE_CLEANUP(edge_free) char *text = root ? edge_json_text(root) : NULL;

    return text ? edge_file_write(cache->path, text, strlen(text), 0600, err) : -ENOMEM;
}

/* One file for each device and hub: another identity begins with nothing of the old one. */
static char *path_of(const char *dir, const char *hub, const char *device)
{
    EDGE_CLEANUP(edge_free) char *name = edge_format("%s/%s", hub, device);
    char hex[EDGE_SHA256_HEX];

    if (!name)
        return NULL;
    edge_sha256_of(name, strlen(name), hex);
    return edge_format("%s/%.32s.json", dir, hex);
}

int sec_cache_open(const char *dir, const char *hub, const char *device, struct sec_cache **ret,
                   struct edge_err *err)
{
    EDGE_CLEANUP(sec_cache_close) struct sec_cache *cache = NULL;
    int rc = edge_mkdirs(dir, 0700, err);

    if (rc < 0)
        return rc;
    cache = calloc(1, sizeof *cache);
    if (!cache)
        return -ENOMEM;
    (void) pthread_mutex_init(&cache->lock, NULL);
    cache->path = path_of(dir, hub, device);
    if (!cache->path)
        return -ENOMEM;
    load(cache);
    *ret = EDGE_TAKE(cache);
    return 0;
}

struct sec_cache *sec_cache_close(struct sec_cache *cache)
{
    if (!cache)
        return NULL;
    (void) pthread_mutex_destroy(&cache->lock);
    free(cache->path);
    free(cache);
    return NULL;
}

bool sec_cache_get(struct sec_cache *cache, const char *module, struct sec_identity *ret)
{
    const struct sec_identity *found;

    (void) pthread_mutex_lock(&cache->lock);
    found = find(cache, module);
    if (found)
        *ret = *found;
    (void) pthread_mutex_unlock(&cache->lock);
    return found != NULL;
}

size_t sec_cache_all(struct sec_cache *cache, struct sec_identity *ret)
{
    size_t len;

    (void) pthread_mutex_lock(&cache->lock);
    len = cache->len;
    memcpy(ret, cache->ids, len * sizeof *ret);
    (void) pthread_mutex_unlock(&cache->lock);
    return len;
}

static int put_locked(struct sec_cache *cache, const struct sec_identity *id, struct edge_err *err)
{
    struct sec_identity *at = find(cache, id->module);

    if (at && memcmp(at, id, sizeof *at) == 0)
        return 0;
    if (!at && cache->len == SEC_CACHE_MAX)
        return edge_fail(err, EDGE_ELIMIT, "more than %d module identities", SEC_CACHE_MAX);
    if (!at)
        at = &cache->ids[cache->len++];
    *at = *id;
    qsort(cache->ids, cache->len, sizeof cache->ids[0], order);
    return save(cache, err);
}

/* Fields are compared as bytes: nothing may lie behind their NUL. */
static struct sec_identity tidy(const struct sec_identity *id)
{
    struct sec_identity clean = {0};

    (void) snprintf(clean.module, sizeof clean.module, "%s", id->module);
    (void) snprintf(clean.generation, sizeof clean.generation, "%s", id->generation);
    (void) snprintf(clean.managed_by, sizeof clean.managed_by, "%s", id->managed_by);
    (void) snprintf(clean.keys, sizeof clean.keys, "%s", id->keys);
    return clean;
}

int sec_cache_put(struct sec_cache *cache, const struct sec_identity *id, struct edge_err *err)
{
    struct sec_identity clean = tidy(id);
    int rc;

    (void) pthread_mutex_lock(&cache->lock);
    rc = put_locked(cache, &clean, err);
    (void) pthread_mutex_unlock(&cache->lock);
    return rc;
}

int sec_cache_remove(struct sec_cache *cache, const char *module, struct edge_err *err)
{
    struct sec_identity *at;
    int rc = 0;

    (void) pthread_mutex_lock(&cache->lock);
    at = find(cache, module);
    if (at) {
        size_t behind = cache->len - (size_t) (at - cache->ids) - 1;

        memmove(at, at + 1, behind * sizeof *at);
        cache->len--;
        rc = save(cache, err);
    }
    (void) pthread_mutex_unlock(&cache->lock);
    return rc;
}
