/* The lists in memory: what goes in comes out, in its order, in a few bytes. */
#include "tests/unit/test.h"

#include <malloc.h>

#include "hub/store/index.h"
#include "hub/store/oldest.h"
#include "hub/store/shared.h"

static uint32_t seed = 7;

static uint32_t random_number(uint32_t below)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % below;
}

static struct hub_entry entry_after(const struct hub_entry *before)
{
    uint64_t message = (before->id >> HUB_ENTRY_SHIFT) + 1 + random_number(1000);

    return (struct hub_entry){
        .id = message << HUB_ENTRY_SHIFT | (random_number(4) == 0 ? random_number(256) : 0),
        .size = random_number(512 * 1024),
        .route = (int) random_number(3),
        .expires_t = random_number(5) == 0 ? INT64_MAX : (int64_t) random_number(1u << 23) - 1000,
    };
}

static void assert_same(const struct hub_entry *a, const struct hub_entry *b)
{
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->size, b->size);
    assert_int_equal(a->route, b->route);
    assert_int_equal(a->expires_t, b->expires_t);
}

static void entries_come_out_as_they_went_in(void **state)
{
    enum { COUNT = 5000 };
    struct hub_entry *all = calloc(COUNT + 1, sizeof *all);
    struct hub_index index = {0};
    struct hub_entry got;
    int out = 1;
    (void) state;

    for (int i = 1; i <= COUNT; i++) {
        all[i] = entry_after(&all[i - 1]);
        hub_index_push(&index, &all[i]);
        while (random_number(3) == 0 && hub_index_pop(&index, &got))
            assert_same(&got, &all[out++]);
    }
    assert_int_equal(index.count, COUNT - out + 1);
    while (hub_index_pop(&index, &got))
        assert_same(&got, &all[out++]);
    assert_int_equal(out, COUNT + 1);
    assert_null(index.head.chunk);
    free(all);
}

static void a_mark_reads_ahead_of_the_head(void **state)
{
    struct hub_index index = {0};
    struct hub_index_mark mark;
    struct hub_entry got;
    (void) state;

    for (uint64_t i = 1; i <= 1000; i++)
        hub_index_push(&index, &(struct hub_entry){.id = i << HUB_ENTRY_SHIFT});
    mark = hub_index_head(&index);
    for (uint64_t i = 1; i <= 500; i++)
        assert_true(hub_index_next(&index, &mark, &got));
    for (int i = 0; i < 400; i++)
        assert_true(hub_index_pop(&index, &got));
    assert_true(hub_index_next(&index, &mark, &got));
    assert_int_equal(hub_entry_message(got.id), 501);
    assert_true(hub_index_peek(&index, &got));
    assert_int_equal(hub_entry_message(got.id), 401);
    hub_index_fini(&index);
}

static void an_entry_takes_about_five_bytes(void **state)
{
    enum { COUNT = 100000, QUEUES = 100 };
    static struct hub_index indexes[QUEUES];
    size_t before = mallinfo2().uordblks;
    (void) state;

    if (before == 0)
        skip(); /* a sanitizer's malloc does not count */
    for (uint64_t i = 1; i <= COUNT; i++)
        hub_index_push(&indexes[i % QUEUES],
                       &(struct hub_entry){.id = i << HUB_ENTRY_SHIFT,
                                           .size = 1000 + random_number(100),
                                           .expires_t = 10000000 + (int64_t) i / 1000});
    assert_in_range(mallinfo2().uordblks - before, COUNT, (size_t) COUNT * 7);
    for (size_t i = 0; i < QUEUES; i++)
        hub_index_fini(&indexes[i]);
}

static void shared_messages_are_counted_down(void **state)
{
    enum { COUNT = 3000 };
    static unsigned left[COUNT];
    struct hub_shared shared = {0};
    size_t held = 0;
    (void) state;

    for (unsigned i = 0; i < COUNT; i++) {
        left[i] = 2 + random_number(255);
        held += left[i];
        assert_int_equal(hub_shared_reserve(&shared, 1), 0);
        hub_shared_add(&shared, i + 1, left[i]);
    }
    while (held > 0) {
        unsigned i = random_number(COUNT);

        while (left[i] == 0)
            i = (i + 1) % COUNT;
        held--;
        assert_int_equal(hub_shared_drop(&shared, i + 1), --left[i]);
    }
    assert_int_equal(shared.used, 0);
    assert_int_equal(hub_shared_drop(&shared, 1), 0);
    hub_shared_fini(&shared);
}

static void the_oldest_comes_first(void **state)
{
    enum { COUNT = 200 };
    static struct hub_oldest_item items[COUNT];
    struct hub_oldest oldest = {0};
    uint64_t before = 0;
    (void) state;

    assert_int_equal(hub_oldest_reserve(&oldest, COUNT), 0);
    for (int i = 0; i < COUNT; i++)
        hub_oldest_offer(&oldest, &items[i], 1000 + random_number(10000));
    for (int i = 0; i < COUNT; i += 3)
        hub_oldest_offer(&oldest, &items[i], items[i].key - random_number(1000));
    for (int i = 0; i < 50; i++)
        hub_oldest_raise(&oldest, hub_oldest_top(&oldest)->key + random_number(9000));
    for (int i = 0; i < COUNT; i++) {
        assert_true(hub_oldest_top(&oldest)->key >= before);
        before = hub_oldest_top(&oldest)->key;
        hub_oldest_pop(&oldest);
    }
    assert_null(hub_oldest_top(&oldest));
    hub_oldest_fini(&oldest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_come_out_as_they_went_in),
        cmocka_unit_test(a_mark_reads_ahead_of_the_head),
        cmocka_unit_test(an_entry_takes_about_five_bytes),
        cmocka_unit_test(shared_messages_are_counted_down),
        cmocka_unit_test(the_oldest_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
