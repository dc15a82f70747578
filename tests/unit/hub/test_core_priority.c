/* What is on its way from disk goes before what is less urgent, and holds up nothing when it does
 * not come. Each test twice: to IoT Hub, and to a module's input. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "tests/unit/hub/core_house.h"
#include "tests/unit/hub/fault_files.h"
#include "tests/unit/test.h"

enum { FEW = 3, TTL_S = 5 };

static struct way {
    const char *into, *queue; /* of high */
    bool up;
} to_cloud = {"$upstream", "up/0/edge1/a", true},
  to_input = {"BrokeredEndpoint(\\\"/modules/b/inputs/x\\\")", "in/0/edge1/b/x", false};

struct scene {
    const struct way *way;
    struct house *house;
    struct person a, b; /* who sends, and who gets */
    char routes[1024];
};

static void make_routes(struct scene *s, unsigned ttl_s)
{
    (void) snprintf(s->routes, sizeof s->routes,
                    "{\"low\": \"FROM /messages/modules/a/outputs/low INTO %s\","
                    " \"high\": {\"route\": \"FROM /messages/modules/a/outputs/high INTO %s\","
                    " \"priority\": 0, \"timeToLiveSecs\": %u},"
                    " \"other\": {\"route\": \"FROM /messages/modules/a/outputs/other INTO "
                    "BrokeredEndpoint(\\\"/modules/b/inputs/other\\\")\", \"priority\": 0}}",
                    s->way->into, s->way->into, ttl_s);
    house_routes(s->house, s->routes, 0);
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);

    s->way = *state;
    s->house = house_open();
    s->house->files = &fault_files;
    make_routes(s, 0);
    person_open(s->house, &s->a, "a", false, 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;

    (void) fault_files_end();
    fault_files_hold(false);
    house_close(s->house);
    free(s);
    return 0;
}

static void send_all(struct scene *s, const char *output, unsigned n)
{
    unsigned before = s->a.sent;
    char body[20];

    for (unsigned i = 0; i < n; i++) {
        (void) snprintf(body, sizeof body, "%s %u", output, i);
        person_send(&s->a, output, body);
    }
    house_until(s->house, &s->a.sent, before + n);
}

/* What has arrived. */
static const unsigned *count(const struct scene *s)
{
    return s->way->up ? &s->house->cloud.nsends : &s->b.ngot;
}

static void assert_came(const struct scene *s, unsigned index, const char *output, unsigned number)
{
    char body[20];

    (void) snprintf(body, sizeof body, "%s %u", output, number);
    assert_true(index < *count(s));
    assert_string_equal(s->way->up ? s->house->cloud.sends[index].body : s->b.got[index].body,
                        body);
}

static void assert_all_came(const struct scene *s, unsigned first, const char *output, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_came(s, first + i, output, i);
}

static uint64_t waiting_high(const struct scene *s)
{
    return hub_queue_length(hub_store_queue(s->house->store, s->way->queue));
}

static void begin(struct scene *s)
{
    s->b.accepts = true;
    if (s->way->up) {
        house_online(s->house, true);
        return;
    }
    person_open(s->house, &s->b, "b", false, 0);
    assert_int_equal(person_want(&s->b, "x", true), 1);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
}

/* A hub has been started whose disk does not answer yet. What is on it can only be high; low comes
 * when it runs, and needs no disk. */
static void start(struct scene *s)
{
    house_restart(s->house);
    fault_files_hold(true);
    house_routes(s->house, s->routes, 0);
    person_open(s->house, &s->a, "a", false, 0);
    send_all(s, "low", FEW);
    begin(s);
    house_settle(s->house);
}

/* ... and waits for high. */
static void start_waiting(struct scene *s, unsigned high)
{
    house_online(s->house, false);
    send_all(s, "high", high);
    start(s);
    assert_int_equal(*count(s), 0);
}

static void assert_low_flows(struct scene *s)
{
    house_until(s->house, count(s), FEW);
    house_settle(s->house);
    assert_int_equal(*count(s), FEW);
    assert_all_came(s, 0, "low", FEW);
}

static void test_the_first_priority_goes_first_all_of_it(void **state)
{
    enum { MANY = 300 }; /* it is read in several goes */
    struct scene *s = *state;

    house_online(s->house, false);
    send_all(s, "low", FEW);
    start_waiting(s, MANY);
    fault_files_hold(false);
    house_until(s->house, count(s), MANY + 2 * FEW);
    assert_all_came(s, 0, "high", MANY);
    assert_all_came(s, MANY, "low", FEW);
    assert_all_came(s, MANY + FEW, "low", FEW);
    house_settle(s->house);
    house_balanced(s->house);
}

static void test_who_goes_meanwhile_finds_the_same_order(void **state)
{
    struct scene *s = *state;

    start_waiting(s, FEW);
    if (s->way->up)
        house_online(s->house, false);
    else
        person_close(&s->b);
    house_settle(s->house);
    begin(s);
    house_settle(s->house);
    assert_int_equal(*count(s), 0);
    fault_files_hold(false);
    house_until(s->house, count(s), 2 * FEW);
    assert_all_came(s, 0, "high", FEW);
    assert_all_came(s, FEW, "low", FEW);
}

/* What was waited for does not come */

static void test_cleared_holds_up_nothing(void **state)
{
    struct scene *s = *state;

    start_waiting(s, FEW);
    hub_queue_clear(hub_store_queue(s->house->store, s->way->queue), HUB_DROP_ROUTE);
    assert_low_flows(s); /* the disk has said nothing yet */
}

