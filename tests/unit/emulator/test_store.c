#include "tests/unit/test.h"

#include <stdio.h>
#include <unistd.h>

#include "tests/emulator/store/store.h"

struct fixture {
    struct edge_loop *loop;
    struct store *store;
    char folder[32];
    char path[64];
};

static void reopen(struct fixture *f)
{
    struct edge_err err = {0};

    f->store = store_close(f->store);
    if (store_open(f->loop, f->path, &f->store, &err) < 0)
        fail_msg("%s", err.text);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    strcpy(f->folder, "/tmp/store-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof f->path, "%s/state.db", f->folder);
    assert_int_equal(edge_loop_create(&f->loop), 0);
    reopen(f);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    edge_loop_destroy(f->loop);
    unlink(f->path);
    rmdir(f->folder);
    free(f);
    return 0;
}

static void assert_body(struct fixture *f, const char *a, const char *b, const char *wanted)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf body = EDGE_BUF_INIT(1000);

    assert_int_equal(store_get(f->store, STORE_TWINS, a, b, &body), wanted ? 0 : STORE_ABSENT);
    if (wanted)
        assert_string_equal(body.data, wanted);
}

static void test_documents_outlive_the_store(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(store_put(f->store, STORE_TWINS, "d", "m", "one"), 0);
    assert_int_equal(store_put(f->store, STORE_TWINS, "d", "m", "two"), 0);
    assert_int_equal(store_put(f->store, STORE_TWINS, "d", "", "device"), 0);
    reopen(f);
    assert_body(f, "d", "m", "two");
    assert_body(f, "d", "", "device");
    assert_int_equal(store_del(f->store, STORE_TWINS, "d", "m"), 0);
    assert_body(f, "d", "m", NULL);
}

static void test_documents_are_walked_in_order(void **state)
{
    struct fixture *f = *state;
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    char seen[64] = "";

    assert_int_equal(store_put(f->store, STORE_IDENTITIES, "b", "", "3"), 0);
    assert_int_equal(store_put(f->store, STORE_IDENTITIES, "a", "m", "2"), 0);
    assert_int_equal(store_put(f->store, STORE_IDENTITIES, "a", "", "1"), 0);
    for (;;) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf body = EDGE_BUF_INIT(1000);

        if (store_next(f->store, STORE_IDENTITIES, a, b, &body) != 0)
            break;
        strcat(seen, body.data);
    }
    assert_string_equal(seen, "123");
}

/* Waiting */

struct waiter {
    struct store_wait wait;
    struct fixture *f;
    int order;
    bool last;
};
static int called;

static void on_safe(int rc, struct store_wait *wait)
{
    struct waiter *w = EDGE_CONTAINER_OF(wait, struct waiter, wait);

    assert_int_equal(rc, 0);
    w->order = ++called;
    if (w->last)
        edge_loop_stop(w->f->loop);
}

static void test_waits_are_called_in_order_after_the_commit(void **state)
{
    struct fixture *f = *state;
    struct waiter first = {.f = f}, dropped = {.f = f}, second = {.f = f, .last = true};

    called = 0;
    assert_int_equal(store_put(f->store, STORE_META, "k", "", "v"), 0);
    store_wait(f->store, &first.wait, on_safe);
    store_wait(f->store, &dropped.wait, on_safe);
    store_wait(f->store, &second.wait, on_safe);
    store_unwait(&dropped.wait);
    assert_int_equal(called, 0);
    edge_loop_run(f->loop);
    assert_int_equal(first.order, 1);
    assert_int_equal(dropped.order, 0);
    assert_int_equal(second.order, 2);
}

/* Queues */

static int64_t push(struct fixture *f, const char *queue, const char *head, int64_t expires_ns)
{
    struct store_item item = {.head = head, .expires_ns = expires_ns};
    int64_t id = 0;

    assert_int_equal(store_push(f->store, queue, &item, &id), 0);
    return id;
}

