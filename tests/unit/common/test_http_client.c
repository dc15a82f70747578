#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/http/client.h"
#include "common/http/transfer.h"

void __real_free(void *at);
void __wrap_free(void *at);

/* The block to look at as it is given back. */
static const char *watched;
static size_t watched_size;
static unsigned given_back, unwiped;

/* The linker sends every free() of this program's own objects here. */
void __wrap_free(void *at)
{
    if (at && at == watched) {
        given_back++;
        for (size_t i = 0; i < watched_size; i++)
            unwiped += watched[i] != '\0';
        watched = NULL;
    }
    __real_free(at);
}

/* A server that takes one connection after another and answers each with the next canned text. */
struct server {
    int listener;
    int port;
    const char *replies[4]; /* NULL: say nothing until the client goes */
    size_t count;
    int delay_ms; /* of each answer */
    char seen[4][2048];
    size_t nseen;
    pthread_t thread;
};

static void serve_one(struct server *server, int fd, size_t index)
{
    char *seen = server->seen[index];
    size_t used = 0;
    const char *reply = server->replies[index];
    char rest[256];

    while (used < sizeof server->seen[0] - 1 && !strstr(seen, "\r\n\r\n")) {
        ssize_t n = read(fd, seen + used, sizeof server->seen[0] - 1 - used);

        if (n <= 0)
            break;
        used += (size_t) n;
    }
    server->nseen = index + 1;
    (void) poll(NULL, 0, server->delay_ms);
    if (reply)
        (void) !write(fd, reply, strlen(reply));
    if (reply)
        shutdown(fd, SHUT_WR);
    while (read(fd, rest, sizeof rest) > 0)
        ;
    close(fd);
}

static void *serve(void *arg)
{
    struct server *server = arg;

    for (size_t i = 0; i < server->count; i++) {
        int fd = accept(server->listener, NULL, NULL);

        if (fd < 0)
            break;
        serve_one(server, fd, i);
    }
    return NULL;
}

static void server_start(struct server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;

    while (server->count < EDGE_ARRAY_LEN(server->replies) && server->replies[server->count])
        server->count++;
    if (server->count == 0)
        server->count = 1;
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *) &at, sizeof at), 0);
    assert_int_equal(listen(server->listener, 4), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *) &at, &len), 0);
    server->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
}

static void server_stop(struct server *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

static int ask(struct server *server, struct edge_http_request request,
               struct edge_http_response *response, struct edge_err *err)
{
    char url[128];

    (void) snprintf(url, sizeof url, "http://127.0.0.1:%d/v2/", server->port);
    request.url = url;
    return edge_http_request(&request, response, err);
}

static void test_body_and_headers_of_an_answer_are_returned(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 200 OK\r\nX-One: a\r\nx-one:  b \r\n"
                                        "Content-Length: 5\r\n\r\nhello"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    const char *first;
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, (struct edge_http_request){0}, &response, NULL), 0);
    server_stop(&server);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body.data, "hello");
    first = edge_http_response_header(&response, "X-ONE");
    assert_string_equal(first, "a");
    assert_string_equal(edge_http_response_header_next(&response, "X-One", first), "b");
    assert_null(edge_http_response_header(&response, "X-Two"));
}

/* A token, a key: whoever asked has it, nobody else shall find it. */
static void test_an_answer_is_wiped_when_it_goes(void **state)
{
    struct server server = {
        .replies = {"HTTP/1.1 200 OK\r\nX-Token: secret\r\nContent-Length: 6\r\n\r\nsecret"}};
    struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, (struct edge_http_request){0}, &response, NULL), 0);
    server_stop(&server);
    given_back = unwiped = 0;
    watched = response.body.data;
    watched_size = response.body.len;
    edge_http_response_fini(&response);
    assert_int_equal(given_back, 1);
    assert_int_equal(unwiped, 0);
}

static void test_error_status_is_an_answer_with_its_body(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, (struct edge_http_request){0}, &response, NULL), 0);
    server_stop(&server);
    assert_int_equal(response.status, 404);
    assert_string_equal(response.body.data, "no");
}

static void test_refused_connection_is_unavailable_and_names_the_host(void **state)
{
    struct edge_http_request request = {.url = "http://127.0.0.1:1/secret?token=abc"};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_http_request(&request, &response, &err), EDGE_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "127.0.0.1:1"));
    assert_null(strstr(err.text, "secret"));
}

static void test_broken_body_is_unavailable(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhel"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, (struct edge_http_request){0}, &response, NULL),
                     EDGE_EUNAVAILABLE);
    server_stop(&server);
}

static void test_body_over_the_limit_is_refused(void **state)
{
    static const char *const replies[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n123456789",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(replies); i++) {
        struct server server = {.replies = {replies[i]}};
        EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
        struct edge_http_request request = {.max_body = 8};

        server_start(&server);
        assert_int_equal(ask(&server, request, &response, NULL), EDGE_ELIMIT);
        server_stop(&server);
    }
}

static void test_head_over_the_limit_is_refused(void **state)
{
    struct server server = {
        .replies = {"HTTP/1.1 200 OK\r\nA: 0123456789012345678901234567890\r\n\r\n"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_http_request request = {.max_head = 32};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), EDGE_ELIMIT);
    server_stop(&server);
}

