/* IoT Hub over AMQP as a client sees it, and what the backend is asked. */
#include "tests/unit/test.h"

#include <errno.h>
#include <proton/connection.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/terminus.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "tests/unit/hub/amqp_house.h"

#define EVENTS   "/devices/edge1/modules/modA/messages/events"
#define AUDIENCE "hub.test%2Fdevices%2Fedge1%2Fmodules%2FmodA"

static int setup(void **state)
{
    (void) state;
    house_open((struct hub_amqp_options){.max_links = 20});
    return 0;
}

static void come_in(void)
{
    amqp_client_open(&house.client);
    amqp_client_put_token(&house.client, AUDIENCE, "token");
    client_saw("status-code=200");
    forget();
}

static pn_link_t *attach(const char *address, bool sends)
{
    pn_link_t *link = amqp_client_attach(&house.client, address, sends, 100);

    client_saw("attached;");
    return link;
}

static struct hub_amqp_message data(const char *body)
{
    return (struct hub_amqp_message){.body = HUB_AMQP_BODY_DATA,
                                     .data = {(const uint8_t *) body, strlen(body)}};
}

static void test_a_bare_header_is_answered(void **state)
{
    (void) state;
    amqp_client_open(&house.client);
    client_saw("open;");
}

/* @return what is said to this OPEN, which is a list of @p count of these @p fields */
static struct edge_stream *open_raw(const char *fields, size_t len, uint8_t count)
{
    uint8_t frame[64] = {0, 0, 0, 0, 2, 0, 0, 0, 0, 0x53, 0x10, 0xc0};
    struct edge_stream *stream = fake_stream_new();

    frame[3] = (uint8_t) (14 + len);
    frame[12] = (uint8_t) (len + 1);
    frame[13] = count;
    memcpy(frame + 14, fields, len);
    hub_amqp_accept(house.amqp, stream, false);
    fake_give(stream, "AMQP\0\1\0\0", 8);
    fake_give(stream, frame, frame[3]);
    fake_turn(house.loop);
    return stream;
}

/* Container and host; the frames it takes, how many channels, and after how long it gives up. */
static void test_an_open_that_asks_too_much_is_refused(void **state)
{
    static const struct {
        const char *fields;
        size_t len;
        uint8_t count;
        const char *why; /* NULL: it is taken */
    } opens[] = {
        {"\xa1\1c\x40\x52\x00", 6, 3, "max-frame-size"},
        {"\xa1\1c\x40\x43", 5, 3, "max-frame-size"},
        {"\xa1\1c\x40\x70\0\0\1\xff", 9, 3, "max-frame-size"},
        {"\xa1\1c\x40\x70\0\0\2\0", 9, 3, NULL}, /* 512: what everybody takes */
        {"\xa1\1c\x40\x40", 5, 3, NULL},
        {"\xa1\1c\x40\x40\x40\x52\1", 8, 5, "idle-time-out"},
        {"\xa1\1c\x40\x40\x40\x70\0\0\1\xf3", 11, 5, "idle-time-out"}, /* 499 ms */
        {"\xa1\1c\x40\x40\x40\x70\0\0\1\xf4", 11, 5, NULL},
        {"\xa1\1c\x40\x40\x40\x43", 7, 5, NULL}, /* never */
    };

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(opens); i++) {
        struct edge_stream *stream = open_raw(opens[i].fields, opens[i].len, opens[i].count);
        const struct edge_buf *out = &stream->out;
        bool taken = !opens[i].why;

        assert_int_equal(stream->end, taken ? FAKE_OPEN : FAKE_FINISHED);
        assert_int_equal(!memmem(out->data, out->len, "amqp:invalid-field", 18), taken);
        if (!taken)
            assert_non_null(memmem(out->data, out->len, opens[i].why, strlen(opens[i].why)));
        if (taken)
            stream->handler.on_end(0, stream->arg);
        fake_stream_free(stream);
    }
}

