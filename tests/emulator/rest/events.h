/* tests/emulator/rest/events.h - telemetry as JSON, for tests that count it. Loop thread. */
#ifndef TESTS_EMULATOR_REST_EVENTS_H
#define TESTS_EMULATOR_REST_EVENTS_H

#include "tests/emulator/cloud/cloud.h"

/** At most a thousand events of a partition, those with a sequence of @p from or more:
 * {"partitions", "next": where to go on, "events": [{"sequence", "enqueuedNs", "device", "module",
 * "auth", "system", "properties", "body" (base64)}]}. @return NULL: failed */
struct edge_json *rest_events_shown(struct cloud *cloud, unsigned partition, int64_t from);

#endif
