#include "tests/bench/load/frames.h"

#include "hub/amqp/value.h"

enum { FRAME_MAX = 64 * 1024, WINDOW = INT32_MAX, TAG_AT = AMQP_NUMBER_AT + 6 };

static const struct hub_amqp_value null_value;

static void put_u32(char *at, uint32_t n)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char) (n >> 8 * (3 - i));
}

uint32_t amqp_u32(const void *at)
{
    const uint8_t *bytes = at;

    return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 |
           bytes[3];
}

static void put_uint(struct edge_buf *out, uint32_t n)
{
    char bytes[5] = {0x70};

    put_u32(bytes + 1, n);
    edge_ignore(edge_buf_append(out, bytes, sizeof bytes));
}

static void put_bool(struct edge_buf *out, bool yes)
{
    hub_amqp_value_write(out, &(struct hub_amqp_value){.kind = HUB_AMQP_BOOL, .i = yes});
}

static void put_text(struct edge_buf *out, const char *text)
{
    struct hub_amqp_value value = hub_amqp_text(text);

    hub_amqp_value_write(out, &value);
}

static void put_nulls(struct edge_buf *out, unsigned n)
{
    while (n-- > 0)
        hub_amqp_value_write(out, &null_value);
}

static size_t frame_open(struct edge_buf *out, uint8_t code, size_t *ret_list)
{
    static const char header[AMQP_HEADER] = {0, 0, 0, 0, 2, 0, 0, 0};
    size_t at = out->len;

    edge_ignore(edge_buf_append(out, header, sizeof header));
    hub_amqp_descriptor_write(out, code);
    *ret_list = hub_amqp_compound_open(out, 0xd0);
    return at;
}

void amqp_frame_close(struct edge_buf *out, size_t at)
{
    if (edge_buf_error(out) == 0)
        put_u32(out->data + at, (uint32_t) (out->len - at));
}

static void close_both(struct edge_buf *out, size_t at, size_t list, size_t count)
{
    hub_amqp_compound_close(out, list, count);
    amqp_frame_close(out, at);
}

void amqp_begin(struct edge_buf *out, const char *container, const char *host, uint32_t next)
{
    static const char header[AMQP_HEADER] = {'A', 'M', 'Q', 'P', 0, 1, 0, 0};
    size_t list, at;

    edge_ignore(edge_buf_append(out, header, sizeof header));
    at = frame_open(out, AMQP_OPEN, &list);
    put_text(out, container);
    put_text(out, host);
    put_uint(out, FRAME_MAX);
    close_both(out, at, list, 3);
    at = frame_open(out, AMQP_BEGIN, &list);
    put_nulls(out, 1);
    put_uint(out, next);
    put_uint(out, WINDOW);
    put_uint(out, WINDOW);
    close_both(out, at, list, 4);
}

static void put_terminus(struct edge_buf *out, uint8_t code, const char *address)
{
    size_t list;

    hub_amqp_descriptor_write(out, code);
    list = hub_amqp_compound_open(out, 0xd0);
    put_text(out, address);
    hub_amqp_compound_close(out, list, 1);
}

void amqp_attach(struct edge_buf *out, const char *name, uint32_t handle, bool sends,
                 const char *address, uint32_t count)
{
    size_t list, at = frame_open(out, AMQP_ATTACH, &list);

    put_text(out, name);
    put_uint(out, handle);
    put_bool(out, !sends);
    put_nulls(out, 2); /* settle modes: as it comes */
    put_terminus(out, 0x28, sends ? name : address);
    put_terminus(out, 0x29, sends ? address : name);
    put_nulls(out, 2);
    put_uint(out, count);
    close_both(out, at, list, 10);
}

void amqp_credit(struct edge_buf *out, uint32_t handle, uint32_t transfers, uint32_t count,
                 uint32_t credit)
{
    const uint32_t fields[] = {transfers, WINDOW, 0, WINDOW, handle, count, credit};
    size_t list, at = frame_open(out, AMQP_FLOW, &list);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(fields); i++)
        put_uint(out, fields[i]);
    close_both(out, at, list, EDGE_ARRAY_LEN(fields));
}

void amqp_accept(struct edge_buf *out, uint32_t first, uint32_t last)
{
    size_t list, at = frame_open(out, AMQP_DISPOSITION, &list);

    put_bool(out, true);
    put_uint(out, first);
    put_uint(out, last);
    put_bool(out, true);
    hub_amqp_descriptor_write(out, AMQP_ACCEPTED);
    edge_ignore(edge_buf_append(out, "\x45", 1)); /* an empty list */
    close_both(out, at, list, 5);
}

size_t amqp_transfer_open(struct edge_buf *out, uint32_t handle, uint32_t number)
{
    size_t list, at = frame_open(out, AMQP_TRANSFER, &list);
    char tag[6] = {(char) 0xa0, 4};

    put_uint(out, handle);
    put_uint(out, number);
    put_u32(tag + 2, number);
    edge_ignore(edge_buf_append(out, tag, sizeof tag));
    put_uint(out, 0);
    put_bool(out, false);
    hub_amqp_compound_close(out, list, 5);
    return at;
}

void amqp_renumber(char *frame, uint32_t number)
{
    put_u32(frame + AMQP_NUMBER_AT, number);
    put_u32(frame + TAG_AT, number);
}
