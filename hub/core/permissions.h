/* hub/core/permissions.h - who may call whose direct methods: "directMethodPermissions" of
 * $edgeHub's desired properties, {"caller": ["target", …]}. Pure; any thread.
 *
 * A name is a module of this device, "device" or "device/module"; "*" is everybody. */
#ifndef HUB_CORE_PERMISSIONS_H
#define HUB_CORE_PERMISSIONS_H

#include <stdbool.h>

#include "common/iothub/identity.h"
#include "common/json/json.h"

/** @param permissions  NULL: everybody may call everybody  @param device  this device */
bool hub_may_call(const struct edge_json *permissions, const char *device,
                  const struct edge_identity *caller, const struct edge_identity *target);

#endif
