/* One connection, bytes in and bytes out: what may come when, windows, limits, time. */
#include "tests/unit/test.h"

#include "common/base/clock.h"
#include "hub/mqtt/client.h"
#include "tests/unit/hub/fake_stream.h"

enum { PACKET = 4096, QUEUED = 1000, UNANSWERED = 6000, IN_FLIGHT = 3, OUT_FLIGHT = 2 };

/* The connection and its user, who notes what it is told. */
static struct house {
    struct edge_loop *loop;
    struct hub_mqtt_clients clients;
    struct edge_stream *stream;
    struct hub_mqtt_client *client; /* NULL: ended */
    bool take, accept, present, at_once;
    struct edge_buf notes;
    hub_mqtt_ticket tickets[16];
    unsigned ntickets;
} house;

static void note(const char *what, const char *text, size_t len)
{
    assert_int_equal(edge_buf_printf(&house.notes, "%s%.*s;", what, (int) len, text), 0);
}

static void take_ticket(hub_mqtt_ticket ticket)
{
    if (house.at_once)
        hub_mqtt_client_done(house.client, ticket, 1);
    else
        house.tickets[house.ntickets++ % 16] = ticket;
}

static void on_publish(const struct mqtt_publish *p, hub_mqtt_ticket ticket, void *arg)
{
    assert_ptr_equal(arg, &house);
    note("pub ", (const char *) p->topic.data, p->topic.len);
    if (p->payload.len == 4 && memcmp(p->payload.data, "quit", 4) == 0) {
        hub_mqtt_client_close(house.client, false);
        house.client = NULL;
        return;
    }
    take_ticket(ticket);
}

static void on_subscribe(const struct mqtt_packet *packet, hub_mqtt_ticket ticket, void *arg)
{
    (void) arg;
    note(packet->type == MQTT_SUBSCRIBE ? "sub" : "unsub", "", 0);
    take_ticket(ticket);
}

static void on_acked(uint64_t tag, void *arg)
{
    (void) arg;
    assert_int_equal(edge_buf_printf(&house.notes, "ack %d;", (int) tag), 0);
}

static void on_room(void *arg)
{
    (void) arg;
    note("room", "", 0);
}

static void on_end(enum hub_mqtt_end why, const struct edge_err *err, void *arg)
{
    (void) arg;
    (void) err;
    assert_int_equal(edge_buf_printf(&house.notes, "end %d;", (int) why), 0);
    hub_mqtt_client_close(house.client, why == HUB_MQTT_SILENT);
    house.client = NULL;
}

static const struct hub_mqtt_client_ops ops = {on_publish, on_subscribe, on_acked, on_room, on_end};

static void on_connect(struct hub_mqtt_client *client, void *arg)
{
    const struct mqtt_connect *connect = hub_mqtt_client_connect(client);

    (void) arg;
    note("connect ", (const char *) connect->client_id.data, connect->client_id.len);
    if (!house.take)
        return;
    house.client = client;
    hub_mqtt_client_take(client, &ops, &house);
    if (house.accept)
        hub_mqtt_client_accept(client, house.present);
}

static int setup(void **state)
{
    (void) state;
    house = (struct house){.take = true, .accept = true};
    edge_buf_init(&house.notes, 4096);
    assert_int_equal(edge_loop_create(&house.loop), 0);
    house.clients = (struct hub_mqtt_clients){
        .loop = house.loop,
        .limits = {PACKET, QUEUED, UNANSWERED, IN_FLIGHT, OUT_FLIGHT, 10000, 1767, 0},
        .connect = on_connect,
    };
    house.stream = fake_stream_new();
    assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    hub_mqtt_clients_close(&house.clients);
    assert_int_equal(house.clients.count, 0);
    fake_turn(house.loop);
    edge_loop_destroy(house.loop);
    fake_stream_free(house.stream);
    edge_buf_fini(&house.notes);
    return 0;
}

#define GIVE(bytes) fake_give(house.stream, bytes, sizeof(bytes) - 1)
#define CONNECT                                                                                    \
    "\x10\x0e\x00\x04MQTT\x04\x02\x00\x3c\x00\x02"                                                 \
    "me"

