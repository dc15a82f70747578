#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/cloud/mqtt/line.h"

enum { PROBE_PART = 4 /* of the usual time for an answer */ };

static void ask_twin(struct hub_line *line, struct hub_call *call)
{
    int rc = hub_line_publish(line, call, 0);

    if (rc == 0) {
        call->asked = true;
        return;
    }
    hub_calls_remove(&line->asks, call);
    hub_line_fail(line, call, hub_result_of(rc), edge_strerror(rc));
}

void hub_line_pump_asks(struct hub_line *line)
{
    struct hub_call *next;

    if (!(line->granted & EDGE_FEATURE_TWIN_RES))
        return; /* it could not answer */
    for (struct hub_call *call = line->asks.first; call; call = next) {
        next = call->next;
        if (!call->asked)
            ask_twin(line, call);
    }
}

static int64_t earliest_due_ms(const struct hub_line *line)
{
    int64_t due_ms = INT64_MAX;

    for (const struct hub_call *call = line->asks.first; call; call = call->next)
        if (call->due_ms < due_ms)
            due_ms = call->due_ms;
    return due_ms;
}

static void rearm_clock(struct hub_line *line)
{
    int64_t left_ms = earliest_due_ms(line) - edge_now_ms();

    if (line->asks.first)
        edge_timer_arm(line->clock, left_ms > 0 ? (uint64_t) left_ms : 0);
}

static void begin_ask(struct hub_lines *lines, const struct edge_identity *who,
                      struct hub_call *call, unsigned answer_ms)
{
    struct hub_line *line = hub_line_for(lines, who, call);

    if (!line)
        return;
    if (line->asks.count >= HUB_LINE_ASKS_MAX) {
        hub_line_fail(line, call, HUB_THROTTLED, "too many twin requests under way");
        return;
    }
    call->due_ms = edge_now_ms() + answer_ms;
    hub_calls_add(&line->asks, call);
    rearm_clock(line);
    line->twins = true;
    hub_line_start(line);
    hub_line_subscribe(line);
    hub_line_pump(line);
}

static uint32_t next_rid(struct hub_lines *lines)
{
    lines->last_rid++;
    return lines->last_rid;
}

static void twin_get(struct hub_lines *lines, const struct edge_identity *who, unsigned answer_ms,
                     hub_twin_done *done, void *arg)
{
    struct hub_call *call = hub_call_new(HUB_CALL_GET, arg);

    if (call) {
        call->done.got = done;
        call->rid = next_rid(lines);
    }
    if (!call || edge_buf_printf(&call->text, "$iothub/twin/GET/?$rid=%" PRIx32, call->rid) < 0) {
        if (call)
            hub_call_free(call);
        done(HUB_FAILED, "no memory", NULL, 0, arg); /* nor for a later turn */
        return;
    }
    call->topic = call->text.len;
    begin_ask(lines, who, call, answer_ms);
}

void hub_line_twin_get(struct hub_lines *lines, const struct edge_identity *who,
                       hub_twin_done *done, void *arg)
{
    twin_get(lines, who, lines->options.answer_ms, done, arg);
}

static void on_probe(enum hub_result result, const char *why, const char *json, size_t len,
                     void *arg)
{
    struct hub_lines *lines = arg;

    (void) result; /* no answer has ended the line */
    (void) why;
    (void) json;
    (void) len;
    lines->probing = false;
}

void hub_lines_probe(struct hub_lines *lines)
{
    if (lines->probing || !lines->up || lines->closing)
        return;
    lines->probing = true;
    twin_get(lines, &lines->options.self, lines->options.answer_ms / PROBE_PART, on_probe, lines);
}

void hub_line_twin_patch(struct hub_lines *lines, const struct edge_identity *who,
                         const char *patch, size_t len, hub_version_done *done, void *arg)
{
    struct hub_call *call = hub_call_new(HUB_CALL_PATCH, arg);
    int rc;

    if (!call) {
        done(HUB_FAILED, "no memory", 0, arg); /* nor for a later turn */
        return;
    }
    call->done.patched = done;
    call->rid = next_rid(lines);
    rc = edge_buf_printf(&call->text, "$iothub/twin/PATCH/properties/reported/?$rid=%" PRIx32,
                         call->rid);
    if (rc == 0)
        rc = hub_call_payload(call, patch, len);
    if (rc < 0)
        hub_lines_fail(lines, call, hub_result_of(rc), edge_strerror(rc));
    else
        begin_ask(lines, who, call, lines->options.answer_ms);
}

static bool read_rid(struct edge_bytes text, uint32_t *ret)
{
    char digits[9] = {0};
    char *end;

    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    memcpy(digits, text.data, text.len);
    *ret = (uint32_t) strtoul(digits, &end, 16);
    return !*end;
}

static struct hub_call *find_ask(const struct hub_line *line, struct edge_bytes text)
{
    uint32_t rid;

    if (!read_rid(text, &rid))
        return NULL;
    for (struct hub_call *call = line->asks.first; call; call = call->next)
        if (call->rid == rid && call->asked)
            return call;
    return NULL;
}

static enum hub_result result_of_status(int status)
{
    static const struct {
        int status;
        enum hub_result result;
    } known[] = {
        {400, HUB_BAD},         {401, HUB_REFUSED},  {403, HUB_QUOTA},     {404, HUB_NOT_FOUND},
        {409, HUB_CONFLICT},    {412, HUB_CONFLICT}, {413, HUB_TOO_LARGE}, {429, HUB_THROTTLED},
        {503, HUB_UNAVAILABLE}, {504, HUB_TIMEOUT},
    };

    if (status >= 200 && status < 300)
        return HUB_OK;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++)
        if (known[i].status == status)
            return known[i].result;
    return HUB_FAILED;
}

void hub_line_answer(struct hub_line *line, const struct edge_incoming *in,
                     struct edge_bytes payload)
{
    struct hub_call *call = find_ask(line, in->rid);
    enum hub_result result = result_of_status(in->status);
    char why[64] = "";

    if (!call)
        return; /* it came too late */
    hub_calls_remove(&line->asks, call);
    if (result == HUB_OK && call->kind == HUB_CALL_GET && payload.len == 0)
        result = HUB_FAILED;
    if (result != HUB_OK)
        (void) snprintf(why, sizeof why, "IoT Hub answers a twin request with %d", in->status);
    if (call->kind == HUB_CALL_GET)
        call->done.got(result, why, result == HUB_OK ? (const char *) payload.data : NULL,
                       result == HUB_OK ? payload.len : 0, call->arg);
    else
        call->done.patched(result, why, result == HUB_OK ? in->version : 0, call->arg);
    hub_call_free(call);
    hub_line_drained(line);
}

void hub_line_overdue(struct hub_line *line)
{
    int64_t now = edge_now_ms();
    bool any = false;
    struct hub_call *next;

    for (struct hub_call *call = line->asks.first; call; call = next) {
        next = call->next;
        if (call->due_ms > now)
            continue;
        hub_calls_remove(&line->asks, call);
        hub_line_fail(line, call, HUB_TIMEOUT, "IoT Hub does not answer");
        any = true;
    }
    rearm_clock(line);
    if (any && line->wire)
        hub_line_lost(line, HUB_UNAVAILABLE, "a twin request was not answered in time");
    else
        hub_line_drained(line);
}