static void test_a_token_is_put_and_the_answer_carries_the_id_in_its_type(void **state)
{
    (void) state;
    amqp_client_open(&house.client);
    amqp_client_put_token(&house.client, AUDIENCE, "token");
    client_saw("accepted;got $cbs"); /* settled before it is answered */
    client_saw("cid4=7 status-code=200");
    hub_was_asked("auth edge1/modA token;");
}

static void test_a_refused_token_is_answered_401_and_links_are_refused(void **state)
{
    (void) state;
    house.fake.granted = HUB_REFUSED;
    amqp_client_open(&house.client);
    amqp_client_put_token(&house.client, AUDIENCE, "token");
    client_saw("status-code=401");
    amqp_client_attach(&house.client, EVENTS, true, 0);
    client_saw("attached nothing;detached " EVENTS " amqp:unauthorized-access;");
    assert_int_equal(house.stream->end, FAKE_OPEN);
}

static void test_an_unavailable_backend_drops_the_client_instead_of_refusing_it(void **state)
{
    (void) state;
    house.fake.granted = HUB_UNAVAILABLE;
    amqp_client_open(&house.client);
    amqp_client_put_token(&house.client, AUDIENCE, "token");
    client_did_not_see("status-code");
    assert_int_equal(house.stream->end, FAKE_CLOSED);
}

static void test_telemetry_is_accepted_when_the_backend_has_it(void **state)
{
    struct hub_amqp_pair properties[] = {{"k 1", hub_amqp_text("v=&/?")},
                                         {"iothub-outputname", hub_amqp_text("out1")}};
    struct hub_amqp_message message = data("{\"t\":21.5}");
    pn_link_t *link;

    (void) state;
    come_in();
    link = attach("amqps://hub.test" EVENTS, true);
    message.message_id = hub_amqp_text("m-1");
    message.properties = properties;
    message.nproperties = 2;
    house.fake.hold = true;
    amqp_client_send(&house.client, link, &message, false);
    client_did_not_see("accepted;");
    hub_was_asked("send {\"t\":21.5} $.mid=m-1 $.on=out1 k 1=v=&/?;");
    fake_answer(&house.fake);
    client_saw("accepted;");
}

static void too_large(size_t size)
{
    char *body = malloc(size);
    struct hub_amqp_message message = {.body = HUB_AMQP_BODY_DATA,
                                       .data = {(uint8_t *) body, size}};
    pn_link_t *link;

    assert_non_null(body);
    memset(body, 'x', size);
    come_in();
    link = attach(EVENTS, true);
    amqp_client_send(&house.client, link, &message, false);
    client_saw("rejected amqp:link:message-size-exceeded;");
    message.data.len = 10;
    amqp_client_send(&house.client, link, &message, false);
    client_saw("accepted;");
    free(body);
}

static void test_a_body_that_is_a_value_becomes_json_or_is_rejected(void **state)
{
    static const char list[] = {0, 0x53, 0x77, (char) 0xc0, 3, 1, 0x54, 1};
    static const char bytes_in_list[] = {0, 0x53, 0x77, (char) 0xc0, 3, 1, (char) 0xa0, 0};
    pn_link_t *link;

    (void) state;
    come_in();
    link = attach(EVENTS, true);
    amqp_client_send_bytes(&house.client, link, list, sizeof list, false);
    client_saw("accepted;");
    hub_was_asked("send [1] $.ct=application/json $.ce=utf-8;");
    amqp_client_send_bytes(&house.client, link, bytes_in_list, sizeof bytes_in_list, false);
    client_saw("rejected com.microsoft:argument-error;because the body has no exact JSON form: "
               "bytes inside a value;");
}

static void test_a_message_over_the_limit_is_rejected_and_the_link_lives(void **state)
{
    (void) state;
    too_large(256 * 1024 + 1);
}

