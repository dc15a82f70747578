#include "agent/metrics/metrics.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

#include "agent/metrics/registry.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/crypto/hmac.h"

enum { MODULES_MAX = 512, MEMINFO_MAX = 64 * 1024 };

static const struct metrics_family
    starts = {"edgeAgent_module_start_total", "counter", "Times a module was started"},
    stops = {"edgeAgent_module_stop_total", "counter", "Times a module was stopped"},
    syncs = {"edgeAgent_iothub_syncs_total", "counter", "Exchanges with IoT Hub that succeeded"},
    failed_syncs = {"edgeAgent_unsuccessful_iothub_syncs_total", "counter",
                    "Exchanges with IoT Hub that failed"},
    methods = {"edgeagent_direct_method_invocations_count", "counter", "Direct methods called"},
    correct = {"edgeAgent_total_time_running_correctly_seconds", "gauge",
               "Time a module was up while it was wanted up"},
    wanted = {"edgeAgent_total_time_expected_running_seconds", "gauge",
              "Time a module was wanted up"},
    host_uptime = {"edgeAgent_host_uptime_seconds", "gauge", "Time since the host's start"},
    uptime = {"edgeAgent_iotedged_uptime_seconds", "gauge", "Time since the agent's start"},
    disk_free = {"edgeAgent_available_disk_space_bytes", "gauge", "Free space of a disk"},
    disk_total = {"edgeAgent_total_disk_space_bytes", "gauge", "Size of a disk"},
    memory_used = {"edgeAgent_used_memory_bytes", "gauge", "Memory in use"},
    memory_total = {"edgeAgent_total_memory_bytes", "gauge", "Memory that may be used"},
    pids = {"edgeAgent_created_pids_total", "gauge", "Processes of a module"},
    bytes_read = {"edgeAgent_total_disk_read_bytes", "gauge", "Bytes a module has read"},
    bytes_written = {"edgeAgent_total_disk_write_bytes", "gauge", "Bytes a module has written"};

/* How a module was when it was last spoken of. */
struct state {
    char *name;
    bool expected, running;
    int64_t at_ms;
};

struct agent_metrics {
    struct metrics_registry *registry;
    struct state states[MODULES_MAX];
    size_t nstates;
    int64_t began_ms;
};

int agent_metrics_create(const char *hub, const char *device, struct agent_metrics **ret)
{
    struct agent_metrics *m = calloc(1, sizeof *m);
    char instance[EDGE_UUID_SIZE];
    int rc = m ? edge_uuid(instance) : -ENOMEM;

    if (rc == 0) {
        const struct metrics_label common[] = {
            {"iothub", hub}, {"edge_device", device}, {"instance_number", instance}, {NULL, NULL}};

        m->began_ms = edge_now_ms();
        m->registry = metrics_registry_create(common);
        rc = m->registry ? 0 : -ENOMEM;
    }
    if (rc < 0)
        m = agent_metrics_destroy(m);
    else
        *ret = m;
    return rc;
}

struct agent_metrics *agent_metrics_destroy(struct agent_metrics *metrics)
{
    for (size_t i = 0; metrics && i < metrics->nstates; i++)
        free(metrics->states[i].name);
    if (metrics)
        metrics_registry_destroy(metrics->registry);
    free(metrics);
    return NULL;
}

/* A series beyond the limit is left out: figures are no reason to fail. */
static void add(struct agent_metrics *m, const struct metrics_family *family,
                const struct metrics_label *labels, double by)
{
    edge_ignore(metrics_add(m->registry, family, labels, by));
}

static void set(struct agent_metrics *m, const struct metrics_family *family, const char *label,
                const char *value, double to)
{
    const struct metrics_label labels[] = {{label, value}, {NULL, NULL}};

    edge_ignore(metrics_set(m->registry, family, labels, to));
}

static void count(struct agent_metrics *m, const struct metrics_family *family, const char *module,
                  const char *version)
{
    const struct metrics_label labels[] = {
        {"module_name", module}, {"module_version", version}, {NULL, NULL}};

    add(m, family, labels, 1);
}

void agent_metrics_started(struct agent_metrics *metrics, const char *module, const char *version)
{
    count(metrics, &starts, module, version);
}

void agent_metrics_stopped(struct agent_metrics *metrics, const char *module, const char *version)
{
    count(metrics, &stops, module, version);
}

