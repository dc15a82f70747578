/* Sessions: kept, taken over, expired, limited. */
#include "common/base/clock.h"
#include "tests/unit/hub/core_house.h"
#include "tests/unit/test.h"

static int setup(void **state)
{
    *state = house_open();
    return 0;
}

static int teardown(void **state)
{
    house_close(*state);
    return 0;
}

enum { ALL = EDGE_FEATURE_INPUTS | EDGE_FEATURE_DESIRED | EDGE_FEATURE_TWIN_RES };

static void test_a_kept_session_comes_back_with_what_it_was_subscribed_to(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    assert_int_equal(a.features, 0);
    person_subscribe(&a, ALL | EDGE_FEATURE_METHODS, 0);
    person_subscribe(&a, 0, EDGE_FEATURE_METHODS);
    person_close(&a);
    person_open(house, &a, "a", true, HUB_RESUMED);
    assert_int_equal(a.features, ALL);
}

static void test_a_kept_session_survives_the_hub(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    person_subscribe(&a, ALL, 0);
    house_restart(house);
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.why, HUB_UNAVAILABLE);
    person_open(house, &a, "a", true, HUB_RESUMED);
    assert_int_equal(a.features, ALL);
}

static void count_kept(const char *name, struct edge_bytes data, void *arg)
{
    (void) name;
    (void) data;
    ++*(int *) arg;
}

/* What is on disk at this moment: a hub that is killed now comes back with that. */
static int kept_on_disk(struct house *house)
{
    int count = 0;

    assert_int_equal(hub_store_each(house->store, "session", count_kept, &count), 0);
    return count;
}

static void test_a_kept_session_is_forgotten_on_disk_before_that_is_told(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    person_subscribe(&a, ALL, 0);
    person_close(&a);
    assert_int_equal(kept_on_disk(house), 1);
    person_open(house, &a, "a", false, HUB_FORGETTING);
    person_subscribe(&a, 0, 0);
    assert_int_equal(kept_on_disk(house), 0);
    person_close(&a);
    person_open(house, &a, "a", false, 0);
}

static void test_a_clean_session_forgets_the_kept_one(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    person_subscribe(&a, ALL, 0);
    person_close(&a);
    person_open(house, &a, "a", false, HUB_FORGETTING);
    assert_int_equal(a.features, 0);
    person_subscribe(&a, EDGE_FEATURE_DESIRED, 0);
    house_settle(house);
    house_restart(house);
    person_open(house, &a, "a", true, 0);
    assert_int_equal(a.features, 0);
}