static void test_a_message_over_what_is_kept_is_rejected_as_well(void **state)
{
    (void) state;
    too_large(3 * 1024 * 1024);
}

static void test_a_batch_is_many_messages_and_one_answer(void **state)
{
    /* proton sends no other format: tests/integration has a client that does */
    struct edge_buf batch = EDGE_BUF_INIT(1000), inner = EDGE_BUF_INIT(1000);
    struct hub_amqp_message message = data("one");
    struct edge_bytes bytes, found;
    size_t at = 0;

    (void) state;
    assert_int_equal(hub_amqp_message_write(&inner, &message), 0);
    message.data = (struct edge_bytes){(uint8_t *) inner.data, inner.len};
    assert_int_equal(hub_amqp_message_write(&batch, &message), 0);
    bytes = (struct edge_bytes){(uint8_t *) batch.data, batch.len};
    assert_int_equal(hub_amqp_batch_next(bytes, &at, &found), 0);
    assert_int_equal(found.len, inner.len);
    assert_int_equal(hub_amqp_batch_next(bytes, &at, &found), HUB_AMQP_MESSAGE_END);
    edge_buf_fini(&batch);
    edge_buf_fini(&inner);
}

static void test_inputs_are_delivered_and_settled(void **state)
{
    struct hub_session *session;
    struct edge_message message = {0};

    (void) state;
    come_in();
    attach(EVENTS, false);
    hub_was_asked("open clean;pause;sub 2 0;resume;");
    session = fake_session(&house.fake, "edge1/modA");
    assert_int_equal(edge_message_set_body(&message, "{}", 2), 0);
    assert_int_equal(edge_message_set_sys(&message, EDGE_SYS_INPUT, "in1"), 0);
    session->events.deliver(&message, 42, session->arg);
    client_saw("got " EVENTS " x-opt-input-name=in1");
    hub_was_asked("settle 42 0;");
    house.client.outcome = PN_RELEASED;
    session->events.deliver(&message, 43, session->arg);
    amqp_client_pump(&house.client);
    hub_was_asked("settle 43 2;");
    edge_message_fini(&message);
}

static void test_without_credit_deliveries_wait_and_the_backend_is_paused(void **state)
{
    struct hub_session *session;
    struct edge_message message = {0};
    pn_link_t *link;

    (void) state;
    come_in();
    link = amqp_client_attach(&house.client, EVENTS, false, 1);
    client_saw("attached;");
    session = fake_session(&house.fake, "edge1/modA");
    assert_false(session->paused);
    assert_int_equal(edge_message_set_body(&message, "{}", 2), 0);
    house.client.lazy = true;
    session->events.deliver(&message, 1, session->arg);
    assert_true(session->paused);
    session->events.deliver(&message, 2, session->arg);
    client_saw("got");
    pn_link_flow(link, 5);
    amqp_client_pump(&house.client);
    assert_false(session->paused);
    assert_int_equal(pn_link_unsettled(link), 2);
    forget();
    pn_link_close(link); /* what it has not settled is released */
    amqp_client_pump(&house.client);
    edge_message_fini(&message);
    hub_was_asked("settle 2 2;settle 1 2;");
    hub_was_asked("close;");
}

static void test_a_client_that_does_not_read_is_not_sent_to_and_not_read_from(void **state)
{
    struct edge_message message = {0};
    struct hub_session *session;
    char *body = calloc(1, 60000);

    (void) state;
    assert_non_null(body);
    come_in();
    attach(EVENTS, false);
    session = fake_session(&house.fake, "edge1/modA");
    assert_int_equal(edge_message_set_body(&message, body, 60000), 0);
    house.stream->queued = 1 << 20; /* the kernel takes nothing */
    session->events.deliver(&message, 1, session->arg);
    assert_true(session->paused);
    fake_give(house.stream, "\0\0\0\10\2\0\0\0", 8); /* a heartbeat */
    assert_true(house.stream->paused);
    fake_drain(house.stream);
    fake_turn(house.loop);
    assert_false(session->paused);
    assert_false(house.stream->paused);
    client_saw("got " EVENTS);
    edge_message_fini(&message);
    free(body);
}

