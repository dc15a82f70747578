#include <errno.h>
#include <stdlib.h>

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

struct hub_call *hub_call_new(enum hub_call_kind kind, void *arg)
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
int hub_call_payload(struct hub_call *call, const void *data, size_t len)
{
    call->topic = call->text.len;
    if (call->topic > TOPIC_MAX || len > EDGE_MESSAGE_MAX)
        return EDGE_ELIMIT;
    return len > 0 ? edge_buf_append(&call->text, data, len) : 0;
}

int hub_line_publish(struct hub_line *line, struct hub_call *call, uint8_t qos)
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

enum hub_result hub_result_of(int rc)
{
    return rc == EDGE_ELIMIT ? HUB_TOO_LARGE : rc == EDGE_EINVALID ? HUB_BAD : HUB_FAILED;
}

void hub_line_fail(struct hub_line *line, struct hub_call *call, enum hub_result result,
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
        hub_line_fail(line, call, result, why);
}

void hub_line_fail_all(struct hub_line *line, enum hub_result result, const char *why)
{
    fail_list(line, &line->flying, result, why);
    fail_list(line, &line->waiting, result, why);
    fail_list(line, &line->asks, result, why);
}

/* May something be asked of the line of @p who now? If not, the call is on its way back. */
struct hub_line *hub_line_for(struct hub_lines *lines, const struct edge_identity *who,
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
        hub_line_fail(line, call, line->refused, "IoT Hub does not take this identity");
    else
        hub_line_fail(line, call, HUB_UNAVAILABLE, "its connection is lost");
    return NULL;
}

/* ---- messages and replies ---- */

static void wait_turn(struct hub_line *line, struct hub_call *call)
{
    if (line->waiting.count >= HUB_LINE_WAITING_MAX ||
        line->waiting.bytes + call->text.len > HUB_LINE_WAITING_BYTES) {
        hub_line_fail(line, call, HUB_UNAVAILABLE, "too much waits to be sent");
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
    struct hub_call *call = hub_call_new(HUB_CALL_SEND, arg);
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
        rc = hub_call_payload(call, message->body, message->len);
    if (rc < 0) {
        hub_lines_fail(lines, call, hub_result_of(rc), edge_strerror(rc));
        return;
    }
    line = hub_line_for(lines, who, call);
    if (line)
        wait_turn(line, call);
}

void hub_line_reply(struct hub_lines *lines, const struct edge_identity *who, const char *rid,
                    int status, struct edge_bytes payload)
{
    struct hub_call *call = hub_lines_find(lines, who) ? hub_call_new(HUB_CALL_REPLY, NULL) : NULL;
    struct hub_line *line;
    int rc;

    if (!call)
        return; /* the caller of the method sees a timeout */
    rc = edge_buf_printf(&call->text, "$iothub/methods/res/%d/?$rid=%s", status, rid);
    if (rc == 0)
        rc = hub_call_payload(call, payload.data, payload.len);
    if (rc < 0) {
        hub_call_free(call);
        return;
    }
    line = hub_line_for(lines, who, call);
    if (line)
        wait_turn(line, call);
}

static void send_one(struct hub_line *line, struct hub_call *call)
{
    bool reply = call->kind == HUB_CALL_REPLY;
    int rc = hub_line_publish(line, call, reply ? 0 : 1);

    if (rc < 0)
        hub_line_fail(line, call, hub_result_of(rc), edge_strerror(rc));
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

/* ---- sending ---- */

void hub_line_pump(struct hub_line *line)
{
    if (!hub_line_serves(line))
        return;
    hub_line_pump_asks(line);
    while (line->waiting.first && hub_wire_room(line->wire))
        send_one(line, hub_calls_take(&line->waiting));
}
