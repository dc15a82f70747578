/* An edge hub that speaks for others, on one connection: what the backend is asked, and what
 * becomes of the links. */
#include "tests/unit/test.h"

#include <proton/connection.h>
#include <proton/link.h>

#include "common/base/clock.h"
#include "tests/unit/hub/amqp_house.h"

#define ACTOR "hub.test/devices/edge1/modules/$edgeHub"
#define LEAF  "/devices/leaf/messages/events"

static int setup(void **state)
{
    (void) state;
    house_open((struct hub_amqp_options){.max_identities = 4});
    amqp_client_open(&house.client);
    return 0;
}

static void actor_comes_in(void)
{
    amqp_client_put_token(&house.client, ACTOR, "edge-token");
    client_saw("status-code=200");
    forget();
}

static pn_link_t *attach(const char *address, bool sends, const char *chain)
{
    return amqp_client_attach_by(&house.client, address, sends, 10, chain);
}

static void test_the_token_of_the_edge_hub_proves_whom_it_speaks_for(void **state)
{
    (void) state;
    actor_comes_in();
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached;");
    hub_was_asked("auth leaf edge-token;is ||leaf;edge1;open clean;");
    assert_non_null(fake_session(&house.fake, "leaf"));
    attach("/devices/leaf/twin", false, "leaf;edge1");
    attach("/devices/edge1/modules/modA/messages/events", false, "edge1/modA;edge1");
    hub_was_asked("auth edge1/modA edge-token;is ||edge1/modA;edge1;");
    assert_non_null(fake_session(&house.fake, "edge1/modA"));
    forget();
    attach("/devices/leaf/messages/devicebound", false, "leaf;edge1");
    client_saw("attached;");
    assert_null(strstr(house.fake.notes.data, "auth")); /* it is known */
}

static void test_nobody_speaks_without_a_token_of_the_edge_hub(void **state)
{
    (void) state;
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached nothing;detached " LEAF " amqp:unauthorized-access;");
    actor_comes_in();
    attach(LEAF, true, "leaf;edge2");
    client_saw("attached nothing;detached " LEAF " amqp:unauthorized-access;");
    assert_null(strstr(house.fake.notes.data, "auth"));
    forget();
    attach(LEAF, true, NULL);
    client_saw("attached nothing;detached " LEAF " amqp:unauthorized-access;");
    assert_null(fake_session(&house.fake, "leaf"));
}

static void test_the_backend_may_refuse_a_chain(void **state)
{
    (void) state;
    actor_comes_in();
    house.fake.granted = HUB_REFUSED;
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached nothing;detached " LEAF " amqp:unauthorized-access;");
    assert_int_equal(house.stream->end, FAKE_OPEN);
    house.fake.granted = HUB_OK;
    forget();
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached;");
}

static void test_links_wait_for_the_proof_and_are_answered_once(void **state)
{
    (void) state;
    actor_comes_in();
    house.fake.hold = true;
    attach(LEAF, true, "leaf;edge1");
    attach("/devices/leaf/twin", false, "leaf;edge1");
    client_did_not_see("attached");
    attach("/devices/leaf/twin", true, "leaf;l3;edge1"); /* another chain meanwhile */
    client_saw("detached /devices/leaf/twin amqp:unauthorized-access;");
    house.fake.hold = false;
    while (house.fake.nheld > 0)
        fake_answer(&house.fake);
    client_saw("attached;attached;");
    assert_non_null(fake_session(&house.fake, "leaf"));
}

static void test_chains_that_are_none(void **state)
{
    char longer[2000];
    const char *const chains[] = {"edge1", ";", "leaf;", longer};

    (void) state;
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "leaf;edge1;", 11);
    longer[sizeof longer - 1] = '\0';
    actor_comes_in();
    for (size_t i = 0; i < EDGE_ARRAY_LEN(chains); i++) {
        attach(LEAF, true, chains[i]);
        client_saw("attached nothing;detached " LEAF " amqp:unauthorized-access;");
        forget();
    }
    assert_null(fake_session(&house.fake, "leaf"));
    assert_int_equal(house.stream->end, FAKE_OPEN);
}

