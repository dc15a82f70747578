#include "agent/security/identities/identities.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/security/identities/backoff.h"
#include "agent/security/identities/hub.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/crypto/sha256.h"
#include "common/iothub/identity.h"

struct sec_identities {
    struct sec_hub hub;
    struct sec_keys *keys;
    struct sec_cache *cache;
    struct sec_backoff backoff;
};

int sec_identities_open(const struct sec_identities_options *options, struct sec_identities **ret,
                        struct edge_err *err)
{
    EDGE_CLEANUP(sec_identities_close) struct sec_identities *ids = calloc(1, sizeof *ids);
    int rc;

    if (!ids)
        return -ENOMEM;
    ids->hub = (struct sec_hub){
        .cloud = options->cloud,
        .host = options->device->hub,
        .device = options->device->id,
        .credential = sec_device_credential(options->device),
    };
    ids->keys = options->keys;
    rc = sec_cache_open(options->dir, options->device->hub, options->device->id, &ids->cache, err);
    if (rc == 0)
        *ret = EDGE_TAKE(ids);
    return rc;
}

struct sec_identities *sec_identities_close(struct sec_identities *ids)
{
    if (!ids)
        return NULL;
    sec_cache_close(ids->cache);
    free(ids);
    return NULL;
}

bool sec_identities_known(struct sec_identities *ids, const char *module, struct sec_identity *ret)
{
    return sec_cache_get(ids->cache, module, ret);
}

/* ---- when to ask ---- */

static int may_ask(struct sec_identities *ids, struct edge_err *err)
{
    int64_t left = sec_backoff_left(&ids->backoff, edge_now_ms());

    if (left == 0)
        return 0;
    return edge_fail(err, EDGE_EUNAVAILABLE, "IoT Hub is asked again in %lld s",
                     (long long) (left + 999) / 1000);
}

/* What was answered decides when the next question may come. */
static int asked(struct sec_identities *ids, int rc)
{
    uint32_t random = 0;

    if (rc == EDGE_EUNAVAILABLE) {
        edge_ignore(edge_random(&random, sizeof random));
        sec_backoff_failed(&ids->backoff, ids->hub.status, ids->hub.retry_after_s, random,
                           edge_now_ms());
    } else if (ids->hub.status > 0) {
        sec_backoff_passed(&ids->backoff);
    }
    return rc;
}

/* ---- the keys of a module ---- */

struct pair {
    char *primary; /* base64 */
    char *secondary;
    char print[EDGE_SHA256_HEX];
};

static void pair_fini(struct pair *pair)
{
    (void) edge_wipe(pair->primary);
    (void) edge_wipe(pair->secondary);
}

static int derive(struct sec_identities *ids, const char *module, const char *generation,
                  struct pair *ret, struct edge_err *err)
{
    static const char label[] = "edge-securityd print 1";
    uint8_t keys[2][EDGE_HMAC_SIZE] = {{0}};
    uint8_t mac[EDGE_HMAC_SIZE];
    int rc = sec_keys_module(ids->keys, module, generation, SEC_PRIMARY, keys[0], err);

    *ret = (struct pair){0};
    if (rc == 0)
        rc = sec_keys_module(ids->keys, module, generation, SEC_SECONDARY, keys[1], err);
    if (rc == 0) {
        ret->primary = edge_base64(keys[0], EDGE_HMAC_SIZE);
        ret->secondary = edge_base64(keys[1], EDGE_HMAC_SIZE);
        rc = edge_hmac_sha256((struct edge_bytes){keys[0], sizeof keys}, label, sizeof label, mac);
        edge_sha256_of(mac, sizeof mac, ret->print);
    }
    explicit_bzero(keys, sizeof keys);
    return rc == 0 && (!ret->primary || !ret->secondary) ? -ENOMEM : rc;
}

/* Is what is remembered made with the master key we have now? */
static bool is_ours(struct sec_identities *ids, const struct sec_identity *id)
{
    struct pair pair;
    bool same = derive(ids, id->module, id->generation, &pair, NULL) == 0 &&
                strcmp(pair.print, id->keys) == 0;

    pair_fini(&pair);
    return same;
}

static bool same_key(const char *a, const char *b)
{
    size_t len = strlen(a);

    return len == strlen(b) && edge_same_secret(a, b, len);
}

/* ---- one identity ---- */

static int get_or_make(struct sec_identities *ids, const char *module, const char *managed_by,
                       struct sec_hub_module *ret, struct edge_err *err)
{
    int rc = sec_hub_get(&ids->hub, module, ret, err);

    if (rc != -ENOENT)
        return rc;
    rc = sec_hub_put(&ids->hub, module, managed_by, NULL, ret, err);
    if (rc == EDGE_ECONFLICT) /* somebody else was quicker */
        rc = sec_hub_get(&ids->hub, module, ret, err);
    if (rc == -ENOENT)
        rc = edge_wrap(err, EDGE_EAUTH, "IoT Hub does not know the device %s", ids->hub.device);
    return rc;
}

static int give_keys(struct sec_identities *ids, const struct pair *pair,
                     struct sec_hub_module *module, struct edge_err *err)
{
    const struct sec_hub_keys keys = {module->generation, pair->primary, pair->secondary};
    char id[sizeof module->id];
    char managed_by[sizeof module->managed_by];

    if (same_key(module->primary_key, pair->primary))
        return 0;
    memcpy(id, module->id, sizeof id);
    (void) snprintf(managed_by, sizeof managed_by, "%s",
                    *module->managed_by ? module->managed_by : "IotEdge");
    return sec_hub_put(&ids->hub, id, managed_by, &keys, module, err);
}

