#include "agent/cloudside/calls.h"

#include <errno.h>
#include <string.h>

#include "common/base/bytes.h"

/* What an engineer asks for first. */
static void fill_programs(struct side_calls *calls)
{
    static const char *const disks[] = {"df", "-h", NULL};
    static const char *const links[] = {"ip", "address", NULL};
    static const char *const rules[] = {"nft", "list", "ruleset", NULL};
    static const char *const journal[] = {
        "journalctl", "--no-pager", "--lines=5000", "--unit", "edge-*", "--output=short-iso", NULL};
    const char *const check[] = {calls->edgectl, "--host", calls->config->listen.management_uri,
                                 "check",        "--json", NULL};
    const struct agent_methods_program programs[] = {
        {"check.json", calls->check},       {"disks.txt", disks},
        {"network/addresses.txt", links},   {"network/rules.txt", rules},
        {"logs/edge-journal.txt", journal}, {NULL, NULL},
    };

    memcpy(calls->check, check, sizeof calls->check);
    memcpy(calls->programs, programs, sizeof calls->programs);
}

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
        .programs = calls->programs,
        .ca_file = calls->config->cloud.trusted_ca,
        .on_call = side_figures_called,
        .arg = calls->figures,
    };

    fill_programs(calls);
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