/* What was written since the last time. */
static void assert_out(const char *bytes, size_t len)
{
    if (house.client)
        fake_turn(house.loop);
    assert_int_equal(house.stream->out.len, len);
    if (len > 0)
        assert_memory_equal(house.stream->out.data, bytes, len);
    edge_buf_consume(&house.stream->out, len);
}
#define OUT(bytes) assert_out(bytes, sizeof(bytes) - 1)

static void assert_notes(const char *text)
{
    assert_string_equal(house.notes.data ? house.notes.data : "", text);
    edge_buf_fini(&house.notes);
}

static void serve(void)
{
    GIVE(CONNECT);
    OUT("\x20\x02\x00\x00");
    assert_notes("connect me;");
}

/* Before and around CONNECT. */

static void test_a_connect_is_answered(void **state)
{
    (void) state;
    house.present = true;
    GIVE(CONNECT);
    OUT("\x20\x02\x01\x00");
}

static void test_nothing_may_come_before_connect(void **state)
{
    static const char *const early[] = {"\xc0\x00", "\xe0\x00", "\x30\x03\x00\x01t"};
    static const size_t lens[] = {2, 2, 5};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(early); i++) {
        struct edge_stream *stream = fake_stream_new();

        assert_int_equal(hub_mqtt_client_open(&house.clients, stream, false), 0);
        fake_give(stream, early[i], lens[i]);
        assert_int_not_equal(stream->end, FAKE_OPEN);
        assert_int_equal(stream->out.len, 0);
        fake_stream_free(stream);
    }
    assert_int_equal(house.clients.count, 1);
    assert_notes("");
}

static void test_a_second_connect_ends_it(void **state)
{
    (void) state;
    serve();
    GIVE(CONNECT);
    assert_notes("end 2;");
    OUT("");
}

static void test_another_level_is_answered_with_code_1(void **state)
{
    (void) state;
    GIVE("\x10\x0f\x00\x04MQTT\x05\x02\x00\x3c\x00\x00\x02me");
    OUT("\x20\x02\x00\x01");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_notes("");
}

static void test_an_empty_id_needs_a_clean_session(void **state)
{
    (void) state;
    GIVE("\x10\x0c\x00\x04MQTT\x04\x00\x00\x3c\x00\x00");
    OUT("\x20\x02\x00\x02");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_notes("");
}

static void test_who_is_not_taken_is_closed(void **state)
{
    (void) state;
    house.take = false;
    GIVE(CONNECT);
    assert_int_not_equal(house.stream->end, FAKE_OPEN);
    OUT("");
}

static void test_who_is_refused_gets_the_code_and_no_end(void **state)
{
    (void) state;
    house.accept = false;
    GIVE(CONNECT);
    hub_mqtt_client_refuse(house.client, MQTT_NOT_AUTHORIZED);
    house.client = NULL;
    OUT("\x20\x02\x00\x05");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_notes("connect me;");
}

static void test_what_follows_connect_waits_for_the_decision(void **state)
{
    (void) state;
    house.accept = false;
    GIVE(CONNECT "\xc0\x00");
    OUT("");
    assert_true(house.stream->paused);
    assert_int_equal(hub_mqtt_client_connect(house.client)->keep_alive, 60);
    hub_mqtt_client_accept(house.client, false);
    OUT("\x20\x02\x00\x00\xd0\x00");
    assert_false(house.stream->paused);
}

static void test_a_connect_over_16_kib_is_not_read(void **state)
{
    (void) state;
    GIVE("\x10\xff\xff\x01");
    assert_int_not_equal(house.stream->end, FAKE_OPEN);
}

static void test_who_sends_no_connect_is_dropped(void **state)
{
    (void) state;
    house.clients.limits.connect_ms = 30;
    hub_mqtt_clients_close(&house.clients);
    fake_stream_free(house.stream);
    house.stream = fake_stream_new();
    assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
    for (int i = 0; i < 100 && house.stream->end == FAKE_OPEN; i++)
        fake_wait(house.loop, 10);
    assert_int_equal(house.stream->end, FAKE_CLOSED);
    assert_int_equal(house.clients.count, 0);
}

