/* HostConfig: which member is read by whom. */
#include <errno.h>
#include <stdlib.h>

#include "agent/spec/options_read.h"

static int cgroupns(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char **mode = field;
    int rc = opt_word(reader, value, field);

    if (rc == 0 && **mode && strcmp(*mode, "host") != 0 && strcmp(*mode, "private") != 0)
        return opt_fail(reader, EDGE_EINVALID, "must be `host` or `private`");
    return rc;
}

/* PidMode, IpcMode, UTSMode: Docker's words, checked where they are used. */
static int ns_mode(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const char *const words[] = {"", "private", "host", "shareable", "none"};
    char **mode = field;
    int rc = opt_word(reader, value, field);

    if (rc < 0 || strncmp(*mode, "container:", 10) == 0)
        return rc;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(words); i++) {
        if (strcmp(*mode, words[i]) == 0)
            return 0;
    }
    return opt_fail(reader, EDGE_EINVALID,
                    "`%.60s` is no such mode: use `host` or `container:NAME`", *mode);
}

static int paths(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    int rc = opt_texts(reader, value, field);

    for (size_t i = 0; rc == 0 && (*list)[i]; i++) {
        size_t before = opt_enter_index(reader, i);
        char *clean = NULL;

        rc = opt_clean_path(reader, (*list)[i], &clean);
        if (rc == 0)
            rc = opt_keep(&(*list)[i], clean);
        opt_leave(reader, before);
    }
    return rc;
}

/* UsernsMode "host" is how it is anyway. */
static int userns(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    if (!opt_trivial(value) && strcmp(edge_json_str(value, ""), "host") != 0)
        opt_ignore(reader);
    return 0;
}

static int cgroup_parent(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    EDGE_CLEANUP(edge_free) char *rooted = NULL;
    char *clean = NULL;
    int rc = opt_word(reader, value, &text);

    if (rc < 0 || !*text)
        return rc;
    rooted = edge_format("/%s", text);
    if (!rooted)
        return -ENOMEM;
    rc = opt_clean_path(reader, rooted, &clean);
    return rc < 0 ? rc : opt_keep(field, clean);
}

static const struct opt_member members[] = {
    {"Binds", opt_binds, 0},
    {"Mounts", opt_mounts, 0},
    {"Tmpfs", opt_tmpfs, 0},
    {"PortBindings", opt_port_bindings, 0},
    {"PublishAllPorts", opt_bool, OPT_AT(publish_all)},
    {"NetworkMode", opt_network_mode, 0},
    {"ExtraHosts", opt_extra_hosts, OPT_AT(extra_hosts)},
    {"Dns", opt_dns, OPT_AT(dns)},
    {"DnsSearch", opt_words, OPT_AT(dns_search)},
    {"DnsOptions", opt_words, OPT_AT(dns_options)},
    {"LogConfig", opt_log_config, 0},
    {"Privileged", opt_bool, OPT_AT(privileged)},
    {"CapAdd", opt_words, OPT_AT(cap_add)},
    {"CapDrop", opt_words, OPT_AT(cap_drop)},
    {"SecurityOpt", opt_texts, OPT_AT(security_opt)},
    {"Devices", opt_devices, 0},
    {"DeviceCgroupRules", opt_device_rules, OPT_AT(device_rules)},
    {"GroupAdd", opt_words, OPT_AT(group_add)},
    {"PidMode", ns_mode, OPT_AT(pid_mode)},
    {"IpcMode", ns_mode, OPT_AT(ipc_mode)},
    {"UTSMode", ns_mode, OPT_AT(uts_mode)},
    {"CgroupnsMode", cgroupns, OPT_AT(cgroupns_mode)},
    {"MaskedPaths", paths, OPT_AT(masked_paths)},
    {"ReadonlyPaths", paths, OPT_AT(readonly_paths)},
    {"ReadonlyRootfs", opt_bool, OPT_AT(read_only)},
    {"Init", opt_bool, OPT_AT(init)},
    {"ShmSize", opt_bytes, OPT_AT(shm_size)},
    {"Sysctls", opt_sysctls, 0},
    {"Ulimits", opt_ulimits, 0},
    {"OomScoreAdj", opt_oom_score, 0},
    {"Memory", opt_bytes, OPT_AT(memory)},
    {"MemorySwap", opt_swap, OPT_AT(memory_swap)},
    {"MemoryReservation", opt_bytes, OPT_AT(memory_reservation)},
    {"MemorySwappiness", opt_swappiness, OPT_AT(memory_swappiness)},
    {"OomKillDisable", opt_bool, OPT_AT(oom_kill_disable)},
    {"NanoCpus", opt_count, OPT_AT(nano_cpus)},
    {"CpuPeriod", opt_count, OPT_AT(cpu_period)},
    {"CpuQuota", opt_number, OPT_AT(cpu_quota)},
    {"CpuShares", opt_count, OPT_AT(cpu_shares)},
    {"CpusetCpus", opt_word, OPT_AT(cpuset_cpus)},
    {"CpusetMems", opt_word, OPT_AT(cpuset_mems)},
    {"PidsLimit", opt_pids, OPT_AT(pids_limit)},
    {"BlkioWeight", opt_blkio, OPT_AT(blkio_weight)},
    {"CgroupParent", cgroup_parent, OPT_AT(cgroup_parent)},
    {"Runtime", opt_word, OPT_AT(runtime)},
    {"UsernsMode", userns, 0},
    /* The agent supervises: these say nothing it would heed. */
    {"RestartPolicy", opt_accept, 0},
    {"AutoRemove", opt_accept, 0},
    {"ContainerIDFile", opt_accept, 0},
    {"ConsoleSize", opt_accept, 0},
    {"Isolation", opt_unsupported, 0},
    {"VolumeDriver", opt_unsupported, 0},
};

int opt_host_config(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), reader->out);
}
