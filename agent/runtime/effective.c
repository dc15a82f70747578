#include "agent/runtime/effective.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"

enum { STOP_TIMEOUT_S = 10, STOP_TIMEOUT_MAX_S = 3600 };

struct edge_json *agent_effective_keep(const struct edge_json *image_config)
{
    static const char *const names[] = {"StopSignal", "Healthcheck", "ExposedPorts"};
    struct edge_json *kept = edge_json_new_object();

    for (size_t i = 0; kept && i < EDGE_ARRAY_LEN(names); i++) {
        const struct edge_json *member = edge_json_get_nocase(image_config, names[i]);

        if (member && edge_json_set(kept, names[i], edge_json_copy(member)) < 0)
            return edge_json_free(kept);
    }
    return kept;
}

/* edgeHub is part of the runtime: it is privileged unless createOptions say that it is not. */
static bool is_privileged(const struct agent_module_spec *spec, const struct agent_options *options)
{
    const struct edge_json *host = edge_json_get_nocase(spec->create_options, "HostConfig");

    return options->privileged ||
           (spec->kind == AGENT_MODULE_EDGE_HUB && !edge_json_get_nocase(host, "Privileged"));
}

int agent_effective_options(const struct agent_module_spec *spec,
                            const struct edge_json *image_config, struct agent_options **ret,
                            struct edge_err *err)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    int rc = agent_options_parse(spec->create_options, &options, err);

    if (rc < 0)
        return edge_wrap(err, rc, "settings.createOptions");
    rc = agent_options_inherit(options, image_config, err);
    if (rc < 0)
        return edge_wrap(err, rc, "image %s", spec->image);
    options->privileged = is_privileged(spec, options);
    *ret = EDGE_TAKE(options);
    return 0;
}

char *agent_effective_hostname(const struct agent_runtime *rt, const struct agent_options *options,
                               const char *id)
{
    if (options->hostname && *options->hostname)
        return strdup(options->hostname);
    if (options->net_mode == AGENT_NET_HOST || (options->uts_mode && *options->uts_mode))
        return edge_strdup(rt->around.hostname);
    return edge_format("%.63s", id);
}

char *agent_container_cgroup(const struct agent_runtime *rt, const struct agent_module_spec *spec)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    char id[AGENT_ID_SIZE];
    const char *parent = rt->cgroup;

    agent_container_id(spec->name, id);
    if (agent_options_parse(spec->create_options, &options, NULL) == 0 && options->cgroup_parent)
        parent = options->cgroup_parent;
    return edge_format("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, id);
}

const char *agent_effective_other(const char *mode)
{
    return mode && strncmp(mode, "container:", 10) == 0 ? mode + 10 : NULL;
}

const char *agent_effective_binary(const struct agent_options *options)
{
    const char *name = options->runtime;

    return name && *name && strcmp(name, "runc") != 0 && strcmp(name, "io.containerd.runc.v2") != 0
               ? name
               : NULL;
}

void agent_run_facts_fini(struct agent_run_facts *facts)
{
    for (char **arg = facts->health.test; arg && *arg; arg++)
        free(*arg);
    free(facts->health.test);
    *facts = (struct agent_run_facts){0};
}

int agent_run_facts_read(const struct agent_module_spec *spec, const struct edge_json *image_config,
                         struct agent_run_facts *ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    int rc = agent_effective_options(spec, image_config, &options, err);
    int seconds;

    if (rc < 0)
        return rc;
    assert(options);
    seconds = options->stop_timeout_s < 0 ? STOP_TIMEOUT_S : options->stop_timeout_s;
    if (seconds > STOP_TIMEOUT_MAX_S)
        seconds = STOP_TIMEOUT_MAX_S;
    ret->stop_timeout_ms = (int64_t) seconds * 1000;
    ret->health = options->health;
    options->health.test = NULL; /* moved */
    return 0;
}
