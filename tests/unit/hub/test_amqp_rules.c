/* What IoT Hub's clients may rely on over AMQP, rule by rule: the OPEN, $cbs, addresses,
 * settlement, outcomes, conditions, twins. */
#include "tests/unit/test.h"

#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/link.h>
#include <proton/terminus.h>
#include <proton/transport.h>

#include "common/base/clock.h"
#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "tests/unit/hub/amqp_house.h"

#define MODULE   "/devices/edge1/modules/modA"
#define AUDIENCE "hub.test/devices/edge1/modules/modA"
#define LEAF     "hub.test/devices/leaf"

static int setup(void **state)
{
    (void) state;
    house_open((struct hub_amqp_options){.max_sessions = 40});
    return 0;
}

static void hub_was_not_asked(const char *text)
{
    amqp_client_pump(&house.client);
    if (house.fake.notes.data && strstr(house.fake.notes.data, text))
        fail_msg("\"%s\" in: %s", text, house.fake.notes.data);
}

static void come_in(void)
{
    amqp_client_open(&house.client);
    amqp_client_put_token(&house.client, AUDIENCE, "token");
    amqp_client_put_token(&house.client, LEAF, "token");
    forget();
}

static pn_link_t *attach(const char *address, bool sends)
{
    pn_link_t *link = amqp_client_attach(&house.client, address, sends, 100);

    client_saw("attached;");
    forget();
    return link;
}

static void test_what_the_hub_says_of_itself(void **state)
{
    pn_transport_t *transport = house.client.driver.transport;

    (void) state;
    amqp_client_open(&house.client);
    assert_string_equal(pn_connection_remote_container(house.client.driver.connection), "hub.test");
    assert_int_equal(pn_transport_get_remote_max_frame(transport), 64 * 1024);
    assert_int_equal(pn_transport_get_remote_idle_timeout(transport), 120 * 1000);
    assert_int_equal(pn_transport_remote_channel_max(transport), 39);
}

/* SASL by hand: Proton's client knows fewer mechanisms. */

/* @return the outcome's code, or -1: there is none */
static int log_in(const char *mechanism, const char *response, size_t len)
{
    static const char outcome[] = {0, 0x53, 0x44, (char) 0xc0, 3, 1, 0x50};
    struct edge_stream *stream = fake_stream_new();
    size_t name = strlen(mechanism);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf init = EDGE_BUF_INIT(10000);
    size_t size = 8 + 4 + 8 + 2 + name + 5 + len;
    const char *found;
    int code = -1;

    edge_buf_append(&init, "AMQP\3\1\0\0", 8);
    edge_buf_append(&init, (char[]){0, 0, (char) (size >> 8), (char) size, 2, 1, 0, 0}, 8);
    edge_buf_append(&init, "\0\x53\x41\xd0", 4);
    edge_buf_append(&init,
                    (char[]){0, 0, (char) ((size - 16) >> 8), (char) (size - 16), 0, 0, 0, 2}, 8);
    edge_buf_printf(&init, "%c%c%s", 0xa3, (int) name, mechanism);
    edge_buf_append(&init, (char[]){(char) 0xb0, 0, 0, (char) (len >> 8), (char) len}, 5);
    edge_buf_append(&init, response, len);
    assert_int_equal(edge_buf_error(&init), 0);
    stream->certificate = house.stream->certificate;
    hub_amqp_accept(house.amqp, stream, false);
    fake_give(stream, init.data, init.len);
    fake_turn(house.loop);
    found = stream->out.data ? memmem(stream->out.data, stream->out.len, outcome, sizeof outcome)
                             : NULL;
    if (found && found + sizeof outcome < stream->out.data + stream->out.len)
        code = (unsigned char) found[sizeof outcome];
    if (stream->end == FAKE_OPEN)
        stream->handler.on_end(0, stream->arg);
    fake_stream_free(stream);
    return code;
}

#define LOG_IN(mechanism, response) log_in(mechanism, response, sizeof(response) - 1)

