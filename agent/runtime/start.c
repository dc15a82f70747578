/* The steps of one start, in the order of runtime.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/containerd/content.h"
#include "agent/logs/logs.h"
#include "agent/runtime/effective.h"
#include "agent/runtime/runtime.h"
#include "agent/spec/spec.h"
#include "common/base/file.h"

static int load_options(const struct agent_ctrd_container *container,
                        const struct agent_module_spec *spec, struct agent_options **ret,
                        struct edge_err *err)
{
    const char *text = agent_ctrd_container_label(container, AGENT_LABEL_IMAGE_CONF);
    EDGE_CLEANUP(edge_json_free) struct edge_json *kept = NULL;
    int rc = text ? edge_json_parse(text, strlen(text), &kept, err) : 0;

    return rc < 0 ? rc : agent_effective_options(spec, kept, ret, err);
}

static int pid_of(const struct agent_runtime *rt, const char *module, uint32_t *ret,
                  struct edge_err *err)
{
    char id[AGENT_ID_SIZE];
    struct agent_ctrd_task task;
    int rc;

    agent_container_id(module, id);
    rc = agent_ctrd_task_get(rt->ctrd, NULL, id, &task, err);
    if (rc == -ENOENT || (rc == 0 && task.status != AGENT_CTRD_RUNNING)) {
        if (rc == 0)
            agent_ctrd_task_fini(&task);
        return edge_fail(err, -ENOENT, "module %s, whose namespace it shares, is not running",
                         module);
    }
    if (rc < 0)
        return rc;
    *ret = task.pid;
    agent_ctrd_task_fini(&task);
    return 0;
}

/* Put the process that is @p other now into the spec. */
static int join_other(const struct agent_runtime *rt, const char *other, const char *type,
                      const char *file, char **spec, struct edge_err *err)
{
    char path[64];
    char *patched;
    uint32_t pid = 0;
    int rc;

    if (!other)
        return 0;
    rc = pid_of(rt, other, &pid, err);
    if (rc < 0)
        return rc;
    (void) snprintf(path, sizeof path, "/proc/%u/ns/%s", pid, file);
    rc = agent_spec_set_namespace(*spec, type, path, &patched, err);
    if (rc < 0)
        return rc;
    free(*spec);
    *spec = patched;
    return 0;
}

static int join_others(const struct agent_runtime *rt, const struct agent_options *options,
                       struct agent_ctrd_container *container, struct edge_err *err)
{
    const char *net = options->net_mode == AGENT_NET_CONTAINER ? options->net_container : NULL;
    const char *pid = agent_effective_other(options->pid_mode);
    const char *ipc = agent_effective_other(options->ipc_mode);
    int rc;

    if (!net && !pid && !ipc)
        return 0;
    rc = join_other(rt, net, "network", "net", &container->spec, err);
    if (rc == 0)
        rc = join_other(rt, pid, "pid", "pid", &container->spec, err);
    if (rc == 0)
        rc = join_other(rt, ipc, "ipc", "ipc", &container->spec, err);
    if (rc == 0)
        rc = agent_ctrd_container_spec_set(rt->ctrd, NULL, container->id, container->spec, err);
    return rc;
}

/* What a module with an identity needs besides. The folder of its workload socket goes with a
 * reboot; the socket in it comes when edge-securityd does, the module need not wait. */
static int use_grant(const struct agent_runtime *rt, struct agent_start *start,
                     const struct agent_ctrd_container *container, struct edge_err *err)
{
    const char *workload = agent_ctrd_container_label(container, AGENT_LABEL_WORKLOAD);

    if (!workload)
        return 0;
    if (start->spec->kind == AGENT_MODULE_EDGE_HUB) {
        start->alias = edge_strdup(rt->around.hostname);
        if (!start->alias)
            return -ENOMEM;
    }
    return edge_mkdirs(workload, 0755, err);
}

int agent_start_begin(const struct agent_runtime *rt, struct agent_start *start,
                      const struct agent_module_spec *spec, struct edge_err *err)
{
    struct agent_ctrd_container container;
    int rc;

    *start = (struct agent_start){.spec = spec};
    agent_container_id(spec->name, start->id);
    rc = agent_ctrd_container_get(rt->ctrd, NULL, start->id, &container, err);
    if (rc < 0)
        return rc;
    rc = load_options(&container, spec, &start->options, err);
    if (rc == 0)
        rc = use_grant(rt, start, &container, err);
    if (rc == 0)
        rc = join_others(rt, start->options, &container, err);
    agent_ctrd_container_fini(&container);
    return rc;
}

int agent_start_name(const struct agent_runtime *rt, struct agent_network *net,
                     const struct agent_module_spec *spec, struct edge_err *err)
{
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    EDGE_CLEANUP(edge_free) char *hostname = NULL;
    char id[AGENT_ID_SIZE];
    int rc = agent_effective_options(spec, NULL, &options, err);

    if (rc < 0)
        return rc;
    agent_container_id(spec->name, id);
    hostname = agent_effective_hostname(rt, options, id);
    if (!hostname)
        return -ENOMEM;

    struct agent_names names = {
        .id = id,
        .hostname = hostname,
        .extra_hosts = (const char *const *) options->extra_hosts,
        .dns = (const char *const *) options->dns,
        .dns_search = (const char *const *) options->dns_search,
        .dns_options = (const char *const *) options->dns_options,
        .host_mode = options->net_mode == AGENT_NET_HOST,
    };
    return agent_network_prepare(net, &names, err);
}

