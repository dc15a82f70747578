/* AMQP 1.0 as IoT Hub speaks it: with a key, a token by way of $cbs first. One session, one link
 * for what the device is there for. Its message number n is delivery n. */
#include <stdio.h>
#include <string.h>

#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "hub/amqp/walk.h"
#include "tests/bench/load/frames.h"
#include "tests/bench/load/protocol.h"

enum { ASK, TELL, MAIN }; /* our handles */
enum { CREDIT = 1000, FIELDS = 10, REASON = 160 };

static const char *const names[DEVICE_LINKS] = {"ask", "tell", "main"};

static bool sends(const struct device *d)
{
    return d->nfilters == 0;
}

/* ---- coming up ---- */

static void attach_main(struct device *d)
{
    EDGE_CLEANUP(edge_free) char *target = protocol_target(d);

    if (!target) {
        device_lose(d, "out of memory");
        return;
    }
    d->talk.limit = d->sent;
    amqp_attach(&d->out, names[MAIN], MAIN, sends(d), sends(d) ? target : d->filters[0], d->sent);
}

void protocol_begin(struct device *d)
{
    amqp_begin(&d->out, d->name, d->load->hub, d->sent - 1);
    if (!d->load->key.data) {
        attach_main(d);
        return;
    }
    amqp_attach(&d->out, names[ASK], ASK, true, "$cbs", 0);
    amqp_attach(&d->out, names[TELL], TELL, false, "$cbs", 0);
    amqp_credit(&d->out, TELL, 0, 0, 1);
}

static void put_token(struct device *d)
{
    EDGE_CLEANUP(edge_free) char *resource = edge_identity_resource(&d->who, d->load->hub);
    EDGE_CLEANUP(edge_free) char *token = device_token(d);
    struct hub_amqp_pair properties[] = {
        {"operation", hub_amqp_text("put-token")},
        {"type", hub_amqp_text("servicebus.windows.net:sastoken")},
        {"name", hub_amqp_text(resource)},
    };
    struct hub_amqp_message message = {.message_id = {.kind = HUB_AMQP_ULONG, .i = 1},
                                       .reply_to = names[TELL],
                                       .properties = properties,
                                       .nproperties = EDGE_ARRAY_LEN(properties),
                                       .body = HUB_AMQP_BODY_VALUE,
                                       .value = hub_amqp_text(token)};
    size_t at = amqp_transfer_open(&d->out, ASK, d->sent - 1);

    if (!resource || !token || hub_amqp_message_write(&d->out, &message) < 0)
        device_lose(d, "out of memory");
    amqp_frame_close(&d->out, at);
}

static void take_answer(struct device *d, struct edge_bytes encoded)
{
    struct hub_amqp_arena arena = {.left = LOAD_PACKET_MAX};
    const struct hub_amqp_value *code = NULL;
    struct hub_amqp_message message;

    if (hub_amqp_message_read(&arena, encoded, &message) == 0)
        code = hub_amqp_find(message.properties, message.nproperties, "status-code");
    if (code && code->i == 200)
        attach_main(d);
    else
        device_lose(d, "its token was refused");
    hub_amqp_arena_fini(&arena);
}

static void take_attach(struct device *d, const struct edge_bytes fields[FIELDS])
{
    uint32_t handle;

    for (unsigned i = 0; i < DEVICE_LINKS; i++) {
        size_t len = strlen(names[i]);

        if (fields[0].len == len + 2 && memcmp(fields[0].data + 2, names[i], len) == 0 &&
            hub_amqp_uint(fields[1], &handle))
            d->talk.handles[i] = handle + 1;
    }
    if (!d->up && !sends(d) && d->talk.handles[MAIN]) {
        d->talk.given = CREDIT;
        amqp_credit(&d->out, MAIN, d->talk.transfers, 0, CREDIT);
        device_settle(d);
    }
}

/* ---- under way ---- */

/* The reason an error gives stands in it as text. */
static void take_end(struct device *d, const char *what, struct edge_bytes error)
{
    char reason[REASON];
    size_t n = (size_t) snprintf(reason, sizeof reason, "%s ", what);

    for (size_t i = 0; i < error.len && n + 1 < sizeof reason; i++)
        if (error.data[i] >= ' ' && error.data[i] < 0x7f)
            reason[n++] = (char) error.data[i];
    reason[n] = '\0';
    device_lose(d, reason);
}

static void take_flow(struct device *d, const struct edge_bytes fields[FIELDS])
{
    uint32_t handle, count, credit;

    if (!hub_amqp_uint(fields[4], &handle) || !hub_amqp_uint(fields[6], &credit))
        return;
    if (!hub_amqp_uint(fields[5], &count))
        count = 0;
    if (handle + 1 == d->talk.handles[ASK] && credit > 0 && !d->talk.handles[MAIN]) {
        put_token(d);
    } else if (handle + 1 == d->talk.handles[MAIN] && sends(d)) {
        d->talk.limit = count + credit;
        if (!d->up)
            device_settle(d);
        d->role->ready(d);
    }
}

static void take_disposition(struct device *d, const struct edge_bytes fields[FIELDS])
{
    static const uint8_t accepted[] = {0, 0x53, AMQP_ACCEPTED};
    struct edge_bytes state = fields[4];
    uint32_t first, last;

    if (!d->up || !hub_amqp_uint(fields[1], &first))
        return;
    if (!hub_amqp_uint(fields[2], &last))
        last = first;
    if (state.len < sizeof accepted || memcmp(state.data, accepted, sizeof accepted) != 0)
        take_end(d, "not accepted", state);
    else if (d->role->acked)
        d->role->acked(d, first, last);
}