static void test_mechanisms(void **state)
{
    static const struct edge_tls_peer peer = {.cn = "leaf"};

    (void) state;
    assert_int_equal(LOG_IN("ANONYMOUS", ""), 0);
    assert_int_equal(LOG_IN("ANONYMOUS", "x@y"), 0);
    assert_int_equal(LOG_IN("MSSBCBS", ""), 0);
    assert_int_equal(LOG_IN("EXTERNAL", ""), 1);
    assert_int_equal(LOG_IN("SCRAM-SHA-256", "n,,"), 1);
    assert_int_equal(LOG_IN("", ""), 1);
    hub_was_not_asked("auth");
    house.stream->certificate = &peer;
    assert_int_equal(LOG_IN("EXTERNAL", ""), 0);
    assert_int_equal(LOG_IN("EXTERNAL", "leaf"), 0);
    hub_was_not_asked("auth"); /* the links are looked at */
}

static void test_plain_takes_a_user_and_a_token(void **state)
{
    static const struct {
        const char *response;
        size_t len;
        int code;
    } cases[] = {
#define RESPONSE(text, code) {text, sizeof(text) - 1, code}
        RESPONSE("\0leaf@sas.hub\0token", 0),
        RESPONSE("\0leaf@hub.test\0token", 0),
        RESPONSE("\0edge1/modules/modA@sas.hub\0token", 0),
        RESPONSE("authzid\0leaf@sas.hub\0token", 0),
        RESPONSE("\0leaf@sas.other\0token", 1),
        RESPONSE("\0leaf\0token", 1),
        RESPONSE("\0leaf@sas.hub", 1),
        RESPONSE("\0leaf@sas.hub\0token\0", 1),
        RESPONSE("\0leaf@sas.hub\0token\0more", 1),
        RESPONSE("leaf@sas.hub\0token", 1),
        RESPONSE("\0\0token", 1),
        RESPONSE("\0\0", 1),
        RESPONSE("\0", 1),
        RESPONSE("", 1),
    };
    EDGE_CLEANUP(edge_free) char *huge = calloc(1, 5000);

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        if (log_in("PLAIN", cases[i].response, cases[i].len) != cases[i].code)
            fail_msg("case %zu", i);
    }
    hub_was_asked("auth leaf token;auth leaf token;auth edge1/modA token;auth leaf token;");
    memset(huge, 'x', 5000);
    memcpy(huge, "\0leaf@sas.hub", 14);
    assert_int_equal(log_in("PLAIN", huge, 5000), 1);
    house.fake.granted = HUB_REFUSED;
    assert_int_equal(LOG_IN("PLAIN", "\0leaf@sas.hub\0token"), 1);
    house.fake.granted = HUB_UNAVAILABLE; /* not refused: it comes back */
    assert_int_equal(LOG_IN("PLAIN", "\0leaf@sas.hub\0token"), -1);
}

/* $cbs */

struct request {
    const char *operation, *type, *name, *token;
    int status;
};

static void ask(const struct request *request)
{
    struct hub_amqp_pair properties[] = {
        {"operation", hub_amqp_text(request->operation)},
        {"type", hub_amqp_text(request->type)},
        {"name", hub_amqp_text(request->name)},
    };
    struct hub_amqp_message message = {.message_id = hub_amqp_text("m"),
                                       .properties = properties,
                                       .nproperties = 3,
                                       .body = HUB_AMQP_BODY_VALUE,
                                       .value = hub_amqp_text(request->token)};
    EDGE_CLEANUP(edge_free)
    char *status = edge_format("cid6=m status-code=%d status-description=", request->status);

    forget();
    amqp_client_ask_cbs(&house.client, "$cbs", &message);
    client_saw(status);
}

static void test_a_token_has_one_of_two_types(void **state)
{
    static const struct request good[] = {
        {"put-token", "servicebus.windows.net:sastoken", AUDIENCE, "t", 200},
        {"put-token", "azure-devices.net:sastoken", AUDIENCE, "t", 200},
        {"PUT-token", "ServiceBus.Windows.Net:SASToken", AUDIENCE, "t", 200},
        {"put-token", "Azure-Devices.net:sasToken", "hub.test%2Fdevices%2Fedge1%2Fmodules%2FmodA",
         "t", 200},
    };

    (void) state;
    amqp_client_open(&house.client);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        ask(&good[i]);
        hub_was_asked("auth edge1/modA t;");
    }
}

