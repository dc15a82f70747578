#include "agent/cloudside/calls.h"

#include <errno.h>

#include "common/base/bytes.h"

static int make_methods(struct side_calls *calls, const struct agent_device *device)
{
    EDGE_CLEANUP(edge_free) char *logs = edge_format("%s/logs", calls->config->homedir);
    const struct agent_methods_config config = {
        .loop = calls->loop,
        .ops = calls->ops,
        .log_dir = logs,
        .temp_dir = calls->config->homedir,
        .hub = device->hub_name,
        .device = device->device_id,
        .ca_file = calls->config->cloud.trusted_ca,
        .on_call = side_figures_called,
        .arg = calls->figures,
    };

    return logs ? agent_methods_create(&config, &calls->methods) : -ENOMEM;
}

static void on_done(int status, const struct edge_json *payload, void *call)
{
    agent_cloud_reply(call, status, payload);
}

void side_calls_answer(struct side_calls *calls, const struct agent_device *device,
                       struct agent_cloud_call *call, const char *name,
                       const struct edge_json *payload)
{
    int rc = calls->methods ? 0 : device ? make_methods(calls, device) : EDGE_EUNAVAILABLE;

    if (rc < 0)
        agent_cloud_reply(call, 500, NULL);
    else
        agent_methods_call(calls->methods, name, payload, on_done, call);
}

void side_calls_end(struct side_calls *calls)
{
    calls->methods = agent_methods_destroy(calls->methods);
}
