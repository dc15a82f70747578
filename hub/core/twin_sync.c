/* What IoT Hub is asked for twins: whole twins, reported patches; a few at a time, by turns. */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/twins.h"

static bool usable(const struct hub_core *core)
{
    return core->online && core->upstream;
}

static bool wants_anything(const struct hub_twin *twin)
{
    return twin->get_at != HUB_TWIN_NEVER || twin->push_at != HUB_TWIN_NEVER || twin->asking.first;
}

/* The ring has those with something to ask; the timer is for the earliest. */
static void plan(struct hub_twin *twin)
{
    struct hub_twins *twins = twin->client->core->twins;
    int64_t at = twin->get_at < twin->push_at ? twin->get_at : twin->push_at;
    int64_t left = at - edge_now_ms();

    if (!wants_anything(twin)) {
        hub_never(&twin->due);
        return;
    }
    hub_ring_add(&twins->due, &twin->due);
    left = left > 0 ? left : 0;
    if (!usable(twins->core) || twin->request != HUB_TWIN_IDLE || twin->loading ||
        at == HUB_TWIN_NEVER || (left == 0 && twins->under_way >= HUB_TWINS_UNDER_WAY))
        return; /* an answer leads on */
    if (!edge_timer_armed(twins->timer) || edge_timer_left(twins->timer) > (uint64_t) left)
        edge_timer_arm(twins->timer, (uint64_t) left);
}

/* Else who reports all the time would be tried all the time, each failure doubling the pause that
 * its last patch then waits for. */
static int64_t not_before(const struct hub_twin *twin, int64_t at_ms)
{
    return twin->failures > 0 && at_ms < twin->again_ms ? twin->again_ms : at_ms;
}

void hub_twin_get_at(struct hub_twin *twin, int64_t at_ms)
{
    at_ms = not_before(twin, at_ms);
    if (at_ms < twin->get_at)
        twin->get_at = at_ms;
    plan(twin);
}

void hub_twin_push_at(struct hub_twin *twin, int64_t at_ms)
{
    at_ms = not_before(twin, at_ms);
    if (at_ms < twin->push_at)
        twin->push_at = at_ms;
    plan(twin);
}

static int64_t again_at(struct hub_twin *twin)
{
    int64_t wait_s = HUB_TWIN_RETRY_S;

    for (unsigned i = 0; i < twin->failures && wait_s < HUB_TWIN_RETRY_MAX_S; i++)
        wait_s *= 2;
    twin->failures++;
    twin->again_ms =
        edge_now_ms() +
        (wait_s < HUB_TWIN_RETRY_MAX_S ? wait_s : HUB_TWIN_RETRY_MAX_S) * INT64_C(1000);
    return twin->again_ms;
}

/* IoT Hub takes this twin's requests: what has waited for that goes now. */
static void succeeded(struct hub_twin *twin)
{
    if (twin->failures == 0)
        return;
    twin->failures = 0;
    if (twin->get_at != HUB_TWIN_NEVER)
        twin->get_at = 0;
    if (twin->push_at != HUB_TWIN_NEVER)
        twin->push_at = 0;
}

void hub_twin_put_off(struct hub_twin *twin)
{
    int64_t at = again_at(twin);

    if (twin->get_at != HUB_TWIN_NEVER)
        twin->get_at = at;
    if (twin->push_at != HUB_TWIN_NEVER)
        twin->push_at = at;
}

/* The request of this twin is over. */
static void finish(struct hub_twin *twin, enum hub_counter counter, enum hub_summary summary)
{
    struct hub_core *core = twin->client->core;
    const char *const labels[] = {"upstream", twin->client->name};

    hub_metrics_count(core->metrics, counter, labels);
    hub_metrics_observe(core->metrics, summary, labels,
                        (double) (edge_now_ms() - twin->request_ms) / 1000);
    twin->request = HUB_TWIN_IDLE;
    core->twins->under_way--;
}

/* And somebody else's may begin. */
static void go_on(struct hub_twin *twin)
{
    struct hub_twins *twins = twin->client->core->twins;

    hub_twin_turn(twin);
    hub_twin_tidy(twin);
    hub_twins_look(twins);
}

/* Whole twins. */

static int take_whole(struct hub_twin *twin, const char *json, size_t len)
{
    struct edge_err err = {0};
    int rc = hub_twin_state_whole(twin->state, json, len, &err);

    if (rc < 0)
        edge_warn("twin of IoT Hub cannot be used: client=%s reason=%s", twin->client->name,
                  err.code ? err.text : edge_strerror(rc));
    if (rc == 0)
        edge_ignore(hub_twin_save(twin, NULL, NULL));
    return rc;
}

