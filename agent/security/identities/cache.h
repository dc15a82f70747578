/* agent/security/identities/cache.h - what IoT Hub has said of our modules, on disk. Any thread: a
 * lock inside. Written only when something changed, and before it is told to anybody. */
#ifndef AGENT_SECURITY_IDENTITIES_CACHE_H
#define AGENT_SECURITY_IDENTITIES_CACHE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/base/err.h"

struct sec_cache;
struct sec_identity {
    char module[129];
    char generation[129];
    char managed_by[129];
    char keys[65]; /* print of the keys IoT Hub was given; "": not ours */
};

enum { SEC_CACHE_MAX = 200 };

/** @param dir  made with mode 0700   A damaged file is as good as none. */
EDGE_MUST_CHECK int sec_cache_open(const char *dir, const char *hub, const char *device,
                                   struct sec_cache **ret, struct edge_err *err);
struct sec_cache *sec_cache_close(struct sec_cache *cache);
EDGE_DEFINE_CLEANUP(struct sec_cache *, sec_cache_close)

bool sec_cache_get(struct sec_cache *cache, const char *module, struct sec_identity *ret);
/** A copy of all, sorted by name; @p ret has SEC_CACHE_MAX entries. */
size_t sec_cache_all(struct sec_cache *cache, struct sec_identity *ret);
/** Add or replace one. @return 0, EDGE_ELIMIT, or why it is not on disk */
EDGE_MUST_CHECK int sec_cache_put(struct sec_cache *cache, const struct sec_identity *id,
                                  struct edge_err *err);
EDGE_MUST_CHECK int sec_cache_remove(struct sec_cache *cache, const char *module,
                                     struct edge_err *err);

#endif