static void twin_request(pn_link_t *link, const char *operation, const char *body)
{
    struct hub_amqp_pair annotation = {"operation", hub_amqp_text(operation)};
    struct hub_amqp_message message = data(body);

    message.correlation_id = hub_amqp_text("c-1");
    message.annotations = &annotation;
    message.nannotations = 1;
    amqp_client_send(&house.client, link, &message, true);
}

static void test_twins(void **state)
{
    struct hub_session *session;
    pn_link_t *ask;

    (void) state;
    come_in();
    ask = attach("/devices/edge1/modules/modA/twin", true);
    attach("/devices/edge1/modules/modA/twin", false);
    twin_request(ask, "GET", " ");
    client_saw(
        "cid6=c-1 status=200 <{\"desired\":{\"$version\":1},\"reported\":{\"$version\":1}}>");
    twin_request(ask, "PATCH", "{\"a\":1}");
    client_saw("cid6=c-1 status=204 version=2 <>");
    hub_was_asked("patch {\"a\":1};");
    twin_request(ask, "PUT", " ");
    hub_was_asked("twin;");
    client_saw("version=2 <>");
    amqp_client_pump(&house.client);
    hub_was_asked("sub 8 0;");
    session = fake_session(&house.fake, "edge1/modA");
    session->events.desired("{\"x\":5,\"$version\":2}", 20, 2, session->arg);
    client_saw("settled version=2 <{\"x\":5,\"$version\":2}>");
    twin_request(ask, "DELETE", " ");
    amqp_client_pump(&house.client);
    hub_was_asked("sub 0 8;");
}

static void test_a_failed_twin_request_is_answered_in_json(void **state)
{
    pn_link_t *ask;

    (void) state;
    come_in();
    ask = attach("/devices/edge1/modules/modA/twin", true);
    attach("/devices/edge1/modules/modA/twin", false);
    house.fake.result = HUB_BAD;
    twin_request(ask, "PATCH", "no");
    client_saw("status=400 <{\"errorCode\":400004,");
}

static void test_methods(void **state)
{
    static const char uuid[] = "06b98d5b-8229-4c7e-9ab4-23563e2cf7e5";
    struct hub_amqp_pair status = {"IoThub-status", {.kind = HUB_AMQP_INT, .i = 201}};
    struct hub_amqp_message answer = data("{\"got\":1}");
    struct hub_session *session;
    pn_link_t *reply;

    (void) state;
    come_in();
    reply = attach("/devices/edge1/modules/modA/methods/devicebound", true);
    attach("/devices/edge1/modules/modA/methods/devicebound", false);
    hub_was_asked("sub 16 0;");
    session = fake_session(&house.fake, "edge1/modA");
    session->events.method(uuid, "echo", (struct edge_bytes){(const uint8_t *) "{}", 2},
                           session->arg);
    client_saw("cid9=06b98d5b-8229-4c7e-9ab4-23563e2cf7e5 IoThub-methodname=echo <{}>");
    answer.correlation_id =
        (struct hub_amqp_value){.kind = HUB_AMQP_UUID, .s = {(const uint8_t *) uuid, 36}};
    answer.properties = &status;
    answer.nproperties = 1;
    amqp_client_send(&house.client, reply, &answer, false);
    client_saw("accepted;");
    hub_was_asked("reply 06b98d5b-8229-4c7e-9ab4-23563e2cf7e5 201 {\"got\":1};");
}