static void test_a_locked_message_is_passed_over_until_its_lock_ends(void **state)
{
    struct fixture *f = *state;
    struct store_item item;
    int64_t first = push(f, "q", "1", INT64_MAX);

    push(f, "q", "2", INT64_MAX);
    push(f, "other", "3", INT64_MAX);
    assert_int_equal(store_peek(f->store, "q", 100, 0, &item), 0);
    assert_int_equal(item.id, first);
    item.locked_ns = 200;
    item.deliveries = 1;
    strcpy(item.lock, "token");
    assert_int_equal(store_mark(f->store, &item), 0);
    assert_int_equal(store_peek(f->store, "q", 100, 0, &item), 0);
    assert_string_equal(item.head, "2");
    assert_int_equal(store_find(f->store, "q", "token", 0, &item), 0);
    assert_int_equal(item.deliveries, 1);
    assert_int_equal(store_unlock(f->store, NULL, 199), 0);
    assert_int_equal(store_find(f->store, "q", "token", 0, &item), 0);
    assert_int_equal(store_unlock(f->store, NULL, 200), 0);
    assert_int_equal(store_find(f->store, "q", "token", 0, &item), STORE_ABSENT);
    assert_int_equal(store_peek(f->store, "q", 100, 0, &item), 0);
    assert_int_equal(item.id, first);
}

static void test_expired_messages_are_found_with_their_queue(void **state)
{
    struct fixture *f = *state;
    struct store_item item;
    const char *queue;
    int64_t due = 0;
    int64_t count = 0;

    push(f, "q", "late", 500);
    push(f, "r", "soon", 300);
    assert_int_equal(store_due(f->store, &due), 0);
    assert_int_equal(due, 300);
    assert_int_equal(store_expired(f->store, 299, &item, &queue), STORE_ABSENT);
    assert_int_equal(store_expired(f->store, 300, &item, &queue), 0);
    assert_string_equal(queue, "r");
    assert_int_equal(store_drop(f->store, item.id), 0);
    assert_int_equal(store_queued(f->store, "r", &count), 0);
    assert_int_equal(count, 0);
}

/* Telemetry */

static void test_events_are_numbered_kept_and_trimmed(void **state)
{
    struct fixture *f = *state;
    struct store_range range;
    struct store_event event;
    int64_t from = 0;

    for (int i = 0; i < 600; i++) {
        event = (struct store_event){.head = "{}", .enqueued_ns = 1000 + i};
        assert_int_equal(store_append(f->store, 1, 100, &event), 0);
        assert_int_equal(event.sequence, i);
    }
    reopen(f);
    assert_int_equal(store_event_range(f->store, 1, &range), 0);
    assert_int_equal(range.last, 599);
    assert_true(range.first > 300 && range.first <= 500);
    assert_int_equal(store_event(f->store, 1, 0, &event), 0);
    assert_int_equal(event.sequence, range.first);
    assert_int_equal(store_event_since(f->store, 1, 1590, &from), 0);
    assert_int_equal(from, 590);
    assert_int_equal(store_event_since(f->store, 1, 9999, &from), 0);
    assert_int_equal(from, 600);
    assert_int_equal(store_event_range(f->store, 0, &range), 0);
    assert_int_equal(range.last, -1);
}

static void test_a_second_opener_is_refused(void **state)
{
    struct fixture *f = *state;
    struct store *second = NULL;
    struct edge_err err = {0};

    assert_int_equal(store_open(f->loop, f->path, &second, &err), EDGE_ESTORE);
    assert_non_null(strstr(err.text, "another emulator"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_documents_outlive_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_documents_are_walked_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waits_are_called_in_order_after_the_commit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_locked_message_is_passed_over_until_its_lock_ends,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_expired_messages_are_found_with_their_queue, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_events_are_numbered_kept_and_trimmed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_second_opener_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
