#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/cloud/mqtt/line.h"

enum { TOPIC_MAX = MQTT_STRING_MAX };

/* ---- lists ---- */

void hub_calls_init(struct hub_calls_list *list)
{
    *list = (struct hub_calls_list){.last = &list->first};
}

void hub_calls_add(struct hub_calls_list *list, struct hub_call *call)
{
    call->next = NULL;
    *list->last = call;
    list->last = &call->next;
    list->count++;
    list->bytes += call->text.len;
}

bool hub_calls_remove(struct hub_calls_list *list, struct hub_call *call)
{
    for (struct hub_call **at = &list->first; *at; at = &(*at)->next) {
        if (*at != call)
            continue;
        *at = call->next;
        if (!*at)
            list->last = at;
        list->count--;
        list->bytes -= call->text.len;
        return true;
    }
    return false;
}

struct hub_call *hub_calls_take(struct hub_calls_list *list)
{
    struct hub_call *call = list->first;

    if (call)
        hub_calls_remove(list, call);
    return call;
}

void hub_call_free(struct hub_call *call)
{
    edge_buf_fini(&call->text);
    free(call);
}

static struct hub_call *call_new(enum hub_call_kind kind, void *arg)
{
    struct hub_call *call = calloc(1, sizeof *call);

    if (!call)
        return NULL;
    call->kind = kind;
    call->arg = arg;
    edge_buf_init(&call->text, TOPIC_MAX + EDGE_MESSAGE_MAX);
    return call;
}

/* The topic is complete: the payload behind it. */
static int add_payload(struct hub_call *call, const void *data, size_t len)
{
    call->topic = call->text.len;
    if (call->topic > TOPIC_MAX || len > EDGE_MESSAGE_MAX)
        return EDGE_ELIMIT;
    return len > 0 ? edge_buf_append(&call->text, data, len) : 0;
}

static int publish(struct hub_line *line, struct hub_call *call, uint8_t qos)
{
    const uint8_t *text = (const uint8_t *) call->text.data;
    const struct mqtt_publish packet = {
        .topic = {text, call->topic},
        .payload = {text + call->topic, call->text.len - call->topic},
        .qos = qos,
    };

    return hub_wire_send(line->wire, &packet, call);
}

/* ---- failure ---- */

static enum hub_result result_of(int rc)
{
    return rc == EDGE_ELIMIT ? HUB_TOO_LARGE : rc == EDGE_EINVALID ? HUB_BAD : HUB_FAILED;
}

static void fail(struct hub_line *line, struct hub_call *call, enum hub_result result,
                 const char *why)
{
    if (call->kind == HUB_CALL_SEND) { /* what comes after it must not overtake it */
        call->line = line;
        line->failing++;
    }
    hub_lines_fail(line->lines, call, result, why);
}

static void fail_list(struct hub_line *line, struct hub_calls_list *list, enum hub_result result,
                      const char *why)
{
    struct hub_call *call;

    while ((call = hub_calls_take(list)) != NULL)
        fail(line, call, result, why);
}

void hub_line_fail_all(struct hub_line *line, enum hub_result result, const char *why)
{
    fail_list(line, &line->flying, result, why);
    fail_list(line, &line->waiting, result, why);
    fail_list(line, &line->asks, result, why);
}

/* May something be asked of the line of @p who now? If not, the call is on its way back. */
static struct hub_line *line_for(struct hub_lines *lines, const struct edge_identity *who,
                                 struct hub_call *call)
{
    struct hub_line *line = lines->up && !lines->closing ? hub_lines_need(lines, who) : NULL;

    if (!line) {
        hub_lines_fail(lines, call, HUB_UNAVAILABLE,
                       lines->up ? "too many connections, or no memory" : lines->said);
        return NULL;
    }
    line->used_ms = edge_now_ms();
    if (line->state != LINE_PAUSED && line->failing == 0)
        return line;
    if (line->refused != HUB_OK)
        fail(line, call, line->refused, "IoT Hub does not take this identity");
    else
        fail(line, call, HUB_UNAVAILABLE, "its connection is lost");
    return NULL;
}

/* ---- messages and replies ---- */

static void wait_turn(struct hub_line *line, struct hub_call *call)
{
    if (line->waiting.count >= HUB_LINE_WAITING_MAX ||
        line->waiting.bytes + call->text.len > HUB_LINE_WAITING_BYTES) {
        fail(line, call, HUB_UNAVAILABLE, "too much waits to be sent");
        return;
    }
    hub_calls_add(&line->waiting, call);
    hub_line_start(line);
    hub_line_pump(line);
}

/* In whose name it comes the connection says, and nothing else may. */
static int put_bag(const struct edge_message *message, struct edge_buf *out)
{
    struct edge_message without = *message;

    without.sys[EDGE_SYS_ORIGIN_DEVICE] = NULL;
    without.sys[EDGE_SYS_ORIGIN_MODULE] = NULL;
    return edge_bag_format(&without, out);
}

