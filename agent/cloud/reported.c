#include "agent/cloud/reported.h"

#include <stdio.h>

#include "agent/cloud/echo.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"

#if defined(__x86_64__)
#define ARCHITECTURE "x86_64"
#elif defined(__aarch64__)
#define ARCHITECTURE "aarch64"
#elif defined(__arm__)
#define ARCHITECTURE "arm"
#else
#define ARCHITECTURE "unknown"
#endif

enum { CODE_UNKNOWN = 406 };

static const char *text_of(const struct edge_json *object, const char *name, const char *fallback)
{
    return edge_json_str(edge_json_get(object, name), fallback);
}

static int set_time(struct edge_json *object, const char *name, int64_t wall_ns)
{
    char text[EDGE_TIME_TEXT];

    edge_time_format(wall_ns, text);
    return edge_json_set_str(object, name, text);
}

/* A time of the list, word for word; never, when there is none. */
static int copy_time(struct edge_json *object, const char *name, const struct edge_json *entry,
                     const char *from)
{
    const char *text = text_of(entry, from, NULL);

    return text ? edge_json_set_str(object, name, text) : set_time(object, name, EDGE_TIME_NEVER);
}

/* ---- what people read about one module ----
 * No spans of time in it ("up 3 minutes"): each change of a text is a write to the twin. */

/* In steps of 5 %, so that a pull is twenty writes and not a thousand. */
static void print_pull(struct edge_buf *out, const struct edge_json *pull)
{
    int64_t done = edge_json_int(edge_json_get(pull, "doneBytes"), 0);
    int64_t total = edge_json_int(edge_json_get(pull, "totalBytes"), 0);
    const char *error = text_of(pull, "error", NULL);

    if (error)
        edge_ignore(edge_buf_printf(out, "Pull failed, tried again: %s", error));
    else if (edge_json_bool(edge_json_get(pull, "unpacking"), false))
        edge_ignore(edge_buf_printf(out, "Unpacking %.1f MB", (double) total / 1e6));
    else if (total > 0 && done >= 0)
        edge_ignore(edge_buf_printf(out, "Downloading %d %% of %.1f MB",
                                    (int) (20.0 * (double) done / (double) total) * 5,
                                    (double) total / 1e6));
    else
        edge_ignore(edge_buf_puts(out, "Downloading"));
}

static void print_status(struct edge_buf *out, const struct edge_json *entry, const char *status)
{
    static const struct {
        const char *status;
        const char *text;
    } texts[] = {
        {"running", "running"},
        {"stopped", "stopped"},
        {"unhealthy", "running, health check fails"},
        {"unknown", ""},
    };
    int64_t code = edge_json_int(edge_json_get(entry, "exitCode"), 0);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++)
        if (strcmp(status, texts[i].status) == 0) {
            edge_ignore(edge_buf_puts(out, texts[i].text));
            return;
        }
    if (code < 0)
        edge_ignore(edge_buf_puts(out, "exited, code unknown"));
    else
        edge_ignore(edge_buf_printf(out, "exited with code %lld", (long long) code));
}

/* A module that runs while its new image is brought is told of as running. */
static char *describe(const struct edge_json *entry, const char *status)
{
    const struct edge_json *pull = edge_json_get(entry, "pull");
    bool waits = strcmp(status, "downloading") == 0 || !*text_of(entry, "containerId", "") ||
                 edge_json_get(pull, "error");
    const char *note = text_of(entry, "note", "");
    struct edge_buf out = EDGE_BUF_INIT(2048);

    if (pull && waits)
        print_pull(&out, pull);
    else
        print_status(&out, entry, status);
    if (*note)
        edge_ignore(edge_buf_printf(&out, "%s%s", out.len > 0 ? "; " : "", note));
    return edge_buf_take(&out);
}

/* ---- modules ---- */

struct module {
    const struct agent_module_spec *spec; /* wanted, or NULL */
    const struct edge_json *entry;        /* of the list, or NULL */
    bool hub;
    bool stopped; /* we are about to end, or have not looked yet: 406 */
};

