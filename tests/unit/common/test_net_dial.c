/* Dialling: server, proxy and client on one loop. A proxy is written here; it pipes by dialling. */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/http/server.h"
#include "common/net/dial.h"
#include "common/net/listen.h"
#include "tests/unit/common/pki.h"

enum { BIG = 1024 * 1024, PATIENCE_MS = 30000 };

struct world {
    struct edge_loop *loop;
    struct edge_timer *patience;
    bool late;
    struct edge_tls_server *tls;
    struct edge_http_server *server; /* with TLS: a WebSocket that echoes */
    struct edge_listener *proxy;
    const char *canned; /* the proxy's answer to everything */
    char seen[2048];    /* head of the last request to the proxy */
    char shown[65];     /* name on the client's certificate */
    unsigned proxied;
    /* the client */
    struct edge_stream *stream;
    int rc; /* 1: not yet */
    struct edge_err err;
    struct edge_buf heard;
    size_t enough;
    int ended; /* 1: not yet */
};

static struct world w;
static struct pki ca;
static struct pki other_ca;
static struct pki server_id;
static struct pki client_id;

/* The echo behind the WebSocket. */

static void on_echo(struct edge_bytes data, void *arg)
{
    edge_stream_write(arg, data.data, data.len);
}

static void on_echo_end(int rc, void *arg)
{
    (void) rc;
    edge_stream_finish(arg);
}

static const struct edge_stream_handler echo = {.on_data = on_echo, .on_end = on_echo_end};

static void handle(struct edge_exchange *x, void *arg)
{
    const struct edge_tls_peer *peer = edge_exchange_certificate(x);
    struct edge_stream *stream;

    (void) arg;
    (void) snprintf(w.shown, sizeof w.shown, "%s", peer ? peer->cn : "nobody");
    if (!edge_exchange_wants_websocket(x) || !edge_exchange_offers(x, "mqtt")) {
        edge_exchange_reply(x, 403, NULL, NULL, 0);
        return;
    }
    stream = edge_exchange_upgrade(x, "mqtt");
    assert_non_null(stream);
    edge_stream_attach(stream, &echo, stream);
}

/* The proxy. */

struct pipe {
    struct edge_stream *client;
    struct edge_stream *server;
    struct edge_buf head;
};

static void break_pipe(struct pipe *pipe)
{
    edge_stream_finish(pipe->client);
    edge_stream_finish(pipe->server);
    edge_buf_fini(&pipe->head);
    free(pipe);
}

static void on_pipe_end(int rc, void *arg)
{
    (void) rc;
    break_pipe(arg);
}

static void on_from_server(struct edge_bytes data, void *arg)
{
    edge_stream_write(((struct pipe *) arg)->client, data.data, data.len);
}

static void on_from_client(struct edge_bytes data, void *arg)
{
    edge_stream_write(((struct pipe *) arg)->server, data.data, data.len);
}

static void on_target(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    static const char yes[] = "HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
    static const struct edge_stream_handler from_server = {.on_data = on_from_server,
                                                           .on_end = on_pipe_end};
    static const struct edge_stream_handler from_client = {.on_data = on_from_client,
                                                           .on_end = on_pipe_end};
    struct pipe *pipe = arg;

    (void) err;
    assert_int_equal(rc, 0);
    pipe->server = stream;
    edge_stream_write(pipe->client, yes, sizeof yes - 1);
    edge_stream_attach(pipe->server, &from_server, pipe);
    edge_stream_attach(pipe->client, &from_client, pipe);
}

static void on_proxy_request(struct edge_bytes data, void *arg)
{
    struct edge_dial_options options = {.host = "127.0.0.1", .done = on_target, .arg = arg};
    struct edge_dial *dial;
    struct pipe *pipe = arg;
    const char *port;

    assert_int_equal(edge_buf_append(&pipe->head, data.data, data.len), 0);
    if (!strstr(pipe->head.data, "\r\n\r\n"))
        return;
    (void) snprintf(w.seen, sizeof w.seen, "%s", pipe->head.data);
    w.proxied++;
    if (w.canned) {
        edge_stream_write(pipe->client, w.canned, strlen(w.canned));
        if (*w.canned)
            break_pipe(pipe);
        return;
    }
    port = strchr(w.seen, ':');
    options.port = (uint16_t) strtoul(port + 1, NULL, 10);
    edge_stream_pause(pipe->client, true);
    assert_int_equal(edge_dial_open(w.loop, &options, &dial, NULL), 0);
}