static int take_three(struct edge_bytes data, void *arg)
{
    size_t *seen = arg;

    *seen += data.len;
    return *seen >= 3 ? EDGE_HTTP_STOP : 0;
}

static void test_sink_may_stop_early(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabcdef"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    size_t seen = 0;
    struct edge_http_request request = {.on_body = take_three, .arg = &seen};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), 0);
    server_stop(&server);
    assert_true(response.stopped);
    assert_true(seen >= 3);
}

static int refuse_head(const struct edge_http_response *response, void *arg)
{
    (void) arg;
    return response->status == 200 ? EDGE_EDIGEST : 0;
}

static void test_code_of_a_callback_is_returned_unchanged(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_http_request request = {.on_head = refuse_head};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), EDGE_EDIGEST);
    server_stop(&server);
}

static void *fire_soon(void *arg)
{
    edge_cancel_sleep(NULL, 100);
    edge_cancel_fire(arg);
    return NULL;
}

/* @return the ms it took until a request that is cancelled after 100 has ended */
static int64_t cancel_one(void)
{
    struct server server = {.replies = {NULL}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    EDGE_CLEANUP(edge_cancel_unref) struct edge_cancel *cancel = edge_cancel_create();
    struct edge_http_request request = {.cancel = cancel};
    int64_t start, took;
    pthread_t thread;

    server_start(&server);
    start = edge_now_ms();
    assert_int_equal(pthread_create(&thread, NULL, fire_soon, cancel), 0);
    assert_int_equal(ask(&server, request, &response, NULL), -ECANCELED);
    took = edge_now_ms() - start;
    pthread_join(thread, NULL);
    server_stop(&server);
    return took;
}

static void test_cancel_ends_a_silent_request_at_once(void **state)
{
    int64_t took = INT64_MAX;
    (void) state;

    /* One that only looked now and then would take a second each time; a busy machine does not. */
    for (int i = 0; i < 10 && took >= 900; i++)
        took = cancel_one();
    assert_true(took < 900);
}

static void test_silent_server_is_given_up(void **state)
{
    struct server server = {.replies = {NULL}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_http_request request = {.stall_s = 1};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), EDGE_EUNAVAILABLE);
    server_stop(&server);
}

static void test_redirect_to_another_host_takes_no_credentials_along(void **state)
{
    struct server target = {.replies = {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}};
    struct server server = {0};
    static const struct edge_http_header token = {"Authorization", "Bearer secret"};
    struct edge_http_request request = {.headers = &token, .nheaders = 1, .redirects = 2};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    char reply[256];
    (void) state;

    server_start(&target);
    (void) snprintf(reply, sizeof reply,
                    "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:%d/b\r\n"
                    "Content-Length: 4\r\n\r\ngone",
                    target.port);
    server.replies[0] = reply;
    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), 0);
    server_stop(&server);
    server_stop(&target);
    assert_string_equal(response.body.data, "ok");
    assert_non_null(strstr(server.seen[0], "Bearer secret"));
    assert_null(strstr(target.seen[0], "secret"));
    assert_non_null(strstr(target.seen[0], "GET /b "));
}

static void test_redirect_on_the_same_host_keeps_credentials(void **state)
{
    struct server server = {
        .replies = {"HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n",
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}};
    struct edge_http_request request = {.username = "u", .password = "p", .redirects = 2};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), 0);
    server_stop(&server);
    assert_non_null(strstr(server.seen[1], "Authorization: Basic dTpw"));
}

static void test_redirect_loop_is_a_limit(void **state)
{
    static const char loop[] = "HTTP/1.1 302 Found\r\nLocation: /v2/\r\nContent-Length: 0\r\n\r\n";
    struct server server = {.replies = {loop, loop, loop}};
    struct edge_http_request request = {.redirects = 2};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), EDGE_ELIMIT);
    server_stop(&server);
}

static void test_the_limit_of_time_is_for_all_redirects_together(void **state)
{
    static const char on[] = "HTTP/1.1 302 Found\r\nLocation: /v2/\r\nContent-Length: 0\r\n\r\n";
    struct server server = {
        .replies = {on, on, on, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"}, .delay_ms = 400};
    struct edge_http_request request = {.redirects = 4, .total_ms = 1000};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_err err = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, &err), EDGE_EUNAVAILABLE);
    server_stop(&server);
    assert_non_null(strstr(err.text, "127.0.0.1"));
    assert_true(server.nseen < 4);
}

static int count_head(const struct edge_http_response *response, void *arg)
{
    (void) response;
    ++*(int *) arg;
    return 0;
}

static void test_a_trailer_is_no_new_answer(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                        "2\r\nok\r\n0\r\nHTTP/1.1: 500 x\r\nA: b\r\n\r\n"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    int heads = 0;
    struct edge_http_request request = {.on_head = count_head, .arg = &heads};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), 0);
    server_stop(&server);
    assert_int_equal(response.status, 200);
    assert_string_equal(response.body.data, "ok");
    assert_int_equal(heads, 1);
}

