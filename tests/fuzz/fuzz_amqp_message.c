/* Any bytes as an AMQP message: refused, or read, written, and read again the same. */
#include <string.h>

#include "common/json/json.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/message.h"
#include "tests/fuzz/fuzz.h"

static void again(const struct hub_amqp_message *m)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(4 << 20);
    struct edge_buf out = EDGE_BUF_INIT(4 << 20);
    struct hub_amqp_message same;

    fuzz_holds(hub_amqp_message_write(&out, m) == 0);
    fuzz_holds(hub_amqp_message_read(&arena, (struct edge_bytes){(uint8_t *) out.data, out.len},
                                     &same) == 0);
    fuzz_holds(same.nproperties == m->nproperties && same.nannotations == m->nannotations);
    fuzz_holds(same.message_id.kind == m->message_id.kind && same.message_id.i == m->message_id.i);
    fuzz_holds(same.body == HUB_AMQP_BODY_VALUE || same.data.len == m->data.len);
    edge_buf_fini(&out);
    hub_amqp_arena_fini(&arena);
}

/* A body that is not the bytes that came is JSON, which this project can read: but for a NUL. */
static void is_json(const struct edge_message *mapped)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    const char *text = (const char *) mapped->body;

    fuzz_holds(mapped->len > 0 && mapped->len <= EDGE_MESSAGE_MAX);
    fuzz_holds(memmem(text, mapped->len, "\\u0000", 6) ||
               edge_json_parse(text, mapped->len, &json, NULL) == 0);
    fuzz_holds(mapped->sys[EDGE_SYS_CONTENT_TYPE] && mapped->sys[EDGE_SYS_CONTENT_ENCODING]);
}

/* Without a copy it is the same message. */
static void borrow(const struct hub_amqp_message *m, const struct edge_message *copied)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(4 << 20);
    struct edge_message borrowed;

    fuzz_holds(hub_amqp_borrow(m, &arena, &borrowed, NULL) == 0);
    fuzz_holds(borrowed.len == copied->len &&
               (copied->len == 0 || memcmp(borrowed.body, copied->body, copied->len) == 0) &&
               borrowed.nproperties == copied->nproperties);
    hub_amqp_arena_fini(&arena);
}

static void map(const struct hub_amqp_message *m)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(4 << 20);
    struct hub_amqp_message back;
    struct edge_message mapped;

    if (hub_amqp_from_client(m, &mapped, NULL) == 0) {
        fuzz_holds(hub_amqp_to_client(&mapped, &arena, &back) == 0 && back.data.len == mapped.len);
        if (mapped.len != m->data.len ||
            (mapped.len > 0 && memcmp(mapped.body, m->data.data, mapped.len) != 0))
            is_json(&mapped);
        borrow(m, &mapped);
    }
    edge_message_fini(&mapped);
    hub_amqp_arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(4 << 20);
    struct hub_amqp_message message;
    struct edge_bytes bytes = {data, size}, inner;
    size_t at = 0;

    if (hub_amqp_message_read(&arena, bytes, &message) == 0) {
        again(&message);
        map(&message);
    }
    while (hub_amqp_batch_next(bytes, &at, &inner) == 0)
        fuzz_holds(at <= size && inner.len <= size);
    hub_amqp_arena_fini(&arena);
    return 0;
}