static void test_the_control_plane_hears_of_a_session(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    person_subscribe(&a, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS, 0);
    house_settle(house);
    assert_int_equal(house_mocks.desired, 1);
    assert_int_equal(house_mocks.methods, 1);
    assert_int_equal(house->cloud.wanted, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    person_close(&a);
    assert_int_equal(house_mocks.gone, 1);
    person_open(house, &a, "a", true, HUB_RESUMED);
    assert_int_equal(house_mocks.desired, 1); /* not before open has returned */
    house_settle(house);
    assert_int_equal(house_mocks.desired, 2);
    assert_int_equal(house_mocks.methods, 2);
    assert_int_equal(house->cloud.wanted, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    assert_true(house_mocks.reported >= 3);
}

static void test_a_client_that_comes_back_soon_is_no_news_for_iot_hub(void **state)
{
    const unsigned features = EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS;
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", false, 0);
    person_subscribe(&a, features | EDGE_FEATURE_C2D, 0);
    house_settle(house);
    assert_int_equal(house->cloud.wishes, 1);
    person_close(&a);
    house_settle(house);
    assert_int_equal(house->cloud.wanted, features); /* nobody would settle a message */
    assert_int_equal(house->cloud.wishes, 2);
    person_open(house, &a, "a", false, 0);
    house_settle(house);
    person_subscribe(&a, EDGE_FEATURE_METHODS, 0);
    house_settle(house);
    person_subscribe(&a, EDGE_FEATURE_DESIRED, 0);
    house_settle(house);
    assert_int_equal(house->cloud.wishes, 2);
    person_subscribe(&a, EDGE_FEATURE_C2D, 0);
    house_settle(house);
    assert_int_equal(house->cloud.wanted, features | EDGE_FEATURE_C2D);
    assert_int_equal(house->cloud.wishes, 3);
}

static void test_what_nobody_wants_any_more_is_told_later(void **state)
{
    struct house *house = *state;
    struct person a = {0}, b = {0};
    int64_t began;

    house->settings.linger_ms = 100;
    house_restart(house);
    house_online(house, true);
    person_open(house, &a, "a", false, 0);
    person_subscribe(&a, EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS, 0);
    person_open(house, &b, "b", false, 0);
    person_subscribe(&b, EDGE_FEATURE_DESIRED, 0);
    house_settle(house);
    assert_int_equal(house->cloud.wishes, 2);
    began = edge_now_ms();
    person_close(&b);
    person_subscribe(&a, 0, EDGE_FEATURE_METHODS);
    house_until(house, &house->cloud.wishes, 4);
    assert_true(edge_now_ms() - began >= 90);
    assert_null(hub_client_find(house->core, &(struct edge_identity){"edge1", "b"}));
    person_close(&a);
    house_until(house, &house->cloud.wishes, 5);
    assert_int_equal(house->cloud.wanted, 0);
}

static void test_what_a_kept_session_had_is_not_wanted_while_it_is_away(void **state)
{
    struct house *house = *state;
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    person_subscribe(&a, EDGE_FEATURE_DESIRED, 0);
    house_restart(house);
    house_online(house, true);
    house_settle(house);
    assert_int_equal(house->cloud.wanted, 0);
}

static void test_a_second_connection_takes_over(void **state)
{
    struct house *house = *state;
    struct person old = {0}, new = {0};

    person_open(house, &old, "a", true, 0);
    person_subscribe(&old, ALL, 0);
    person_open(house, &new, "a", true, HUB_RESUMED);
    assert_int_equal(old.closed, 1);
    assert_int_equal(old.why, HUB_CONFLICT);
    assert_int_equal(new.features, ALL);
    assert_int_equal(house->core->sessions, 1);
    assert_int_equal(new.closed, 0);
}

static void test_an_answer_after_the_end_says_so(void **state)
{
    struct house *house = *state;
    struct person old = {0}, new = {0};

    house_routes(house, "{\"r\": \"FROM /messages INTO $upstream\"}", 0);
    person_open(house, &old, "a", true, 0);
    person_send(&old, NULL, "1");
    person_open(house, &new, "a", true, HUB_RESUMED);
    house_until(house, &old.gone, 1);
    house_until(house, &house->cloud.accepted, 1); /* it was taken all the same */
}

static void test_a_session_expires_to_the_second(void **state)
{
    struct house *house = *state;
    int64_t until_s = edge_wall_ns() / 1000000000 + 2;
    struct person a = {0};

    assert_int_equal(person_try(house, &a, "a", true, HUB_MQTT, until_s), 0);
    house_until(house, &a.closed, 1);
    assert_int_equal(a.why, HUB_REFUSED);
    assert_int_equal(edge_wall_ns() / 1000000000, until_s);
    assert_int_equal(house->core->sessions, 0);
}

static void test_a_renewed_token_keeps_it_open(void **state)
{
    struct house *house = *state;
    int64_t now_s = edge_wall_ns() / 1000000000;
    struct hub_grant grant = {HUB_OK, now_s + 2, ""};
    struct person a = {0}, b = {0};

    assert_int_equal(person_try(house, &a, "a", true, HUB_MQTT, now_s + 1), 0);
    assert_int_equal(person_try(house, &b, "b", true, HUB_MQTT, now_s + 1), 0);
    house->core->backend.ops->extend(a.session, &grant);
    house_until(house, &b.closed, 1);
    assert_int_equal(a.closed, 0);
    house_until(house, &a.closed, 1);
    assert_int_equal(edge_wall_ns() / 1000000000, now_s + 2);
}

static void test_clients_have_a_limit_that_a_take_over_does_not_count_in(void **state)
{
    struct house *house = *state;
    struct person a = {0}, b = {0}, c = {0};

    house->settings.max_clients = 2;
    house_restart(house);
    person_open(house, &a, "a", true, 0);
    person_open(house, &b, "b", true, 0);
    person_open(house, &c, "c", true, EDGE_EUNAVAILABLE);
    assert_int_equal(a.closed + b.closed, 0);
    person_open(house, &b, "b", true, HUB_RESUMED);
    person_close(&b);
    person_open(house, &c, "c", true, 0);
}

static void test_a_changed_identity_is_looked_at_again(void **state)
{
    struct house *house = *state;
    const struct edge_identity who = {"edge1", "a"};
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    hub_core_identity_changed(house->core, &who);
    assert_int_equal(a.closed, 0);
    house_mocks.again = HUB_REFUSED;
    hub_core_identity_changed(house->core, &who);
    assert_int_equal(a.closed, 1);
    assert_int_equal(a.why, HUB_REFUSED);
    assert_int_equal(house_mocks.forgotten, 0); /* disabled, perhaps */
    person_open(house, &a, "a", true, HUB_RESUMED);
}

static void test_who_iot_hub_refuses_is_looked_at_while_it_is_connected(void **state)
{
    struct house *house = *state;
    const struct edge_identity who = {"edge1", "a"};
    struct person a = {0};

    hub_core_events()->refused(&who, HUB_REFUSED, "disabled", house->core);
    assert_int_equal(house_mocks.looked, 0);
    person_open(house, &a, "a", true, 0);
    hub_core_events()->refused(&who, HUB_REFUSED, "disabled", house->core);
    assert_int_equal(house_mocks.looked, 1);
    assert_int_equal(a.closed, 0); /* hub/auth says whether it is so */
}

static void test_a_deleted_identity_leaves_nothing(void **state)
{
    struct house *house = *state;
    const struct edge_identity who = {"edge1", "a"};
    struct person a = {0};

    person_open(house, &a, "a", true, 0);
    person_subscribe(&a, ALL, 0);
    house_mocks.again = HUB_REFUSED;
    house_mocks.deleted = true;
    hub_core_identity_changed(house->core, &who);
    assert_int_equal(a.closed, 1);
    assert_int_equal(house_mocks.forgotten, 1);
    house_settle(house);
    house_restart(house);
    person_open(house, &a, "a", true, 0);
    assert_int_equal(a.features, 0);
}

static void on_grant(const struct hub_grant *grant, void *arg)
{
    *(enum hub_result *) arg = grant->result;
}

static void test_a_refused_client_is_counted_under_a_name_that_is_known(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1024 * 1024);
    struct house *house = *state;
    struct hub_claim claim = {.who = {"made-up", ""}};
    enum hub_result result = HUB_OK;

    house_mocks.granted = HUB_REFUSED;
    house->core->backend.ops->authenticate(house->core, &claim, on_grant, &result);
    assert_int_equal(result, HUB_REFUSED);
    hub_core_metrics(house->core, &text);
    assert_non_null(
        strstr(text.data, "ms_telemetry=\"True\",id=\"unknown\",reason=\"refused\"} 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_kept_session_comes_back_with_what_it_was_subscribed_to, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_kept_session_survives_the_hub, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_kept_session_is_forgotten_on_disk_before_that_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clean_session_forgets_the_kept_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_control_plane_hears_of_a_session, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_client_that_comes_back_soon_is_no_news_for_iot_hub,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_nobody_wants_any_more_is_told_later, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_a_kept_session_had_is_not_wanted_while_it_is_away,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_second_connection_takes_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_answer_after_the_end_says_so, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_session_expires_to_the_second, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_renewed_token_keeps_it_open, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_clients_have_a_limit_that_a_take_over_does_not_count_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_changed_identity_is_looked_at_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_who_iot_hub_refuses_is_looked_at_while_it_is_connected,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_deleted_identity_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_refused_client_is_counted_under_a_name_that_is_known,
                                        setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