static int set_wish(struct edge_json *object, const struct module *m)
{
    const char *status = text_of(m->entry, "desiredStatus", NULL);
    const char *policy = text_of(m->entry, "restartPolicy", NULL);
    int64_t order = edge_json_int(edge_json_get(m->entry, "startupOrder"),
                                  m->spec ? m->spec->startup_order : AGENT_STARTUP_LAST);
    int rc = edge_json_set_str(object, "type", "docker");

    if (m->spec) {
        status = agent_want_name(m->spec->want);
        policy = policy ? policy : agent_policy_name(m->spec->policy);
    }
    if (rc == 0 && !m->hub)
        rc = edge_json_set_str(object, "version",
                               text_of(m->entry, "version", m->spec ? m->spec->version : ""));
    if (rc == 0) /* "removed" is no status a deployment can have */
        rc = edge_json_set_str(object, "status",
                               status && strcmp(status, "running") == 0 ? status : "stopped");
    if (rc == 0 && policy)
        rc = edge_json_set_str(object, "restartPolicy", policy);
    if (rc == 0)
        rc = edge_json_set_str(
            object, "imagePullPolicy",
            agent_pull_policy_name(m->spec ? m->spec->pull : AGENT_PULL_ON_CREATE));
    if (rc == 0 && (m->hub || order != AGENT_STARTUP_LAST))
        rc = edge_json_set_int(object, "startupOrder", order);
    return rc;
}

static int set_echo(struct edge_json *object, const struct module *m)
{
    const char *image = text_of(m->entry, "image", "");
    struct edge_json *env = m->spec ? agent_echo_env(m->spec) : edge_json_new_object();
    int rc = env ? edge_json_set(object, "env", env) : -1;
    struct edge_json *settings;

    if (!*image && m->spec)
        image = m->spec->image;
    settings = agent_echo_settings(image, text_of(m->entry, "imageHash", ""), m->spec);
    if (!settings || rc < 0) {
        edge_json_free(settings);
        return -1;
    }
    return edge_json_set(object, "settings", settings);
}

static int set_state(struct edge_json *object, const struct module *m)
{
    const struct edge_json *entry = m->entry;
    const char *status = m->stopped ? "unknown" : text_of(entry, "status", "unknown");
    EDGE_CLEANUP(edge_free) char *description = describe(entry, status);
    int64_t code = edge_json_int(edge_json_get(entry, "exitCode"), 0);
    int64_t restarts = edge_json_int(edge_json_get(entry, "restartCount"), 0);

    if (!description || edge_json_set_int(object, "exitCode", code) < 0 ||
        edge_json_set_str(object, "statusDescription", description) < 0 ||
        copy_time(object, "lastStartTimeUtc", entry, "startedAt") < 0 ||
        copy_time(object, "lastExitTimeUtc", entry, "exitedAt") < 0 ||
        edge_json_set_int(object, "restartCount", restarts) < 0 ||
        copy_time(object, "lastRestartTimeUtc", entry, "lastRestartAt") < 0)
        return -1;
    return edge_json_set_str(object, "runtimeStatus", status);
}

static int add_module(struct edge_json *into, const char *name, const struct module *m)
{
    struct edge_json *object = edge_json_need_object(into, name);

    if (!object || set_wish(object, m) < 0 || set_echo(object, m) < 0)
        return -1;
    return set_state(object, m);
}

static const struct edge_json *list_find(const struct edge_json *list, const char *name)
{
    for (size_t i = 0; i < edge_json_len(list); i++)
        if (strcmp(text_of(edge_json_at(list, i), "name", ""), name) == 0)
            return edge_json_at(list, i);
    return NULL;
}

static bool is_hub(const char *name)
{
    return strcmp(name, "edgeHub") == 0;
}

/* What is wanted, and what is there without being wanted any more. */
static int add_modules(struct edge_json *modules, const struct agent_reported_facts *facts)
{
    const struct agent_desired *desired = facts->desired;
    struct module m = {.stopped = facts->code == CODE_UNKNOWN};

    for (size_t i = 0; desired && i < desired->nmodules; i++) {
        m.spec = &desired->modules[i];
        m.entry = list_find(facts->list, m.spec->name);
        if (!is_hub(m.spec->name) && add_module(modules, m.spec->name, &m) < 0)
            return -1;
    }
    m.spec = NULL;
    for (size_t i = 0; i < edge_json_len(facts->list); i++) {
        const char *name;

        m.entry = edge_json_at(facts->list, i);
        name = text_of(m.entry, "name", "");
        if (!*name || is_hub(name) || (desired && agent_desired_find(desired, name)))
            continue;
        if (add_module(modules, name, &m) < 0)
            return -1;
    }
    return 0;
}

static int add_hub(struct edge_json *system, const struct agent_reported_facts *facts)
{
    const struct module hub = {
        .spec = facts->desired ? agent_desired_find(facts->desired, "edgeHub") : NULL,
        .entry = list_find(facts->list, "edgeHub"),
        .hub = true,
        .stopped = facts->code == CODE_UNKNOWN,
    };
    struct edge_json *unknown;

    if (hub.spec || hub.entry)
        return add_module(system, "edgeHub", &hub);
    unknown = edge_json_need_object(system, "edgeHub");
    return unknown ? edge_json_set_str(unknown, "type", "Unknown") : -1;
}

