#include "hub/core/permissions.h"

#include <string.h>

static bool names(const char *name, const char *device, const struct edge_identity *who)
{
    char full[2 * EDGE_ID_MAX + 2];

    if (strcmp(name, "*") == 0)
        return true;
    if (who->module[0] && strcmp(who->device, device) == 0 && strcmp(who->module, name) == 0)
        return true;
    edge_identity_format(who, full, sizeof full);
    return strcmp(name, full) == 0;
}

static bool lists(const struct edge_json *targets, const char *device,
                  const struct edge_identity *target)
{
    for (size_t i = 0; i < edge_json_len(targets); i++)
        if (names(edge_json_str(edge_json_at(targets, i), ""), device, target))
            return true;
    return false;
}

bool hub_may_call(const struct edge_json *permissions, const char *device,
                  const struct edge_identity *caller, const struct edge_identity *target)
{
    if (!permissions)
        return true;
    for (edge_json_foreach (it, permissions))
        if (names(it.name, device, caller) && lists(it.value, device, target))
            return true;
    return false;
}
