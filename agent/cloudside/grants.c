#include "agent/cloudside/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/bytes.h"

#define MANAGED_BY_US "IotEdge"

/* What all identities of this device share. */
static int take_device(const struct agent_device *device, struct agent_grant *grant)
{
    grant->hub = edge_strdup(device->hub_name);
    grant->device = edge_strdup(device->device_id);
    return grant->hub && grant->device ? 0 : -ENOMEM;
}

static int take_identity(struct agent_module_identity *id, struct agent_grant *grant)
{
    grant->module = EDGE_TAKE(id->module_id);
    grant->generation = EDGE_TAKE(id->generation_id);
    agent_module_identity_fini(id);
    return 0;
}

static int obtain(const char *module, const char *cgroup, struct agent_grant *ret, void *arg,
                  struct edge_err *err)
{
    const struct agent_identity_daemon *daemon = arg;
    struct agent_module_identity id = {0};
    struct agent_device device = {0};
    struct agent_grant grant = {0};
    char module_id[130];
    int rc = agent_identity_device(daemon, &device, err);

    if (rc < 0)
        return rc;
    (void) agent_grant_module_id(module, module_id);
    rc = take_device(&device, &grant);
    agent_device_fini(&device);
    if (rc == 0)
        rc = agent_identity_ensure(daemon, module_id, &id, err);
    if (rc == 0)
        rc = take_identity(&id, &grant);
    if (rc == 0)
        rc = agent_identity_workload(daemon, module_id, cgroup, &grant.workload, err);
    if (rc < 0)
        agent_grant_fini(&grant);
    else
        *ret = grant;
    return rc;
}

static int find_identity(const struct agent_identity_daemon *daemon, const char *module_id,
                         bool *ret_ours, struct edge_err *err)
{
    struct agent_module_identity *ids = NULL;
    size_t len = 0;
    int rc = agent_identity_list(daemon, &ids, &len, err);

    *ret_ours = false;
    for (size_t i = 0; rc == 0 && i < len; i++) {
        if (strcmp(ids[i].module_id, module_id) == 0)
            *ret_ours = strcasecmp(ids[i].managed_by, MANAGED_BY_US) == 0;
    }
    agent_identities_free(ids, len);
    return rc;
}

/* Identities that somebody else looks after stay; so does $edgeHub, which is part of the device. */
static int release(const char *module, void *arg, struct edge_err *err)
{
    const struct agent_identity_daemon *daemon = arg;
    char module_id[130];
    bool ours = false;
    int rc;

    (void) agent_grant_module_id(module, module_id);
    rc = agent_identity_workload_remove(daemon, module_id, err);
    if (rc < 0 || module_id[0] == '$')
        return rc;
    rc = find_identity(daemon, module_id, &ours, err);
    return rc == 0 && ours ? agent_identity_delete(daemon, module_id, err) : rc;
}

static int list(struct agent_grant **ret, size_t *ret_len, void *arg, struct edge_err *err)
{
    const struct agent_identity_daemon *daemon = arg;
    struct agent_module_identity *ids = NULL;
    struct agent_device device = {0};
    struct agent_grant *grants;
    size_t len = 0;
    int rc = agent_identity_device(daemon, &device, err);

    if (rc == 0)
        rc = agent_identity_list(daemon, &ids, &len, err);
    grants = rc == 0 ? calloc(len + 1, sizeof *grants) : NULL;
    if (rc == 0 && !grants)
        rc = -ENOMEM;
    for (size_t i = 0; rc == 0 && i < len; i++) {
        rc = take_device(&device, &grants[i]);
        if (rc == 0)
            rc = take_identity(&ids[i], &grants[i]);
    }
    agent_device_fini(&device);
    agent_identities_free(ids, len);
    if (rc == 0) {
        *ret = grants;
        *ret_len = len;
        return 0;
    }
    for (size_t i = 0; grants && i < len; i++)
        agent_grant_fini(&grants[i]);
    free(grants);
    return rc;
}

struct agent_identity_ops agent_grants(struct agent_identity_daemon *daemon)
{
    return (struct agent_identity_ops){obtain, release, list, daemon};
}
