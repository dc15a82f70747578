/* linux.resources and cgroupsPath. What the host's cgroups cannot do is left out with a notice. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/spec/build.h"

enum { CPU_PERIOD_US = 100000 };

/* --- devices: nothing but what is allowed --- */

static struct edge_json *allow(struct spec_build *build, bool yes, const char *access)
{
    struct edge_json *resources = spec_object(build, build->linux_, "resources");
    struct edge_json *item = spec_item(build, spec_array(build, resources, "devices"));

    spec_bool(build, item, "allow", yes);
    spec_text(build, item, "access", access);
    return item;
}

/* @param major, minor  -1: any */
static void allow_node(struct spec_build *build, char type, int64_t major, int64_t minor,
                       const char *access)
{
    struct edge_json *item = allow(build, true, access);
    const char text[2] = {type, '\0'};

    spec_text(build, item, "type", text);
    if (major >= 0)
        spec_int(build, item, "major", major);
    if (minor >= 0)
        spec_int(build, item, "minor", minor);
}

/* "c 10:200 rwm"; checked when the options were read. */
static void allow_rule(struct spec_build *build, const char *rule)
{
    const char *colon = strchr(rule, ':');
    const char *access = strrchr(rule, ' ');
    int64_t major = rule[2] == '*' ? -1 : strtoll(rule + 2, NULL, 10);
    int64_t minor;

    if (!colon || !access)
        return;
    minor = colon[1] == '*' ? -1 : strtoll(colon + 1, NULL, 10);
    allow_node(build, *rule, major, minor, access + 1);
}

static void put_device_rules(struct spec_build *build)
{
    static const struct {
        int major;
        int minor;
        const char *access;
    } chars[] = {
        {-1, -1, "m"}, {1, 3, "rwm"}, {1, 5, "rwm"}, {1, 7, "rwm"},    {1, 8, "rwm"},
        {1, 9, "rwm"}, {5, 0, "rwm"}, {5, 2, "rwm"}, {136, -1, "rwm"},
    };
    const struct agent_spec_facts *facts = build->facts;
    char *const *rules = build->options->device_rules;

    if (build->options->privileged) {
        (void) allow(build, true, "rwm");
        return;
    }
    (void) allow(build, false, "rwm");
    allow_node(build, 'b', -1, -1, "m");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(chars); i++)
        allow_node(build, 'c', chars[i].major, chars[i].minor, chars[i].access);
    for (size_t i = 0; i < facts->ndevices; i++)
        allow_node(build, facts->devices[i].type, facts->devices[i].major, facts->devices[i].minor,
                   facts->devices[i].access);
    for (; rules && *rules; rules++)
        allow_rule(build, *rules);
}

/* --- memory --- */

/* Memory and swap together; 0: say nothing. */
static int64_t swap_limit(const struct agent_options *options)
{
    if (options->memory_swap != 0)
        return options->memory_swap;
    return options->memory < INT64_MAX / 2 ? options->memory * 2 : INT64_MAX;
}

static void put_swap(struct spec_build *build, struct edge_json *memory)
{
    const struct agent_options *options = build->options;

    if (options->memory == 0)
        return;
    if (spec_can(build, AGENT_HOST_SWAP))
        spec_int(build, memory, "swap", swap_limit(options));
    else if (options->memory_swap != 0)
        spec_notice(build, "MemorySwap has no effect: this host does not account for swap.");
}

