/* agent/supervisor/identity.h - identities in the cloud: asked for, held, given back. For this room
 * only; loop thread. Without agent_supervisor_config.identities nothing here does anything. */
#ifndef AGENT_SUPERVISOR_IDENTITY_H
#define AGENT_SUPERVISOR_IDENTITY_H

#include "agent/supervisor/internal.h"

/** A module's identity. Outlives the module until it is given back. */
struct sup_identity {
    struct agent_supervisor *sup;
    char *module;
    bool held; /* grant and cgroup are good */
    struct agent_grant grant;
    char *cgroup;
    bool busy;    /* an errand is under way */
    bool stale;   /* to be asked for anew; what is held serves meanwhile */
    bool leaving; /* its module is gone: give it back */
    struct edge_timer *timer;
    unsigned failures;
    int64_t retry_ms;
    char error[400];
    struct sup_identity *next;
};

EDGE_MUST_CHECK int sup_identities_open(struct agent_supervisor *sup);
void sup_identities_free(struct agent_supervisor *sup);
/** Part of the reconciler: begin what is to be done. */
void sup_identities_follow(struct agent_supervisor *sup);
/** After an apply: try what failed at once. */
void sup_identities_retry(struct agent_supervisor *sup);

/** The module's, or NULL. */
const struct sup_identity *sup_identity_find(const struct sup_module *m);
/** The identity it waits for in vain, or NULL. */
const struct sup_identity *sup_identity_missing(const struct sup_module *m);
/** May its container be made now? */
bool sup_identity_ready(struct sup_module *m);
/** Has it been had, or could it not be? Until then a start may wait. */
bool sup_identity_asked(const struct sup_module *m);
/** Why its container must be made anew, or NULL. */
const char *sup_identity_outdated(const struct sup_module *m);

#endif