static void on_proxy_stream(struct edge_stream *stream, void *arg)
{
    static const struct edge_stream_handler handler = {.on_data = on_proxy_request,
                                                       .on_end = on_pipe_end};
    struct pipe *pipe = calloc(1, sizeof *pipe);

    (void) arg;
    pipe->client = stream;
    edge_buf_init(&pipe->head, 4096);
    edge_stream_attach(stream, &handler, pipe);
}

/* The client. */

static void on_heard(struct edge_bytes data, void *arg)
{
    (void) arg;
    assert_int_equal(edge_buf_append(&w.heard, data.data, data.len), 0);
    if (w.heard.len >= w.enough)
        edge_loop_stop(w.loop);
}

static void on_ended(int rc, void *arg)
{
    (void) arg;
    w.ended = rc;
    edge_loop_stop(w.loop);
}

static void on_done(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    static const struct edge_stream_handler handler = {.on_data = on_heard, .on_end = on_ended};

    (void) arg;
    w.stream = stream;
    w.rc = rc;
    w.err = *err;
    assert_true((rc == 0) == (stream != NULL));
    if (stream)
        edge_stream_attach(stream, &handler, NULL);
    edge_loop_stop(w.loop);
}

static void on_patience(void *arg)
{
    (void) arg;
    w.late = true;
    edge_loop_stop(w.loop);
}

/* Until somebody stops the loop. */
static void run(void)
{
    edge_timer_arm(w.patience, PATIENCE_MS);
    edge_loop_run(w.loop);
    edge_timer_disarm(w.patience);
    assert_false(w.late);
}

