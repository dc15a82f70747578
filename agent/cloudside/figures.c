#include "agent/cloudside/figures.h"

#include <stdio.h>
#include <stdlib.h>

#include "agent/metrics/metrics.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/http/server.h"

enum { PAGE_MAX = 1 << 20, MODULES_MAX = 256, CLIENTS = 8 };

/* A module as the list had it last. */
struct seen {
    char *name;
    char *version;
    char *container;
    char started[EDGE_TIME_TEXT];
    int64_t restarts;
    bool running;
    bool listed;
};

struct side_figures {
    const struct agent_config *config;
    struct agent_metrics *metrics; /* NULL until we know who we are */
    struct edge_http_server *server;
    struct seen modules[MODULES_MAX];
    size_t nmodules;
};

/* ---- the modules' cgroups ---- */

/* A number of the kernel: in the one hierarchy of cgroups v2, or in the controller's of v1. */
static int64_t read_figure(const struct side_figures *f, const struct seen *m, const char *v2,
                           const char *v1)
{
    const char *const files[] = {v2, v1};
    const char *const tops[] = {"", strncmp(v1, "pids", 4) == 0 ? "/pids" : "/memory"};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(files); i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(64);
        EDGE_CLEANUP(edge_free)
        char *path = edge_format("/sys/fs/cgroup%s/%s/%s/%s", tops[i], f->config->containerd.ns,
                                 m->container, files[i]);
        char *end;
        long long value;

        if (!path || edge_file_read(path, &text, NULL) < 0 || !text.data)
            continue;
        value = strtoll(text.data, &end, 10);
        if (end != text.data && value >= 0)
            return value;
    }
    return -1;
}

static void measure(struct side_figures *f, const struct seen *m)
{
    const struct agent_metrics_usage usage = {
        .memory_bytes = read_figure(f, m, "memory.current", "memory.usage_in_bytes"),
        .memory_limit = read_figure(f, m, "memory.max", "memory.limit_in_bytes"),
        .pids = read_figure(f, m, "pids.current", "pids.current"),
        .read_bytes = -1,
        .written_bytes = -1,
    };

    if (m->running)
        agent_metrics_usage(f->metrics, m->name, &usage);
}

/* ---- the page ---- */

static void reply_page(struct side_figures *f, struct edge_exchange *x)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf page = EDGE_BUF_INIT(PAGE_MAX);
    int64_t now = edge_now_ms();
    static const char none[] = "not provisioned yet\n";

    if (!f->metrics) {
        edge_exchange_reply(x, 503, "text/plain", none, sizeof none - 1);
        return;
    }
    agent_metrics_measure(f->metrics, f->config->homedir, now);
    for (size_t i = 0; i < f->nmodules; i++)
        measure(f, &f->modules[i]);
    if (agent_metrics_render(f->metrics, now, &page) < 0 || !page.data)
        edge_exchange_reply(x, 500, NULL, NULL, 0);
    else
        edge_exchange_reply(x, 200, "text/plain; version=0.0.4", page.data, page.len);
}

static void on_request(struct edge_exchange *x, void *arg)
{
    const char *method = edge_exchange_method(x);

    if (strcmp(edge_exchange_path(x), "/metrics") != 0)
        edge_exchange_reply(x, 404, NULL, NULL, 0);
    else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        edge_exchange_reply(x, 405, NULL, NULL, 0);
    else
        reply_page(arg, x);
}

struct side_figures *side_figures_open(struct edge_loop *loop, const struct agent_config *config)
{
    struct side_figures *f = config->agent.metrics ? calloc(1, sizeof *f) : NULL;
    struct edge_err err = {0};

    if (!f)
        return NULL;
    const struct edge_http_server_options options = {
        .uri = config->listen.metrics_uri,
        .max_clients = CLIENTS,
        .handle = on_request,
        .arg = f,
    };

    f->config = config;
    if (edge_http_server_open(loop, &options, &f->server, &err) < 0) {
        edge_warn("no metrics are served; set listen.metrics_uri, or agent.env.MetricsEnabled to "
                  "false: %s",
                  err.text);
        return side_figures_close(f);
    }
    return f;
}

