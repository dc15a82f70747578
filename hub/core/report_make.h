/* hub/core/report_make.h - $edgeHub's reported properties from what is known. Pure; any thread.
 * Source: hub.md 7.11. */
#ifndef HUB_CORE_REPORT_MAKE_H
#define HUB_CORE_REPORT_MAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/iothub/identity.h"
#include "common/json/json.h"

struct hub_report_client {
    char name[2 * EDGE_ID_MAX + 2]; /* "device/module" */
    bool connected;
    int64_t connected_ns, disconnected_ns; /* wall clock; 0: never */
};
struct hub_report_facts {
    const char *version; /* ours */
    int code;            /* lastDesiredStatus; 0: nothing to say yet */
    const char *description;
    int64_t desired_version;
    size_t nclients;
};
/** Without `clients` when @p bare. Over IoT Hub's limit of a section, clients are left out: those
 * that went first, then those that came first; the array is sorted for that.
 * @return the caller frees it; NULL without memory */
struct edge_json *hub_report_make(const struct hub_report_facts *facts,
                                  struct hub_report_client *clients, bool bare);

#endif
