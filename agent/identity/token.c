/* The workload API, as the agent's own module $edgeAgent uses it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/identity/identity.h"
#include "common/base/clock.h"
#include "common/iothub/identity.h"
#include "common/workload/workload.h"

#define MODULE "$edgeAgent"

static struct edge_workload workload_of(const struct agent_identity_daemon *daemon,
                                        const char *generation)
{
    return (struct edge_workload){.socket = daemon->workload_socket,
                                  .module = MODULE,
                                  .generation = generation,
                                  .cancel = daemon->cancel};
}

/* The agent as IoT Hub names it; the caller frees it. */
static char *resource_of(const struct agent_device *device)
{
    struct edge_identity who = {.module = MODULE};

    if (strlen(device->device_id) >= sizeof who.device)
        return NULL;
    memcpy(who.device, device->device_id, strlen(device->device_id));
    return edge_identity_resource(&who, device->hub_name);
}

int agent_identity_token(const struct agent_identity_daemon *daemon,
                         const struct agent_device *device, int64_t lifetime_s, char **ret,
                         struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *resource = resource_of(device);
    const struct edge_workload workload = workload_of(daemon, device->generation_id);
    int64_t se = edge_wall_ns() / 1000000000 + lifetime_s;

    return resource ? edge_workload_token(&workload, resource, se, ret, err) : -ENOMEM;
}
