/* Requests that become WebSockets; the tests speak the bytes of RFC 6455 to the server. */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/http/server.h"

struct house {
    struct edge_loop *loop;
    struct edge_http_server *server;
    pthread_t thread;
    uint16_t port;
    struct edge_stream *open[16]; /* closed at the end, so that a failed test ends, too */
    int end_rc;                   /* 1: none yet */
};

static struct house house;

static void forget(struct edge_stream *stream)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(house.open); i++) {
        if (house.open[i] == stream)
            house.open[i] = NULL;
    }
}

static void finish(struct edge_stream *stream)
{
    forget(stream);
    edge_stream_finish(stream);
}

static void remember(struct edge_stream *stream)
{
    size_t i = 0;

    while (house.open[i])
        i++;
    house.open[i] = stream;
}

static void echo(struct edge_bytes data, void *arg)
{
    struct edge_stream *stream = arg;

    if (data.len == 6 && memcmp(data.data, "finish", 6) == 0)
        finish(stream);
    else
        edge_stream_write(stream, data.data, data.len);
}

static void on_end(int rc, void *arg)
{
    __atomic_store_n(&house.end_rc, rc, __ATOMIC_SEQ_CST);
    finish(arg);
}

static void upgrade(struct edge_exchange *x)
{
    static const struct edge_stream_handler handler = {.on_data = echo, .on_end = on_end};
    struct edge_stream *stream =
        edge_exchange_upgrade(x, edge_exchange_offers(x, "mqtt") ? "mqtt" : NULL);

    if (stream) {
        remember(stream);
        edge_stream_attach(stream, &handler, stream);
    }
}

static void upgrade_later(void *arg)
{
    upgrade(arg);
}

static void handle(struct edge_exchange *x, void *arg)
{
    (void) arg;
    if (!edge_exchange_wants_websocket(x))
        edge_exchange_reply(x, 426, NULL, NULL, 0);
    else if (strcmp(edge_exchange_path(x), "/later") == 0)
        edge_loop_post(house.loop, upgrade_later, x);
    else
        upgrade(x);
}

static void *serve(void *arg)
{
    (void) arg;
    edge_loop_run(house.loop);
    edge_http_server_close(house.server);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(house.open); i++)
        edge_stream_close(house.open[i]);
    edge_loop_destroy(house.loop);
    return NULL;
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(house.loop);
}

static int setup(void **state)
{
    struct edge_http_server_options options = {
        .uri = "tcp://127.0.0.1:0", .max_clients = 2, .head_ms = 1000, .handle = handle};
    (void) state;

    house = (struct house){.end_rc = 1};
    assert_int_equal(edge_loop_create(&house.loop), 0);
    assert_int_equal(edge_http_server_open(house.loop, &options, &house.server, NULL), 0);
    house.port = edge_http_server_port(house.server);
    return pthread_create(&house.thread, NULL, serve, NULL);
}

static int teardown(void **state)
{
    (void) state;
    edge_loop_post(house.loop, stop, NULL);
    return pthread_join(house.thread, NULL);
}

