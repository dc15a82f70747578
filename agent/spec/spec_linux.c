/* linux: namespaces, kernel settings, device nodes. */
#include <string.h>

#include "agent/spec/build.h"

static void put_namespace(struct spec_build *build, const char *type, const char *path)
{
    struct edge_json *list = spec_array(build, build->linux_, "namespaces");
    struct edge_json *item = spec_item(build, list);

    spec_text(build, item, "type", type);
    if (path)
        spec_text(build, item, "path", path);
}

/* "host", "container:…" with its path from the facts, or one of its own. */
static int put_by_mode(struct spec_build *build, const char *type, const char *mode,
                       const char *path)
{
    if (strcmp(mode, "host") == 0)
        return 0;
    if (strncmp(mode, "container:", 10) != 0) {
        put_namespace(build, type, NULL);
        return 0;
    }
    if (!path)
        return edge_fail(build->err, EDGE_EUNAVAILABLE,
                         "HostConfig: the %s namespace of `%.100s` is not there: that module does "
                         "not run",
                         type, mode + 10);
    put_namespace(build, type, path);
    return 0;
}

static int put_network(struct spec_build *build)
{
    const struct agent_options *options = build->options;

    if (options->net_mode == AGENT_NET_HOST)
        return 0;
    if (options->net_mode == AGENT_NET_CONTAINER && !build->facts->netns)
        return edge_fail(build->err, EDGE_EUNAVAILABLE,
                         "HostConfig.NetworkMode: the network of `%.100s` is not there: that "
                         "module does not run",
                         options->net_container);
    put_namespace(build, "network", build->facts->netns);
    return 0;
}

int spec_put_namespaces(struct spec_build *build)
{
    const struct agent_options *options = build->options;
    const char *cgroupns = options->cgroupns_mode;
    int rc = put_network(build);

    put_namespace(build, "mount", NULL);
    if (rc == 0)
        rc = put_by_mode(build, "pid", options->pid_mode, build->facts->pidns);
    if (rc == 0)
        rc = put_by_mode(build, "ipc", options->ipc_mode, build->facts->ipcns);
    if (rc == 0)
        rc = put_by_mode(build, "uts", options->uts_mode, NULL);
    if (strcmp(cgroupns, "private") == 0 || (!*cgroupns && spec_can(build, AGENT_HOST_CGROUP_V2)))
        put_namespace(build, "cgroup", NULL);
    if (strncmp(options->ipc_mode, "container:", 10) == 0)
        spec_notice(build, "IpcMode shares messages and semaphores, not /dev/shm.");
    return rc;
}

/* --- sysctls: only those that exist once for each namespace --- */

static bool begins(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

static bool is_ipc_sysctl(const char *name)
{
    static const char *const names[] = {
        "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
        "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced",
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return begins(name, "fs.mqueue.");
}

static int check_sysctl(struct spec_build *build, const char *name)
{
    const struct agent_options *options = build->options;
    const char *shared = NULL;

    if (begins(name, "net."))
        shared = options->net_mode == AGENT_NET_HOST ? "NetworkMode" : NULL;
    else if (is_ipc_sysctl(name))
        shared = strcmp(options->ipc_mode, "host") == 0 ? "IpcMode" : NULL;
    else if (strcmp(name, "kernel.domainname") == 0)
        shared = strcmp(options->uts_mode, "host") == 0 ? "UTSMode" : NULL;
    else
        return edge_fail(build->err, EDGE_EINVALID,
                         "HostConfig.Sysctls.%s: concerns the whole host, a module cannot set it",
                         name);
    if (!shared)
        return 0;
    return edge_fail(build->err, EDGE_EINVALID,
                     "HostConfig.Sysctls.%s: not with %s host, it would change the host's own",
                     name, shared);
}

/* What Docker sets in each network of its own: ping and low ports without capabilities. */
static void put_default_sysctls(struct spec_build *build, struct edge_json *sysctl)
{
    enum agent_net_mode mode = build->options->net_mode;

    if (mode == AGENT_NET_HOST || mode == AGENT_NET_CONTAINER)
        return;
    if (spec_can(build, AGENT_HOST_PING_RANGE))
        spec_text(build, sysctl, "net.ipv4.ping_group_range", "0 2147483647");
    if (spec_can(build, AGENT_HOST_LOW_PORTS))
        spec_text(build, sysctl, "net.ipv4.ip_unprivileged_port_start", "0");
}

int spec_put_sysctls(struct spec_build *build)
{
    const struct agent_options *options = build->options;
    struct edge_json *sysctl = spec_object(build, build->linux_, "sysctl");

    put_default_sysctls(build, sysctl);
    if (options->domainname && strcmp(options->uts_mode, "host") != 0)
        spec_text(build, sysctl, "kernel.domainname", options->domainname);
    for (size_t i = 0; i < options->nsysctls; i++) {
        int rc = check_sysctl(build, options->sysctls[i].key);

        if (rc < 0)
            return rc;
        spec_text(build, sysctl, options->sysctls[i].key, options->sysctls[i].value);
    }
    return 0;
}

int spec_put_devices(struct spec_build *build)
{
    const struct agent_spec_facts *facts = build->facts;
    struct edge_json *list = spec_array(build, build->linux_, "devices");

    for (size_t i = 0; i < facts->ndevices; i++) {
        const struct agent_device_node *node = &facts->devices[i];
        struct edge_json *item = spec_item(build, list);
        const char type[2] = {node->type, '\0'};

        spec_text(build, item, "path", node->path);
        spec_text(build, item, "type", type);
        spec_int(build, item, "major", node->major);
        spec_int(build, item, "minor", node->minor);
        spec_int(build, item, "fileMode", node->mode & 07777);
        spec_int(build, item, "uid", node->uid);
        spec_int(build, item, "gid", node->gid);
    }
    return 0;
}
