/* A server on a thread of its own; the tests are clients that speak bytes to it. */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/http/server.h"

struct house {
    struct edge_loop *loop;
    struct edge_http_server *server;
    pthread_t thread;
    char dir[64];
    char path[100];
    uint16_t port;
    struct edge_exchange *streamed; /* loop thread */
    int64_t produced;               /* bytes written to the stream so far */
    int gone;
};

static struct house house;

static void on_gone(void *arg)
{
    (void) arg;
    __atomic_add_fetch(&house.gone, 1, __ATOMIC_SEQ_CST);
    house.streamed = NULL;
}

static void on_ready(void *arg)
{
    static char block[16 * 1024];
    bool more = true;

    (void) arg;
    memset(block, 'x', sizeof block);
    while (more) {
        more = edge_exchange_write(house.streamed, block, sizeof block);
        __atomic_add_fetch(&house.produced, (int64_t) sizeof block, __ATOMIC_SEQ_CST);
    }
}

static void say_who(struct edge_exchange *x)
{
    char text[100];
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    bool known = edge_exchange_peer(x, &pid, &uid, &gid);
    int len = snprintf(text, sizeof text, "%d %d", known, known && pid == getpid());

    edge_exchange_reply(x, 200, "text/plain", text, (size_t) len);
}

static void start_stream(struct edge_exchange *x, void (*ready)(void *arg))
{
    house.streamed = x;
    __atomic_store_n(&house.produced, 0, __ATOMIC_SEQ_CST);
    edge_exchange_on_gone(x, on_gone, NULL);
    edge_exchange_stream(x, 200, "text/plain", ready, NULL);
}

static void handle(struct edge_exchange *x, void *arg)
{
    const char *path = edge_exchange_path(x);
    struct edge_bytes body = edge_exchange_body(x);

    (void) arg;
    if (strcmp(path, "/echo") == 0) {
        edge_exchange_set_header(x, "X-Method", edge_exchange_method(x));
        edge_exchange_set_header(x, "X-Bad", "a\r\nInjected: yes");
        edge_exchange_reply(x, 200, "text/plain", body.data, body.len);
    } else if (strcmp(path, "/none") == 0) {
        edge_exchange_reply(x, 204, NULL, NULL, 0);
    } else if (strcmp(path, "/who") == 0) {
        say_who(x);
    } else if (strcmp(path, "/endless") == 0) {
        start_stream(x, on_ready);
    } else if (strcmp(path, "/silent") == 0) {
        start_stream(x, NULL);
    } else if (strcmp(path, "/two") == 0) {
        start_stream(x, NULL);
        edge_exchange_write(x, "hello ", 6);
        edge_exchange_write(x, "world", 5);
        edge_exchange_end(x);
    } else {
        edge_exchange_reply(x, 404, "text/plain", "no", 2);
    }
}

static void *serve(void *arg)
{
    (void) arg;
    edge_loop_run(house.loop);
    house.server = edge_http_server_close(house.server);
    house.loop = edge_loop_destroy(house.loop);
    return NULL;
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(house.loop);
}

static int open_house(const char *uri)
{
    struct edge_http_server_options options = {
        .uri = uri,
        .max_clients = 4,
        .max_body = 1000,
        .head_ms = 1000,
        .body_ms = 1000,
        .idle_ms = 1200,
        .stall_ms = 1000,
        .handle = handle,
    };

    assert_int_equal(edge_loop_create(&house.loop), 0);
    assert_int_equal(edge_http_server_open(house.loop, &options, &house.server, NULL), 0);
    house.port = edge_http_server_port(house.server);
    return pthread_create(&house.thread, NULL, serve, NULL);
}

static int setup(void **state)
{
    char uri[120];
    (void) state;

    memset(&house, 0, sizeof house);
    (void) snprintf(house.dir, sizeof house.dir, "/tmp/edge-test-http-XXXXXX");
    if (!mkdtemp(house.dir))
        return -1;
    (void) snprintf(house.path, sizeof house.path, "%s/run/x.sock", house.dir);
    (void) snprintf(uri, sizeof uri, "unix://%s", house.path);
    return open_house(uri);
}