static void test_what_is_no_put_token_is_answered_400(void **state)
{
    static const struct request bad[] = {
        {"delete-token", "servicebus.windows.net:sastoken", AUDIENCE, "t", 400},
        {"", "servicebus.windows.net:sastoken", AUDIENCE, "t", 400},
        {"put-token", "jwt", AUDIENCE, "t", 400},
        {"put-token", "servicebus.windows.net:sastoken2", AUDIENCE, "t", 400},
        {"put-token", "", AUDIENCE, "t", 400},
        {"put-token", "servicebus.windows.net:sastoken", "", "t", 400},
        {"put-token", "servicebus.windows.net:sastoken", "a%zz", "t", 400},
        {"put-token", "servicebus.windows.net:sastoken", AUDIENCE, "", 400},
    };
    struct hub_amqp_message nothing = {.message_id = hub_amqp_text("m"),
                                       .body = HUB_AMQP_BODY_VALUE};

    (void) state;
    amqp_client_open(&house.client);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        ask(&bad[i]);
    forget();
    amqp_client_ask_cbs(&house.client, "$cbs", &nothing);
    client_saw("status-code=400");
    hub_was_not_asked("auth");
    assert_int_equal(house.stream->end, FAKE_OPEN);
}

static void test_the_node_of_tokens_has_two_spellings(void **state)
{
    static const char *const addresses[] = {"$cbs", "/$cbs", "$CBS", "amqps://hub.test/$cbs"};
    struct hub_amqp_message message = {.message_id = hub_amqp_text("m"),
                                       .body = HUB_AMQP_BODY_VALUE};

    (void) state;
    amqp_client_open(&house.client);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(addresses); i++) {
        forget();
        amqp_client_ask_cbs(&house.client, addresses[i], &message);
        client_saw("cid6=m status-code=400");
    }
}

/* Links */

static const struct {
    const char *address;
    bool sends;
} links[] = {
    {MODULE "/messages/events", true},
    {MODULE "/messages/events", false},
    {MODULE "/messages/deviceBound", false},
    {MODULE "/twin", true},
    {MODULE "/twin", false},
    {MODULE "/methods/deviceBound", true},
    {MODULE "/methods/deviceBound", false},
    {"/devices/leaf/messages/events", true},
    {"/devices/leaf/messages/deviceBound", false},
    {"/devices/leaf/twin", true},
    {"/devices/leaf/twin", false},
    {"/devices/leaf/methods/deviceBound", true},
    {"/devices/leaf/methods/deviceBound", false},
};

static void test_every_link_has_the_settlement_its_client_asks_for(void **state)
{
    (void) state;
    come_in();
    for (size_t i = 0; i < EDGE_ARRAY_LEN(links); i++) {
        pn_link_t *link = links[i].sends ? pn_sender(house.client.session, links[i].address)
                                         : pn_receiver(house.client.session, links[i].address);

        pn_terminus_set_address(links[i].sends ? pn_link_target(link) : pn_link_source(link),
                                links[i].address);
        pn_link_set_snd_settle_mode(link, (pn_snd_settle_mode_t) (i % 3));
        pn_link_set_rcv_settle_mode(link, (pn_rcv_settle_mode_t) (i % 2));
        pn_link_open(link);
        client_saw("attached;");
        forget();
        assert_int_equal(pn_link_remote_snd_settle_mode(link), i % 3);
        assert_int_equal(pn_link_remote_rcv_settle_mode(link), i % 2);
        assert_int_equal(pn_link_remote_max_message_size(link), 1024 * 1024);
        assert_string_equal(pn_terminus_get_address(links[i].sends ? pn_link_remote_target(link)
                                                                   : pn_link_remote_source(link)),
                            links[i].address);
        if (links[i].sends)
            assert_in_range(pn_link_credit(link), 1, 1000);
    }
}

static void put_text(pn_data_t *map, const char *name, const char *value)
{
    pn_data_put_symbol(map, pn_bytes(strlen(name), name));
    pn_data_put_string(map, pn_bytes(strlen(value), value));
}

static void test_properties_of_a_link_say_what_its_client_is(void **state)
{
    pn_link_t *link;
    pn_data_t *map;

    (void) state;
    come_in();
    link = pn_sender(house.client.session, "a");
    pn_terminus_set_address(pn_link_target(link), MODULE "/messages/events");
    map = pn_link_properties(link);
    pn_data_put_map(map);
    pn_data_enter(map);
    put_text(map, "com.microsoft:client-version", "sdk/1 (x)");
    put_text(map, "com.microsoft:api-version", "2020-09-30");
    put_text(map, "com.microsoft:model-id", "dtmi:a:b;1");
    put_text(map, "com.microsoft:channel-correlation-id", "twin:1");
    put_text(map, "com.microsoft:unknown", "x");
    pn_data_exit(map);
    pn_link_open(link);
    client_saw("attached;");
    hub_was_asked("open clean;model dtmi:a:b;1 of sdk/1 (x);");
}