static void test_the_oldest_without_a_connect_makes_room(void **state)
{
    struct edge_stream *others[3];

    (void) state;
    house.clients.limits.strangers = 2;
    GIVE(CONNECT); /* is none any more */
    for (size_t i = 0; i < 3; i++) {
        others[i] = fake_stream_new();
        assert_int_equal(hub_mqtt_client_open(&house.clients, others[i], false), 0);
    }
    assert_int_equal(house.stream->end, FAKE_OPEN);
    assert_int_equal(others[0]->end, FAKE_CLOSED);
    assert_int_equal(others[1]->end, FAKE_OPEN);
    assert_int_equal(others[2]->end, FAKE_OPEN);
    assert_int_equal(house.clients.count, 3);
    hub_mqtt_clients_close(&house.clients);
    for (size_t i = 0; i < 3; i++)
        fake_stream_free(others[i]);
}

/* Requests and their answers. */

static void test_answers_leave_in_the_order_of_requests(void **state)
{
    (void) state;
    serve();
    GIVE("\x32\x06\x00\x01"
         "a\x00\x0ax"
         "\x32\x06\x00\x01"
         "b\x00\x0bx");
    GIVE("\x82\x06\x00\x0c\x00\x01#\x01");
    assert_notes("pub a;pub b;sub;");
    hub_mqtt_client_done(house.client, house.tickets[2], 1);
    hub_mqtt_client_done(house.client, house.tickets[1], 0);
    OUT("");
    hub_mqtt_client_done(house.client, house.tickets[0], 0);
    OUT("\x40\x02\x00\x0a\x40\x02\x00\x0b\x90\x03\x00\x0c\x01");
}

static void test_qos_0_is_not_answered(void **state)
{
    (void) state;
    house.at_once = true;
    serve();
    GIVE("\x30\x03\x00\x01"
         "a"
         "\xa2\x05\x00\x02\x00\x01#");
    assert_notes("pub a;unsub;");
    OUT("\xb0\x02\x00\x02");
}

static void test_each_filter_is_granted_its_quality(void **state)
{
    (void) state;
    serve();
    GIVE("\x82\x0e\x00\x01\x00\x01"
         "a\x02\x00\x01"
         "b\x00\x00\x01"
         "c\x01");
    hub_mqtt_client_done(house.client, house.tickets[0], 5);
    OUT("\x90\x05\x00\x01\x01\x00\x01");
}

static void test_qos_2_ends_it_unseen(void **state)
{
    (void) state;
    serve();
    GIVE("\x34\x05\x00\x01"
         "a\x00\x01");
    assert_notes("end 2;");
    OUT("");
}

static void test_what_only_a_server_sends_ends_it(void **state)
{
    static const char *const packets[] = {
        "\x20\x02\x00\x00", "\x90\x03\x00\x01\x00", "\xb0\x02\x00\x01", "\xd0\x00",
        "\x50\x02\x00\x01", "\x62\x02\x00\x01",     "\x70\x02\x00\x01"};
    static const size_t lens[] = {4, 5, 4, 2, 4, 4, 4};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(packets); i++) {
        struct edge_stream *stream = fake_stream_new();

        assert_int_equal(hub_mqtt_client_open(&house.clients, stream, false), 0);
        fake_give(stream, CONNECT, sizeof CONNECT - 1);
        fake_give(stream, packets[i], lens[i]);
        assert_notes("connect me;end 2;");
        assert_int_equal(stream->end, FAKE_FINISHED);
        fake_stream_free(stream);
    }
}

static void test_reading_stops_at_the_window_and_goes_on(void **state)
{
    (void) state;
    serve();
    GIVE("\x32\x06\x00\x01"
         "a\x00\x01x"
         "\x32\x06\x00\x01"
         "b\x00\x02x"
         "\x30\x04\x00\x01"
         "cx"
         "\x32\x06\x00\x01"
         "d\x00\x03x"
         "\xc0\x00");
    assert_notes("pub a;pub b;pub c;");
    assert_true(house.stream->paused);
    OUT("");
    hub_mqtt_client_done(house.client, house.tickets[0], 0);
    assert_notes(""); /* not from within the call */
    OUT("\x40\x02\x00\x01");
    assert_notes("pub d;");
    assert_true(house.stream->paused);
    hub_mqtt_client_done(house.client, house.tickets[1], 0);
    fake_turn(house.loop);
    OUT("\x40\x02\x00\x02\xd0\x00");
    assert_false(house.stream->paused);
}

