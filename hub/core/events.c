/* What the upstream says. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/internal.h"

static bool is_self(const struct hub_core *core, const struct edge_identity *who)
{
    return edge_identity_equal(who, &core->options.self->who);
}

/* Labels of the hub's own. */
static void name_of_self(const struct hub_core *core, char *name, size_t size)
{
    edge_identity_format(&core->options.self->who, name, size);
}

/* Each new reason, once. */
static void complain(struct hub_core *core, const char *why)
{
    char text[sizeof core->away];

    (void) snprintf(text, sizeof text, "%s", why && *why ? why : "no reason is known");
    if (strcmp(text, core->away) == 0)
        return;
    memcpy(core->away, text, sizeof text);
    edge_warn("IoT Hub cannot be reached: %s", text);
}

static void gone(struct hub_core *core, const char *why)
{
    char name[2 * EDGE_ID_MAX + 2];

    complain(core, why);
    name_of_self(core, name, sizeof name);
    core->offline_ns = edge_wall_ns();
    hub_metrics_count(core->metrics, HUB_COUNT_OFFLINE, (const char *[]){name});
    hub_c2d_offline(core);
    hub_outbox_online(core);
}

static void back(struct hub_core *core)
{
    char name[2 * EDGE_ID_MAX + 2];

    edge_info("IoT Hub is connected");
    core->away[0] = '\0';
    name_of_self(core, name, sizeof name);
    if (core->offline_ns != 0)
        hub_metrics_observe(core->metrics, HUB_TIME_OFFLINE, (const char *[]){name},
                            (double) (edge_wall_ns() - core->offline_ns) / 1e9);
    hub_auth_online(core->options.auth);
    hub_config_online(core);
    hub_report_online(core->report);
    hub_twins_online(core);
    hub_outbox_online(core);
}

static void on_connected(bool up, const char *why, void *arg)
{
    struct hub_core *core = arg;

    if (core->ending)
        return;
    if (core->online == up) {
        if (!up)
            complain(core, why);
        return;
    }
    core->online = up;
    if (up)
        back(core);
    else
        gone(core, why);
}

static void on_ready(const struct edge_identity *who, unsigned features, void *arg)
{
    struct hub_core *core = arg;
    struct hub_client *client = core->ending ? NULL : hub_client_find(core, who);

    if (client && (features & EDGE_FEATURE_DESIRED))
        hub_twins_ready(client);
}

static void on_desired(const struct edge_identity *who, const char *patch, size_t len, void *arg)
{
    struct hub_core *core = arg;
    struct hub_client *client;

    if (core->ending)
        return;
    if (is_self(core, who)) {
        hub_config_desired(core, patch, len);
        return;
    }
    client = hub_client_find(core, who);
    if (client)
        hub_twins_desired(client, patch, len);
}

static void on_method(const struct edge_identity *who, const char *rid, const char *name,
                      struct edge_bytes payload, void *arg)
{
    struct hub_core *core = arg;
    struct hub_client *client = core->ending ? NULL : hub_client_need(core, who);

    if (client)
        hub_methods_request(client, rid, name, payload);
}

static void on_message(const struct edge_identity *who, const struct edge_message *message,
                       uint64_t lock, void *arg)
{
    struct hub_core *core = arg;
    struct hub_client *client = core->ending ? NULL : hub_client_need(core, who);

    if (client)
        hub_c2d_message(client, message, lock);
}

static void on_looked(enum hub_result result, const char *why, void *arg)
{
    (void) result;
    (void) why;
    (void) arg;
}

/* Who is connected may be disabled, deleted or another's by now: hub/auth says so when it is. */
static void on_refused(const struct edge_identity *who, enum hub_result why, const char *text,
                       void *arg)
{
    struct hub_core *core = arg;
    struct hub_client *client = core->ending ? NULL : hub_client_find(core, who);

    edge_log_about(EDGE_LOG_WARN, who->device,
                   "IoT Hub does not take an identity%s: client=%s%s%s reason=%s",
                   why == HUB_NOT_FOUND ? ", it is unknown" : "", who->device,
                   who->module[0] ? "/" : "", who->module, text ? text : "");
    if (!client)
        return;
    hub_outbox_refused(client);
    if (client->session)
        hub_auth_refresh(core->options.auth, who, on_looked, NULL);
}

const struct hub_upstream_events *hub_core_events(void)
{
    static const struct hub_upstream_events events = {
        .connected = on_connected,
        .ready = on_ready,
        .desired = on_desired,
        .method = on_method,
        .message = on_message,
        .refused = on_refused,
    };

    return &events;
}