static void test_several_identities_share_a_connection(void **state)
{
    (void) state;
    come_in();
    amqp_client_put_token(&house.client, "hub.test/devices/leaf", "token2");
    attach(EVENTS, true);
    attach("/devices/leaf/messages/devicebound", false);
    assert_non_null(fake_session(&house.fake, "edge1/modA"));
    assert_non_null(fake_session(&house.fake, "leaf"));
    amqp_client_attach(&house.client, "/devices/other/messages/events", true, 0);
    client_saw("detached /devices/other/messages/events amqp:unauthorized-access;");
    fake_close(fake_session(&house.fake, "leaf"), HUB_REFUSED);
    client_saw("detached /devices/leaf/messages/devicebound amqp:unauthorized-access;");
    assert_non_null(fake_session(&house.fake, "edge1/modA"));
    fake_close(fake_session(&house.fake, "edge1/modA"), HUB_CONFLICT);
    assert_int_equal(house.stream->end, FAKE_CLOSED);
}

static void test_a_certificate_stands_in_for_a_token(void **state)
{
    static const struct edge_tls_peer peer = {.cn = "leaf"};

    (void) state;
    house.stream->certificate = &peer;
    amqp_client_open(&house.client);
    house.fake.hold = true;
    amqp_client_attach(&house.client, "/devices/leaf/messages/events", true, 0);
    client_did_not_see("attached");
    hub_was_asked("auth leaf - leaf;");
    house.fake.hold = false;
    fake_answer(&house.fake);
    client_saw("attached;");
}

/* The answer is of the identity, whatever has become of the link that it was asked for. */
static void test_a_link_that_goes_while_it_waits_takes_nobody_along(void **state)
{
    static const struct edge_tls_peer peer = {.cn = "leaf"};
    pn_link_t *link;

    (void) state;
    house.stream->certificate = &peer;
    amqp_client_open(&house.client);
    house.fake.hold = true;
    link = amqp_client_attach(&house.client, "/devices/leaf/messages/events", true, 0);
    hub_was_asked("auth leaf - leaf;");
    pn_link_close(link);
    amqp_client_pump(&house.client);
    amqp_client_attach(&house.client, "/devices/leaf/messages/devicebound", false, 0);
    amqp_client_pump(&house.client);
    forget();
    house.fake.hold = false;
    fake_answer(&house.fake);
    client_saw("attached;");
}

static void test_a_refused_certificate_refuses_the_link(void **state)
{
    static const struct edge_tls_peer peer = {.cn = "leaf"};

    (void) state;
    house.stream->certificate = &peer;
    house.fake.granted = HUB_REFUSED;
    amqp_client_open(&house.client);
    amqp_client_attach(&house.client, "/devices/leaf/messages/events", true, 0);
    client_saw("attached nothing;detached /devices/leaf/messages/events amqp:unauthorized-access;");
}

static void test_an_expired_token_ends_what_it_was_for(void **state)
{
    (void) state;
    house.fake.until_s = edge_wall_ns() / 1000000000 + 2; /* a second at least is left */
    come_in();
    attach(EVENTS, true);
    fake_wait(house.loop, 3100);
    assert_int_equal(house.stream->end, FAKE_CLOSED); /* alone: it comes back with another */
    assert_null(fake_session(&house.fake, "edge1/modA"));
}

static void test_a_renewed_token_keeps_the_session(void **state)
{
    (void) state;
    house.fake.until_s = edge_wall_ns() / 1000000000 + 2; /* a second at least is left */
    come_in();
    attach(EVENTS, true);
    house.fake.until_s += 1000;
    amqp_client_put_token(&house.client, AUDIENCE, "token2");
    fake_wait(house.loop, 3100);
    assert_int_equal(house.stream->end, FAKE_OPEN);
    assert_non_null(fake_session(&house.fake, "edge1/modA"));
}

static void test_an_unknown_address_is_not_found(void **state)
{
    (void) state;
    come_in();
    amqp_client_attach(&house.client, "/nowhere", true, 0);
    client_saw("attached nothing;detached /nowhere amqp:not-found;");
    amqp_client_attach(&house.client, "/devices/edge1/messages/events", false, 0);
    client_saw("detached /devices/edge1/messages/events amqp:not-found;");
}

