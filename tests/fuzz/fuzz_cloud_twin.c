/* A cloud that says anything at any time: lines of "t payload", where t says what the line is. The
 * twin never asks more often than it may, and what it hands over is always an object. */
#include <stdlib.h>
#include <string.h>

#include "agent/cloud/twin.h"
#include "common/iothub/twin.h"
#include "tests/fuzz/fuzz.h"

struct world {
    struct agent_twin *twin;
    int64_t now;
    int64_t last_get; /* 0: none */
    char rid[64];
    bool up;
    bool reopen;
};

static int publish(const char *topic, const char *payload, size_t len, void *arg)
{
    struct world *w = arg;
    const char *rid = strstr(topic, "?$rid=");
    struct edge_json *value = NULL;

    if (!w->up || !rid || strlen(rid + 6) >= sizeof w->rid)
        abort();
    memcpy(w->rid, rid + 6, strlen(rid + 6) + 1);
    if (strstr(topic, "/GET/")) {
        if (w->last_get > 0 && w->now - w->last_get < 2000)
            abort();
        w->last_get = w->now;
        return 0;
    }
    if (edge_json_parse(payload, len, &value, NULL) < 0 || edge_json_len(value) == 0)
        abort();
    edge_json_free(value);
    return 0;
}

static void desired(const struct edge_json *object, int64_t version, void *arg)
{
    (void) arg;
    if (!edge_json_is(object, EDGE_JSON_OBJECT) || version < 0)
        abort();
}

static void answered(void *arg)
{
    (void) arg;
}

static void reopen(const char *why, void *arg)
{
    struct world *w = arg;

    if (!*why)
        abort();
    w->reopen = true;
}

static void note(const char *text, void *arg)
{
    (void) arg;
    if (!*text)
        abort();
}

static void turn(struct world *w)
{
    for (int i = 0; i < 4; i++)
        agent_twin_turn(w->twin, w->now);
    if (w->reopen) {
        w->reopen = w->up = false;
        agent_twin_down(w->twin);
    }
}

static void report(struct world *w, struct edge_bytes text)
{
    struct edge_json *value = NULL;

    if (edge_json_parse((const char *) text.data, text.len, &value, NULL) == 0 &&
        edge_json_is(value, EDGE_JSON_OBJECT))
        agent_twin_report(w->twin, value);
    edge_json_free(value);
}

static void line(struct world *w, char kind, struct edge_bytes rest)
{
    static const int statuses[] = {200, 204, 400, 413, 429, 503};
    const struct edge_bytes rid = {(const uint8_t *) w->rid, strlen(w->rid)};

    if (kind >= '0' && kind <= '5')
        agent_twin_answer(w->twin, statuses[kind - '0'], rid, 3, rest, w->now);
    else if (kind == 'p')
        agent_twin_patch(w->twin, 0, rest, w->now);
    else if (kind == 'r')
        report(w, rest);
    else if (kind == 'w')
        w->now += (int64_t) rest.len * 1000;
    else if (kind == 'W')
        w->now += 3600 * 1000;
    else if (kind == 'u' && !w->up) {
        w->up = true;
        agent_twin_up(w->twin, w->now);
    } else if (kind == 'd' && w->up) {
        w->up = false;
        agent_twin_down(w->twin);
    }
    turn(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.now = 1000000};
    const struct agent_twin_config config = {
        .ops = {publish, desired, answered, reopen, note}, .arg = &w, .seed = 1};

    if (size > 16384 || agent_twin_create(&config, &w.twin) < 0)
        return 0;
    while (size > 0) {
        const uint8_t *end = memchr(data, '\n', size);
        size_t len = end ? (size_t) (end - data) : size;

        if (len > 0)
            line(&w, (char) data[0], (struct edge_bytes){data + 1, len - 1});
        data += len + (end ? 1 : 0);
        size -= len + (end ? 1 : 0);
    }
    agent_twin_destroy(w.twin);
    return 0;
}
