/* tests/emulator/rest/rest.h - IoT Hub's REST in front of the cloud: registry, twins, methods,
 * configurations, queries; what devices ask over HTTPS; device provisioning; and, on a listener of
 * its own, the knobs for faults. Loop thread. Sources: cloud.md 7, 10, 11, 14. */
#ifndef TESTS_EMULATOR_REST_REST_H
#define TESTS_EMULATOR_REST_REST_H

#include "common/http/server.h"
#include "tests/emulator/cloud/cloud.h"

struct rest;

/** @param cloud  borrowed; outlives the rest */
EDGE_MUST_CHECK int rest_create(struct cloud *cloud, struct rest **ret);
/** Calls under way are dropped without an answer. Close the servers first. Accepts NULL; returns
 * NULL. */
struct rest *rest_destroy(struct rest *rest);
EDGE_DEFINE_CLEANUP(struct rest *, rest_destroy)

/** The handler of an HTTP server: @p arg is the rest. */
void rest_handle(struct edge_exchange *exchange, void *arg);
/** The handler of the knobs' own server; see tests/emulator/README.md. */
void rest_handle_admin(struct edge_exchange *exchange, void *arg);

#endif
