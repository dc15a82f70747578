/* The hub as a whole: made, told by the upstream, ended; what happens every minute. */
#include "hub/core/core.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/kept.h"
#include "hub/core/names.h"
#include "hub/core/outbox.h"

enum { MINUTE_MS = 60 * 1000, MAX_CLIENTS = 1000 };

static void set_defaults(struct hub_core_settings *settings)
{
    const struct {
        unsigned *setting, value;
    } defaults[] = {
        {&settings->max_clients, MAX_CLIENTS}, {&settings->ack_timeout_s, 30},
        {&settings->reported_sync_s, 5},       {&settings->config_refresh_s, 3600},
        {&settings->twin_sync_s, 120},         {&settings->linger_ms, 30 * 1000},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(defaults); i++)
        if (*defaults[i].setting == 0)
            *defaults[i].setting = defaults[i].value;
}

/* Every minute */

static void on_checked(int rc, const char *text, void *arg)
{
    struct hub_core *core = hub_life_release(arg);

    if (rc < 0)
        edge_error("the ledger does not balance: %s", text ? text : edge_strerror(rc));
    if (core) {
        core->checking = false;
        core->unbalanced = rc < 0;
    }
}

static void check_ledger(struct hub_core *core)
{
    struct hub_life *life;

    if (core->checking)
        return;
    life = hub_life_hold(core);
    core->checking = hub_store_check(core->options.store, on_checked, life) == 0;
    if (!core->checking)
        (void) hub_life_release(life);
}

/* Where nothing was written since there is nothing to check. */
static void look_at_store(struct hub_core *core)
{
    struct hub_store_figures figures;

    hub_store_expire(core->options.store);
    hub_store_figures(core->options.store, &figures);
    if (figures.commits != core->checked)
        check_ledger(core);
    core->checked = figures.commits;
}

static void on_minute(void *arg)
{
    struct hub_core *core = arg;
    struct hub_client *next;

    edge_timer_arm(core->minute, MINUTE_MS);
    look_at_store(core);
    if (++core->minutes % 60 == 0)
        hub_metrics_turn(core->metrics);
    for (struct hub_client *client = core->first; client; client = next) {
        next = client->next;
        if (client->session)
            hub_session_tick(client->session);
        else if (client->outbox)
            hub_outbox_tick(client);
        else
            (void) hub_client_tidy(client);
    }
}

/* Created and destroyed */

static void on_queue(struct hub_queue *queue, void *arg)
{
    struct hub_core *core = arg;
    struct hub_queue_name name;

    if (hub_queue_name_read(hub_queue_name(queue), &name) < 0) {
        edge_warn("queue of another make, its messages are dropped: queue=%s",
                  hub_queue_name(queue));
        hub_queue_clear(queue, HUB_DROP_ROUTE);
    } else if (name.upstream) {
        hub_outbox_add(core, queue, &name.who, name.priority);
    } else {
        hub_inputs_add(core, queue, &name.who, name.input, name.priority, false);
    }
}

static int load(struct hub_core *core, struct edge_err *err)
{
    int rc = hub_sessions_load(core, err);

    if (rc < 0)
        return rc;
    hub_store_each_queue(core->options.store, on_queue, core);
    rc = hub_twins_load(core, err);
    if (rc < 0)
        return rc;
    rc = hub_report_create(core, &core->report);
    if (rc < 0)
        return rc;
    return hub_config_create(core, &core->config, err);
}

static int build(struct hub_core *core)
{
    const struct hub_self *self = core->options.self;
    int rc = hub_turn_create(core);

    if (rc == 0)
        rc = hub_metrics_create(self->hub_name, self->who.device, &core->metrics);
    if (rc == 0)
        rc = hub_pipe_create(core);
    if (rc == 0)
        rc = hub_router_create(core, &core->router);
    if (rc == 0)
        rc = hub_methods_create(core, &core->methods);
    return rc;
}

static void on_drained(void *arg)
{
    struct hub_core *core = arg;
    void (*done)(void *) = core->drain.done;

    core->drain.done = NULL;
    if (core->pipe->messages > 0)
        edge_warn("IoT Hub has not answered in time, it will be sent again: messages=%u",
                  core->pipe->messages);
    if (done)
        done(core->drain.arg);
}

int hub_core_create(const struct hub_core_options *options, struct hub_core **ret,
                    struct edge_err *err)
{
    struct hub_core *core = calloc(1, sizeof *core);
    int rc;

    if (!core)
        return -ENOMEM;
    core->options = *options;
    set_defaults(&core->options.settings);
    core->backend = (struct hub_backend){&hub_core_ops, core};
    edge_buf_init(&core->scratch, HUB_STORE_BODY_MAX);
    core->minute = edge_timer_create(options->loop, on_minute, core);
    core->drain.timer = edge_timer_create(options->loop, on_drained, core);
    core->linger = edge_timer_create(options->loop, hub_clients_on_linger, core);
    rc = core->minute && core->drain.timer && core->linger ? build(core) : -ENOMEM;
    if (rc == 0)
        rc = load(core, err);
    if (rc < 0) {
        (void) hub_core_destroy(core);
        return rc;
    }
    edge_timer_arm(core->minute, MINUTE_MS);
    *ret = core;
    return 0;
}

void hub_core_drain(struct hub_core *core, unsigned most_ms, void (*done)(void *arg), void *arg)
{
    core->ending = true;
    core->drain.done = done;
    core->drain.arg = arg;
    hub_sessions_end(core);
    edge_timer_arm(core->drain.timer, core->pipe->messages > 0 ? most_ms : 0);
}

void hub_core_drained(struct hub_core *core)
{
    if (core->drain.done)
        edge_timer_arm(core->drain.timer, 0);
}

struct hub_core *hub_core_destroy(struct hub_core *core)
{
    if (!core)
        return NULL;
    core->ending = true;
    core->minute = edge_timer_destroy(core->minute);
    core->drain.timer = edge_timer_destroy(core->drain.timer);
    core->linger = edge_timer_destroy(core->linger);
    hub_sessions_end(core);
    core->upstream = NULL;
    core->online = false;
    core->config = hub_config_destroy(core->config);
    core->report = hub_report_destroy(core->report);
    core->methods = hub_methods_destroy(core->methods);
    hub_clients_free(core);
    hub_twins_destroy(core);
    core->router = hub_router_destroy(core->router);
    hub_pipe_destroy(core);
    hub_turn_destroy(core);
    core->metrics = hub_metrics_destroy(core->metrics);
    edge_buf_fini(&core->scratch);
    free(core);
    return NULL;
}

void hub_core_start(struct hub_core *core, const struct hub_upstream *upstream)
{
    core->upstream = upstream;
    hub_config_start(core);
    for (struct hub_client *client = core->first; client; client = client->next)
        hub_client_wish(client);
}

const struct hub_backend *hub_core_backend(struct hub_core *core)
{
    return &core->backend;
}

void hub_core_identity_changed(struct hub_core *core, const struct edge_identity *who)
{
    struct hub_client *client = hub_client_find(core, who);

    if (core->ending)
        return;
    if (client && client->session && hub_auth_again(core->options.auth, who) != HUB_OK) {
        edge_warn("client is not let in any more: client=%s", client->name);
        hub_session_expel(client->session, HUB_REFUSED);
    }
    if (hub_auth_chain(core->options.auth, who))
        return;
    hub_twins_forget(core, who); /* it was deleted, or belongs elsewhere now */
    client = hub_client_find(core, who);
    if (client && !client->session && client->kept) {
        hub_kept_open(client, false);
        (void) hub_client_tidy(client);
    }
}
