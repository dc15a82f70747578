/* Twins: what clients ask of them. */
#include "hub/core/twins.h"

#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static void queue_add(struct hub_twin_queue *queue, struct hub_twin_op *op)
{
    op->next = NULL;
    if (queue->last)
        queue->last->next = op;
    else
        queue->first = op;
    queue->last = op;
    queue->count++;
}

struct hub_twin_op *hub_twin_queue_take(struct hub_twin_queue *queue)
{
    struct hub_twin_op *op = queue->first;

    if (!op)
        return NULL;
    queue->first = op->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    return op;
}

static void free_op(struct hub_twin_op *op)
{
    if (op->session)
        hub_session_release(op->session);
    edge_json_free(op->patch);
    free(op);
}

static void fail_op(struct hub_twin_op *op, enum hub_result result, const char *why)
{
    if (op->session && op->session->ended)
        result = HUB_GONE;
    if (op->got)
        op->got(result, why, NULL, 0, op->arg);
    if (op->patched)
        op->patched(result, why, 0, op->arg);
    free_op(op);
}

struct hub_twin *hub_twin_need(struct hub_client *client)
{
    struct hub_twin *twin = client->twin;

    if (twin)
        return twin;
    twin = calloc(1, sizeof *twin);
    if (!twin)
        return NULL;
    twin->client = client;
    twin->get_at = twin->push_at = HUB_TWIN_NEVER;
    client->twin = twin;
    return twin;
}

static void free_twin(struct hub_twin *twin)
{
    hub_twin_unload(twin);
    hub_never(&twin->due);
    twin->client->twin = NULL;
    free(twin);
}

void hub_twin_tidy(struct hub_twin *twin)
{
    struct hub_client *client = twin->client;

    if (twin->state || twin->loading || twin->request != HUB_TWIN_IDLE || twin->ops.first ||
        twin->asking.first || twin->due.next)
        return;
    free_twin(twin);
    (void) hub_client_tidy(client);
}

void hub_twins_free(struct hub_client *client)
{
    struct hub_twin *twin = client->twin;
    struct hub_twin_op *op;

    if (!twin)
        return;
    while ((op = hub_twin_queue_take(&twin->ops)) || (op = hub_twin_queue_take(&twin->asking)))
        fail_op(op, HUB_GONE, "the hub ends");
    free_twin(twin);
}

void hub_twin_loaded(struct hub_twin *twin, enum hub_result result)
{
    struct hub_twin_op *op;

    while ((op = hub_twin_queue_take(&twin->ops))) {
        if (result == HUB_OK)
            op->run(twin, op);
        else
            fail_op(op, result, "the twin cannot be read here");
    }
}

void hub_twin_run(struct hub_twin *twin, struct hub_twin_op *op)
{
    if (twin->state) {
        hub_twin_touch(twin);
        op->run(twin, op);
        return;
    }
    queue_add(&twin->ops, op);
    if (!twin->loading && hub_twin_load(twin) < 0)
        hub_twin_loaded(twin, HUB_FAILED);
}

/* An op of a client's request, or NULL after it has been refused. */
static struct hub_twin_op *take_op(struct hub_session *session, struct hub_twin *twin)
{
    struct hub_twin_op *op = NULL;

    if (twin && twin->ops.count + twin->asking.count < HUB_TWINS_WAITING)
        op = calloc(1, sizeof *op);
    if (!op)
        return NULL;
    op->session = session;
    hub_session_hold(session);
    op->asked_ms = edge_now_ms();
    return op;
}

/* GET */

static void count_get(const struct hub_twin *twin, const struct hub_twin_op *op)
{
    struct hub_metrics *metrics = twin->client->core->metrics;
    const char *const labels[] = {"edge_hub", twin->client->name};

    hub_metrics_count(metrics, HUB_COUNT_GETTWIN, labels);
    hub_metrics_observe(metrics, HUB_TIME_GETTWIN, labels,
                        (double) (edge_now_ms() - op->asked_ms) / 1000);
}

void hub_twin_answer(struct hub_twin *twin, struct hub_twin_op *op, enum hub_result failure,
                     const char *why)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (op->session->ended || !twin->state->known) {
        fail_op(op, failure, why);
        return;
    }
    text = hub_twin_state_text(twin->state);
    if (!text) {
        fail_op(op, HUB_FAILED, "no memory for the twin");
        return;
    }
    count_get(twin, op);
    if (hub_twin_state_told(twin->state))
        edge_ignore(hub_twin_save(twin, NULL, NULL));
    op->got(HUB_OK, NULL, text, strlen(text), op->arg);
    free_op(op);
}