/* A message of 3,000 bytes on topic "a". */
static void give_large(uint16_t id)
{
    uint8_t packet[3003] = {0x32, 0xb8, 0x17, 0x00, 0x01, 'a', 0x00, (uint8_t) id};

    fake_give(house.stream, packet, sizeof packet);
}

static void test_reading_stops_at_the_bytes_without_an_answer(void **state)
{
    (void) state;
    serve();
    give_large(1);
    assert_false(house.stream->paused);
    give_large(2);
    assert_true(house.stream->paused);
    give_large(3);
    assert_notes("pub a;pub a;");
    hub_mqtt_client_done(house.client, house.tickets[1], 0); /* not its turn yet */
    fake_turn(house.loop);
    assert_notes("");
    hub_mqtt_client_done(house.client, house.tickets[0], 0);
    fake_turn(house.loop);
    assert_false(house.stream->paused);
    fake_flow(house.stream);
    assert_notes("pub a;");
}

static void test_who_sent_and_left_is_read_to_the_end(void **state)
{
    (void) state;
    serve();
    GIVE("\x30\x03\x00\x01"
         "a"
         "\x30\x03\x00\x01"
         "b"
         "\x30\x03\x00\x01"
         "c"
         "\x30\x03\x00\x01"
         "d"
         "\xe0\x00");
    assert_notes("pub a;pub b;pub c;");
    house.stream->handler.on_end(0, house.stream->arg);
    assert_notes("");
    hub_mqtt_client_done(house.client, house.tickets[0], 0);
    hub_mqtt_client_done(house.client, house.tickets[1], 0);
    fake_turn(house.loop);
    assert_notes("pub d;end 0;"); /* DISCONNECT, not a loss */
}

static void test_packets_come_in_any_pieces(void **state)
{
    static const char bytes[] = CONNECT "\x32\x06\x00\x01"
                                        "a\x00\x01x"
                                        "\xc0\x00"
                                        "\x30\x04\x00\x01"
                                        "by"
                                        "\xe0\x00";

    (void) state;
    house.at_once = true;
    for (size_t i = 0; i < sizeof bytes - 1; i++)
        fake_give(house.stream, bytes + i, 1);
    OUT("\x20\x02\x00\x00\x40\x02\x00\x01\xd0\x00");
    assert_notes("connect me;pub a;pub b;end 0;");
}

static void test_a_packet_over_the_limit_ends_it_at_its_header(void **state)
{
    (void) state;
    serve();
    GIVE("\x30\xfe\x1f"); /* 4094 and 3 */
    assert_notes("end 2;");
}

static void test_the_user_may_close_within_a_callback(void **state)
{
    (void) state;
    serve();
    GIVE("\x30\x07\x00\x01"
         "aquit"
         "\x30\x03\x00\x01"
         "b");
    assert_notes("pub a;");
    assert_int_equal(house.stream->end, FAKE_FINISHED);
    assert_int_equal(house.clients.count, 0);
}

/* Messages to the client. */

static int send_one(uint8_t qos, uint64_t tag)
{
    struct mqtt_publish publish = {
        .topic = {(const uint8_t *) "t", 1},
        .payload = {(const uint8_t *) "x", 1},
        .qos = qos,
    };

    return hub_mqtt_client_send(house.client, &publish, tag);
}