static int teardown(void **state)
{
    (void) state;
    edge_loop_post(house.loop, stop, NULL);
    pthread_join(house.thread, NULL);
    return edge_remove_tree(house.dir, NULL);
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval limit = {5, 0};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, house.path, strlen(house.path));
    assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* All until the server closes. */
static char *hear(int fd)
{
    static char text[64 * 1024];
    size_t len = 0;
    ssize_t n;

    while ((n = recv(fd, text + len, sizeof text - 1 - len, 0)) > 0)
        len += (size_t) n;
    assert_int_equal(n, 0);
    text[len] = '\0';
    close(fd);
    return text;
}

/* Until @p stop has come, the connection staying open. */
static char *hear_until(int fd, const char *stop_at)
{
    static char text[64 * 1024];
    size_t len = 0;

    do {
        ssize_t n = recv(fd, text + len, sizeof text - 1 - len, 0);

        assert_true(n > 0);
        len += (size_t) n;
        text[len] = '\0';
    } while (!strstr(text, stop_at));
    return text;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("`%s` is not in `%s`", part, text);
}

static void test_a_request_is_answered_and_the_connection_kept(void **state)
{
    int fd = dial();
    char *text;
    (void) state;

    say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    text = hear_until(fd, "hello");
    assert_has(text, "HTTP/1.1 200 OK\r\n");
    assert_has(text, "Content-Type: text/plain\r\n");
    assert_has(text, "Content-Length: 5\r\n");
    assert_has(text, "X-Method: POST\r\n");
    assert_null(strstr(text, "Injected"));
    assert_null(strstr(text, "Connection:"));
    say(fd, "GET /none HTTP/1.1\r\n\r\n");
    text = hear_until(fd, "\r\n\r\n");
    assert_string_equal(text, "HTTP/1.1 204 No Content\r\n\r\n");
    say(fd, "HEAD /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n");
    text = hear(fd);
    assert_has(text, "HTTP/1.1 404 Not Found\r\n");
    assert_has(text, "Content-Length: 2\r\n");
    assert_has(text, "Connection: close\r\n");
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void test_a_request_may_come_byte_by_byte(void **state)
{
    static const char request[] = "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n"
                                  "Connection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    int fd = dial();
    (void) state;

    for (size_t i = 0; i < sizeof request - 1; i++)
        assert_int_equal(send(fd, request + i, 1, MSG_NOSIGNAL), 1);
    assert_has(hear(fd), "\r\n\r\nabcde");
}

static void test_requests_sent_together_are_answered_in_order(void **state)
{
    int fd = dial();
    char *text;
    char *first;
    char *second;
    (void) state;

    say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 3\r\n\r\none"
            "GET /two HTTP/1.1\r\n\r\n\r\n"
            "POST /echo HTTP/1.1\r\nContent-Length: 5\r\nConnection: close\r\n\r\nthree");
    text = hear(fd);
    first = strstr(text, "\r\n\r\none");
    second = strstr(text, "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n");
    assert_true(first && second && first < second && second < strstr(text, "\r\n\r\nthree"));
}

static void test_http_10_gets_an_answer_without_chunks(void **state)
{
    int fd = dial();
    char *text;
    (void) state;

    say(fd, "GET /two HTTP/1.0\r\n\r\n");
    text = hear(fd);
    assert_has(text, "Connection: close\r\n");
    assert_has(text, "\r\n\r\nhello world");
}