static void test_redirect_to_another_protocol_is_refused(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n"
                                        "Content-Length: 0\r\n\r\n"}};
    struct edge_http_request request = {.redirects = 2};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, request, &response, NULL), EDGE_EPROTOCOL);
    server_stop(&server);
}

static void test_redirect_is_an_answer_when_none_are_followed(void **state)
{
    struct server server = {
        .replies = {"HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"}};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    server_start(&server);
    assert_int_equal(ask(&server, (struct edge_http_request){0}, &response, NULL), 0);
    server_stop(&server);
    assert_int_equal(response.status, 302);
}

static void test_redirects_stay_encrypted_and_know_their_origin(void **state)
{
    static const struct {
        const char *from;
        const char *to;
        int rc;
        bool same_origin;
    } table[] = {
        {"https://a/x", "https://a/y", 0, true},
        {"https://a/x", "https://A:443/y", 0, true},
        {"https://a/x", "https://a:444/y", 0, false},
        {"https://a/x", "https://b/y", 0, false},
        {"http://a/x", "https://a/y", 0, false},
        {"https://a/x", "http://a/y", EDGE_EPROTOCOL, false},
        {"http://a/x", "ftp://a/y", EDGE_EPROTOCOL, false},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++) {
        bool same_origin = false;

        assert_int_equal(edge_http_check_redirect(table[i].from, table[i].to, &same_origin, NULL),
                         table[i].rc);
        assert_int_equal(same_origin, table[i].same_origin);
    }
}

static void test_header_with_a_line_break_is_refused(void **state)
{
    static const struct edge_http_header bad = {"Authorization", "a\r\nX: y"};
    struct edge_http_request request = {
        .url = "http://127.0.0.1:1/", .headers = &bad, .nheaders = 1};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    (void) state;

    assert_int_equal(edge_http_request(&request, &response, NULL), EDGE_EINVALID);
}

static void test_bad_urls_are_refused(void **state)
{
    static const char *const urls[] = {"ftp://127.0.0.1/", "file:///etc/passwd",
                                       "http://user:pass@127.0.0.1:1/", "http://"};
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(urls); i++) {
        struct edge_http_request request = {.url = urls[i]};
        EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};

        assert_int_equal(edge_http_request(&request, &response, NULL), EDGE_EINVALID);
    }
}

static void test_post_over_a_unix_socket_ignores_proxies(void **state)
{
    struct server server = {.replies = {"HTTP/1.1 204 No Content\r\n\r\n"}, .count = 1};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    struct edge_http_request request = {.method = "POST", .url = "http://agent/modules"};
    (void) state;

    (void) snprintf(at.sun_path, sizeof at.sun_path, "/tmp/test-http-%d.sock", (int) getpid());
    unlink(at.sun_path);
    server.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.listener, (struct sockaddr *) &at, sizeof at), 0);
    assert_int_equal(listen(server.listener, 4), 0);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    request.unix_path = at.sun_path;
    request.body = (struct edge_bytes){(const uint8_t *) "{}", 2};
    assert_int_equal(edge_http_request(&request, &response, NULL), 0);
    unsetenv("http_proxy");
    server_stop(&server);
    unlink(at.sun_path);
    assert_int_equal(response.status, 204);
    assert_non_null(strstr(server.seen[0], "POST /modules HTTP/1.1"));
    assert_non_null(strstr(server.seen[0], "Host: agent"));
    assert_non_null(strstr(server.seen[0], "Content-Length: 2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_and_headers_of_an_answer_are_returned),
        cmocka_unit_test(test_an_answer_is_wiped_when_it_goes),
        cmocka_unit_test(test_error_status_is_an_answer_with_its_body),
        cmocka_unit_test(test_refused_connection_is_unavailable_and_names_the_host),
        cmocka_unit_test(test_broken_body_is_unavailable),
        cmocka_unit_test(test_body_over_the_limit_is_refused),
        cmocka_unit_test(test_head_over_the_limit_is_refused),
        cmocka_unit_test(test_sink_may_stop_early),
        cmocka_unit_test(test_code_of_a_callback_is_returned_unchanged),
        cmocka_unit_test(test_cancel_ends_a_silent_request_at_once),
        cmocka_unit_test(test_silent_server_is_given_up),
        cmocka_unit_test(test_redirect_to_another_host_takes_no_credentials_along),
        cmocka_unit_test(test_redirect_on_the_same_host_keeps_credentials),
        cmocka_unit_test(test_redirect_loop_is_a_limit),
        cmocka_unit_test(test_the_limit_of_time_is_for_all_redirects_together),
        cmocka_unit_test(test_a_trailer_is_no_new_answer),
        cmocka_unit_test(test_redirect_to_another_protocol_is_refused),
        cmocka_unit_test(test_redirect_is_an_answer_when_none_are_followed),
        cmocka_unit_test(test_redirects_stay_encrypted_and_know_their_origin),
        cmocka_unit_test(test_header_with_a_line_break_is_refused),
        cmocka_unit_test(test_bad_urls_are_refused),
        cmocka_unit_test(test_post_over_a_unix_socket_ignores_proxies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