static void test_messages_have_ids_of_their_own_until_acknowledged(void **state)
{
    (void) state;
    serve();
    assert_int_equal(send_one(1, 7), 0);
    assert_int_equal(send_one(1, 8), 0);
    OUT("\x32\x06\x00\x01t\x00\x01x\x32\x06\x00\x01t\x00\x02x");
    assert_int_equal(send_one(1, 9), HUB_MQTT_FULL);
    assert_false(hub_mqtt_client_room(house.client));
    assert_int_equal(send_one(0, 0), 0);
    OUT("\x30\x04\x00\x01tx");
    GIVE("\x40\x02\x00\x02");
    assert_notes("ack 8;room;");
    assert_int_equal(send_one(1, 9), 0);
    OUT("\x32\x06\x00\x01t\x00\x03x");
    GIVE("\x40\x02\x00\x01\x40\x02\x00\x01\x40\x02\x00\x63"); /* again, and a stranger's */
    assert_notes("ack 7;");
}

static void test_who_does_not_read_is_not_buffered_for(void **state)
{
    (void) state;
    serve();
    house.stream->queued = QUEUED + 1;
    assert_int_equal(send_one(1, 1), HUB_MQTT_FULL);
    assert_false(hub_mqtt_client_room(house.client));
    assert_int_equal(send_one(0, 0), 0);
    house.stream->queued = (QUEUED + 1) * HUB_MQTT_OVER;
    assert_int_equal(send_one(0, 0), HUB_MQTT_FULL);
    OUT("\x30\x04\x00\x01tx");

    GIVE("\xc0\x00"); /* nor is it read from */
    assert_true(house.stream->paused);
    OUT("");
    fake_drain(house.stream);
    assert_false(house.stream->paused);
    OUT("\xd0\x00");
    assert_notes("room;");
}

static void test_a_topic_too_long_takes_no_place(void **state)
{
    static uint8_t topic[65536];
    struct mqtt_publish publish = {.topic = {topic, sizeof topic}, .qos = 1};

    (void) state;
    serve();
    assert_int_equal(hub_mqtt_client_send(house.client, &publish, 1), EDGE_ELIMIT);
    assert_int_equal(send_one(1, 1), 0);
    assert_int_equal(send_one(1, 2), 0);
}

/* Time and ends. */

static void test_a_silent_client_is_dropped_after_one_and_a_half(void **state)
{
    int64_t began = edge_now_ms();

    (void) state;
    GIVE("\x10\x0e\x00\x04MQTT\x04\x02\x00\x01\x00\x02"
         "me"); /* 1 s */
    fake_wait(house.loop, 1000);
    GIVE("\xc0\x00");
    for (int i = 0; i < 60 && house.client; i++)
        fake_wait(house.loop, 50);
    assert_notes("connect me;end 3;");
    assert_in_range(edge_now_ms() - began, 2450, 15000);
    assert_int_equal(house.stream->end, FAKE_CLOSED);
}

static void test_the_longest_silence_is_ours(void **state)
{
    static const char *const connects[] = {"\x10\x0e\x00\x04MQTT\x04\x02\x00\x00\x00\x02me",
                                           "\x10\x0e\x00\x04MQTT\x04\x02\xff\xff\x00\x02me"};

    (void) state;
    house.clients.limits.keep_alive_s = 1;
    for (size_t i = 0; i < 2; i++) {
        int64_t began = edge_now_ms();

        if (i > 0) {
            house.stream = (fake_stream_free(house.stream), fake_stream_new());
            assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
        }
        fake_give(house.stream, connects[i], 16);
        while (house.client && edge_now_ms() - began < 4000)
            fake_wait(house.loop, 50);
        assert_notes("connect me;end 3;");
        assert_in_range(edge_now_ms() - began, 950, 2000);
    }
}

static void test_waiting_for_us_is_no_silence(void **state)
{
    (void) state;
    GIVE("\x10\x0e\x00\x04MQTT\x04\x02\x00\x01\x00\x02"
         "me");
    GIVE("\x30\x03\x00\x01"
         "a"
         "\x30\x03\x00\x01"
         "b"
         "\x30\x03\x00\x01"
         "c");
    fake_wait(house.loop, 1800);
    assert_non_null(house.client);
}

