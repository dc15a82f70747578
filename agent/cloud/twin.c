#include "agent/cloud/twin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud/twin_state.h"

enum {
    REFRESH_MS = 3600 * 1000,
    ANSWER_MS = 30 * 1000,
    PULL_GAP_MS = 30 * 1000,
    PUSH_GAP_MS = 5 * 1000,
};

static void set_times(struct agent_twin_config *cfg)
{
    const struct {
        int64_t *value;
        int64_t otherwise;
    } times[] = {
        {&cfg->refresh_ms, REFRESH_MS},
        {&cfg->answer_ms, ANSWER_MS},
        {&cfg->pull_gap_ms, PULL_GAP_MS},
        {&cfg->push_gap_ms, PUSH_GAP_MS},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(times); i++)
        if (*times[i].value <= 0)
            *times[i].value = times[i].otherwise;
}

int agent_twin_create(const struct agent_twin_config *config, struct agent_twin **ret)
{
    struct agent_twin *twin = calloc(1, sizeof *twin);

    if (!twin)
        return -ENOMEM;
    twin->cfg = *config;
    set_times(&twin->cfg);
    twin->dice = config->seed | 1;
    twin->pull.at = TWIN_NEVER;
    *ret = twin;
    return 0;
}

struct agent_twin *agent_twin_destroy(struct agent_twin *twin)
{
    if (!twin)
        return NULL;
    edge_json_free(twin->pull.desired);
    edge_json_free(twin->push.wanted);
    edge_json_free(twin->push.known);
    edge_json_free(twin->push.sent);
    free(twin);
    return NULL;
}

void twin_note(const struct agent_twin *twin, const char *fmt, ...)
{
    char text[512];
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    twin->cfg.ops.note(text, twin->cfg.arg);
}

/* xorshift: spreading devices apart needs no better dice. */
int64_t twin_jitter(struct agent_twin *twin, int64_t ms)
{
    twin->dice ^= twin->dice << 13;
    twin->dice ^= twin->dice >> 17;
    twin->dice ^= twin->dice << 5;
    return ms + (int64_t) (twin->dice % 1000) * ms / 4000;
}

struct edge_json *twin_members(const struct edge_json *section)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *members = edge_json_new_object();

    for (edge_json_foreach (it, section)) {
        struct edge_json *value;

        if (it.name[0] == '$')
            continue;
        value = edge_json_copy(it.value);
        if ((it.value && !value) || edge_json_set(members, it.name, value) < 0)
            return NULL;
    }
    return EDGE_TAKE(members);
}

int twin_send(struct agent_twin *twin, enum twin_request kind, const char *topic,
              const char *payload, int64_t now_ms)
{
    char text[128];
    int rc;

    (void) snprintf(twin->rid, sizeof twin->rid, "%08x%x", twin->cfg.seed, ++twin->requests);
    (void) snprintf(text, sizeof text, "%s?$rid=%s", topic, twin->rid);
    rc = twin->cfg.ops.publish(text, payload, strlen(payload), twin->cfg.arg);
    if (rc < 0)
        return rc;
    twin->request = kind;
    twin->deadline = now_ms + twin->cfg.answer_ms;
    return 0;
}

void agent_twin_up(struct agent_twin *twin, int64_t now_ms)
{
    twin->connected = true;
    twin_pull_up(twin, now_ms);
}

/* Whether a patch under way was taken is not known any more: the next whole twin tells. */
void agent_twin_down(struct agent_twin *twin)
{
    if (twin->request == TWIN_PUSHING) {
        twin->push.known = edge_json_free(twin->push.known);
        twin->push.dirty = true;
    }
    twin->push.sent = edge_json_free(twin->push.sent);
    twin->request = TWIN_IDLE;
    twin->pull.at = TWIN_NEVER;
    twin->connected = false;
}

void agent_twin_answer(struct agent_twin *twin, int status, struct edge_bytes rid, int64_t version,
                       struct edge_bytes payload, int64_t now_ms)
{
    enum twin_request request = twin->request;

    if (request == TWIN_IDLE || rid.len != strlen(twin->rid) ||
        memcmp(rid.data, twin->rid, rid.len) != 0)
        return; /* of a request that was given up */
    twin->request = TWIN_IDLE;
    if (request == TWIN_PULLING)
        twin_pull_answer(twin, status, payload, now_ms);
    else
        twin_push_answer(twin, status, version, now_ms);
}

static void give_up(struct agent_twin *twin)
{
    const char *what = twin->request == TWIN_PULLING ? "a request for the twin"
                                                     : "a patch of the reported properties";
    char why[128];

    (void) snprintf(why, sizeof why, "IoT Hub did not answer %s in %lld s", what,
                    (long long) (twin->cfg.answer_ms / 1000));
    twin->deadline = TWIN_NEVER;
    twin->cfg.ops.reopen(why, twin->cfg.arg);
}

void agent_twin_turn(struct agent_twin *twin, int64_t now_ms)
{
    if (!twin->connected)
        return;
    if (twin->request != TWIN_IDLE) {
        if (now_ms >= twin->deadline)
            give_up(twin);
        return;
    }
    if (now_ms >= twin->pull.at)
        twin_pull_send(twin, now_ms);
    else if (twin_push_ready(twin) && now_ms >= twin->push.at)
        twin_push_send(twin, now_ms);
}

int64_t agent_twin_due(const struct agent_twin *twin)
{
    if (!twin->connected)
        return TWIN_NEVER;
    if (twin->request != TWIN_IDLE)
        return twin->deadline;
    if (twin_push_ready(twin) && twin->push.at < twin->pull.at)
        return twin->push.at;
    return twin->pull.at;
}

bool agent_twin_settled(const struct agent_twin *twin)
{
    return twin->request == TWIN_IDLE && (!twin->push.wanted || !twin->push.dirty);
}