void agent_metrics_synced(struct agent_metrics *metrics, bool ok)
{
    add(metrics, ok ? &syncs : &failed_syncs, NULL, 1);
}

void agent_metrics_method(struct agent_metrics *metrics, const char *name)
{
    const struct metrics_label labels[] = {{"method_name", name}, {NULL, NULL}};

    add(metrics, &methods, labels, 1);
}

/* The time up to now counts for how the module was. */
static void pass_time(struct agent_metrics *m, struct state *s, int64_t now_ms)
{
    const struct metrics_label labels[] = {{"module_name", s->name}, {NULL, NULL}};
    double seconds = now_ms > s->at_ms ? (double) (now_ms - s->at_ms) / 1000 : 0;

    add(m, &wanted, labels, s->expected ? seconds : 0);
    add(m, &correct, labels, s->expected && s->running ? seconds : 0);
    s->at_ms = now_ms;
}

static struct state *find(struct agent_metrics *m, const char *module)
{
    for (size_t i = 0; i < m->nstates; i++) {
        if (strcmp(m->states[i].name, module) == 0)
            return &m->states[i];
    }
    return NULL;
}

void agent_metrics_module(struct agent_metrics *metrics, const char *module, bool expected,
                          bool running, int64_t now_ms)
{
    struct state *s = find(metrics, module);

    if (s) {
        pass_time(metrics, s, now_ms);
    } else {
        char *name = metrics->nstates < MODULES_MAX ? strdup(module) : NULL;

        if (!name)
            return;
        s = &metrics->states[metrics->nstates++];
        *s = (struct state){.name = name, .at_ms = now_ms};
    }
    s->expected = expected;
    s->running = running;
}

static void set_known(struct agent_metrics *m, const struct metrics_family *family,
                      const char *module, int64_t value)
{
    if (value >= 0)
        set(m, family, "module_name", module, (double) value);
}

void agent_metrics_usage(struct agent_metrics *metrics, const char *module,
                         const struct agent_metrics_usage *usage)
{
    set_known(metrics, &memory_used, module, usage->memory_bytes);
    set_known(metrics, &memory_total, module, usage->memory_limit);
    set_known(metrics, &pids, module, usage->pids);
    set_known(metrics, &bytes_read, module, usage->read_bytes);
    set_known(metrics, &bytes_written, module, usage->written_bytes);
}

void agent_metrics_forget(struct agent_metrics *metrics, const char *module)
{
    struct state *s = find(metrics, module);

    metrics_forget(metrics->registry, "module_name", module);
    if (!s)
        return;
    free(s->name);
    *s = metrics->states[--metrics->nstates];
}

/* A line of /proc/meminfo in bytes, or -1. */
static int64_t meminfo(const char *text, const char *name)
{
    const char *at = text ? strstr(text, name) : NULL;

    return at ? (int64_t) strtoll(at + strlen(name), NULL, 10) * 1024 : -1;
}

static void measure_memory(struct agent_metrics *m)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(MEMINFO_MAX);
    int64_t total;
    int64_t available;

    if (edge_file_read("/proc/meminfo", &text, NULL) < 0)
        return;
    total = meminfo(text.data, "MemTotal:");
    available = meminfo(text.data, "MemAvailable:");
    set_known(m, &memory_total, "host", total);
    if (total >= 0 && available >= 0)
        set_known(m, &memory_used, "host", total - available);
}

void agent_metrics_measure(struct agent_metrics *metrics, const char *path, int64_t now_ms)
{
    struct sysinfo info;
    struct statvfs disk;

    if (sysinfo(&info) == 0)
        set(metrics, &host_uptime, NULL, NULL, (double) info.uptime);
    set(metrics, &uptime, NULL, NULL, (double) (now_ms - metrics->began_ms) / 1000);
    measure_memory(metrics);
    if (statvfs(path, &disk) < 0)
        return;
    set(metrics, &disk_free, "disk_name", path, (double) disk.f_bavail * (double) disk.f_frsize);
    set(metrics, &disk_total, "disk_name", path, (double) disk.f_blocks * (double) disk.f_frsize);
}

int agent_metrics_render(struct agent_metrics *metrics, int64_t now_ms, struct edge_buf *out)
{
    for (size_t i = 0; i < metrics->nstates; i++)
        pass_time(metrics, &metrics->states[i], now_ms);
    return metrics_render(metrics->registry, out);
}