static char *log_uri(const struct agent_runtime *rt, const struct agent_start *start)
{
    EDGE_CLEANUP(edge_free) char *folder = edge_format("%s/logs", rt->homedir);
    const struct agent_options *o = start->options;
    struct agent_log_options log = {
        .dir = folder,
        .id = start->id,
        .logger = rt->logger,
        .max_size = o->log_max_size,
        .max_file = o->log_max_file,
        .compress = o->log_compress,
        .none = o->log_type && strcmp(o->log_type, "none") == 0,
    };

    return folder ? agent_logs_uri(&log) : NULL;
}

static int create_task(const struct agent_runtime *rt, struct agent_start *start,
                       const struct agent_ctrd_mounts *mounts, const struct agent_ctrd_stdio *stdio,
                       struct edge_err *err)
{
    return agent_ctrd_task_create(rt->ctrd, NULL, start->id, mounts, stdio,
                                  agent_effective_binary(start->options), &start->pid, err);
}

/* When containerd is killed while it creates a task, a shim without a container may be left: List
 * and Get do not know it, Create says that it exists, and Delete ends it (saying NOT_FOUND). */
int agent_start_task(const struct agent_runtime *rt, struct agent_start *start,
                     struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = log_uri(rt, start);
    struct agent_ctrd_mounts mounts;
    struct agent_ctrd_exit ignored;
    const char *snapshotter;
    int rc = agent_ctrd_snapshotter(rt->ctrd, NULL, &snapshotter, err);

    if (rc < 0)
        return rc;
    if (!uri)
        return -ENOMEM;
    rc = agent_ctrd_snapshot_mounts(rt->ctrd, NULL, snapshotter, start->id, &mounts, err);
    if (rc < 0)
        return rc;

    /* With a terminal there is one stream; the shim wants no second URI then. */
    struct agent_ctrd_stdio stdio = {
        .out = uri,
        .err = start->options->tty ? "" : uri,
        .terminal = start->options->tty,
    };
    rc = create_task(rt, start, &mounts, &stdio, err);
    if (rc == -EEXIST) {
        rc = agent_ctrd_task_delete(rt->ctrd, NULL, start->id, NULL, &ignored, err);
        if (rc == 0 || rc == -ENOENT)
            rc = create_task(rt, start, &mounts, &stdio, err);
    }
    agent_ctrd_mounts_fini(&mounts);
    return rc;
}

/* What other modules may call it: its name where that can be a host name, else its container's id.
 */
static const char *network_name(const struct agent_start *start)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    const char *name = start->spec->name;
    size_t len = strlen(name);
    bool ok = len <= 63 && strspn(name, letters) == len && !strchr("-.", name[0]) &&
              !strchr("-.", name[len - 1]) && !strstr(name, "..");

    return ok ? name : start->id;
}

/* The names of createOptions and the one of ours, NULL at the end; only the list is owned. */
static const char **all_aliases(const struct agent_start *start)
{
    char *const *own = start->options->aliases;
    const char **list;
    size_t n = 0;

    while (own && own[n])
        n++;
    list = calloc(n + 2, sizeof *list);
    for (size_t i = 0; list && i < n; i++)
        list[i] = own[i];
    if (list)
        list[n] = start->alias;
    return list;
}

int agent_start_join(struct agent_network *net, struct agent_start *start, struct edge_err *err)
{
    const struct agent_options *o = start->options;
    EDGE_CLEANUP(edge_free)
    struct agent_endpoint_port *ports = calloc(o->nports + 1, sizeof *ports);
    EDGE_CLEANUP(edge_free) const char **aliases = all_aliases(start);
    struct agent_endpoint endpoint = {
        .id = start->id,
        .module = network_name(start),
        .aliases = aliases,
        .ports = ports,
        .nports = o->nports,
        .mac = o->mac_address,
        .pid = start->pid,
    };

    if (o->net_mode != AGENT_NET_BRIDGE)
        return 0;
    if (!ports || !aliases)
        return -ENOMEM;
    for (size_t i = 0; i < o->nports; i++)
        ports[i] = (struct agent_endpoint_port){o->ports[i].host_ip, o->ports[i].host,
                                                o->ports[i].container, o->ports[i].protocol};
    return agent_network_attach(net, &endpoint, NULL, &start->address, err);
}

int agent_start_go(const struct agent_runtime *rt, struct agent_start *start, struct edge_err *err)
{
    return agent_ctrd_task_start(rt->ctrd, NULL, start->id, err);
}

void agent_start_end(struct agent_start *start)
{
    start->options = agent_options_free(start->options);
    free(start->address);
    free(start->alias);
    start->address = NULL;
    start->alias = NULL;
}