/* Messages */

static struct hub_amqp_message data(const char *body)
{
    return (struct hub_amqp_message){.body = HUB_AMQP_BODY_DATA,
                                     .data = {(const uint8_t *) body, strlen(body)}};
}

static void test_each_failure_has_its_condition(void **state)
{
    static const struct {
        enum hub_result result;
        const char *said;
    } cases[] = {
        {HUB_OK, "accepted;"},
        {HUB_BAD, "rejected com.microsoft:argument-error;because fake says so;"},
        {HUB_REFUSED, "rejected amqp:unauthorized-access;"},
        {HUB_TOO_LARGE, "rejected amqp:link:message-size-exceeded;"},
        {HUB_QUOTA, "rejected amqp:resource-limit-exceeded;"},
        {HUB_THROTTLED, "rejected com.microsoft:device-container-throttled;"},
        {HUB_FAILED, "rejected amqp:internal-error;"},
        {HUB_UNAVAILABLE, "rejected amqp:internal-error;"},
        {HUB_TIMEOUT, "rejected com.microsoft:timeout;"},
    };
    struct hub_amqp_message message = data("x");
    pn_link_t *link;

    (void) state;
    come_in();
    link = attach(MODULE "/messages/events", true);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        house.fake.result = cases[i].result;
        amqp_client_send(&house.client, link, &message, false);
        client_saw(cases[i].said);
        forget();
    }
    assert_int_equal(house.stream->end, FAKE_OPEN);
}

/* @param name  whose link; all outcomes, and what the backend hears of each */
static void outcomes_of(const char *name, const char *address)
{
    static const uint64_t outcomes[] = {PN_ACCEPTED, PN_REJECTED, PN_RELEASED, PN_MODIFIED, 0};
    static const enum hub_outcome heard[] = {HUB_ACCEPTED, HUB_REJECTED, HUB_RELEASED, HUB_MODIFIED,
                                             HUB_RELEASED};
    pn_link_t *link = attach(address, false);
    struct edge_message message = {0};
    struct hub_session *session = fake_session(&house.fake, name);

    assert_int_equal(edge_message_set_body(&message, "{}", 2), 0);
    for (unsigned i = 0; i < EDGE_ARRAY_LEN(outcomes); i++) {
        EDGE_CLEANUP(edge_free) char *settled = edge_format("settle %u %d;", 40 + i, heard[i]);

        house.client.outcome = outcomes[i];
        house.client.lazy = outcomes[i] == 0;
        session->events.deliver(&message, 40 + i, session->arg);
        client_saw("got ");
        if (outcomes[i] == 0)
            pn_delivery_settle(house.client.last); /* and says nothing of it */
        hub_was_asked(settled);
        forget();
    }
    edge_message_fini(&message);
    pn_link_close(link);
    amqp_client_pump(&house.client);
}

static void test_what_a_client_says_of_a_message_is_heard(void **state)
{
    (void) state;
    come_in();
    outcomes_of("edge1/modA", MODULE "/messages/events");
    outcomes_of("leaf", "/devices/leaf/messages/devicebound");
}

static void test_tags_of_deliveries_are_16_bytes_of_their_own(void **state)
{
    struct edge_message message = {0};
    struct hub_session *session;
    char tags[3][16];

    (void) state;
    come_in();
    attach(MODULE "/messages/events", false);
    session = fake_session(&house.fake, "edge1/modA");
    assert_int_equal(edge_message_set_body(&message, "{}", 2), 0);
    house.client.lazy = true;
    for (size_t i = 0; i < 3; i++) {
        pn_delivery_tag_t tag;

        session->events.deliver(&message, 7, session->arg);
        amqp_client_pump(&house.client);
        tag = pn_delivery_tag(house.client.last);
        assert_int_equal(tag.size, 16);
        memcpy(tags[i], tag.start, 16);
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(tags[i], tags[j], 16);
    }
    edge_message_fini(&message);
}

/* Twins, methods */

static void request(pn_link_t *link, const char *operation, const char *id)
{
    struct hub_amqp_pair annotations[] = {{"operation", hub_amqp_text(operation)},
                                          {"resource", hub_amqp_text("/properties/reported")},
                                          {"version", {0}}};
    struct hub_amqp_message message = data("{\"a\":1}");

    message.correlation_id = hub_amqp_text(id);
    message.annotations = annotations;
    message.nannotations = 3;
    amqp_client_send(&house.client, link, &message, false);
}

