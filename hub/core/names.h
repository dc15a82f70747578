/* hub/core/names.h - names of queues: where a message goes, and with which priority. Ids have no
 * slash, so they parse back. Pure; any thread.
 *
 *   up/<priority>/<device[/module]>              to IoT Hub, in the name of
 *   in/<priority>/<device>/<module>/<input>      to a module here */
#ifndef HUB_CORE_NAMES_H
#define HUB_CORE_NAMES_H

#include <stdint.h>

#include "common/iothub/identity.h"
#include "hub/store/store.h"

struct hub_queue_name {
    bool upstream;
    uint32_t priority;
    struct edge_identity who;
    const char *input; /* borrowed from the text; NULL when upstream */
};
/** @return 0 or EDGE_ELIMIT: longer than a name may be */
EDGE_MUST_CHECK int hub_queue_name_write(const struct hub_queue_name *name,
                                         char text[HUB_STORE_NAME_MAX + 1]);
/** @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int hub_queue_name_read(const char *text, struct hub_queue_name *ret);

#endif
