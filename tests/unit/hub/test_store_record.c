/* What is written is read back; what is broken is refused; segments together tell what waits. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "hub/store/catalog.h"
#include "hub/store/crc.h"
#include "hub/store/scan.h"

enum { SALT = 0x5a17 };

typedef uint32_t crc32c(uint32_t crc, const void *data, size_t len);

/* RFC 3720 B.4. */
static void check_crc32c(crc32c *sum)
{
    uint8_t bytes[32] = {0};

    assert_int_equal(sum(0, bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, sizeof bytes);
    assert_int_equal(sum(0, bytes, 32), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = i;
    assert_int_equal(sum(0, bytes, 32), 0x46dd794e);
    for (uint8_t i = 0; i < 32; i++)
        bytes[i] = (uint8_t) (31 - i);
    assert_int_equal(sum(0, bytes, 32), 0x113fdb5c);
    assert_int_equal(sum(0, "123456789", 9), 0xe3069283);
    assert_int_equal(sum(sum(0, "1234", 4), "56789", 5), 0xe3069283);
    assert_int_equal(sum(0, "", 0), 0);
}

static void crc32c_is_that_of_the_rfc(void **state)
{
    (void) state;
    check_crc32c(hub_crc32c);
    check_crc32c(hub_crc32c_by_table);
}

/* A segment in memory. */

struct memory {
    struct hub_source source;
    uint8_t bytes[64 * 1024];
};

static const uint8_t *view(struct hub_source *source, uint64_t at, size_t len)
{
    struct memory *memory = EDGE_CONTAINER_OF(source, struct memory, source);

    return at + len <= source->size ? memory->bytes + at : NULL;
}

static void put(struct hub_encoder *encoder, uint64_t message, const char *text, size_t ntargets)
{
    struct hub_body_head head = {
        .len = (uint32_t) strlen(text), .message = message, .enqueued_ns = 5};

    hub_encoder_put(encoder, &head, (const uint8_t *) text, ntargets, ntargets > 1);
    for (size_t i = 0; i < ntargets; i++) {
        struct hub_entry entry = {
            .id = message << HUB_ENTRY_SHIFT | (ntargets > 1 ? i + 1 : 0),
            .route = 7,
            .expires_t = i ? INT64_MAX : -3,
        };

        hub_encoder_target(encoder, &entry, 4 + i);
    }
}

static void names(struct hub_encoder *encoder)
{
    hub_encoder_queue(encoder, 4, "four");
    hub_encoder_queue(encoder, 5, "five");
    hub_encoder_route(encoder, 7, "seven");
}

static void begin(struct memory *memory)
{
    struct hub_segment_head head = {
        .version = HUB_LOG_VERSION, .id = 1, .last_id = 1, .salt = SALT};

    hub_segment_head_write(&head, memory->bytes);
    memory->source = (struct hub_source){.view = view, .size = HUB_SEGMENT_HEAD};
}

/* @return bytes of groups there are now */
static uint64_t add(struct memory *memory, struct hub_encoder *encoder)
{
    uint8_t *end = memory->bytes + memory->source.size;

    assert_int_equal(encoder->failed, 0);
    memcpy(end, encoder->out, encoder->len);
    if (encoder->bodies_len > 0)
        memcpy(end + encoder->len, encoder->bodies, encoder->bodies_len);
    memory->source.size += hub_encoder_size(encoder);
    hub_encoder_reset(encoder);
    return memory->source.size - HUB_SEGMENT_HEAD;
}

/* Three groups: 10 and 11; 12 for two; gone is 10, and one target of 12. */
static void make(struct memory *memory, uint64_t ends[3])
{
    struct hub_encoder encoder = {0};
    struct hub_ledger ledger = {.in = 4, .delivered = 2};

    begin(memory);
    hub_encoder_begin(&encoder);
    names(&encoder);
    put(&encoder, 10, "ten", 1);
    put(&encoder, 11, "eleven", 1);
    hub_encoder_end(&encoder, SALT, 1, 12);
    ends[0] = add(memory, &encoder);
    hub_encoder_begin(&encoder);
    put(&encoder, 12, "twelve", 2);
    hub_encoder_end(&encoder, SALT, 2, 13);
    ends[1] = add(memory, &encoder);
    hub_encoder_begin(&encoder);
    hub_encoder_gone(&encoder, 12 << HUB_ENTRY_SHIFT | 2, 1, false);
    hub_encoder_gone(&encoder, 10 << HUB_ENTRY_SHIFT, 1, true);
    names(&encoder);
    hub_encoder_ledger(&encoder, 7, &ledger);
    hub_encoder_end(&encoder, SALT, 3, 20);
    ends[2] = add(memory, &encoder);
    hub_encoder_fini(&encoder);
}

static char found_text[400];

static int on_name(const char *name, void *arg)
{
    (void) arg;
    return name[0];
}

static int on_entry(const struct hub_entry *entry, uint32_t queue, void *arg)
{
    size_t len = strlen(found_text);

    (void) arg;
    (void) snprintf(found_text + len, sizeof found_text - len, "%d.%d>%c/%c ",
                    (int) hub_entry_message(entry->id), (int) (entry->id & HUB_ENTRY_MASK),
                    (char) queue, (char) entry->route);
    return 0;
}

static void on_ledger(int route, const struct hub_ledger *ledger, void *arg)
{
    size_t len = strlen(found_text);

    (void) arg;
    (void) snprintf(found_text + len, sizeof found_text - len, "%c:%d-%d ", route, (int) ledger->in,
                    (int) ledger->delivered);
}

static const char *scan(struct hub_scan_segment *segments, size_t count, uint64_t *ret_next)
{
    static const struct hub_scan_found found = {on_name, on_name, on_entry, on_ledger, NULL};
    struct hub_gone_set gone;

    found_text[0] = '\0';
    assert_int_equal(hub_scan_gone(segments, count, &gone, ret_next), 0);
    assert_int_equal(hub_scan_waiting(segments, count, &gone, &found), 0);
    hub_gone_set_fini(&gone);
    for (size_t i = 0; i < count; i++)
        hub_catalog_fini(&segments[i].catalog);
    return found_text;
}

static void what_waits_is_told(void **state)
{
    static struct memory memory;
    struct hub_scan_segment segment = {.source = &memory.source, .salt = SALT, .limit = UINT64_MAX};
    uint64_t ends[3];
    uint64_t next;
    (void) state;

    make(&memory, ends);
    assert_string_equal(scan(&segment, 1, &next), "11.0>f/s 12.1>f/s s:4-2 ");
    assert_int_equal(next, 20);
    assert_false(segment.damaged);
    assert_int_equal(segment.end, HUB_SEGMENT_HEAD + ends[2]);
    assert_int_equal(hub_walk_tail(&memory.source, SALT), segment.end);
}

static void every_cut_ends_at_a_group(void **state)
{
    static struct memory memory;
    uint64_t ends[3];
    (void) state;

    make(&memory, ends);
    for (uint64_t size = HUB_SEGMENT_HEAD; size < HUB_SEGMENT_HEAD + ends[2]; size++) {
        uint64_t whole = size >= HUB_SEGMENT_HEAD + ends[1]   ? ends[1]
                         : size >= HUB_SEGMENT_HEAD + ends[0] ? ends[0]
                                                              : 0;

        memory.source.size = size;
        assert_int_equal(hub_walk_tail(&memory.source, SALT), HUB_SEGMENT_HEAD + whole);
    }
}

/* Not even in the bodies of the last group. */
static void no_flipped_bit_goes_unseen(void **state)
{
    static struct memory memory;
    uint64_t ends[3];
    (void) state;

    make(&memory, ends);
    memory.source.size = HUB_SEGMENT_HEAD + ends[1];
    for (uint64_t at = HUB_SEGMENT_HEAD; at < memory.source.size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            struct hub_scan_segment segment = {.source = &memory.source,
                                               .salt = SALT,
                                               .limit = UINT64_MAX,
                                               .told = memory.source.size};
            bool in_first = at < HUB_SEGMENT_HEAD + ends[0];
            uint64_t next;
            uint64_t tail;

            memory.bytes[at] ^= (uint8_t) (1 << bit);
            tail = hub_walk_tail(&memory.source, SALT);
            assert_true(in_first || tail == HUB_SEGMENT_HEAD + ends[0]);
            (void) scan(&segment, 1, &next);
            memory.bytes[at] ^= (uint8_t) (1 << bit);
        }
    }
}

static void bytes_of_another_salt_are_nothing(void **state)
{
    static struct memory memory;
    uint64_t ends[3];
    (void) state;

    make(&memory, ends);
    assert_int_equal(hub_walk_tail(&memory.source, SALT + 1), HUB_SEGMENT_HEAD);
}

static void a_body_with_a_bit_flipped_is_not_whole(void **state)
{
    struct hub_encoder encoder = {0};
    struct hub_body_head head;
    uint8_t *in;
    (void) state;

    hub_encoder_begin(&encoder);
    put(&encoder, 99, "a body of some bytes", 1);
    hub_encoder_end(&encoder, SALT, 1, 100);
    in = encoder.bodies;
    assert_true(hub_body_head_read(in, &head) && hub_body_is_whole(in, &head));
    assert_int_equal(head.message, 99);
    assert_int_equal(head.enqueued_ns, 5);
    for (size_t bit = 0; bit < 8 * encoder.bodies_len; bit++) {
        in[bit / 8] ^= (uint8_t) (1 << bit % 8);
        assert_false(hub_body_head_read(in, &head) && head.len <= 20 &&
                     hub_body_is_whole(in, &head));
        in[bit / 8] ^= (uint8_t) (1 << bit % 8);
    }
    hub_encoder_fini(&encoder);
}

static void a_message_is_found_from_the_mark_before_it(void **state)
{
    struct hub_catalog catalog = {0};
    (void) state;

    for (uint64_t i = 0; i < 10000; i++)
        hub_catalog_add(&catalog, 100 + 3 * i, 64 + 1048 * i);
    assert_true(catalog.nmarks < 700);
    assert_null(hub_catalog_find(&catalog, 99));
    assert_null(hub_catalog_find(&catalog, 100 + 30000));
    for (uint64_t i = 0; i < 10000; i++) {
        const struct hub_mark *mark = hub_catalog_find(&catalog, 100 + 3 * i);

        assert_true(mark->message <= 100 + 3 * i && mark->at <= 64 + 1048 * i);
        assert_true(64 + 1048 * i - mark->at < HUB_MARK_BYTES + 1048);
        assert_true(hub_live_has(&catalog.live, 100 + 3 * i));
        assert_false(hub_live_has(&catalog.live, 101 + 3 * i));
    }
    for (uint64_t i = 0; i < 10000; i += 2)
        assert_true(hub_live_remove(&catalog.live, 100 + 3 * i));
    assert_false(hub_live_remove(&catalog.live, 100));
    assert_int_equal(catalog.live.count, 5000);
    hub_catalog_fini(&catalog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_is_that_of_the_rfc),
        cmocka_unit_test(what_waits_is_told),
        cmocka_unit_test(every_cut_ends_at_a_group),
        cmocka_unit_test(no_flipped_bit_goes_unseen),
        cmocka_unit_test(bytes_of_another_salt_are_nothing),
        cmocka_unit_test(a_body_with_a_bit_flipped_is_not_whole),
        cmocka_unit_test(a_message_is_found_from_the_mark_before_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