static void identity_of(const struct sec_hub_module *module, const char *print,
                        struct sec_identity *ret)
{
    *ret = (struct sec_identity){0};
    (void) snprintf(ret->module, sizeof ret->module, "%s", module->id);
    (void) snprintf(ret->generation, sizeof ret->generation, "%s", module->generation);
    (void) snprintf(ret->managed_by, sizeof ret->managed_by, "%s",
                    *module->managed_by ? module->managed_by : "IotEdge");
    (void) snprintf(ret->keys, sizeof ret->keys, "%s", print);
}

static int ask_one(struct sec_identities *ids, const char *module, const char *managed_by,
                   struct sec_identity *ret, struct edge_err *err)
{
    struct sec_hub_module found = {0};
    struct pair pair = {0};
    int rc = may_ask(ids, err);

    if (rc < 0)
        return rc;
    rc = get_or_make(ids, module, managed_by, &found, err);
    if (rc == 0)
        rc = derive(ids, found.id, found.generation, &pair, err);
    if (rc == 0)
        rc = give_keys(ids, &pair, &found, err);
    rc = asked(ids, rc);
    if (rc == 0)
        identity_of(&found, pair.print, ret);
    pair_fini(&pair);
    explicit_bzero(&found, sizeof found);
    return rc < 0 ? rc : sec_cache_put(ids->cache, ret, err);
}

int sec_identities_ensure(struct sec_identities *ids, const char *module, const char *managed_by,
                          bool anew, struct sec_identity *ret, struct edge_err *err)
{
    bool known;
    int rc;

    if (!edge_id_valid(module, strlen(module)))
        return edge_fail(err, EDGE_EINVALID, "`%.64s` is no module id", module);
    if (managed_by && !edge_id_valid(managed_by, strlen(managed_by)))
        return edge_fail(err, EDGE_EINVALID, "managedBy must be 1 to 128 letters");
    known = sec_cache_get(ids->cache, module, ret) && is_ours(ids, ret);
    if (known && !anew)
        return 0;
    rc = ask_one(ids, module, managed_by ? managed_by : "IotEdge", ret, err);
    if (known && rc == EDGE_EUNAVAILABLE && sec_cache_get(ids->cache, module, ret))
        return SEC_IDENTITIES_REMEMBERED;
    return rc < 0 ? edge_wrap(err, rc, "the identity of %s", module) : 0;
}

int sec_identities_delete(struct sec_identities *ids, const char *module, struct edge_err *err)
{
    int rc;

    if (!edge_id_valid(module, strlen(module)))
        return edge_fail(err, EDGE_EINVALID, "`%.64s` is no module id", module);
    rc = may_ask(ids, err);
    if (rc == 0)
        rc = asked(ids, sec_hub_delete(&ids->hub, module, err));
    if (rc < 0)
        return edge_wrap(err, rc, "the identity of %s", module);
    return sec_cache_remove(ids->cache, module, err);
}

/* ---- all of them ---- */

static bool listed(const struct sec_hub_module *modules, size_t len, const char *name)
{
    for (size_t i = 0; i < len; i++) {
        if (strcmp(modules[i].id, name) == 0)
            return true;
    }
    return false;
}

/* What IoT Hub no longer has is forgotten. */
static int forget_others(struct sec_identities *ids, const struct sec_hub_module *modules,
                         size_t len, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    struct sec_identity *all = calloc(SEC_CACHE_MAX, sizeof *all);
    size_t n = all ? sec_cache_all(ids->cache, all) : 0;
    int rc = all ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (!listed(modules, len, all[i].module))
            rc = sec_cache_remove(ids->cache, all[i].module, err);
    }
    return rc;
}

/* The keys count as ours only if IoT Hub shows them, or showed none and nothing else changed. */
static int remember(struct sec_identities *ids, const struct sec_hub_module *module,
                    struct edge_err *err)
{
    struct sec_identity was;
    struct sec_identity now;
    struct pair pair;
    const char *print = "";
    int rc = derive(ids, module->id, module->generation, &pair, err);

    if (rc == 0 && *module->primary_key && same_key(module->primary_key, pair.primary))
        print = pair.print;
    if (rc == 0 && !*module->primary_key && sec_cache_get(ids->cache, module->id, &was) &&
        strcmp(was.generation, module->generation) == 0)
        print = was.keys;
    identity_of(module, print, &now);
    pair_fini(&pair);
    return rc < 0 ? rc : sec_cache_put(ids->cache, &now, err);
}

static int ask_all(struct sec_identities *ids, struct edge_err *err)
{
    struct sec_hub_module *modules = NULL;
    size_t len = 0;
    int rc = may_ask(ids, err);

    if (rc < 0)
        return rc;
    modules = calloc(SEC_HUB_MODULES, sizeof *modules);
    if (!modules)
        return -ENOMEM;
    rc = asked(ids, sec_hub_list(&ids->hub, modules, &len, err));
    if (rc == 0)
        rc = forget_others(ids, modules, len, err);
    for (size_t i = 0; rc == 0 && i < len; i++)
        rc = remember(ids, &modules[i], err);
    explicit_bzero(modules, SEC_HUB_MODULES * sizeof *modules);
    free(modules);
    return rc;
}

int sec_identities_list(struct sec_identities *ids, struct sec_identity *ret, size_t *ret_len,
                        struct edge_err *err)
{
    int rc = ask_all(ids, err);

    if (rc < 0 && rc != EDGE_EUNAVAILABLE)
        return rc;
    *ret_len = sec_cache_all(ids->cache, ret);
    return rc == EDGE_EUNAVAILABLE ? SEC_IDENTITIES_REMEMBERED : 0;
}