void hub_line_send(struct hub_lines *lines, const struct edge_identity *who,
                   const struct edge_message *message, hub_done *done, void *arg)
{
    struct hub_call *call = call_new(HUB_CALL_SEND, arg);
    struct hub_line *line;
    int rc;

    if (!call) {
        done(HUB_FAILED, "no memory", arg); /* nor for a later turn */
        return;
    }
    call->done.sent = done;
    rc = edge_topic_events(&call->text, who);
    if (rc == 0)
        rc = put_bag(message, &call->text);
    if (rc == 0)
        rc = add_payload(call, message->body, message->len);
    if (rc < 0) {
        hub_lines_fail(lines, call, result_of(rc), edge_strerror(rc));
        return;
    }
    line = line_for(lines, who, call);
    if (line)
        wait_turn(line, call);
}

void hub_line_reply(struct hub_lines *lines, const struct edge_identity *who, const char *rid,
                    int status, struct edge_bytes payload)
{
    struct hub_call *call = hub_lines_find(lines, who) ? call_new(HUB_CALL_REPLY, NULL) : NULL;
    struct hub_line *line;
    int rc;

    if (!call)
        return; /* the caller of the method sees a timeout */
    rc = edge_buf_printf(&call->text, "$iothub/methods/res/%d/?$rid=%s", status, rid);
    if (rc == 0)
        rc = add_payload(call, payload.data, payload.len);
    if (rc < 0) {
        hub_call_free(call);
        return;
    }
    line = line_for(lines, who, call);
    if (line)
        wait_turn(line, call);
}

static void send_one(struct hub_line *line, struct hub_call *call)
{
    bool reply = call->kind == HUB_CALL_REPLY;
    int rc = publish(line, call, reply ? 0 : 1);

    if (rc < 0)
        fail(line, call, result_of(rc), edge_strerror(rc));
    else if (reply)
        hub_call_free(call);
    else
        hub_calls_add(&line->flying, call);
}

void hub_line_acked(struct hub_line *line, struct hub_call *call)
{
    if (!hub_calls_remove(&line->flying, call))
        return;
    call->done.sent(HUB_OK, "", call->arg);
    hub_call_free(call);
    hub_line_drained(line);
}

/* ---- twin requests ---- */

static void ask_twin(struct hub_line *line, struct hub_call *call)
{
    int rc = publish(line, call, 0);

    if (rc == 0) {
        call->asked = true;
        return;
    }
    hub_calls_remove(&line->asks, call);
    fail(line, call, result_of(rc), edge_strerror(rc));
}

static void begin_ask(struct hub_lines *lines, const struct edge_identity *who,
                      struct hub_call *call)
{
    struct hub_line *line = line_for(lines, who, call);

    if (!line)
        return;
    if (line->asks.count >= HUB_LINE_ASKS_MAX) {
        fail(line, call, HUB_THROTTLED, "too many twin requests under way");
        return;
    }
    call->due_ms = edge_now_ms() + lines->options.answer_ms;
    if (line->asks.count == 0)
        edge_timer_arm(line->clock, lines->options.answer_ms);
    hub_calls_add(&line->asks, call);
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

void hub_line_twin_get(struct hub_lines *lines, const struct edge_identity *who,
                       hub_twin_done *done, void *arg)
{
    struct hub_call *call = call_new(HUB_CALL_GET, arg);

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
    begin_ask(lines, who, call);
}

void hub_line_twin_patch(struct hub_lines *lines, const struct edge_identity *who,
                         const char *patch, size_t len, hub_version_done *done, void *arg)
{
    struct hub_call *call = call_new(HUB_CALL_PATCH, arg);
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
        rc = add_payload(call, patch, len);
    if (rc < 0)
        hub_lines_fail(lines, call, result_of(rc), edge_strerror(rc));
    else
        begin_ask(lines, who, call);
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

    while (line->asks.first && line->asks.first->due_ms <= now) {
        fail(line, hub_calls_take(&line->asks), HUB_TIMEOUT, "IoT Hub does not answer");
        any = true;
    }
    if (line->asks.first)
        edge_timer_arm(line->clock, (uint64_t) (line->asks.first->due_ms - now));
    if (any && line->wire)
        hub_wire_ping(line->wire);
    hub_line_drained(line);
}

/* ---- sending ---- */

void hub_line_pump(struct hub_line *line)
{
    struct hub_call *next;

    if (!hub_line_serves(line))
        return;
    for (struct hub_call *call = line->asks.first; call; call = next) {
        next = call->next;
        if (!call->asked && (line->granted & EDGE_FEATURE_TWIN_RES))
            ask_twin(line, call);
    }
    while (line->waiting.first && hub_wire_room(line->wire))
        send_one(line, hub_calls_take(&line->waiting));
}