static int setup(void **state)
{
    struct edge_tls_server_options tls = {server_id.pem, server_id.key_pem, true};
    struct edge_http_server_options server = {.uri = "tcp://127.0.0.1:0", .handle = handle};
    struct edge_listener_options proxy = {.uri = "tcp://127.0.0.1:0", .on_stream = on_proxy_stream};
    (void) state;

    memset(&w, 0, sizeof w);
    w.rc = 1;
    w.ended = 1;
    edge_buf_init(&w.heard, 4 * BIG);
    assert_int_equal(edge_loop_create(&w.loop), 0);
    w.patience = edge_timer_create(w.loop, on_patience, NULL);
    assert_int_equal(edge_tls_server_create(&tls, &w.tls, NULL), 0);
    server.tls = w.tls;
    assert_int_equal(edge_http_server_open(w.loop, &server, &w.server, NULL), 0);
    assert_int_equal(edge_listen(w.loop, &proxy, &w.proxy, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    edge_stream_close(w.stream);
    edge_http_server_close(w.server);
    edge_listener_close(w.proxy);
    edge_timer_destroy(w.patience);
    edge_loop_destroy(w.loop); /* serves the other ends until they have seen it */
    edge_tls_server_destroy(w.tls);
    edge_buf_fini(&w.heard);
    return 0;
}

static struct edge_tls_client *client_tls(const struct pki *trusted, const struct pki *id)
{
    struct edge_tls_client_options options = {.ca_pem = trusted->pem};
    struct edge_tls_client *client = NULL;

    if (id) {
        options.chain_pem = id->pem;
        options.key_pem = id->key_pem;
    }
    assert_int_equal(edge_tls_client_create(&options, &client, NULL), 0);
    return client;
}

static void dial(struct edge_dial_options options)
{
    struct edge_dial *d = NULL;
    struct edge_err err = {0};

    options.done = on_done;
    if (edge_dial_open(w.loop, &options, &d, &err) < 0)
        fail_msg("%s", err.text);
    assert_int_equal(w.rc, 1); /* not from within the call */
    run();
}

static void expect_failure(int rc, const char *part)
{
    if (w.rc != rc || !strstr(w.err.text, part))
        fail_msg("%d `%s`, not `%s`", w.rc, w.err.text, part);
    w.rc = 1;
}

static void say_and_hear_back(size_t len)
{
    char *data = malloc(len);

    for (size_t i = 0; i < len; i++)
        data[i] = (char) (i % 253);
    w.heard.len = 0;
    w.enough = len;
    edge_stream_write(w.stream, data, len);
    run();
    assert_int_equal(w.heard.len, len);
    assert_memory_equal(w.heard.data, data, len);
    free(data);
}

static void test_a_websocket_over_tls_carries_bytes_both_ways(void **state)
{
    struct edge_tls_client *tls = client_tls(&ca, &client_id);
    struct edge_dial_options options = {.host = "localhost",
                                        .port = edge_http_server_port(w.server),
                                        .tls = tls,
                                        .ws_path = "/$iothub/websocket",
                                        .ws_protocol = "mqtt"};
    (void) state;

    dial(options);
    if (w.rc != 0)
        fail_msg("%s", w.err.text);
    assert_string_equal(w.shown, "device-1");
    assert_string_equal(edge_stream_certificate(w.stream)->cn, "localhost");
    say_and_hear_back(5);
    say_and_hear_back(BIG);
    edge_tls_client_destroy(tls);
}

static void test_a_proxy_stands_between_when_asked(void **state)
{
    struct edge_tls_client *tls = client_tls(&ca, NULL);
    char proxy[100];
    char first[100];
    struct edge_dial_options options = {.host = "127.0.0.1",
                                        .port = edge_http_server_port(w.server),
                                        .proxy = proxy,
                                        .tls = tls,
                                        .ws_path = "/",
                                        .ws_protocol = "mqtt"};
    (void) state;

    (void) snprintf(proxy, sizeof proxy, "http://us%%65r:p%%40ss@127.0.0.1:%u/",
                    edge_listener_port(w.proxy));
    (void) snprintf(first, sizeof first, "CONNECT 127.0.0.1:%u HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n",
                    options.port, options.port);
    dial(options);
    if (w.rc != 0)
        fail_msg("%s", w.err.text);
    assert_int_equal(w.proxied, 1);
    assert_memory_equal(w.seen, first, strlen(first));
    assert_non_null(strstr(w.seen, "\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n"));
    assert_string_equal(w.shown, "nobody");
    say_and_hear_back(BIG);
    edge_stream_finish(w.stream);
    w.stream = NULL;
    edge_tls_client_destroy(tls);
}

static void test_a_proxys_user_may_have_no_password(void **state)
{
    char proxy[64];
    struct edge_dial_options options = {.host = "example.com", .port = 443, .proxy = proxy};
    (void) state;

    (void) snprintf(proxy, sizeof proxy, "http://user@127.0.0.1:%u", edge_listener_port(w.proxy));
    w.canned = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    dial(options);
    expect_failure(EDGE_EAUTH, "status 407");
    assert_non_null(strstr(w.seen, "\r\nProxy-Authorization: Basic dXNlcjo=\r\n"));
}

static void test_servers_that_cannot_be_trusted_are_not(void **state)
{
    struct edge_tls_client *right = client_tls(&ca, NULL);
    struct edge_tls_client *wrong = client_tls(&other_ca, NULL);
    struct edge_dial_options options = {.host = "localhost",
                                        .port = edge_http_server_port(w.server)};
    (void) state;

    options.tls = wrong;
    dial(options);
    expect_failure(EDGE_EAUTH, "not trusted");
    options.tls = right;
    options.host = "127.0.0.2"; /* not in the certificate */
    options.proxy = "http://127.0.0.1";
    {
        char proxy[64];

        (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", edge_listener_port(w.proxy));
        options.proxy = proxy;
        dial(options);
    }
    expect_failure(EDGE_EAUTH, "IP address mismatch");
    edge_tls_client_destroy(right);
    edge_tls_client_destroy(wrong);
}

/* Whoever reads it may have to set the clock of the device. */
static void test_a_certificate_of_another_time_is_told_with_the_clock(void **state)
{
    static const char *const names[] = {"localhost", NULL};
    struct pki old = pki_issue((struct edge_cert_order){.use = EDGE_CERT_SERVER,
                                                        .cn = "localhost",
                                                        .dns = names,
                                                        .not_before_s = time(NULL) - PKI_DAY,
                                                        .not_after_s = time(NULL) - 1},
                               &ca);
    struct edge_tls_client *tls = client_tls(&ca, NULL);
    struct edge_dial_options options = {
        .host = "localhost", .port = edge_http_server_port(w.server), .tls = tls};
    char now[EDGE_TIME_TEXT];
    (void) state;

    edge_time_format(edge_wall_ns(), now);
    now[10] = '\0'; /* the day, which may end meanwhile */
    assert_int_equal(edge_tls_server_reload(w.tls, old.pem, old.key_pem, NULL), 0);
    dial(options);
    expect_failure(EDGE_EAUTH, "expired");
    assert_non_null(strstr(w.err.text, "clock"));
    assert_non_null(strstr(w.err.text, now));
    edge_tls_client_destroy(tls);
    pki_free(&old);
}

static void test_what_a_proxy_may_answer_instead(void **state)
{
    static char endless[10000];
    static char page[20000]; /* in one piece with its head */
    static const struct {
        const char *answer;
        int rc;
        const char *part;
    } cases[] = {
        {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", EDGE_EAUTH, "status 407"},
        {page, EDGE_EAUTH, "status 403"},
        {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", EDGE_EREMOTE, "status 502"},
        {"SSH-2.0-OpenSSH\r\n\r\n", EDGE_EPROTOCOL, "not HTTP"},
        {"HTTP/1.1 2x0\r\n\r\n", EDGE_EPROTOCOL, "not HTTP"},
        {"HTTP/1.1 200 OK\r\n", EDGE_EUNAVAILABLE, "left while asking the proxy"},
        {endless, EDGE_EPROTOCOL, "too long"},
        {"", EDGE_EUNAVAILABLE, "too long while asking the proxy"},
    };
    char proxy[64];
    struct edge_dial_options options = {
        .host = "example.com", .port = 443, .proxy = proxy, .timeout_ms = 1000};
    (void) state;

    memset(page, 'x', sizeof page - 1);
    memcpy(page, "HTTP/1.1 403 Forbidden\r\n\r\n", 26);
    memset(endless, 'x', sizeof endless - 1);
    memcpy(endless, "HTTP/1.1 200 OK\r\nA: ", 20);
    (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", edge_listener_port(w.proxy));
    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        w.canned = cases[i].answer;
        dial(options);
        expect_failure(cases[i].rc, cases[i].part);
    }
    assert_int_equal(w.proxied, EDGE_ARRAY_LEN(cases));
}

static void test_what_comes_with_the_proxys_yes_is_heard(void **state)
{
    static const char yes[] = "HTTP/1.1 200 OK\r\n\r\n";
    static char greeting[30000];
    char proxy[64];
    struct edge_dial_options options = {.host = "example.com", .port = 25, .proxy = proxy};
    (void) state;

    memset(greeting, 'x', sizeof greeting - 1);
    memcpy(greeting, yes, sizeof yes - 1);
    (void) snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", edge_listener_port(w.proxy));
    w.canned = greeting;
    w.enough = SIZE_MAX;
    dial(options);
    if (w.rc != 0)
        fail_msg("%s", w.err.text);
    run();
    assert_int_equal(w.ended, 0);
    assert_int_equal(w.heard.len, strlen(greeting) - strlen(yes));
}

/* The proxy plays a WebSocket server: what it grants must be what was asked for. */
static void test_a_websocket_that_was_not_asked_for_is_refused(void **state)
{
#define SWITCH "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    static const struct {
        const char *answer;
        int rc;
        const char *part;
    } cases[] = {
        {"HTTP/1.1 401 Unauthorized\r\n\r\n", EDGE_EAUTH, "the server answered with status 401"},
        {"HTTP/1.1 200 OK\r\n\r\n", EDGE_EREMOTE, "status 200"},
        {SWITCH "Sec-WebSocket-Protocol: mqtt\r\n\r\n", EDGE_EPROTOCOL, "not the one asked for"},
        {SWITCH "Sec-WebSocket-Protocol: mqtt\r\n"
                "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
         EDGE_EPROTOCOL, "not the one asked for"},
    };
    struct edge_dial_options options = {.host = "127.0.0.1",
                                        .port = edge_listener_port(w.proxy),
                                        .ws_path = "/x",
                                        .ws_protocol = "mqtt"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(cases); i++) {
        w.canned = cases[i].answer;
        dial(options);
        expect_failure(cases[i].rc, cases[i].part);
    }
    assert_non_null(strstr(w.seen, "GET /x HTTP/1.1\r\n"));
    assert_non_null(strstr(w.seen, "Upgrade: websocket\r\nConnection: Upgrade\r\n"));
    assert_non_null(strstr(w.seen, "Sec-WebSocket-Protocol: mqtt\r\n"));
#undef SWITCH
}

/* A server that greets before it is asked: the words reach whoever attaches. */
static void on_greeter(struct edge_stream *stream, void *arg)
{
    (void) arg;
    edge_stream_write(stream, "welcome", 7);
    edge_stream_finish(stream);
}

static void test_a_plain_connection_hears_what_came_early_and_the_end(void **state)
{
    struct edge_listener_options greeter = {.uri = "tcp://127.0.0.1:0", .on_stream = on_greeter};
    struct edge_listener *listener = NULL;
    struct edge_dial_options options = {.host = "127.0.0.1"};
    (void) state;

    assert_int_equal(edge_listen(w.loop, &greeter, &listener, NULL), 0);
    options.port = edge_listener_port(listener);
    w.enough = 7;
    dial(options);
    assert_int_equal(w.rc, 0);
    run();
    assert_string_equal(w.heard.data, "welcome");
    run();
    assert_int_equal(w.ended, 0);
    edge_listener_close(listener);
}

/* A socket with a port that nobody listens on: nobody else gets it meanwhile, nor the dialling one.
 */
static int hold_port(uint16_t *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (const struct sockaddr *) &at, sizeof at), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *) &at, &len), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}

static void test_nobody_there_is_said_so(void **state)
{
    struct edge_dial_options options = {.host = "127.0.0.1"};
    int held = hold_port(&options.port);
    (void) state;

    dial(options);
    expect_failure(EDGE_EUNAVAILABLE, "Connection refused");
    close(held);
    options.host = "no.such.name.invalid";
    dial(options);
    expect_failure(EDGE_EUNAVAILABLE, "no connection to no.such.name.invalid:");
}

static void test_a_handshake_with_something_else_fails(void **state)
{
    struct edge_tls_client *tls = client_tls(&ca, NULL);
    struct edge_dial_options options = {
        .host = "127.0.0.1", .port = edge_listener_port(w.proxy), .tls = tls, .timeout_ms = 1000};
    (void) state;

    dial(options); /* the proxy waits for the end of a head */
    expect_failure(EDGE_EUNAVAILABLE, "shaking hands");
    edge_tls_client_destroy(tls);
}

static void test_giving_up_is_silent(void **state)
{
    struct edge_dial_options options = {
        .host = "127.0.0.1", .port = edge_listener_port(w.proxy), .ws_path = "/", .done = on_done};
    struct edge_dial *d[3];
    (void) state;

    w.canned = "";
    for (int i = 0; i < 3; i++)
        assert_int_equal(edge_dial_open(w.loop, &options, &d[i], NULL), 0);
    edge_dial_cancel(d[0]); /* while its name is looked up */
    for (int i = 0; i < 100 && (w.proxied < 2 || i < 2); i++) {
        edge_timer_arm(w.patience, 100);
        edge_loop_run(w.loop);
    }
    assert_int_equal(w.proxied, 2);
    edge_dial_cancel(d[1]); /* waiting for an answer */
    edge_dial_cancel(d[2]);
    edge_timer_arm(w.patience, 100);
    edge_loop_run(w.loop);
    assert_int_equal(w.rc, 1);
}

static void test_options_that_make_no_sense_are_refused(void **state)
{
    static const struct edge_dial_options bad[] = {
        {.host = "", .port = 1},
        {.host = "a b", .port = 1},
        {.host = "a\r\nb", .port = 1},
        {.host = "a", .port = 1, .ws_path = "/ x"},
        {.host = "a", .port = 1, .ws_path = "/", .ws_protocol = "a\r\nB: c"},
        {.host = "a", .port = 1, .proxy = "socks5://x:1"},
        {.host = "a", .port = 1, .proxy = "http://"},
        {.host = "a", .port = 1, .proxy = "http://x:0"},
        {.host = "a", .port = 1, .proxy = "http://x:65536"},
        {.host = "a", .port = 1, .proxy = "http://x:1x"},
        {.host = "a", .port = 1, .proxy = "http://[::1"},
        {.host = "a", .port = 1, .proxy = "http://u%zz@x:1"},
    };
    struct edge_dial *d = NULL;
    struct edge_err err;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        if (edge_dial_open(w.loop, &bad[i], &d, &err) != EDGE_EINVALID)
            fail_msg("case %zu", i);
        assert_null(d);
    }
}

