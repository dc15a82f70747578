/* Desired properties: what IoT Hub says, and what each client has heard of it. */
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/twins.h"

static void tell(const struct hub_twin *twin, const char *text, int64_t version)
{
    const struct hub_session *session = twin->client->session;

    session->events.desired(text, strlen(text), version, session->arg);
}

static void note_told(struct hub_twin *twin)
{
    if (hub_twin_state_told(twin->state))
        edge_ignore(hub_twin_save(twin, NULL, NULL));
}

void hub_twin_tell(struct hub_twin *twin)
{
    EDGE_CLEANUP(edge_free) char *news = NULL;

    if (!twin->state || twin->state->told_version == 0 ||
        !hub_client_listens(twin->client, EDGE_FEATURE_DESIRED))
        return;
    if (hub_twin_state_news(twin->state, &news) < 0)
        return; /* the next occasion */
    if (news)
        tell(twin, news, twin->state->desired_version);
    note_told(twin);
}

/* Who was never told anything gets each patch as it comes: it will have asked for the rest itself,
 * or does not care for it. */
static void pass_on(struct hub_twin *twin, const struct edge_json *patch)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int64_t version = hub_twin_version(patch);

    if (!hub_client_listens(twin->client, EDGE_FEATURE_DESIRED))
        return;
    text = edge_json_text(patch);
    if (!text)
        return;
    tell(twin, text, version);
    if (twin->state->known && twin->state->desired_version == version)
        note_told(twin);
}

static struct hub_twin_op *make_op(void (*run)(struct hub_twin *twin, struct hub_twin_op *op))
{
    struct hub_twin_op *op = calloc(1, sizeof *op);

    if (op)
        op->run = run;
    return op;
}

static void run_desired(struct hub_twin *twin, struct hub_twin_op *op)
{
    int rc = hub_twin_state_desired(twin->state, op->patch);

    if (rc == 0)
        edge_ignore(hub_twin_save(twin, NULL, NULL));
    else
        hub_twin_get_at(twin, 0); /* not the next one: only the whole twin tells */
    if (twin->state->told_version == 0)
        pass_on(twin, op->patch);
    else if (rc == 0)
        hub_twin_tell(twin);
    edge_json_free(op->patch);
    free(op);
}

void hub_twins_desired(struct hub_client *client, const char *patch, size_t len)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    struct hub_twin *twin = hub_twin_need(client);
    struct hub_twin_op *op;
    struct edge_err err = {0};

    if (!twin)
        return;
    if (len > HUB_TWIN_TEXT_MAX || edge_json_parse(patch, len, &json, &err) < 0 ||
        !edge_json_is(json, EDGE_JSON_OBJECT)) {
        edge_warn("desired properties of IoT Hub cannot be read, the whole twin is asked for: "
                  "client=%s bytes=%zu reason=%s",
                  client->name, len, err.text);
        hub_twin_get_at(twin, 0);
        return;
    }
    op = twin->ops.count < HUB_TWINS_WAITING ? make_op(run_desired) : NULL;
    if (!op) {
        hub_twin_get_at(twin, 0);
        return;
    }
    op->patch = EDGE_TAKE(json);
    hub_twin_run(twin, op);
}

static void run_subscribed(struct hub_twin *twin, struct hub_twin_op *op)
{
    free(op);
    hub_twin_tell(twin);
}

void hub_twins_subscribed(struct hub_client *client)
{
    struct hub_twin *twin = hub_twin_need(client);
    struct hub_twin_op *op =
        twin && twin->ops.count < HUB_TWINS_WAITING ? make_op(run_subscribed) : NULL;

    if (op)
        hub_twin_run(twin, op);
}

/* From here on patches come; what came before can only be in the whole twin. */
void hub_twins_ready(struct hub_client *client)
{
    const struct hub_core_settings *settings = &client->core->options.settings;
    struct hub_twin *twin;

    if (!hub_client_listens(client, EDGE_FEATURE_DESIRED) &&
        !(client->wished & EDGE_FEATURE_DESIRED)) /* who may come back soon */
        return;
    twin = hub_twin_need(client);
    if (twin)
        hub_twin_get_at(twin,
                        twin->got_ms ? twin->got_ms + settings->twin_sync_s * INT64_C(1000) : 0);
}

void hub_twins_online(struct hub_core *core)
{
    struct hub_twins *twins = core->twins;

    for (struct hub_task *at = twins->due.next; at != &twins->due; at = at->next) {
        struct hub_twin *twin = EDGE_CONTAINER_OF(at, struct hub_twin, due);

        twin->failures = 0;
        if (twin->push_at != HUB_TWIN_NEVER)
            twin->push_at = 0;
        if (twin->get_at != HUB_TWIN_NEVER)
            twin->get_at = 0;
    }
    hub_twins_look(twins);
}
