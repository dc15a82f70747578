/* The list, in the words people and tools read: IoT Edge's runtimeStatus, iotedge list's phrases.
 */
#include <stdio.h>
#include <stdlib.h>

#include "agent/supervisor/identity.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"

static const char *status_of(const struct sup_module *m, const struct sup_pull *pull)
{
    switch (m->life.state) {
    case MODULE_RUNNING:
    case MODULE_STOPPING:
        return "running";
    case MODULE_UNHEALTHY:
        return "unhealthy";
    case MODULE_BACKOFF:
        return "backoff";
    case MODULE_FAILED:
        return "failed";
    case MODULE_ABSENT:
        if (pull)
            return pull->state == SUP_PULL_RUNNING ? "downloading" : "backoff";
        return m->retry_ms > edge_now_ms() || sup_identity_missing(m) ? "backoff" : "unknown";
    case MODULE_LOST:
        return "unknown";
    case MODULE_CREATING:
    case MODULE_STARTING:
    case MODULE_STOPPED:
    case MODULE_REAPING:
    case MODULE_REMOVING:
    case MODULE_STATE_MAX:
        break;
    }
    return "stopped";
}

/* "5 seconds", "3 minutes", "2 days": the largest unit that fits. */
static void print_span(struct edge_buf *out, int64_t ms)
{
    static const struct {
        const char *name;
        int64_t s;
    } units[] = {{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}};
    int64_t s = ms > 0 ? ms / 1000 : 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(units); i++) {
        int64_t n = s / units[i].s;

        if (n > 0 || units[i].s == 1) {
            (void) edge_buf_printf(out, "%lld %s%s", (long long) n, units[i].name,
                                   n == 1 ? "" : "s");
            return;
        }
    }
}

static void print_since(struct edge_buf *out, int64_t wall_ns)
{
    if (wall_ns == EDGE_TIME_NEVER)
        wall_ns = edge_wall_ns(); /* it is happening */
    print_span(out, (edge_wall_ns() - wall_ns) / 1000000);
}

static void print_pull(struct edge_buf *out, const struct sup_pull *p)
{
    double done = (double) p->progress.done_bytes / 1e6;
    double total = (double) p->progress.total_bytes / 1e6;
    int64_t left = p->retry_ms - edge_now_ms();

    if (p->state == SUP_PULL_WAITING) {
        (void) edge_buf_printf(out, "Pull failed, again in ");
        print_span(out, left);
        (void) edge_buf_printf(out, ": %s", p->error);
    } else if (p->progress.unpacking) {
        (void) edge_buf_printf(out, "Unpacking %.1f MB", total);
    } else if (p->progress.total_bytes > 0) {
        (void) edge_buf_printf(out, "Downloading %.0f %% (%.1f of %.1f MB)",
                               100 * done / (total > 0 ? total : 1), done, total);
    } else {
        (void) edge_buf_printf(out, "Downloading");
    }
}

static void print_end(struct edge_buf *out, const struct sup_module *m, const char *word)
{
    const struct agent_module *life = &m->life;

    if (life->exit_code < 0)
        (void) edge_buf_printf(out, "%s (exit code unknown) ", word);
    else
        (void) edge_buf_printf(out, "%s (%lld) ", word, (long long) life->exit_code);
    print_since(out, life->exited_ns);
    (void) edge_buf_puts(out, " ago");
    if (life->oom)
        (void) edge_buf_puts(out, ", out of memory: killed by the kernel");
    if (life->down == AGENT_DOWN_UNHEALTHY)
        (void) edge_buf_puts(out, ", stopped as unhealthy");
}

static void print_down(struct edge_buf *out, const struct sup_module *m)
{
    const struct agent_module *life = &m->life;

    switch (life->down) {
    case AGENT_DOWN_NEVER_STARTED:
        (void) edge_buf_puts(out, "Created");
        break;
    case AGENT_DOWN_STOPPED:
        (void) edge_buf_puts(out, "Stopped");
        if (life->exited_ns != EDGE_TIME_NEVER) {
            (void) edge_buf_puts(out, " ");
            print_since(out, life->exited_ns);
            (void) edge_buf_puts(out, " ago");
        }
        break;
    case AGENT_DOWN_NO_START:
        (void) edge_buf_puts(out, "Not started");
        break;
    case AGENT_DOWN_ENDED:
    case AGENT_DOWN_UNHEALTHY:
        print_end(out, m, life->state == MODULE_FAILED ? "Failed" : "Exited");
        break;
    }
}

static void print_restarts(struct edge_buf *out, const struct agent_module *life)
{
    if (life->restart_count == 0)
        return;
    (void) edge_buf_printf(out, ", restarted %u time%s", life->restart_count,
                           life->restart_count == 1 ? "" : "s");
    if (life->exit_code > 0)
        (void) edge_buf_printf(out, ", last exit code %lld%s", (long long) life->exit_code,
                               life->oom_before ? " (out of memory)" : "");
}

