/* The reported half: the least patch from what the cloud has to what it shall have. */
#include <stdio.h>

#include "agent/cloud/reported.h"
#include "agent/cloud/twin_state.h"
#include "common/iothub/twin.h"

enum { PAUSE_MS = 10 * 1000, PAUSE_MAX_MS = 300 * 1000, HOPELESS_MS = 600 * 1000 };

#define TOPIC "$iothub/twin/PATCH/properties/reported/"

void agent_twin_report(struct agent_twin *twin, const struct edge_json *reported)
{
    struct twin_push *push = &twin->push;
    struct edge_json *copy = edge_json_copy(reported);

    if (!copy)
        return; /* the next one tells it */
    edge_json_free(push->wanted);
    push->wanted = copy;
    push->dirty = true;
}

void agent_twin_hurry(struct agent_twin *twin)
{
    if (twin->push.failures == 0)
        twin->push.at = 0;
}

void twin_push_learn(struct agent_twin *twin, const struct edge_json *reported)
{
    struct twin_push *push = &twin->push;

    edge_json_free(push->known);
    push->known = twin_members(reported);
    push->version = edge_json_int(edge_json_get(reported, "$version"), 0);
    push->dirty = true;
    push->level = TWIN_WHOLE;
}

bool twin_push_ready(const struct agent_twin *twin)
{
    const struct twin_push *push = &twin->push;

    return push->dirty && push->wanted && push->known;
}

/* Only what says that something is wrong. */
static struct edge_json *bare(const struct edge_json *wanted)
{
    static const char *const names[] = {"schemaVersion", "version", "lastDesiredVersion",
                                        "lastDesiredStatus"};
    EDGE_CLEANUP(edge_json_free) struct edge_json *some = edge_json_new_object();
    struct edge_json *status;
    const char *before;
    EDGE_CLEANUP(edge_free) char *text = NULL;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        const struct edge_json *value = edge_json_get(wanted, names[i]);

        if (value && edge_json_set(some, names[i], edge_json_copy(value)) < 0)
            return NULL;
    }
    status = edge_json_need_object(some, "lastDesiredStatus");
    before = edge_json_str(edge_json_get(status, "description"), "");
    text = edge_format("%s%sIoT Hub refused the rest of the report", before, *before ? "; " : "");
    if (!text || edge_json_set_str(status, "description", text) < 0)
        return NULL;
    return EDGE_TAKE(some);
}

/* What the section will be when the patch of this level is taken. */
static struct edge_json *goal(const struct twin_push *push)
{
    size_t max = AGENT_REPORTED_MAX >> (push->level < TWIN_QUARTER ? push->level : TWIN_QUARTER);
    struct edge_json *copy;

    if (push->level == TWIN_CLEAR && edge_json_len(push->known) > 0)
        return edge_json_new_object();
    if (push->level == TWIN_BARE)
        return bare(push->wanted);
    copy = edge_json_copy(push->wanted);
    if (copy)
        agent_reported_fit(copy, max);
    return copy;
}

void twin_push_send(struct agent_twin *twin, int64_t now_ms)
{
    struct twin_push *push = &twin->push;
    EDGE_CLEANUP(edge_json_free) struct edge_json *sent = goal(push);
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *patch = sent ? edge_twin_diff(push->known, sent) : NULL;
    EDGE_CLEANUP(edge_free) char *text = patch ? edge_json_text(patch) : NULL;

    push->at = now_ms + twin->cfg.push_gap_ms;
    if (!text)
        return;
    if (edge_json_len(patch) == 0) {
        push->dirty = false;
        push->at = 0;
        return;
    }
    if (twin_send(twin, TWIN_PUSHING, TOPIC, text, now_ms) < 0)
        return;
    push->dirty = false;
    push->sent = EDGE_TAKE(sent);
}

/* Another has written to the section too: what it is now must be read. */
static void check_version(struct agent_twin *twin, int64_t version, int64_t now_ms)
{
    struct twin_push *push = &twin->push;

    if (push->version > 0 && version > 0 && version - 1 != push->version)
        twin_pull_soon(twin, now_ms);
    push->version = version;
}

static void taken(struct agent_twin *twin, int64_t version, int64_t now_ms)
{
    struct twin_push *push = &twin->push;

    edge_json_free(push->known);
    push->known = EDGE_TAKE(push->sent);
    push->failures = 0;
    if (push->level == TWIN_CLEAR)
        push->dirty = true; /* empty now: the report itself follows */
    check_version(twin, version, now_ms);
}

/* 400 and 413: something in it is too long, too much or misspelt. Less may pass. */
static void shrink(struct agent_twin *twin, int status, int64_t now_ms)
{
    static const char *const next[TWIN_LEVEL_MAX] = {
        [TWIN_HALF] = "reporting half as much",
        [TWIN_QUARTER] = "reporting a quarter",
        [TWIN_CLEAR] = "removing all that is reported, then reporting a quarter",
        [TWIN_BARE] = "reporting only version and status",
    };
    struct twin_push *push = &twin->push;

    if (push->level == TWIN_BARE) {
        push->at = now_ms + twin_jitter(twin, HOPELESS_MS);
        twin_note(twin, "IoT Hub refuses the reported properties: status %d", status);
        return;
    }
    push->level++;
    twin_note(twin, "IoT Hub refused the reported properties (status %d): %s", status,
              next[push->level]);
}

void twin_push_answer(struct agent_twin *twin, int status, int64_t version, int64_t now_ms)
{
    struct twin_push *push = &twin->push;
    int64_t pause;

    if (status >= 200 && status < 300) {
        taken(twin, version, now_ms);
        return;
    }
    push->sent = edge_json_free(push->sent);
    push->dirty = true;
    if (status == 400 || status == 413) {
        shrink(twin, status, now_ms);
        return;
    }
    pause = (int64_t) PAUSE_MS << (push->failures < 5 ? push->failures : 5);
    pause = twin_jitter(twin, pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
    push->at = now_ms + pause;
    if (push->failures++ == 0)
        twin_note(twin,
                  "IoT Hub did not take the reported properties now (status %d); again in %lld s",
                  status, (long long) (pause / 1000));
}
