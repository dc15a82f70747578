#include <stdlib.h>

#include "agent/spec/options_read.h"

static void free_pairs(struct agent_pair *pairs, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        free(pairs[i].key);
        free(pairs[i].value);
    }
    free(pairs);
}

void opt_mount_fini(struct agent_mount *mount)
{
    free(mount->source);
    free(mount->target);
    free(mount->options);
}

static void free_lists(struct agent_options *o)
{
    char **const lists[] = {
        o->env,
        o->cmd,
        o->entrypoint,
        o->group_add,
        o->cap_add,
        o->cap_drop,
        o->security_opt,
        o->device_rules,
        o->volumes,
        o->aliases,
        o->extra_hosts,
        o->dns,
        o->dns_search,
        o->dns_options,
        o->health.test,
        o->masked_paths,
        o->readonly_paths,
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(lists); i++)
        opt_strv_free(lists[i]);
}

static void free_texts(struct agent_options *o)
{
    char *const texts[] = {
        o->workdir,     o->user,        o->hostname,    o->domainname,    o->stop_signal,
        o->pid_mode,    o->ipc_mode,    o->uts_mode,    o->cgroupns_mode, o->net_container,
        o->mac_address, o->cpuset_cpus, o->cpuset_mems, o->cgroup_parent, o->runtime,
        o->log_type,    o->ignored,
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++)
        free(texts[i]);
}

static void free_structs(struct agent_options *o)
{
    for (size_t i = 0; i < o->nulimits; i++)
        free(o->ulimits[i].name);
    for (size_t i = 0; i < o->ndevices; i++) {
        free(o->devices[i].host);
        free(o->devices[i].container);
    }
    for (size_t i = 0; i < o->nmounts; i++)
        opt_mount_fini(&o->mounts[i]);
    for (size_t i = 0; i < o->nports; i++)
        free(o->ports[i].host_ip);
    free(o->ulimits);
    free(o->devices);
    free(o->mounts);
    free(o->ports);
    free_pairs(o->labels, o->nlabels);
    free_pairs(o->sysctls, o->nsysctls);
}

struct agent_options *agent_options_free(struct agent_options *options)
{
    if (!options)
        return NULL;
    free_lists(options);
    free_texts(options);
    free_structs(options);
    free(options);
    return NULL;
}