static void test_a_twin_is_asked_by_four_operations(void **state)
{
    static const char *const asked[][2] = {{"GET", "twin;"},
                                           {"PATCH", "patch {\"a\":1};"},
                                           {"PUT", "sub 8 0;"},
                                           {"DELETE", "sub 0 8;"}};
    static const char *const answered[] = {"cid6=c status=200 <{\"desired\"",
                                           "cid6=c status=204 version=2 <>", "cid6=c status=200 <>",
                                           "cid6=c status=200 <>"};
    pn_link_t *link;

    (void) state;
    come_in();
    link = attach(MODULE "/twin", true);
    attach(MODULE "/twin", false);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(asked); i++) {
        request(link, asked[i][0], "c");
        client_saw("accepted;");
        client_saw(answered[i]);
        hub_was_asked(asked[i][1]);
        forget();
    }
    request(link, "POST", "c");
    client_saw("cid6=c status=400 <{\"errorCode\":400004,");
    forget();
    request(link, "GET", NULL);
    client_saw("rejected com.microsoft:argument-error;");
    hub_was_not_asked("twin;");
}

static void test_an_answer_to_a_method_without_a_status_is_told_as_one(void **state)
{
    struct hub_amqp_message answer = data("1");
    pn_link_t *reply;

    (void) state;
    come_in();
    reply = attach(MODULE "/methods/devicebound", true);
    attach(MODULE "/methods/devicebound", false);
    answer.correlation_id = hub_amqp_text("r-1");
    amqp_client_send(&house.client, reply, &answer, false);
    hub_was_asked("reply r-1 400000 1;");
    answer.correlation_id = (struct hub_amqp_value){0};
    amqp_client_send(&house.client, reply, &answer, false);
    client_saw("rejected com.microsoft:argument-error;");
}

/* Time */

static void test_a_token_ends_its_own_links_at_its_second(void **state)
{
    int64_t until_s = edge_wall_ns() / 1000000000 + 2, late_ms;

    (void) state;
    amqp_client_open(&house.client);
    house.fake.until_s = until_s;
    amqp_client_put_token(&house.client, AUDIENCE, "short");
    house.fake.until_s = INT64_MAX;
    amqp_client_put_token(&house.client, LEAF, "long");
    attach(MODULE "/messages/events", true);
    attach(MODULE "/twin", false);
    attach("/devices/leaf/messages/events", true);
    for (int i = 0; i < 400 && fake_session(&house.fake, "edge1/modA"); i++)
        fake_wait(house.loop, 10);
    late_ms = edge_wall_ns() / 1000000 - until_s * 1000;
    assert_in_range(late_ms, 0, 700);
    client_saw("detached " MODULE "/messages/events amqp:unauthorized-access;");
    client_saw("detached " MODULE "/twin amqp:unauthorized-access;");
    client_did_not_see("detached /devices/leaf");
    assert_non_null(fake_session(&house.fake, "leaf"));
    forget();
    amqp_client_attach(&house.client, MODULE "/messages/events", true, 0);
    client_saw("attached nothing;detached " MODULE "/messages/events amqp:unauthorized-access;");
    amqp_client_put_token(&house.client, AUDIENCE, "new");
    forget();
    amqp_client_attach(&house.client, MODULE "/messages/events", true, 0);
    client_saw("attached;");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_close)
    const struct CMUnitTest tests[] = {
        TEST(test_what_the_hub_says_of_itself),
        TEST(test_mechanisms),
        TEST(test_plain_takes_a_user_and_a_token),
        TEST(test_a_token_has_one_of_two_types),
        TEST(test_what_is_no_put_token_is_answered_400),
        TEST(test_the_node_of_tokens_has_two_spellings),
        TEST(test_every_link_has_the_settlement_its_client_asks_for),
        TEST(test_properties_of_a_link_say_what_its_client_is),
        TEST(test_each_failure_has_its_condition),
        TEST(test_what_a_client_says_of_a_message_is_heard),
        TEST(test_tags_of_deliveries_are_16_bytes_of_their_own),
        TEST(test_a_twin_is_asked_by_four_operations),
        TEST(test_an_answer_to_a_method_without_a_status_is_told_as_one),
        TEST(test_a_token_ends_its_own_links_at_its_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