static void test_the_body_asked_about_is_called_for(void **state)
{
    int fd = dial();
    (void) state;

    say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    assert_string_equal(hear_until(fd, "\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    say(fd, "hi");
    assert_has(hear_until(fd, "hi"), "200 OK");
    close(fd);
}

static void test_too_much_is_refused_and_the_refusal_arrives(void **state)
{
    static char big[20 * 1024];
    int fd = dial();
    char *text;
    (void) state;

    memset(big, 'x', sizeof big - 1);
    say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
    say(fd, big);
    text = hear(fd);
    assert_has(text, "HTTP/1.1 413 ");
    assert_has(text, "{\"message\":\"Content Too Large\"}");
    fd = dial();
    say(fd, "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    say(fd, big);
    assert_has(hear(fd), "HTTP/1.1 413 ");
    fd = dial();
    say(fd, "GET /");
    say(fd, big);
    assert_has(hear(fd), "HTTP/1.1 431 ");
    fd = dial();
    say(fd, "NONSENSE\r\n\r\n");
    assert_has(hear(fd), "HTTP/1.1 400 ");
}

static void test_a_slow_sender_is_given_up(void **state)
{
    int64_t begun = edge_now_ms();
    int fd = dial();
    (void) state;

    for (int i = 0; i < 200; i++) { /* ten seconds */
        struct pollfd answer = {fd, POLLIN, 0};

        if (send(fd, i == 0 ? "GET / HTTP/1.1\r\nA: " : "x", i == 0 ? 19 : 1, MSG_NOSIGNAL) < 0 ||
            poll(&answer, 1, 50) > 0)
            break;
    }
    assert_has(hear(fd), "HTTP/1.1 408 ");
    assert_true(edge_now_ms() - begun < 8000);
    fd = dial();
    say(fd, "POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhel");
    assert_has(hear(fd), "HTTP/1.1 408 ");
}

static void test_silent_connections_are_closed(void **state)
{
    int never = dial();
    int once = dial();
    (void) state;

    say(once, "GET /none HTTP/1.1\r\n\r\n");
    assert_has(hear_until(once, "\r\n\r\n"), "204");
    assert_string_equal(hear(once), "");
    assert_string_equal(hear(never), "");
}

static int64_t wait_until_steady(void)
{
    int64_t before = -1;
    int64_t now = 0;

    while (now != before || now == 0) {
        before = now;
        (void) poll(NULL, 0, 50);
        now = __atomic_load_n(&house.produced, __ATOMIC_SEQ_CST);
    }
    return now;
}

static void wait_for_gone(int count)
{
    int64_t limit = edge_now_ms() + 30000;

    while (__atomic_load_n(&house.gone, __ATOMIC_SEQ_CST) < count) {
        assert_true(edge_now_ms() < limit);
        (void) poll(NULL, 0, 5);
    }
}

static void test_a_stream_waits_for_its_reader_and_gives_up_a_dead_one(void **state)
{
    int fd = dial();
    int64_t produced;
    char block[4096];
    (void) state;

    say(fd, "GET /endless HTTP/1.1\r\n\r\n");
    produced = wait_until_steady();
    assert_true(produced < 2 * 1024 * 1024);
    for (int i = 0; i < 1000; i++)
        assert_true(recv(fd, block, sizeof block, 0) > 0);
    assert_true(wait_until_steady() > produced);
    wait_for_gone(1); /* it has not read for stall_ms */
    close(fd);
}

static void test_a_client_that_leaves_a_silent_stream_is_noticed_without_spinning(void **state)
{
    struct rusage before;
    struct rusage after;
    int fd = dial();
    (void) state;

    say(fd, "GET /silent HTTP/1.1\r\n\r\n");
    (void) hear_until(fd, "\r\n\r\n");
    assert_int_equal(getrusage(RUSAGE_SELF, &before), 0);
    (void) poll(NULL, 0, 1700); /* longer than any limit for requests */
    assert_int_equal(getrusage(RUSAGE_SELF, &after), 0);
    assert_int_equal(__atomic_load_n(&house.gone, __ATOMIC_SEQ_CST), 0);
    assert_true(after.ru_nvcsw - before.ru_nvcsw < 20);
    close(fd);
    wait_for_gone(1);
}

static void test_one_client_too_many_replaces_an_idle_one(void **state)
{
    int busy[3];
    int idle;
    int fd;
    (void) state;

    for (int i = 0; i < 3; i++) {
        busy[i] = dial();
        say(busy[i], "GET /silent HTTP/1.1\r\n\r\n");
        (void) hear_until(busy[i], "\r\n\r\n");
    }
    idle = dial();
    fd = dial();
    say(fd, "GET /silent HTTP/1.1\r\n\r\n");
    (void) hear_until(fd, "\r\n\r\n");
    assert_string_equal(hear(idle), "");
    assert_string_equal(hear(dial()), ""); /* all four are busy */
    close(fd);
    for (int i = 0; i < 3; i++)
        close(busy[i]);
    wait_for_gone(3);
}

static void test_the_peer_of_a_unix_socket_is_known(void **state)
{
    int fd = dial();
    (void) state;

    say(fd, "GET /who HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_has(hear(fd), "\r\n\r\n1 1");
}

static void test_the_socket_has_its_mode_and_a_dead_one_is_replaced(void **state)
{
    struct edge_http_server_options options = {.handle = handle};
    struct edge_http_server *server = NULL;
    struct edge_loop *loop = NULL;
    struct edge_err err;
    struct stat st;
    char uri[120];
    (void) state;

    assert_int_equal(stat(house.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    (void) snprintf(uri, sizeof uri, "unix://%s", house.path);
    options.uri = uri;
    assert_int_equal(edge_loop_create(&loop), 0);
    assert_int_equal(edge_http_server_open(loop, &options, &server, &err), -EADDRINUSE);
    assert_has(err.text, "another process serves there");
    close(dial()); /* which has not harmed it */

    (void) snprintf(uri, sizeof uri, "unix://%s/dead.sock", house.dir);
    options.mode = 0600;
    for (int i = 0; i < 2; i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        memcpy(address.sun_path, uri + 7, strlen(uri + 7));
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof address), 0);
        close(fd);
        assert_int_equal(edge_http_server_open(loop, &options, &server, &err), 0);
        assert_int_equal(stat(uri + 7, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        edge_http_server_close(server);
        loop = edge_loop_destroy(loop);
        assert_int_equal(stat(uri + 7, &st), -1); /* it has been tidied away */
        assert_int_equal(edge_loop_create(&loop), 0);
    }
    assert_int_equal(edge_file_write(uri + 7, "x", 1, 0600, &err), 0);
    assert_int_equal(edge_http_server_open(loop, &options, &server, &err), -EEXIST);
    options.uri = "http:x";
    assert_int_equal(edge_http_server_open(loop, &options, &server, &err), EDGE_EINVALID);
    options.uri = "tcp://localhost";
    assert_int_equal(edge_http_server_open(loop, &options, &server, &err), EDGE_EINVALID);
    edge_loop_destroy(loop);
}

static int setup_tcp(void **state)
{
    (void) state;
    memset(&house, 0, sizeof house);
    (void) snprintf(house.dir, sizeof house.dir, "/tmp/edge-test-http-XXXXXX");
    return mkdtemp(house.dir) ? open_house("tcp://127.0.0.1:0") : -1;
}

static void test_tcp_serves_at_the_port_it_found(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(house.port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void) state;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(house.port > 0);
    assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    say(fd, "GET /who HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert_has(hear(fd), "\r\n\r\n0 0");
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_a_request_is_answered_and_the_connection_kept),
        SERVED(test_a_request_may_come_byte_by_byte),
        SERVED(test_requests_sent_together_are_answered_in_order),
        SERVED(test_http_10_gets_an_answer_without_chunks),
        SERVED(test_the_body_asked_about_is_called_for),
        SERVED(test_too_much_is_refused_and_the_refusal_arrives),
        SERVED(test_a_slow_sender_is_given_up),
        SERVED(test_silent_connections_are_closed),
        SERVED(test_a_stream_waits_for_its_reader_and_gives_up_a_dead_one),
        SERVED(test_a_client_that_leaves_a_silent_stream_is_noticed_without_spinning),
        SERVED(test_one_client_too_many_replaces_an_idle_one),
        SERVED(test_the_peer_of_a_unix_socket_is_known),
        SERVED(test_the_socket_has_its_mode_and_a_dead_one_is_replaced),
        cmocka_unit_test_setup_teardown(test_tcp_serves_at_the_port_it_found, setup_tcp, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