static void put_memory(struct spec_build *build, struct edge_json *resources)
{
    const struct agent_options *options = build->options;
    struct edge_json *memory;

    if (!spec_can(build, AGENT_HOST_MEMORY)) {
        if (options->memory > 0 || options->memory_reservation > 0)
            spec_notice(build, "Memory limits have no effect: this host has no memory cgroup.");
        return;
    }
    memory = spec_object(build, resources, "memory");
    if (options->memory > 0)
        spec_int(build, memory, "limit", options->memory);
    if (options->memory_reservation > 0)
        spec_int(build, memory, "reservation", options->memory_reservation);
    put_swap(build, memory);
    if (options->memory_swappiness >= 0 && spec_can(build, AGENT_HOST_SWAPPINESS))
        spec_int(build, memory, "swappiness", options->memory_swappiness);
    else if (options->memory_swappiness >= 0)
        spec_notice(build, "MemorySwappiness has no effect on this host.");
    if (options->oom_kill_disable && spec_can(build, AGENT_HOST_OOM_CONTROL))
        spec_bool(build, memory, "disableOOMKiller", true);
    else if (options->oom_kill_disable)
        spec_notice(build, "OomKillDisable has no effect on this host.");
}

/* --- processor, processes, disk --- */

static void put_quota(struct spec_build *build, struct edge_json *cpu)
{
    const struct agent_options *options = build->options;
    int64_t quota = options->cpu_quota;
    int64_t period = options->cpu_period;

    if (options->nano_cpus > 0) {
        period = CPU_PERIOD_US;
        quota = options->nano_cpus / (1000000000 / CPU_PERIOD_US);
    }
    if (quota != 0)
        spec_int(build, cpu, "quota", quota);
    if (period > 0)
        spec_int(build, cpu, "period", period);
}

static void put_cpu(struct spec_build *build, struct edge_json *resources)
{
    const struct agent_options *options = build->options;
    struct edge_json *cpu = spec_object(build, resources, "cpu");
    const char *cpus = options->cpuset_cpus ? options->cpuset_cpus : "";
    const char *mems = options->cpuset_mems ? options->cpuset_mems : "";

    if (spec_can(build, AGENT_HOST_CPU)) {
        if (options->cpu_shares > 0)
            spec_int(build, cpu, "shares", options->cpu_shares < 2 ? 2 : options->cpu_shares);
        put_quota(build, cpu);
    } else if (options->cpu_shares || options->nano_cpus || options->cpu_quota) {
        spec_notice(build, "CPU limits have no effect: this host has no cpu cgroup.");
    }
    if (!spec_can(build, AGENT_HOST_CPUSET)) {
        if (*cpus || *mems)
            spec_notice(build, "CpusetCpus has no effect: this host has no cpuset cgroup.");
        return;
    }
    if (*cpus)
        spec_text(build, cpu, "cpus", cpus);
    if (*mems)
        spec_text(build, cpu, "mems", mems);
}

static void put_rest(struct spec_build *build, struct edge_json *resources)
{
    const struct agent_options *options = build->options;

    if (options->pids_limit > 0 && spec_can(build, AGENT_HOST_PIDS))
        spec_int(build, spec_object(build, resources, "pids"), "limit", options->pids_limit);
    else if (options->pids_limit > 0)
        spec_notice(build, "PidsLimit has no effect: this host has no pids cgroup.");
    if (options->blkio_weight > 0 && spec_can(build, AGENT_HOST_BLKIO_WEIGHT))
        spec_int(build, spec_object(build, resources, "blockIO"), "weight", options->blkio_weight);
    else if (options->blkio_weight > 0)
        spec_notice(build, "BlkioWeight has no effect on this host.");
}

/* CgroupParent takes the place of the folder the containers usually lie in. */
static void put_path(struct spec_build *build)
{
    const char *path = build->facts->cgroup_path;
    const char *parent = build->options->cgroup_parent;
    const char *name = strrchr(path, '/');
    EDGE_CLEANUP(edge_free) char *joined = NULL;

    if (!parent) {
        spec_text(build, build->linux_, "cgroupsPath", path);
        return;
    }
    joined = edge_format("%s/%s", strcmp(parent, "/") == 0 ? "" : parent, name ? name + 1 : path);
    spec_text(build, build->linux_, "cgroupsPath", joined);
}

int spec_put_resources(struct spec_build *build)
{
    struct edge_json *resources = spec_object(build, build->linux_, "resources");

    put_path(build);
    put_device_rules(build);
    put_memory(build, resources);
    put_cpu(build, resources);
    put_rest(build, resources);
    return 0;
}