static void test_the_last_link_takes_the_session_along(void **state)
{
    pn_link_t *link;

    (void) state;
    come_in();
    link = attach(EVENTS, true);
    assert_non_null(fake_session(&house.fake, "edge1/modA"));
    pn_link_close(link);
    amqp_client_pump(&house.client);
    assert_null(fake_session(&house.fake, "edge1/modA"));
}

static void test_a_link_attached_anew_replaces_the_old_one(void **state)
{
    pn_link_t *second;

    (void) state;
    come_in();
    attach(EVENTS, true);
    second = pn_sender(house.client.session, "second");
    pn_terminus_set_address(pn_link_target(second), EVENTS);
    pn_link_open(second);
    client_saw("detached " EVENTS " amqp:link:stolen;");
    assert_non_null(fake_session(&house.fake, "edge1/modA"));
    assert_true(pn_link_credit(second) > 0);
}

static void test_mechanisms(const char *mechanism, const char *user, const char *password,
                            bool welcome)
{
    amqp_client_login(&house.client, mechanism, user, password);
    amqp_client_open(&house.client);
    if (welcome)
        client_saw("open;");
    else
        client_saw("error amqp:unauthorized-access;");
}

static void test_anonymous(void **state)
{
    (void) state;
    test_mechanisms("ANONYMOUS", NULL, NULL, true);
}

static void test_external_needs_a_certificate(void **state)
{
    (void) state;
    test_mechanisms("EXTERNAL", "x", NULL, false);
}

static void test_plain_of_a_device(void **state)
{
    (void) state;
    test_mechanisms("PLAIN", "edge1/modules/modA@sas.hub", "token", true);
    hub_was_asked("auth edge1/modA token;");
    attach(EVENTS, true);
}

static void test_plain_that_is_looked_at_for_a_while(void **state)
{
    (void) state;
    house.fake.hold = true;
    amqp_client_login(&house.client, "PLAIN", "leaf@hub.test", "token");
    amqp_client_open(&house.client);
    client_did_not_see("open;");
    house.fake.hold = false;
    fake_answer(&house.fake);
    client_saw("open;");
}

static void test_plain_refused(void **state)
{
    (void) state;
    test_mechanisms("PLAIN", "leaf@sas.elsewhere", "token", false);
}

static void test_a_client_that_closes_gets_a_close(void **state)
{
    (void) state;
    come_in();
    attach(EVENTS, true);
    pn_connection_close(house.client.driver.connection);
    client_saw("closed;");
    assert_null(fake_session(&house.fake, "edge1/modA"));
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_int_equal(hub_amqp_clients(house.amqp), 0);
}

static void test_the_end_of_the_server_is_no_close(void **state)
{
    (void) state;
    come_in();
    attach(EVENTS, true);
    house.amqp = hub_amqp_destroy(house.amqp);
    assert_int_equal(house.stream->end, FAKE_CLOSED);
    assert_int_equal(house.stream->out.len, 0);
    hub_was_asked("close;");
}

static void test_what_is_under_way_when_the_client_goes_is_answered_to_nobody(void **state)
{
    pn_link_t *ask;

    (void) state;
    come_in();
    ask = attach("/devices/edge1/modules/modA/twin", true);
    attach("/devices/edge1/modules/modA/twin", false);
    house.fake.hold = house.fake.gone = true;
    twin_request(ask, "GET", " ");
    twin_request(ask, "PATCH", "{}");
    amqp_client_pump(&house.client);
    assert_int_equal(house.fake.nheld, 2);
    house.stream->handler.on_end(0, house.stream->arg);
    hub_was_asked("close;");
    assert_int_equal(house.fake.nheld, 0);
    assert_int_equal(hub_amqp_clients(house.amqp), 0);
}

