/* The desired half: whole twins, and patches merged while their versions follow on. */
#include "agent/cloud/twin_state.h"
#include "common/iothub/twin.h"

enum {
    TRIES = 3,
    PAUSE_MS = 4000,
    THROTTLED_MS = 30 * 1000,
    DESIRED_MAX = 256 * 1024,
};

#define TOPIC "$iothub/twin/GET/"

/* A link that comes and goes does not fetch a twin each time. */
void twin_pull_up(struct agent_twin *twin, int64_t now_ms)
{
    struct twin_pull *pull = &twin->pull;

    pull->tries = 0;
    pull->merged = false;
    pull->at = now_ms;
    if (pull->last > 0 && pull->last + twin->cfg.pull_gap_ms > now_ms)
        pull->at = pull->last + twin->cfg.pull_gap_ms;
}

void twin_pull_soon(struct agent_twin *twin, int64_t now_ms)
{
    struct twin_pull *pull = &twin->pull;
    int64_t at = now_ms + TWIN_AGAIN_MS;

    if (pull->last > 0 && at < pull->last + twin->cfg.pull_gap_ms / 3)
        at = pull->last +
             twin->cfg.pull_gap_ms / 3; /* patches must not be a way to ask without end */
    if (twin->connected && pull->at > at)
        pull->at = at;
}

void twin_pull_send(struct agent_twin *twin, int64_t now_ms)
{
    struct twin_pull *pull = &twin->pull;

    if (twin_send(twin, TWIN_PULLING, TOPIC, " ", now_ms) < 0) {
        pull->at = now_ms + TWIN_AGAIN_MS;
        return;
    }
    pull->at = TWIN_NEVER;
    pull->last = now_ms;
    pull->newest = 0;
    pull->merged = false;
}

static void fail(struct agent_twin *twin, int status, const char *why, int64_t now_ms)
{
    struct twin_pull *pull = &twin->pull;

    if (++pull->tries >= TRIES) {
        twin->cfg.ops.reopen(why, twin->cfg.arg);
        return;
    }
    twin_note(twin, "%s; asking again", why);
    pull->at =
        now_ms + twin_jitter(twin, status == 429 ? THROTTLED_MS : (int64_t) PAUSE_MS * pull->tries);
}

/* The twin's desired section becomes ours, unless patches have come that are newer. */
static void take_desired(struct agent_twin *twin, struct edge_json *desired, int64_t version)
{
    struct twin_pull *pull = &twin->pull;
    bool same =
        pull->desired && version == pull->version && edge_json_equal(desired, pull->desired);

    if (same || (pull->merged && version < pull->version)) {
        edge_json_free(desired);
        return;
    }
    edge_json_free(pull->desired);
    pull->desired = desired;
    pull->version = version;
    twin->cfg.ops.desired(desired, version, twin->cfg.arg);
}

/* @return false when it is no twin */
static bool take_twin(struct agent_twin *twin, const struct edge_json *whole)
{
    const struct edge_json *section = edge_json_get(whole, "desired");
    int64_t version = edge_json_int(edge_json_get(section, "$version"), -1);
    struct edge_json *desired;

    if (!edge_json_is(section, EDGE_JSON_OBJECT) || version < 0)
        return false;
    desired = twin_members(section);
    if (!desired)
        return false;
    twin_push_learn(twin, edge_json_get(whole, "reported"));
    take_desired(twin, desired, version);
    return true;
}

void twin_pull_answer(struct agent_twin *twin, int status, struct edge_bytes payload,
                      int64_t now_ms)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *whole = NULL;
    struct twin_pull *pull = &twin->pull;
    struct edge_err err = {0};

    if (status < 200 || status > 299) {
        (void) edge_fail(&err, EDGE_EREMOTE, "IoT Hub refused to give the twin: status %d", status);
        fail(twin, status, err.text, now_ms);
        return;
    }
    if (payload.len > AGENT_TWIN_PAYLOAD_MAX ||
        edge_json_parse((const char *) payload.data, payload.len, &whole, &err) < 0 ||
        !take_twin(twin, whole)) {
        edge_ignore(edge_wrap(&err, EDGE_EPROTOCOL, "the twin from IoT Hub cannot be read"));
        fail(twin, status, err.text, now_ms);
        return;
    }
    pull->tries = 0;
    pull->at = now_ms + twin->cfg.refresh_ms;
    if (pull->newest > pull->version)
        twin_pull_soon(twin, now_ms);
    twin->cfg.ops.answered(twin->cfg.arg);
}

/* @return false when the whole twin is needed */
static bool merge(struct agent_twin *twin, const struct edge_json *patch, int64_t version)
{
    struct twin_pull *pull = &twin->pull;
    EDGE_CLEANUP(edge_json_free) struct edge_json *merged = edge_json_copy(pull->desired);

    if (!merged || edge_twin_merge(merged, patch) < 0 || edge_twin_size(merged) > DESIRED_MAX)
        return false;
    edge_json_free(pull->desired);
    pull->desired = EDGE_TAKE(merged);
    pull->version = version;
    pull->merged = true;
    twin->cfg.ops.desired(pull->desired, version, twin->cfg.arg);
    return true;
}

void agent_twin_patch(struct agent_twin *twin, int64_t version, struct edge_bytes payload,
                      int64_t now_ms)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *patch = NULL;
    struct twin_pull *pull = &twin->pull;

    if (payload.len > AGENT_TWIN_PAYLOAD_MAX ||
        edge_json_parse((const char *) payload.data, payload.len, &patch, NULL) < 0 ||
        !edge_json_is(patch, EDGE_JSON_OBJECT)) {
        twin_pull_soon(twin, now_ms);
        return;
    }
    version = edge_json_int(edge_json_get(patch, "$version"), version);
    if (pull->desired && version == pull->version)
        return; /* told twice */
    if (pull->desired && version > 0 && version - 1 == pull->version && merge(twin, patch, version))
        return;
    if (version > pull->newest)
        pull->newest = version;
    if (twin->request != TWIN_PULLING)
        twin_pull_soon(twin, now_ms);
}