static void run_get(struct hub_twin *twin, struct hub_twin_op *op)
{
    if (twin->client->core->online) {
        queue_add(&twin->asking, op);
        hub_twin_turn(twin);
        return;
    }
    hub_twin_answer(twin, op, HUB_UNAVAILABLE,
                    "this twin has not been here yet, and IoT Hub cannot be reached");
}

void hub_twins_get(struct hub_session *session, hub_twin_done *done, void *arg)
{
    struct hub_twin *twin = hub_twin_need(session->client);
    struct hub_twin_op *op = take_op(session, twin);

    if (!op) {
        done(HUB_THROTTLED, "too many requests for this twin wait", NULL, 0, arg);
        return;
    }
    op->run = run_get;
    op->got = done;
    op->arg = arg;
    hub_twin_run(twin, op);
}

/* PATCH */

/* A patch that is being committed. */
struct committing {
    struct hub_twin_op *op;
    int64_t version;
};

static void on_committed(int rc, void *arg)
{
    struct committing *c = arg;
    struct hub_twin_op *op = c->op;
    int64_t version = c->version;

    free(c);
    if (rc < 0 || op->session->ended) {
        fail_op(op, HUB_FAILED, "the twin cannot be written here");
        return;
    }
    op->patched(HUB_OK, NULL, version, op->arg);
    free_op(op);
}

static void commit(struct hub_twin *twin, struct hub_twin_op *op)
{
    struct committing *c = malloc(sizeof *c);

    if (c) {
        *c = (struct committing){op, twin->state->reported_version};
        if (hub_twin_save(twin, on_committed, c) == 0)
            return;
    }
    free(c);
    fail_op(op, HUB_FAILED, "the twin cannot be written here");
}

/* Whoever routes twin changes gets the patch as a message. */
static void notify(const struct hub_twin *twin, const struct edge_json *patch)
{
    const struct hub_client *client = twin->client;
    struct hub_core *core = client->core;
    const struct edge_route_property more[] = {
        {"messageType", "twinChangeNotification"},
        {"rpSenderDeviceId", client->who.device},
        {"rpSenderModuleId", client->who.module},
    };
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(patch);
    struct edge_message message = {0};

    if (text && edge_message_set_body(&message, text, strlen(text)) == 0 &&
        edge_message_set_sys(&message, EDGE_SYS_CONTENT_TYPE, "application/json") == 0 &&
        edge_message_set_sys(&message, EDGE_SYS_CONTENT_ENCODING, "utf-8") == 0 &&
        edge_message_set_sys(&message, EDGE_SYS_SCHEMA, "twinChangeNotification") == 0)
        hub_router_send(core->router, "/twinChangeNotifications", &core->options.self->who,
                        &message, more, client->who.module[0] ? 3 : 2, NULL, NULL);
    edge_message_fini(&message);
}

static void run_patch(struct hub_twin *twin, struct hub_twin_op *op)
{
    const struct hub_core_settings *settings = &twin->client->core->options.settings;
    struct edge_err err = {0};
    int rc;

    if (op->session->ended) {
        fail_op(op, HUB_GONE, NULL);
        return;
    }
    rc = hub_twin_state_report(twin->state, op->patch, &err);
    if (rc < 0) {
        fail_op(op, rc == -ENOMEM ? HUB_FAILED : HUB_BAD, err.text);
        return;
    }
    hub_metrics_count(twin->client->core->metrics, HUB_COUNT_REPORTED,
                      (const char *[]){"edge_hub", twin->client->name});
    notify(twin, op->patch);
    commit(twin, op);
    hub_twin_push_at(twin, twin->pushed_ms + settings->reported_sync_s * INT64_C(1000));
}

void hub_twins_patch(struct hub_session *session, const char *patch, size_t len,
                     hub_version_done *done, void *arg)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    struct edge_err err = {0};
    struct hub_twin *twin;
    struct hub_twin_op *op;

    if (len > HUB_TWIN_TEXT_MAX || edge_json_parse(patch, len, &json, &err) < 0) {
        done(HUB_BAD, len > HUB_TWIN_TEXT_MAX ? "the patch is too large" : err.text, 0, arg);
        return;
    }
    twin = hub_twin_need(session->client);
    op = take_op(session, twin);
    if (!op) {
        done(HUB_THROTTLED, "too many requests for this twin wait", 0, arg);
        return;
    }
    op->run = run_patch;
    op->patched = done;
    op->arg = arg;
    op->patch = EDGE_TAKE(json);
    hub_twin_run(twin, op);
}