static void print_state(struct edge_buf *out, const struct sup_module *m)
{
    switch (m->life.state) {
    case MODULE_ABSENT:
        (void) edge_buf_puts(out, m->sup->listed ? "No container"
                                                 : "Not looked at yet: waiting for containerd");
        break;
    case MODULE_CREATING:
        (void) edge_buf_puts(out, "Creating");
        break;
    case MODULE_STARTING:
        (void) edge_buf_puts(out, "Starting");
        break;
    case MODULE_RUNNING:
    case MODULE_UNHEALTHY:
        (void) edge_buf_puts(out, "Up ");
        print_since(out, m->life.started_ns);
        print_restarts(out, &m->life);
        if (m->life.state == MODULE_UNHEALTHY)
            (void) edge_buf_puts(out, ", health check fails");
        else if (m->life.oom)
            (void) edge_buf_puts(out, ", a process in it was killed: out of memory");
        break;
    case MODULE_STOPPING:
        (void) edge_buf_puts(out, "Stopping");
        break;
    case MODULE_LOST:
        (void) edge_buf_puts(out, "containerd does not answer");
        break;
    case MODULE_REAPING:
        (void) edge_buf_puts(out, "Ended just now");
        break;
    case MODULE_STOPPED:
    case MODULE_BACKOFF:
    case MODULE_FAILED:
        print_down(out, m);
        break;
    case MODULE_REMOVING:
        (void) edge_buf_puts(out, "Removing");
        break;
    case MODULE_STATE_MAX:
        break;
    }
}

static void print_identity(struct edge_buf *out, const struct sup_identity *i)
{
    (void) edge_buf_puts(out, "; no identity in IoT Hub yet, ");
    if (i->busy) {
        (void) edge_buf_puts(out, "trying again");
    } else {
        (void) edge_buf_puts(out, "again in ");
        print_span(out, i->retry_ms - edge_now_ms());
    }
    (void) edge_buf_printf(out, ": %s", i->error);
}

static char *describe(const struct sup_module *m, const struct sup_pull *pull)
{
    const struct sup_identity *missing = sup_identity_missing(m);
    struct edge_buf out;

    edge_buf_init(&out, 2048);
    if (pull && m->life.state == MODULE_ABSENT) {
        print_pull(&out, pull);
    } else {
        print_state(&out, m);
        if (m->life.state == MODULE_BACKOFF) {
            (void) edge_buf_printf(&out, ", restart %u in ", m->life.restart_count + 1);
            print_span(&out, (int64_t) edge_timer_left(m->timer));
        }
        if (pull) {
            (void) edge_buf_puts(&out, "; new image: ");
            print_pull(&out, pull);
        }
    }
    if (missing)
        print_identity(&out, missing);
    if (*m->note)
        (void) edge_buf_printf(&out, "; %s", m->note);
    return edge_buf_take(&out);
}

static void set_time(struct edge_json *object, const char *name, int64_t wall_ns)
{
    char text[EDGE_TIME_TEXT];

    edge_time_format(wall_ns, text);
    edge_ignore(edge_json_set_str(object, name, text));
}

static void set_pull(struct edge_json *object, const struct sup_pull *pull)
{
    struct edge_json *p = pull ? edge_json_need_object(object, "pull") : NULL;

    if (!p)
        return;
    edge_ignore(edge_json_set_str(p, "image", pull->image));
    edge_ignore(edge_json_set_int(p, "doneBytes", pull->progress.done_bytes));
    edge_ignore(edge_json_set_int(p, "totalBytes", pull->progress.total_bytes));
    edge_ignore(edge_json_set_bool(p, "unpacking", pull->progress.unpacking));
    if (pull->state == SUP_PULL_WAITING)
        edge_ignore(edge_json_set_str(p, "error", pull->error));
}

/* The words of the deployment: of what is applied, else of what is wanted. */
static void set_spec(struct edge_json *object, const struct sup_module *m)
{
    const struct agent_module_spec *wanted = sup_wanted(m);
    const struct agent_module_spec *spec = m->applied ? m->applied : wanted;

    edge_ignore(edge_json_set_str(object, "image", spec ? spec->image : ""));
    edge_ignore(edge_json_set_str(object, "imageHash", m->image_hash ? m->image_hash : ""));
    if (!spec)
        return;
    edge_ignore(edge_json_set_str(object, "version", spec->version));
    edge_ignore(edge_json_set_str(object, "restartPolicy", agent_policy_name(spec->policy)));
    edge_ignore(edge_json_set_int(object, "startupOrder", spec->startup_order));
    edge_ignore(edge_json_set_str(object, "desiredStatus",
                                  wanted ? agent_want_name(wanted->want) : "removed"));
}

static struct edge_json *module_to_json(struct sup_module *m)
{
    const struct agent_module_spec *wanted = sup_wanted(m);
    const struct sup_pull *pull = wanted ? sup_pull_find(m->sup, wanted) : NULL;
    struct edge_json *object = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (pull && sup_is_current(m, wanted))
        pull = NULL; /* another module's */
    text = describe(m, pull);
    if (!object || !text)
        return edge_json_free(object);
    edge_ignore(edge_json_set_str(object, "name", m->name));
    edge_ignore(edge_json_set_str(object, "status", status_of(m, pull)));
    edge_ignore(edge_json_set_str(object, "description", text));
    set_spec(object, m);
    edge_ignore(edge_json_set_int(object, "exitCode", m->life.exit_code));
    edge_ignore(edge_json_set_int(object, "restartCount", m->life.restart_count));
    set_time(object, "startedAt", m->life.started_ns);
    set_time(object, "exitedAt", m->life.exited_ns);
    set_time(object, "lastRestartAt", m->life.last_restart_ns);
    edge_ignore(edge_json_set_str(object, "containerId", m->id));
    edge_ignore(edge_json_set_str(object, "address", m->address ? m->address : ""));
    if (*m->note)
        edge_ignore(edge_json_set_str(object, "note", m->note));
    set_pull(object, pull);
    sup_progress_put(object, m, pull);
    return object;
}

struct edge_json *agent_supervisor_list(struct agent_supervisor *sup)
{
    struct edge_json *list = edge_json_new_array();

    for (struct sup_module *m = sup->modules; list && m; m = m->next) {
        struct edge_json *object = module_to_json(m);

        if (!object || edge_json_append(list, object) < 0)
            return edge_json_free(list);
    }
    return list;
}
