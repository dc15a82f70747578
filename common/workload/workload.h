/* common/workload/workload.h - IoT Edge's workload API as a module uses it: edge-securityd signs,
 * issues certificates and keeps bytes secret for it; no key comes here. Blocking; worker threads,
 * any number at once. Source: hub.md 10.1. */
#ifndef EDGE_WORKLOAD_WORKLOAD_H
#define EDGE_WORKLOAD_WORKLOAD_H

#include <stdint.h>

#include "common/workload/call.h"

/** A module and its socket. All borrowed. */
struct edge_workload {
    const char *socket; /* path */
    const char *module;
    const char *generation;
    const char *version; /* of the API; NULL: 2020-07-07 */
    struct edge_cancel *cancel;
};

/** POST /modules/{m}/genid/{g}/{what}. @return as edge_daemon_call */
EDGE_MUST_CHECK int edge_workload_post(const struct edge_workload *workload, const char *what,
                                       const struct edge_json *body, struct edge_json **ret,
                                       struct edge_err *err);
/** A token for @p resource (edge_identity_resource), good until @p se. The caller wipes and frees
 * @p ret. */
EDGE_MUST_CHECK int edge_workload_token(const struct edge_workload *workload, const char *resource,
                                        int64_t se, char **ret, struct edge_err *err);
/** The caller frees @p ret. */
EDGE_MUST_CHECK int edge_workload_trust_bundle(const struct edge_workload *workload, char **ret_pem,
                                               struct edge_err *err);

#endif