static void test_who_reads_slowly_is_alive_as_long_as_it_reads(void **state)
{
    (void) state;
    GIVE("\x10\x0e\x00\x04MQTT\x04\x02\x00\x01\x00\x02"
         "me"); /* 1 s */
    house.stream->queued = 4 * QUEUED;
    GIVE("\xc0\x00");
    assert_true(house.stream->paused);
    fake_wait(house.loop, 500);
    house.stream->queued = 3 * QUEUED;
    fake_wait(house.loop, 1700);
    assert_non_null(house.client);
    for (int i = 0; i < 60 && house.client; i++)
        fake_wait(house.loop, 50);
    assert_notes("connect me;end 3;");
}

static void test_an_expired_client_is_dropped_at_its_second(void **state)
{
    int64_t until = edge_wall_ns() / 1000000000 + 2;

    (void) state;
    serve();
    hub_mqtt_client_expire(house.client, until);
    for (int i = 0; i < 200 && house.client; i++)
        fake_wait(house.loop, 50);
    assert_notes("end 4;");
    assert_in_range(edge_wall_ns() / 1000000 - until * 1000, 0, 5000);
}

static void test_an_end_far_away_is_no_end(void **state)
{
    (void) state;
    serve();
    hub_mqtt_client_expire(house.client, INT64_MAX - 1);
    fake_turn(house.loop);
    assert_notes("");
}

static void test_leaving_and_losing_are_told_apart(void **state)
{
    (void) state;
    serve();
    GIVE("\xe0\x00\xc0\x00"); /* nothing is read after DISCONNECT */
    OUT("");
    assert_notes("end 0;");
    house.stream = (fake_stream_free(house.stream), fake_stream_new());
    assert_int_equal(hub_mqtt_client_open(&house.clients, house.stream, false), 0);
    serve();
    house.stream->handler.on_end(-104, house.stream->arg);
    assert_notes("end 1;");
}

static void test_the_server_ends_them_all(void **state)
{
    struct edge_stream *other = fake_stream_new();

    (void) state;
    serve();
    assert_int_equal(hub_mqtt_client_open(&house.clients, other, false), 0);
    assert_int_equal(house.clients.count, 2);
    hub_mqtt_clients_close(&house.clients);
    assert_notes("end 5;");
    assert_int_not_equal(other->end, FAKE_OPEN);
    fake_stream_free(other);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_connect_is_answered),
        TEST(test_nothing_may_come_before_connect),
        TEST(test_a_second_connect_ends_it),
        TEST(test_another_level_is_answered_with_code_1),
        TEST(test_an_empty_id_needs_a_clean_session),
        TEST(test_who_is_not_taken_is_closed),
        TEST(test_who_is_refused_gets_the_code_and_no_end),
        TEST(test_what_follows_connect_waits_for_the_decision),
        TEST(test_a_connect_over_16_kib_is_not_read),
        TEST(test_who_sends_no_connect_is_dropped),
        TEST(test_the_oldest_without_a_connect_makes_room),
        TEST(test_answers_leave_in_the_order_of_requests),
        TEST(test_qos_0_is_not_answered),
        TEST(test_each_filter_is_granted_its_quality),
        TEST(test_qos_2_ends_it_unseen),
        TEST(test_what_only_a_server_sends_ends_it),
        TEST(test_reading_stops_at_the_window_and_goes_on),
        TEST(test_reading_stops_at_the_bytes_without_an_answer),
        TEST(test_who_sent_and_left_is_read_to_the_end),
        TEST(test_packets_come_in_any_pieces),
        TEST(test_a_packet_over_the_limit_ends_it_at_its_header),
        TEST(test_the_user_may_close_within_a_callback),
        TEST(test_messages_have_ids_of_their_own_until_acknowledged),
        TEST(test_who_does_not_read_is_not_buffered_for),
        TEST(test_a_topic_too_long_takes_no_place),
        TEST(test_a_silent_client_is_dropped_after_one_and_a_half),
        TEST(test_the_longest_silence_is_ours),
        TEST(test_waiting_for_us_is_no_silence),
        TEST(test_who_reads_slowly_is_alive_as_long_as_it_reads),
        TEST(test_an_expired_client_is_dropped_at_its_second),
        TEST(test_an_end_far_away_is_no_end),
        TEST(test_leaving_and_losing_are_told_apart),
        TEST(test_the_server_ends_them_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