/* ---- the agent itself: a process of the host, shown as the module it is elsewhere ---- */

static const char *own_pull_policy(const struct edge_json *edge_agent)
{
    const struct edge_json *policy = edge_json_get_nocase(edge_agent, "imagePullPolicy");

    return agent_pull_policy_name(
        strcmp(edge_json_str(policy, ""), "never") == 0 ? AGENT_PULL_NEVER : AGENT_PULL_ON_CREATE);
}

static int set_own_echo(struct edge_json *object, const struct agent_reported_facts *facts)
{
    const struct edge_json *written = facts->desired ? facts->desired->edge_agent : NULL;
    struct edge_json *env = agent_echo_own_env(written);
    int rc = env ? edge_json_set(object, "env", env) : -1;
    struct edge_json *settings = agent_echo_own_settings(written, facts->agent_image);

    if (!settings || rc < 0) {
        edge_json_free(settings);
        return -1;
    }
    return edge_json_set(object, "settings", settings);
}

static int add_agent(struct edge_json *system, const struct agent_reported_facts *facts)
{
    const struct edge_json *written = facts->desired ? facts->desired->edge_agent : NULL;
    bool stopped = facts->code == CODE_UNKNOWN;
    struct edge_json *object = edge_json_need_object(system, "edgeAgent");

    if (!object || edge_json_set_str(object, "type", "docker") < 0 ||
        edge_json_set_str(object, "runtimeStatus", stopped ? "unknown" : "running") < 0 ||
        edge_json_set_int(object, "exitCode", 0) < 0 ||
        edge_json_set_str(object, "statusDescription", stopped ? "" : "running") < 0 ||
        set_time(object, "lastStartTimeUtc", facts->agent_started_ns) < 0 ||
        set_time(object, "lastExitTimeUtc", EDGE_TIME_NEVER) < 0 ||
        edge_json_set_str(object, "imagePullPolicy", own_pull_policy(written)) < 0 ||
        edge_json_set_int(object, "startupOrder", 0) < 0)
        return -1;
    return set_own_echo(object, facts);
}

/* ---- the section ---- */

static int set_head(struct edge_json *reported, const struct agent_reported_facts *facts)
{
    struct edge_json *version;
    struct edge_json *status;

    if (edge_json_set_str(reported, "schemaVersion", "1.0") < 0)
        return -1;
    version = edge_json_need_object(reported, "version");
    if (!version || edge_json_set_str(version, "version", EDGE_VERSION) < 0 ||
        edge_json_set_str(version, "build", "") < 0 || edge_json_set_str(version, "commit", "") < 0)
        return -1;
    if (facts->last_version > 0 &&
        edge_json_set_int(reported, "lastDesiredVersion", facts->last_version) < 0)
        return -1;
    status = edge_json_need_object(reported, "lastDesiredStatus");
    if (!status || edge_json_set_int(status, "code", facts->code) < 0)
        return -1;
    return edge_json_set_str(status, "description", facts->description ? facts->description : "");
}

static int set_runtime(struct edge_json *reported, const struct agent_desired *desired)
{
    struct edge_json *runtime = edge_json_need_object(reported, "runtime");
    struct edge_json *settings = desired ? agent_echo_runtime(desired) : NULL;
    struct edge_json *platform;

    if (!runtime || (desired && !settings) ||
        edge_json_set_str(runtime, "type", desired ? "docker" : "Unknown") < 0) {
        edge_json_free(settings);
        return -1;
    }
    if (settings && edge_json_set(runtime, "settings", settings) < 0)
        return -1;
    platform = edge_json_need_object(runtime, "platform");
    if (!platform || edge_json_set_str(platform, "os", "linux") < 0 ||
        edge_json_set_str(platform, "architecture", ARCHITECTURE) < 0)
        return -1;
    return edge_json_set_str(platform, "version", EDGE_VERSION);
}

struct edge_json *agent_reported_make(const struct agent_reported_facts *facts)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *reported = edge_json_new_object();
    struct edge_json *system;
    struct edge_json *modules;

    if (set_head(reported, facts) < 0 || set_runtime(reported, facts->desired) < 0)
        return NULL;
    system = edge_json_need_object(reported, "systemModules");
    if (!system || add_agent(system, facts) < 0 || add_hub(system, facts) < 0)
        return NULL;
    modules = edge_json_need_object(reported, "modules");
    if (!modules || add_modules(modules, facts) < 0)
        return NULL;
    return EDGE_TAKE(reported);
}
