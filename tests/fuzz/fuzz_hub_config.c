/* $edgeHub's desired properties: whatever is read has routes and limits that make sense, and the
 * permissions of it can be asked. */
#include "hub/core/config_read.h"
#include "hub/core/permissions.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct edge_identity caller = {"edge1", "a"};
    static const struct edge_identity target = {"edge1", "b"};
    EDGE_CLEANUP(hub_settings_fini) struct hub_settings settings = {0};
    EDGE_CLEANUP(edge_json_free) struct edge_json *desired = NULL;
    struct edge_err err = {0};

    if (edge_json_parse((const char *) data, size, &desired, NULL) < 0)
        return 0;
    if (hub_settings_read(desired, &settings, &err) < 0) {
        fuzz_holds(err.code != 0 && err.text[0]);
        return 0;
    }
    fuzz_holds(settings.routes && edge_routes_count(settings.routes) <= EDGE_ROUTES_MAX);
    fuzz_holds(settings.ttl_s >= 0);
    if (!settings.permissions)
        fuzz_holds(hub_may_call(settings.permissions, "edge1", &caller, &target));
    else
        (void) hub_may_call(settings.permissions, "edge1", &caller, &target);
    return 0;
}
