/* hub/core/config_read.h - $edgeHub's desired properties, read and checked as a whole. Pure; any
 * thread. Source: hub.md 5.9, 7.10. Ours: storeLimits.policy, directMethodPermissions. Unknown
 * members are passed over. */
#ifndef HUB_CORE_CONFIG_READ_H
#define HUB_CORE_CONFIG_READ_H

#include "common/routing/routing.h"
#include "hub/store/store.h"

enum {
    HUB_TTL_DEFAULT_S = 7200,
    HUB_PERMISSIONS_MAX = 1000, /* names in directMethodPermissions */
};

struct hub_settings {
    struct edge_routes *routes;
    int64_t ttl_s;      /* 0: for ever */
    uint64_t max_bytes; /* 0: the store's default */
    enum hub_store_policy policy;
    struct edge_json *permissions; /* NULL: everybody may call everybody */
};
/** A twin without schemaVersion and routes is one that nobody has written yet: no routes, and
 * defaults.
 * @return 0, EDGE_ESCHEMA, EDGE_EINVALID, EDGE_ELIMIT, -ENOMEM; hub_settings_fini afterwards in any
 * case */
EDGE_MUST_CHECK int hub_settings_read(const struct edge_json *desired, struct hub_settings *ret,
                                      struct edge_err *err);
void hub_settings_fini(struct hub_settings *settings);
static inline void hub_settings_finip(struct hub_settings *settings)
{
    hub_settings_fini(settings);
}

#endif