static void test_too_many_links_end_the_connection(void **state)
{
    (void) state;
    amqp_client_open(&house.client);
    for (int i = 0; i < 21; i++) {
        char address[40];

        snprintf(address, sizeof address, "/x%d", i);
        pn_link_t *link = pn_sender(house.client.session, address);
        pn_link_open(link); /* no address: refused, and kept open by us */
    }
    while (house.stream->end == FAKE_OPEN) {
        pn_bytes_t out = pn_connection_driver_write_buffer(&house.client.driver);

        if (out.size == 0)
            break;
        fake_give(house.stream, out.start, out.size);
        pn_connection_driver_write_done(&house.client.driver, out.size);
    }
    assert_int_not_equal(house.stream->end, FAKE_OPEN);
}

static void test_a_silent_client_is_dropped(void **state)
{
    struct hub_amqp_options options = {
        .backend = &house.fake.backend, .host = "hub.test", .connect_ms = 300};
    struct edge_stream *stream = fake_stream_new();
    struct hub_amqp *amqp;
    int64_t began = edge_now_ms();

    (void) state;
    assert_int_equal(hub_amqp_create(house.loop, &options, &amqp), 0);
    hub_amqp_accept(amqp, stream, false);
    for (int i = 0; i < 500 && stream->end == FAKE_OPEN; i++)
        fake_wait(house.loop, 20);
    assert_int_equal(stream->end, FAKE_CLOSED);
    assert_in_range(edge_now_ms() - began, 290, 10000);
    hub_amqp_destroy(amqp);
    fake_stream_free(stream);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, house_close)
    const struct CMUnitTest tests[] = {
        TEST(test_a_bare_header_is_answered),
        TEST(test_an_open_that_asks_too_much_is_refused),
        TEST(test_a_token_is_put_and_the_answer_carries_the_id_in_its_type),
        TEST(test_a_refused_token_is_answered_401_and_links_are_refused),
        TEST(test_an_unavailable_backend_drops_the_client_instead_of_refusing_it),
        TEST(test_telemetry_is_accepted_when_the_backend_has_it),
        TEST(test_a_body_that_is_a_value_becomes_json_or_is_rejected),
        TEST(test_a_message_over_the_limit_is_rejected_and_the_link_lives),
        TEST(test_a_message_over_what_is_kept_is_rejected_as_well),
        TEST(test_a_batch_is_many_messages_and_one_answer),
        TEST(test_inputs_are_delivered_and_settled),
        TEST(test_without_credit_deliveries_wait_and_the_backend_is_paused),
        TEST(test_a_client_that_does_not_read_is_not_sent_to_and_not_read_from),
        TEST(test_twins),
        TEST(test_a_failed_twin_request_is_answered_in_json),
        TEST(test_methods),
        TEST(test_several_identities_share_a_connection),
        TEST(test_a_certificate_stands_in_for_a_token),
        TEST(test_a_link_that_goes_while_it_waits_takes_nobody_along),
        TEST(test_a_refused_certificate_refuses_the_link),
        TEST(test_an_expired_token_ends_what_it_was_for),
        TEST(test_a_renewed_token_keeps_the_session),
        TEST(test_an_unknown_address_is_not_found),
        TEST(test_the_last_link_takes_the_session_along),
        TEST(test_a_link_attached_anew_replaces_the_old_one),
        TEST(test_anonymous),
        TEST(test_external_needs_a_certificate),
        TEST(test_plain_of_a_device),
        TEST(test_plain_that_is_looked_at_for_a_while),
        TEST(test_plain_refused),
        TEST(test_a_client_that_closes_gets_a_close),
        TEST(test_the_end_of_the_server_is_no_close),
        TEST(test_what_is_under_way_when_the_client_goes_is_answered_to_nobody),
        TEST(test_too_many_links_end_the_connection),
        TEST(test_a_silent_client_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