/* A wish that came while the answer was under way is not fulfilled by it. */
static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    struct hub_twin *twin = hub_twin_waited(arg);
    struct hub_twin_queue asking;
    struct hub_twin_op *op;
    int rc;

    if (!twin)
        return;
    finish(twin, HUB_COUNT_GETTWIN, HUB_TIME_GETTWIN);
    rc = result == HUB_OK ? take_whole(twin, json, len) : 0;
    if (rc == HUB_TWIN_GAP) { /* who asks waits for the next */
        twin->get_at = 0;
        go_on(twin);
        return;
    }
    if (rc < 0)
        result = HUB_FAILED;
    if (result == HUB_OK)
        succeeded(twin);
    else if (twin->owed)
        hub_twin_get_at(twin, again_at(twin));
    asking = twin->asking; /* who asks from here on asks anew */
    twin->asking = (struct hub_twin_queue){0};
    while ((op = hub_twin_queue_take(&asking)))
        hub_twin_answer(twin, op, HUB_UNAVAILABLE,
                        why && *why ? why : "this twin has not been here yet");
    hub_twin_tell(twin);
    go_on(twin);
}

static void get(struct hub_twin *twin)
{
    struct hub_core *core = twin->client->core;
    struct hub_twin_wait *wait = hub_twin_wait(twin);

    if (!wait) {
        twin->get_at = again_at(twin);
        return;
    }
    twin->owed = twin->get_at != HUB_TWIN_NEVER;
    twin->get_at = HUB_TWIN_NEVER;
    twin->state->heard = 0;
    twin->request = HUB_TWIN_GETTING;
    twin->request_ms = twin->got_ms = edge_now_ms();
    core->twins->under_way++;
    core->upstream->ops->twin_get(core->upstream->self, &twin->client->who, on_twin, wait);
}

/* Reported patches. */

static void on_patched(enum hub_result result, const char *why, int64_t version, void *arg)
{
    struct hub_twin *twin = hub_twin_waited(arg);
    bool refused = result == HUB_BAD || result == HUB_TOO_LARGE;
    unsigned sync_s;

    if (!twin)
        return;
    finish(twin, HUB_COUNT_REPORTED, HUB_TIME_REPORTED);
    sync_s = twin->client->core->options.settings.reported_sync_s;
    hub_twin_state_sent(twin->state, result == HUB_OK || refused, result == HUB_OK ? version : 0);
    if (refused) {
        edge_log_about(
            EDGE_LOG_WARN, twin->client->name,
            "reported properties refused by IoT Hub, they are dropped: client=%s reason=%s",
            twin->client->name, why ? why : "");
        twin->get_at = 0; /* how it is, then */
    }
    if (result == HUB_OK || refused) {
        succeeded(twin);
        edge_ignore(hub_twin_save(twin, NULL, NULL));
        twin->push_at =
            twin->state->npending > 0 ? twin->pushed_ms + sync_s * INT64_C(1000) : HUB_TWIN_NEVER;
    } else {
        twin->push_at = again_at(twin);
    }
    go_on(twin);
}

static void push(struct hub_twin *twin)
{
    struct hub_core *core = twin->client->core;
    struct hub_twin_wait *wait = hub_twin_wait(twin);
    EDGE_CLEANUP(edge_free) char *patch = wait ? hub_twin_state_next(twin->state) : NULL;

    if (!patch) {
        twin->push_at = twin->state->npending > 0 ? again_at(twin) : HUB_TWIN_NEVER;
        if (wait)
            (void) hub_twin_waited(wait);
        return;
    }
    twin->request = HUB_TWIN_PATCHING;
    twin->request_ms = twin->pushed_ms = edge_now_ms();
    core->twins->under_way++;
    core->upstream->ops->twin_patch(core->upstream->self, &twin->client->who, patch, strlen(patch),
                                    on_patched, wait);
}

void hub_twin_turn(struct hub_twin *twin)
{
    struct hub_twins *twins = twin->client->core->twins;
    int64_t now = edge_now_ms();
    bool due = twin->asking.first || twin->get_at <= now || twin->push_at <= now;

    if (due && usable(twins->core) && twin->request == HUB_TWIN_IDLE &&
        twins->under_way < HUB_TWINS_UNDER_WAY) {
        if (!twin->state && !twin->loading && hub_twin_load(twin) < 0)
            hub_twin_put_off(twin);
        else if (twin->state && (twin->asking.first || twin->get_at <= now))
            get(twin);
        else if (twin->state)
            push(twin);
    }
    plan(twin);
}

void hub_twins_look(void *arg)
{
    struct hub_twins *twins = arg;
    struct hub_task end = {0};
    struct hub_task *at;

    if (!usable(twins->core))
        return;
    hub_ring_add(&twins->due, &end);
    while ((at = hub_ring_take(&twins->due)) != &end)
        hub_twin_turn(EDGE_CONTAINER_OF(at, struct hub_twin, due));
}
