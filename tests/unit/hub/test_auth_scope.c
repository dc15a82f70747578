/* How what is known comes, goes, and stays on disk. */
#include "tests/unit/hub/auth_house.h"

#include <stdio.h>
#include <stdlib.h>

#include "hub/auth/cache.h"

static void test_a_restart_with_no_cloud(void **state)
{
    (void) state;

    drop("d/m");
    assert_int_equal(refresh("d/m"), HUB_OK); /* a tombstone */
    close_auth();
    w.status = 0;
    w.ones = w.pages = 0;
    open_auth();
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_int_equal(come("edge/$edgeHub", "hub"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_REFUSED);
    assert_int_equal(come("ghost", "x"), HUB_UNAVAILABLE);
}

static unsigned documents, readable;
static void look_at(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    (void) arg;
    documents++;
    readable += memmem(data.data, data.len, "a2V5", 4) || memmem(data.data, data.len, "key1", 4) ||
                memmem(data.data, data.len, "deviceId", 8);
}

static void count_documents(void)
{
    documents = readable = 0;
    assert_int_equal(hub_store_each(w.store, "scope", look_at, NULL), 0);
}

static bool a_document_is_gone(void)
{
    count_documents();
    return documents == 0;
}

static bool four_documents(void)
{
    count_documents();
    return documents == 4;
}

static void test_what_is_on_disk_is_sealed(void **state)
{
    (void) state;

    run_until(four_documents);
    assert_int_equal(readable, 0);
}

/* As after the module was made anew. */
static void test_what_cannot_be_unsealed_is_asked_for_again(void **state)
{
    (void) state;

    run_until(four_documents);
    close_auth();
    open_vault();
    w.status = 0;
    w.pages = 0;
    open_auth();
    assert_int_equal(come("d", "key1"), HUB_UNAVAILABLE);
    run_until(a_document_is_gone);
    w.status = 200;
    hub_auth_online(w.auth);
    assert_int_equal(refresh(NULL), HUB_OK);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_who_leaves_the_scope_goes(void **state)
{
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
    drop("d/m");
    assert_int_equal(refresh(NULL), HUB_OK);
    assert_string_equal(w.changed, "d/m ");
    assert_int_equal(again("d/m"), HUB_REFUSED);
    assert_int_equal(again("d"), HUB_OK);
    add("d/m", "bTE=");
    assert_int_equal(refresh("d/m"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
}

static void count_lost(const struct edge_identity *who, void *arg)
{
    unsigned *count = arg;

    (void) who;
    (*count)++;
}

static void test_all_who_leave_at_once_are_told_of(void **state)
{
    enum { MANY = HUB_ABSENT_MAX + 500 }; /* more than are remembered */
    struct hub_entry entry = {0};
    struct hub_cache cache;
    unsigned lost = 0;

    (void) state;
    assert_int_equal(hub_cache_open(&cache, w.store, w.vault), 0);
    for (unsigned i = 0; i < MANY; i++) {
        struct hub_record *record;

        (void) snprintf(entry.who.device, sizeof entry.who.device, "leaf%u", i);
        record = hub_cache_put(&cache, &entry, 1);
        assert_non_null(record);
        record->proof = calloc(1, sizeof *record->proof);
    }
    hub_cache_sweep(&cache, 2);
    hub_cache_settle(&cache, 0, count_lost, &lost);
    assert_int_equal(lost, MANY);
    assert_int_equal(cache.absent.count, HUB_ABSENT_MAX);
    hub_cache_fini(&cache);
}

static void test_a_disabled_device_takes_its_modules_along(void **state)
{
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
    find("d")->disabled = true;
    assert_int_equal(refresh("d"), HUB_OK);
    assert_int_equal(strlen(w.changed), strlen("d d/m "));
    assert_true(strstr(w.changed, "d ") && strstr(w.changed, "d/m "));
    assert_int_equal(come("d/m", "m1"), HUB_REFUSED);
    find("d")->disabled = false;
    assert_int_equal(refresh("d"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
}

/* Our own token may be what is refused (a clock): only a list of all can say who has left. */
static void test_a_refusal_to_speak_closes_no_door(void **state)
{
    (void) state;

    w.status = 401;
    assert_int_equal(come("d", "guess"), HUB_REFUSED);
    assert_int_equal(refresh("d"), HUB_FAILED);
    assert_int_equal(refresh(NULL), HUB_FAILED);
    assert_int_equal(come("d", "key1"), HUB_OK);
    w.status = 500;
    assert_int_equal(refresh("d"), HUB_UNAVAILABLE);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

static void test_a_list_that_is_empty_or_endless_changes_nothing(void **state)
{
    (void) state;

    w.endless = true;
    assert_int_equal(refresh(NULL), HUB_FAILED);
    w.endless = false;
    memset(w.cloud, 0, sizeof w.cloud);
    assert_int_equal(refresh(NULL), HUB_FAILED);
    assert_int_equal(come("d", "key1"), HUB_OK);
    assert_int_equal(come("d/m", "m1"), HUB_OK);
}

/* What is asked for now may have happened after the pages that are on their way. */
static void test_a_refresh_begins_after_it_was_asked_for(void **state)
{
    unsigned before = w.pages;
    (void) state;

    hub_auth_refresh(w.auth, NULL, on_refreshed, NULL);
    add("late", "bGF0ZQ==");
    turn();
    assert_int_equal(refresh(NULL), HUB_OK); /* the first of both */
    w.refreshed = 0;
    run_until(is_refreshed);
    assert_int_equal(w.pages, before + 2 * CLOUD_MAX / PAGE);
}

static bool the_list_is_read(void)
{
    return w.pages == CLOUD_MAX / PAGE;
}

static bool d_has_changed(void)
{
    return w.changed[0] != '\0';
}

/* Nobody asks for it: a key that was taken away ends who had come by it. */
static void test_all_of_it_is_read_again_after_a_while(void **state)
{
    (void) state;

    close_auth();
    w.pages = 0;
    w.refresh_s = 1;
    open_auth();
    run_until(the_list_is_read);
    assert_int_equal(come("d", "key1"), HUB_OK);
    add("d", "a2V5Mg==");
    run_until(d_has_changed);
    assert_string_equal(w.changed, "d ");
    assert_int_equal(again("d"), HUB_REFUSED);
    assert_int_equal(w.ones, 0);
    assert_in_range(w.pages, CLOUD_MAX / PAGE + 1, 2 * CLOUD_MAX / PAGE);
}

static bool five_pages(void)
{
    return w.pages >= 1 + CLOUD_MAX / PAGE;
}

static void test_the_first_refresh_may_come_late(void **state)
{
    unsigned before = w.pages;
    (void) state;

    assert_int_equal(come("d", "key1"), HUB_UNAVAILABLE);
    w.status = 200;
    hub_auth_online(w.auth);
    hub_auth_online(w.auth); /* it is on its way */
    run_until(five_pages);
    turn();
    assert_int_equal(w.pages, before + CLOUD_MAX / PAGE);
    hub_auth_online(w.auth); /* fresh */
    assert_int_equal(w.pages, before + CLOUD_MAX / PAGE);
    assert_int_equal(come("d", "key1"), HUB_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define IN_HOUSE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_HOUSE(test_a_restart_with_no_cloud),
        IN_HOUSE(test_what_is_on_disk_is_sealed),
        IN_HOUSE(test_what_cannot_be_unsealed_is_asked_for_again),
        IN_HOUSE(test_who_leaves_the_scope_goes),
        IN_HOUSE(test_all_who_leave_at_once_are_told_of),
        IN_HOUSE(test_a_disabled_device_takes_its_modules_along),
        IN_HOUSE(test_a_refusal_to_speak_closes_no_door),
        IN_HOUSE(test_a_list_that_is_empty_or_endless_changes_nothing),
        IN_HOUSE(test_a_refresh_begins_after_it_was_asked_for),
        IN_HOUSE(test_all_of_it_is_read_again_after_a_while),
        cmocka_unit_test_setup_teardown(test_the_first_refresh_may_come_late, set_up_offline,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