static void forget(struct seen *m)
{
    free(m->name);
    free(m->version);
    free(m->container);
    *m = (struct seen){0};
}

struct side_figures *side_figures_close(struct side_figures *f)
{
    if (!f)
        return NULL;
    edge_http_server_close(f->server);
    agent_metrics_destroy(f->metrics);
    for (size_t i = 0; i < f->nmodules; i++)
        forget(&f->modules[i]);
    free(f);
    return NULL;
}

/* ---- what is told ---- */

void side_figures_device(struct side_figures *f, const struct agent_device *device)
{
    if (f && device && !f->metrics)
        edge_ignore(agent_metrics_create(device->hub_name, device->device_id, &f->metrics));
}

static struct seen *need(struct side_figures *f, const char *name)
{
    struct seen *m;

    for (size_t i = 0; i < f->nmodules; i++) {
        if (strcmp(f->modules[i].name, name) == 0)
            return &f->modules[i];
    }
    if (f->nmodules == MODULES_MAX)
        return NULL;
    m = &f->modules[f->nmodules];
    m->name = strdup(name);
    if (m->name)
        f->nmodules++;
    return m->name ? m : NULL;
}

static void keep(char **place, const char *text)
{
    char *copy = *place && strcmp(*place, text) == 0 ? NULL : strdup(text);

    if (!copy)
        return;
    free(*place);
    *place = copy;
}

/* Starts and ends between two looks show in the count of restarts. */
static void compare(struct side_figures *f, struct seen *m, const struct edge_json *now)
{
    const char *status = edge_json_str(edge_json_get(now, "status"), "");
    const char *started = edge_json_str(edge_json_get(now, "startedAt"), "");
    int64_t restarts = edge_json_int(edge_json_get(now, "restartCount"), 0);
    bool running = strcmp(status, "running") == 0 || strcmp(status, "unhealthy") == 0;
    bool first = !*m->started;
    int64_t more = restarts > m->restarts && !first ? restarts - m->restarts : 0;
    bool anew = strcmp(started, m->started) != 0 && running;

    if (anew && more == 0)
        more = 1;
    for (int64_t i = 0; i < more; i++) {
        if (m->running || i > 0)
            agent_metrics_stopped(f->metrics, m->name, m->version ? m->version : "");
        agent_metrics_started(f->metrics, m->name, m->version ? m->version : "");
    }
    if (!running && m->running && more == 0)
        agent_metrics_stopped(f->metrics, m->name, m->version ? m->version : "");
    (void) snprintf(m->started, sizeof m->started, "%s", started);
    m->restarts = restarts;
    m->running = running;
}

static void look(struct side_figures *f, const struct edge_json *now)
{
    const char *wanted = edge_json_str(edge_json_get(now, "desiredStatus"), "");
    struct seen *m = need(f, edge_json_str(edge_json_get(now, "name"), ""));

    if (!m)
        return;
    m->listed = true;
    keep(&m->version, edge_json_str(edge_json_get(now, "version"), ""));
    keep(&m->container, edge_json_str(edge_json_get(now, "containerId"), ""));
    compare(f, m, now);
    agent_metrics_module(f->metrics, m->name, strcmp(wanted, "running") == 0, m->running,
                         edge_now_ms());
}

void side_figures_list(struct side_figures *f, const struct edge_json *list)
{
    if (!f || !f->metrics)
        return;
    for (size_t i = 0; i < f->nmodules; i++)
        f->modules[i].listed = false;
    for (size_t i = 0; i < edge_json_len(list); i++)
        look(f, edge_json_at(list, i));
    for (size_t i = 0; i < f->nmodules;) {
        if (f->modules[i].listed) {
            i++;
            continue;
        }
        agent_metrics_forget(f->metrics, f->modules[i].name);
        forget(&f->modules[i]);
        f->modules[i] = f->modules[--f->nmodules];
        f->modules[f->nmodules] = (struct seen){0};
    }
}

void side_figures_synced(struct side_figures *f, bool ok)
{
    if (f && f->metrics)
        agent_metrics_synced(f->metrics, ok);
}

void side_figures_called(const char *name, void *figures)
{
    struct side_figures *f = figures;

    if (f && f->metrics)
        agent_metrics_method(f->metrics, name);
}
