/* Cloud-to-device messages: to who listens, settled as the client settles. */
#include "tests/unit/hub/mock_core.h"
#include "tests/unit/test.h"

#define LEAF "leaf"

static int setup(void **state)
{
    *state = mock_open();
    mock_online(*state, true);
    return 0;
}

static int teardown(void **state)
{
    mock_close(*state);
    return 0;
}

static void message(struct mock_client *client, const char *body, uint64_t lock)
{
    struct edge_message m = {0};

    assert_int_equal(edge_message_set_body(&m, body, strlen(body)), 0);
    hub_c2d_message(client->client, &m, lock);
    edge_message_fini(&m);
}

static void outcomes_go_to_iot_hub(void **state)
{
    static const enum hub_outcome outcomes[] = {HUB_ACCEPTED, HUB_REJECTED, HUB_RELEASED};
    struct mock *mock = *state;
    struct mock_client *leaf = mock_connect(mock, LEAF, EDGE_FEATURE_C2D, false);

    for (unsigned i = 0; i < 3; i++)
        message(leaf, i == 0 ? "a" : i == 1 ? "b" : "c", 70 + i);
    assert_int_equal(leaf->ngot, 3);
    assert_string_equal(leaf->got[1], "b");
    assert_int_equal(mock_unseen(mock, MOCK_SETTLE, LEAF), 0); /* not before the client does */
    for (unsigned i = 3; i-- > 0;) {
        struct mock_ask *ask;

        assert_true(hub_c2d_settle(leaf->client, leaf->locks[i], outcomes[i]));
        ask = mock_asked(mock, MOCK_SETTLE, LEAF);
        assert_int_equal(ask->lock, 70 + i);
        assert_int_equal(ask->outcome, outcomes[i]);
        assert_false(hub_c2d_settle(leaf->client, leaf->locks[i], outcomes[i]));
    }
}

static void who_does_not_listen_gets_and_settles_nothing(void **state)
{
    struct mock *mock = *state;
    struct mock_client *leaf = mock_connect(mock, LEAF, EDGE_FEATURE_DESIRED, false);

    message(leaf, "a", 1);
    assert_int_equal(leaf->ngot, 0);
    assert_int_equal(mock_unseen(mock, MOCK_SETTLE, LEAF), 0);
    assert_false(hub_c2d_settle(leaf->client, 1, HUB_ACCEPTED));
}

static void what_a_session_has_not_settled_is_released_at_its_end(void **state)
{
    struct mock *mock = *state;
    struct mock_client *leaf = mock_connect(mock, LEAF, EDGE_FEATURE_C2D, true);
    struct mock_ask *ask;
    uint64_t lock;

    message(leaf, "a", 9);
    lock = leaf->locks[0];
    mock_disconnect(leaf);
    ask = mock_asked(mock, MOCK_SETTLE, LEAF);
    assert_int_equal(ask->lock, 9);
    assert_int_equal(ask->outcome, HUB_RELEASED);
    leaf = mock_connect(mock, LEAF, EDGE_FEATURE_C2D, true);
    message(leaf, "a", 10);
    assert_int_equal(leaf->ngot, 1);
    assert_false(hub_c2d_settle(leaf->client, lock, HUB_ACCEPTED)); /* of the earlier session */
    assert_int_equal(mock_unseen(mock, MOCK_SETTLE, LEAF), 0);
}

static void a_paused_session_gets_it_later(void **state)
{
    struct mock *mock = *state;
    struct mock_client *leaf = mock_connect(mock, LEAF, EDGE_FEATURE_C2D, false);

    leaf->session->paused = true;
    message(leaf, "a", 1);
    message(leaf, "b", 2);
    assert_int_equal(leaf->ngot, 0);
    leaf->session->paused = false;
    hub_c2d_session(leaf->client);
    assert_int_equal(leaf->ngot, 2);
    assert_string_equal(leaf->got[0], "a");
    hub_c2d_session(leaf->client);
    assert_int_equal(leaf->ngot, 2);
    assert_int_equal(mock_unseen(mock, MOCK_SETTLE, LEAF), 0);
}

static void an_outage_voids_all_locks(void **state)
{
    struct mock *mock = *state;
    struct mock_client *leaf = mock_connect(mock, LEAF, EDGE_FEATURE_C2D, false);

    message(leaf, "a", 1);
    mock_online(mock, false);
    assert_false(hub_c2d_settle(leaf->client, leaf->locks[0], HUB_ACCEPTED));
    mock_online(mock, true);
    message(leaf, "a", 1); /* again, and numbers may come again as well */
    assert_int_equal(leaf->ngot, 2);
    assert_false(hub_c2d_settle(leaf->client, leaf->locks[0], HUB_ACCEPTED));
    assert_int_equal(mock_unseen(mock, MOCK_SETTLE, LEAF), 0);
    assert_true(hub_c2d_settle(leaf->client, leaf->locks[1], HUB_ACCEPTED));
    assert_int_equal(mock_asked(mock, MOCK_SETTLE, LEAF)->lock, 1);
}

static void more_than_a_few_are_left_to_iot_hub(void **state)
{
    struct mock *mock = *state;
    struct mock_client *leaf = mock_connect(mock, LEAF, EDGE_FEATURE_C2D, false);

    for (unsigned i = 0; i < 60; i++)
        message(leaf, "a", i);
    assert_int_equal(leaf->ngot, 50);
    assert_int_equal(mock_unseen(mock, MOCK_SETTLE, LEAF), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(outcomes_go_to_iot_hub),
        TEST(who_does_not_listen_gets_and_settles_nothing),
        TEST(what_a_session_has_not_settled_is_released_at_its_end),
        TEST(a_paused_session_gets_it_later),
        TEST(an_outage_voids_all_locks),
        TEST(more_than_a_few_are_left_to_iot_hub),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