static int dial(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(house.port)};
    struct timeval limit = {10, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void say(int fd, const void *data, size_t len)
{
    assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

static void hear(int fd, void *data, size_t len)
{
    assert_int_equal(recv(fd, data, len, MSG_WAITALL), len);
}

static void assert_closed(int fd)
{
    char byte;

    assert_int_equal(recv(fd, &byte, 1, 0), 0);
    close(fd);
}

#define REQUEST(path)                                                                              \
    "GET " path " HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\n"                      \
    "Upgrade: WebSocket\r\nSec-WebSocket-Version: 13\r\n"                                          \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"                                              \
    "Sec-WebSocket-Extensions: permessage-deflate\r\n"                                             \
    "Sec-WebSocket-Protocol: amqp, mqtt\r\n\r\n"

static const char granted[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
                              "Sec-WebSocket-Protocol: mqtt\r\n\r\n";

static void hear_granted(int fd)
{
    char text[sizeof granted] = {0};

    hear(fd, text, sizeof granted - 1);
    assert_string_equal(text, granted);
}

static int connected(void)
{
    int fd = dial();

    say(fd, REQUEST("/"), sizeof REQUEST("/") - 1);
    hear_granted(fd);
    return fd;
}

/* A frame of a client, masked. @return its bytes */
static size_t frame(char *out, unsigned char first, const char *text, size_t len)
{
    static const char mask[4] = {0x11, 0x22, 0x33, 0x44};
    size_t at = 0;

    out[at++] = (char) first;
    if (len < 126) {
        out[at++] = (char) (0x80 | len);
    } else {
        out[at++] = (char) (0x80 | 126);
        out[at++] = (char) (len >> 8);
        out[at++] = (char) len;
    }
    memcpy(out + at, mask, 4);
    at += 4;
    for (size_t i = 0; i < len; i++)
        out[at++] = (char) (text[i] ^ mask[i % 4]);
    return at;
}

static void say_frame(int fd, unsigned char first, const char *text, size_t len)
{
    char out[1024];

    say(fd, out, frame(out, first, text, len));
}

static void hear_frame(int fd, unsigned char first, const char *text, size_t len)
{
    unsigned char head[2];
    char body[200];

    hear(fd, head, 2);
    assert_int_equal(head[0], first);
    assert_int_equal(head[1], len); /* not masked */
    if (len > 0)
        hear(fd, body, len);
    assert_memory_equal(body, text, len);
}

static void wait_for_end(int rc)
{
    int64_t limit = edge_now_ms() + 30000;

    while (__atomic_load_n(&house.end_rc, __ATOMIC_SEQ_CST) == 1)
        assert_true(edge_now_ms() < limit);
    assert_int_equal(house.end_rc, rc);
}

static void test_a_request_becomes_a_websocket_that_lives_by_itself(void **state)
{
    int fd = connected();
    int others[2];
    (void) state;

    for (int i = 0; i < 2; i++) /* it does not count among the clients */
        others[i] = dial();
    assert_closed(others[0]); /* idle for longer than the server allows; the WebSocket is not */
    assert_closed(others[1]);
    say_frame(fd, 0x82, "hello", 5);
    hear_frame(fd, 0x82, "hello", 5);
    say_frame(fd, 0x88, "\x03\xe8", 2);
    hear_frame(fd, 0x88, "\x03\xe8", 2);
    assert_closed(fd);
    wait_for_end(0);
}

static void test_bytes_behind_the_request_are_not_lost(void **state)
{
    static const char *const paths[] = {REQUEST("/"), REQUEST("/later")};
    char text[2048];
    (void) state;

    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(paths[i]);
        int fd = dial();

        memcpy(text, paths[i], len);
        len += frame(text + len, 0x82, "early", 5);
        say(fd, text, len);
        hear_granted(fd);
        hear_frame(fd, 0x82, "early", 5);
        close(fd);
    }
}

static void test_fragments_and_pings_are_seen_to(void **state)
{
    int fd = connected();
    char text[200];
    size_t len;
    (void) state;

    len = frame(text, 0x02, "fi", 2); /* not the last fragment */
    say(fd, text, 3);                 /* and its head comes in two */
    (void) poll(NULL, 0, 20);
    say(fd, text + 3, len - 3);
    hear_frame(fd, 0x82, "fi", 2);
    say_frame(fd, 0x89, "are you there", 13);
    hear_frame(fd, 0x8a, "are you there", 13);
    say_frame(fd, 0x80, "n", 1);
    hear_frame(fd, 0x82, "n", 1);
    say_frame(fd, 0x82, "", 0);
    say_frame(fd, 0x8a, "unasked", 7);
    say_frame(fd, 0x82, "finish", 6);
    hear_frame(fd, 0x88, "\x03\xe8", 2);
    assert_closed(fd);
}

static void test_a_long_message_comes_back_in_pieces(void **state)
{
    enum { LEN = 60000 };
    static char data[LEN + 16];
    static char text[LEN];
    size_t heard = 0;
    int fd = connected();
    size_t len;
    (void) state;

    for (size_t i = 0; i < LEN; i++)
        text[i] = (char) (i % 251);
    len = frame(data, 0x82, text, LEN);
    say(fd, data, len);
    while (heard < LEN) {
        unsigned char head[4];
        size_t n;

        hear(fd, head, 2);
        assert_int_equal(head[0], 0x82);
        n = head[1];
        if (n == 126) {
            hear(fd, head + 2, 2);
            n = (size_t) head[2] << 8 | head[3];
        }
        assert_true(n < 127 || head[1] == 126);
        hear(fd, data, n);
        assert_memory_equal(data, text + heard, n);
        heard += n;
    }
    close(fd);
}

static void test_broken_rules_end_the_stream(void **state)
{
    static const struct {
        const char *name;
        const char *bytes;
        size_t len;
        const char *goodbye; /* status in the close frame */
    } cases[] = {
        {"not masked", "\x82\x01x", 3, "\x03\xea"},
        {"text", "\x81\x81\0\0\0\0x", 7, "\x03\xeb"},
        {"too big", "\x82\xff\0\0\0\0\0\x20\0\0\0\0\0\0x", 15, "\x03\xf1"},
        {"reserved bit", "\xc2\x81\0\0\0\0x", 7, "\x03\xea"},
        {"continuation of nothing", "\x80\x81\0\0\0\0x", 7, "\x03\xea"},
        {"long ping", "\x89\xfe\0\x7e\0\0\0\0", 8, NULL},
        {"fragmented ping", "\x09\x80\0\0\0\0", 6, NULL},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        int fd = connected();
        unsigned char head[2];

        __atomic_store_n(&house.end_rc, 1, __ATOMIC_SEQ_CST);
        say(fd, cases[i].bytes, cases[i].len);
        hear(fd, head, 2);
        if (head[0] != 0x88)
            fail_msg("%s: not a close frame", cases[i].name);
        if (cases[i].goodbye) {
            char status[2];

            assert_int_equal(head[1], 2);
            hear(fd, status, 2);
            assert_memory_equal(status, cases[i].goodbye, 2);
        }
        assert_closed(fd);
        wait_for_end(EDGE_EPROTOCOL);
    }
}

static void test_a_torn_websocket_is_told(void **state)
{
    (void) state;
    close(connected());
    wait_for_end(-ECONNRESET);
}

/* It pings and never listens: the pongs must not pile up. */
static void test_a_flood_of_pings_is_ended(void **state)
{
    static char flood[200 * 131];
    int fd = connected();
    struct timeval limit = {0, 100 * 1000};
    size_t len = 0;
    (void) state;

    for (int i = 0; i < 200; i++) {
        char text[125] = {0};

        len += frame(flood + len, 0x89, text, sizeof text);
    }
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    for (int i = 0; i < 10000 && send(fd, flood, len, MSG_NOSIGNAL) > 0; i++) {
    }
    wait_for_end(EDGE_EPROTOCOL);
    close(fd);
}

static void test_what_is_no_such_request_is_refused(void **state)
{
    static const char *const requests[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short==\r\n\r\n",
        "GET / HTTP/1.1\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(requests); i++) {
        int fd = dial();
        char text[13] = {0};

        say(fd, requests[i], strlen(requests[i]));
        hear(fd, text, 12);
        assert_string_equal(text, "HTTP/1.1 426");
        close(fd);
    }
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_a_request_becomes_a_websocket_that_lives_by_itself),
        SERVED(test_bytes_behind_the_request_are_not_lost),
        SERVED(test_fragments_and_pings_are_seen_to),
        SERVED(test_a_long_message_comes_back_in_pieces),
        SERVED(test_broken_rules_end_the_stream),
        SERVED(test_a_torn_websocket_is_told),
        SERVED(test_a_flood_of_pings_is_ended),
        SERVED(test_what_is_no_such_request_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
