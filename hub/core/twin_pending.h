/* hub/core/twin_pending.h - reported patches that wait for IoT Hub: made one where that loses
 * nothing. Pure; any thread.
 *
 * Two merge patches are not always one: {"a":null} and then {"a":{"b":1}} leaves a with b alone,
 * {"a":{"b":1}} leaves a what else it had. Those stay two, and are sent one after the other. */
#ifndef HUB_CORE_TWIN_PENDING_H
#define HUB_CORE_TWIN_PENDING_H

#include "hub/core/twin_state.h"

/** @return 0, EDGE_ELIMIT (too much waits; nothing was done), -ENOMEM */
EDGE_MUST_CHECK int hub_twin_pending_add(struct hub_twin_state *state,
                                         const struct edge_json *patch, struct edge_err *err);

#endif