static void settle_all(struct device *d)
{
    struct talk *t = &d->talk;

    if (t->unsettled > 0)
        amqp_accept(&d->out, t->last - (t->unsettled - 1), t->last);
    t->unsettled = 0;
    if (d->up && !sends(d) && t->given - t->received < CREDIT / 2) {
        t->given = t->received + CREDIT;
        amqp_credit(&d->out, MAIN, t->transfers, t->received, CREDIT);
    }
}

static void take_message(struct device *d, const struct edge_bytes fields[FIELDS],
                         struct edge_bytes message)
{
    struct talk *t = &d->talk;
    size_t size = d->load->size;
    bool more = false, settled = false;
    uint32_t number;

    if (!hub_amqp_uint(fields[1], &number) || message.len < size ||
        (hub_amqp_bool(fields[5], &more) && more)) {
        device_lose(d, "a message in parts");
        return;
    }
    t->received++;
    (void) hub_amqp_bool(fields[4], &settled);
    if (!settled && t->unsettled > 0 && t->last + 1 != number)
        settle_all(d);
    t->unsettled += !settled;
    t->last = number;
    d->role->received(d, (struct edge_bytes){message.data + message.len - size, size});
}

static void take_transfer(struct device *d, const struct edge_bytes fields[FIELDS],
                          struct edge_bytes message)
{
    uint32_t handle, number;
    bool settled = false;

    d->talk.transfers++;
    if (!hub_amqp_uint(fields[0], &handle))
        device_lose(d, "a transfer without a handle");
    else if (handle + 1 == d->talk.handles[MAIN])
        take_message(d, fields, message);
    else if (hub_amqp_uint(fields[1], &number)) {
        (void) hub_amqp_bool(fields[4], &settled);
        if (!settled)
            amqp_accept(&d->out, number, number);
        take_answer(d, message);
    }
}

/* ---- reading ---- */

static void act(struct device *d, uint64_t code, const struct edge_bytes fields[FIELDS],
                struct edge_bytes message)
{
    switch (code) {
    case AMQP_BEGIN:
        if (!hub_amqp_uint(fields[1], &d->talk.transfers))
            device_lose(d, "a BEGIN without a number");
        break;
    case AMQP_ATTACH:
        take_attach(d, fields);
        break;
    case AMQP_FLOW:
        take_flow(d, fields);
        break;
    case AMQP_TRANSFER:
        take_transfer(d, fields, message);
        break;
    case AMQP_DISPOSITION:
        take_disposition(d, fields);
        break;
    case AMQP_DETACH:
        take_end(d, "DETACH", fields[2]);
        break;
    case AMQP_END:
        take_end(d, "END", fields[0]);
        break;
    case AMQP_CLOSE:
        take_end(d, "CLOSE", fields[0]);
        break;
    default:
        break;
    }
}

static int take_frame(struct device *d, struct edge_bytes body)
{
    struct edge_bytes list, elements, fields[FIELDS] = {{0}};
    uint64_t code;
    size_t count;
    int rc = hub_amqp_described(body, &code, &list);

    if (rc == 0)
        rc = hub_amqp_list(list, &count, &elements);
    if (rc < 0)
        return rc;
    body = (struct edge_bytes){elements.data + elements.len,
                               (size_t) (body.data + body.len - elements.data) - elements.len};
    for (size_t i = 0; i < FIELDS && i < count; i++)
        if (!hub_amqp_step(&elements, &fields[i]))
            return EDGE_EPROTOCOL;
    act(d, code, fields, body);
    return 0;
}

ssize_t protocol_take(struct device *d, struct edge_bytes data)
{
    size_t at = 0, size;
    int rc = 0;

    while (rc == 0 && d->stream && data.len - at >= AMQP_HEADER) {
        const uint8_t *frame = data.data + at;

        size = memcmp(frame, "AMQP", 4) == 0 ? AMQP_HEADER : amqp_u32(frame);
        if (size < AMQP_HEADER || size > LOAD_PACKET_MAX)
            return EDGE_EPROTOCOL;
        if (size > data.len - at)
            break;
        if (size > AMQP_HEADER)
            rc = take_frame(d, (struct edge_bytes){frame + AMQP_HEADER, size - AMQP_HEADER});
        at += size;
    }
    if (d->stream)
        settle_all(d);
    return rc < 0 ? rc : (ssize_t) at;
}

/* ---- messages ---- */

char *protocol_target(const struct device *d)
{
    bool module = d->who.module[0];

    return edge_format("/devices/%s%s%s/messages/events", d->who.device, module ? "/modules/" : "",
                       d->who.module);
}

char *protocol_inputs(const struct device *d)
{
    return protocol_target(d);
}

int protocol_message(const struct device *d, const char *target, struct edge_buf *out)
{
    EDGE_CLEANUP(edge_free) char *bag = edge_strdup(d->load->bag ? d->load->bag : "");
    struct hub_amqp_pair pairs[8];
    struct hub_amqp_message message = {
        .properties = pairs, .body = HUB_AMQP_BODY_DATA, .data = {d->load->body, d->load->size}};
    size_t at = amqp_transfer_open(out, MAIN, 0);
    char *rest = bag;

    (void) target;
    while (rest && *rest && message.nproperties < EDGE_ARRAY_LEN(pairs)) {
        char *name = strsep(&rest, "&");
        char *value = strchr(name, '=');

        if (value)
            *value++ = '\0';
        pairs[message.nproperties++] = (struct hub_amqp_pair){name, hub_amqp_text(value)};
    }
    edge_ignore(hub_amqp_message_write(out, &message));
    amqp_frame_close(out, at);
    return edge_buf_error(out);
}

void protocol_number(const struct device *d, char *message, size_t len, uint32_t number)
{
    (void) d;
    (void) len;
    amqp_renumber(message, number);
}

bool protocol_ready(const struct device *d)
{
    return d->sent != d->talk.limit;
}