static void wait_until_expired(struct scene *s)
{
    int64_t end_ns = edge_wall_ns() + TTL_S * INT64_C(1000000000) + 200000000;

    while (edge_wall_ns() < end_ns)
        house_settle(s->house);
}

static void test_expired_holds_up_nothing(void **state)
{
    struct scene *s = *state;

    make_routes(s, TTL_S);
    start_waiting(s, FEW);
    wait_until_expired(s);
    hub_store_expire(s->house->store);
    assert_int_equal(waiting_high(s), 0);
    fault_files_hold(false);
    assert_low_flows(s);
}

static void test_expired_when_it_is_read_holds_up_nothing(void **state)
{
    enum { MANY = 2500 }; /* more than are passed over in one go */
    struct scene *s = *state;

    make_routes(s, TTL_S);
    start_waiting(s, MANY);
    wait_until_expired(s);
    assert_int_equal(waiting_high(s), MANY);
    fault_files_hold(false);
    assert_low_flows(s);
    assert_int_equal(house_ledger(s->house, "high").expired, MANY);
}

static void test_dropped_for_newer_ones_holds_up_nothing(void **state)
{
    struct hub_store_figures figures;
    struct scene *s = *state;

    start_waiting(s, FEW);
    hub_store_figures(s->house->store, &figures);
    hub_store_set_limit(s->house->store, figures.pending_bytes + 32, HUB_STORE_DROP_OLDEST);
    send_all(s, "other", FEW);
    assert_int_equal(waiting_high(s), 0);
    fault_files_hold(false);
    assert_low_flows(s);
    assert_int_equal(house_ledger(s->house, "high").dropped[HUB_DROP_LIMIT], FEW);
}

/* Each `high 0`, `high 1`, ... that is in a file. */
static unsigned damage(const char *path)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf file = EDGE_BUF_INIT(64 << 20);
    unsigned found = 0;
    FILE *out;

    assert_int_equal(edge_file_read(path, &file, NULL), 0);
    out = fopen(path, "r+");
    assert_non_null(out);
    for (size_t i = 0; i + 6 <= file.len; i++) {
        if (memcmp(file.data + i, "high ", 5) != 0)
            continue;
        assert_int_equal(fseek(out, (long) i, SEEK_SET), 0);
        assert_int_equal(fputc('H', out), 'H');
        found++;
    }
    assert_int_equal(fclose(out), 0);
    return found;
}

static unsigned damage_all(struct scene *s)
{
    DIR *dir = opendir(s->house->dir);
    struct dirent *entry;
    unsigned found = 0;
    char path[400];

    while (dir && (entry = readdir(dir))) {
        (void) snprintf(path, sizeof path, "%s/%s", s->house->dir, entry->d_name);
        if (strncmp(entry->d_name, "segment-", 8) == 0)
            found += damage(path);
    }
    if (dir)
        closedir(dir);
    return found;
}

static void test_damaged_holds_up_nothing(void **state)
{
    struct scene *s = *state;

    start_waiting(s, FEW);
    assert_int_equal(damage_all(s), FEW);
    fault_files_hold(false);
    assert_low_flows(s);
    assert_int_equal(house_ledger(s->house, "high").dropped[HUB_DROP_CORRUPT], FEW);
}

static void test_a_disk_that_fails_holds_up_nothing(void **state)
{
    struct scene *s = *state;

    start_waiting(s, FEW);
    fault_files_plan(FILE_READ, 1, 1000, -EIO);
    fault_files_hold(false);
    assert_low_flows(s);
    assert_int_equal(waiting_high(s), FEW);
    assert_true(fault_files_end() > 0);
    house_until(s->house, count(s), 2 * FEW); /* it is tried again */
    assert_all_came(s, FEW, "high", FEW);
    house_settle(s->house);
    house_balanced(s->house);
}

/* Inputs only */

static void test_unwanted_holds_up_nothing(void **state)
{
    struct scene *s = *state;

    send_all(s, "other", FEW);
    start(s);
    assert_low_flows(s);
}

static void test_what_becomes_unwanted_holds_up_nothing(void **state)
{
    struct scene *s = *state;

    send_all(s, "other", FEW);
    house_restart(s->house);
    fault_files_hold(true);
    house_routes(s->house, s->routes, 0);
    person_open(s->house, &s->a, "a", false, 0);
    send_all(s, "low", FEW);
    person_open(s->house, &s->b, "b", false, 0);
    assert_int_equal(person_want(&s->b, "x", true), 1);
    assert_int_equal(person_want(&s->b, "other", true), 2);
    person_subscribe(&s->b, EDGE_FEATURE_INPUTS, 0);
    house_settle(s->house);
    assert_int_equal(s->b.ngot, 0);
    assert_int_equal(person_want(&s->b, "other", false), 1);
    person_subscribe(&s->b, 0, 0);
    assert_low_flows(s);
}

#define BOTH(test)                                                                                 \
    cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, &to_cloud),                    \
        cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, &to_input)
#define INPUT(test) cmocka_unit_test_prestate_setup_teardown(test, setup, teardown, &to_input)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_the_first_priority_goes_first_all_of_it),
        BOTH(test_who_goes_meanwhile_finds_the_same_order),
        BOTH(test_cleared_holds_up_nothing),
        BOTH(test_expired_holds_up_nothing),
        BOTH(test_expired_when_it_is_read_holds_up_nothing),
        BOTH(test_dropped_for_newer_ones_holds_up_nothing),
        BOTH(test_damaged_holds_up_nothing),
        BOTH(test_a_disk_that_fails_holds_up_nothing),
        INPUT(test_unwanted_holds_up_nothing),
        INPUT(test_what_becomes_unwanted_holds_up_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