static int setup_group(void **state)
{
    (void) state;
    ca = pki_ca("Test Root", NULL);
    other_ca = pki_ca("Other Root", NULL);
    server_id = pki_server(&ca);
    client_id = pki_client("device-1", &ca);
    return 0;
}

static int teardown_group(void **state)
{
    (void) state;
    pki_free(&ca);
    pki_free(&other_ca);
    pki_free(&server_id);
    pki_free(&client_id);
    return 0;
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_a_websocket_over_tls_carries_bytes_both_ways),
        IN_WORLD(test_a_proxy_stands_between_when_asked),
        IN_WORLD(test_a_proxys_user_may_have_no_password),
        IN_WORLD(test_servers_that_cannot_be_trusted_are_not),
        IN_WORLD(test_a_certificate_of_another_time_is_told_with_the_clock),
        IN_WORLD(test_what_a_proxy_may_answer_instead),
        IN_WORLD(test_what_comes_with_the_proxys_yes_is_heard),
        IN_WORLD(test_a_websocket_that_was_not_asked_for_is_refused),
        IN_WORLD(test_a_plain_connection_hears_what_came_early_and_the_end),
        IN_WORLD(test_nobody_there_is_said_so),
        IN_WORLD(test_a_handshake_with_something_else_fails),
        IN_WORLD(test_giving_up_is_silent),
        IN_WORLD(test_options_that_make_no_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