static void test_a_renewed_token_of_the_edge_hub_keeps_all_it_speaks_for(void **state)
{
    (void) state;
    house.fake.until_s = edge_wall_ns() / 1000000000 + 2;
    actor_comes_in();
    attach(LEAF, true, "leaf;edge1");
    attach("/devices/two/twin", true, "two;edge1");
    client_saw("attached;attached;");
    house.fake.until_s += 1000;
    amqp_client_put_token(&house.client, ACTOR, "edge-token-2");
    hub_was_asked("extend leaf;");
    hub_was_asked("extend two;");
    fake_wait(house.loop, 3100);
    assert_non_null(fake_session(&house.fake, "leaf"));
    assert_non_null(fake_session(&house.fake, "two"));
    forget();
    attach("/devices/three/twin", true, "three;edge1");
    hub_was_asked("auth three edge-token-2;");
}

static void test_an_expired_token_of_the_edge_hub_ends_whom_it_speaks_for(void **state)
{
    (void) state;
    house.fake.until_s = edge_wall_ns() / 1000000000 + 2; /* a second at least is left */
    actor_comes_in();
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached;");
    fake_wait(house.loop, 3100);
    client_saw("detached " LEAF " amqp:unauthorized-access;");
    assert_null(fake_session(&house.fake, "leaf"));
    assert_int_equal(house.stream->end, FAKE_OPEN); /* the others go on */
}

static void test_the_end_of_one_session_is_not_that_of_the_connection(void **state)
{
    (void) state;
    actor_comes_in();
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached;");
    fake_close(fake_session(&house.fake, "leaf"), HUB_CONFLICT);
    client_saw("detached " LEAF " amqp:link:stolen;");
    assert_int_equal(house.stream->end, FAKE_OPEN);
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached;");
    fake_close(fake_session(&house.fake, "leaf"), HUB_REFUSED);
    client_saw("detached " LEAF " amqp:unauthorized-access;");
    assert_int_equal(house.stream->end, FAKE_OPEN);
}

static void test_an_own_token_takes_the_place_of_the_chain(void **state)
{
    (void) state;
    actor_comes_in();
    attach(LEAF, true, "leaf;edge1");
    client_saw("attached;");
    amqp_client_put_token(&house.client, "hub.test/devices/leaf", "own");
    hub_was_asked("auth leaf own;");
    forget();
    attach("/devices/leaf/twin", false, NULL);
    client_saw("attached;");
    assert_null(strstr(house.fake.notes.data, "auth"));
}

static void test_who_has_gone_makes_room_for_others(void **state)
{
    (void) state;
    actor_comes_in();
    for (int i = 0; i < 10; i++) {
        EDGE_CLEANUP(edge_free) char *address = edge_format("/devices/leaf%d/twin", i);
        EDGE_CLEANUP(edge_free) char *chain = edge_format("leaf%d;edge1", i);
        pn_link_t *link = attach(address, true, chain);

        client_saw("attached;");
        pn_link_close(link);
        amqp_client_pump(&house.client);
        forget();
    }
    for (int i = 0; i < 3; i++) {
        EDGE_CLEANUP(edge_free) char *address = edge_format("/devices/leaf%d/twin", i);
        EDGE_CLEANUP(edge_free) char *chain = edge_format("leaf%d;edge1", i);

        attach(address, true, chain);
        client_saw("attached;");
        forget();
    }
    attach(LEAF, true, "leaf;edge1"); /* the edge hub and three more are here */
    client_saw("detached " LEAF " amqp:resource-limit-exceeded;");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_close)
    const struct CMUnitTest tests[] = {
        TEST(test_the_token_of_the_edge_hub_proves_whom_it_speaks_for),
        TEST(test_nobody_speaks_without_a_token_of_the_edge_hub),
        TEST(test_the_backend_may_refuse_a_chain),
        TEST(test_links_wait_for_the_proof_and_are_answered_once),
        TEST(test_chains_that_are_none),
        TEST(test_a_renewed_token_of_the_edge_hub_keeps_all_it_speaks_for),
        TEST(test_an_expired_token_of_the_edge_hub_ends_whom_it_speaks_for),
        TEST(test_the_end_of_one_session_is_not_that_of_the_connection),
        TEST(test_an_own_token_takes_the_place_of_the_chain),
        TEST(test_who_has_gone_makes_room_for_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
