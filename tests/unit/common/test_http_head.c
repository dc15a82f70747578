#include "tests/unit/test.h"

#include "common/base/err.h"
#include "common/http/head.h"

static char text[32 * 1024];
static struct http_head head;

static int parse(const char *request)
{
    size_t len = strlen(request);

    memcpy(text, request, len + 1);
    assert_int_equal(http_head_end(text, len, 0), len);
    return http_head_parse(text, len, &head);
}

static const char *param(const char *name)
{
    for (size_t i = 0; i < head.nparams; i++) {
        if (strcmp(head.params[i].name, name) == 0)
            return head.params[i].value;
    }
    return NULL;
}

static void test_a_request_is_taken_apart(void **state)
{
    (void) state;

    assert_int_equal(
        parse("GET /modules/%24edgeAgent/logs?follow=true&since=1h+30m&a%26b=%3d&x HTTP/1.1\r\n"
              "Host: localhost\r\nX-Thing:  some value \t\r\nEmpty:\r\n\r\n"),
        0);
    assert_string_equal(head.method, "GET");
    assert_string_equal(head.path, "/modules/$edgeAgent/logs");
    assert_string_equal(param("follow"), "true");
    assert_string_equal(param("since"), "1h 30m");
    assert_string_equal(param("a&b"), "=");
    assert_string_equal(param("x"), "");
    assert_null(param("y"));
    assert_string_equal(http_head_header(&head, "x-thing"), "some value");
    assert_string_equal(http_head_header(&head, "EMPTY"), "");
    assert_null(http_head_header(&head, "none"));
    assert_true(head.keep_alive);
    assert_false(head.chunked);
    assert_true(head.content_length == 0);
}

static void test_what_the_connection_and_the_body_are_is_known(void **state)
{
    (void) state;

    assert_int_equal(parse("POST http://host:80/plan HTTP/1.1\r\nContent-Length: 42\r\n"
                           "Expect: 100-continue\r\nConnection: x, Close\r\n\r\n"),
                     0);
    assert_string_equal(head.path, "/plan");
    assert_true(head.content_length == 42);
    assert_true(head.expects_continue);
    assert_false(head.keep_alive);
    assert_int_equal(parse("POST / HTTP/1.1\r\ntransfer-encoding: Chunked\r\n\r\n"), 0);
    assert_true(head.chunked);
    assert_int_equal(parse("GET / HTTP/1.0\r\n\r\n"), 0);
    assert_false(head.keep_alive);
    assert_int_equal(parse("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"), 0);
    assert_true(head.keep_alive);
}

static void test_malformed_requests_are_refused(void **state)
{
    static const struct {
        const char *request;
        int status;
    } vectors[] = {
        {"\r\n\r\n", 400},
        {"GET\r\n\r\n", 400},
        {"GET /\r\n\r\n", 400},
        {"GET  / HTTP/1.1\r\n\r\n", 400},
        {"GET x HTTP/1.1\r\n\r\n", 400},
        {"GET http://host HTTP/1.1\r\n\r\n", 400},
        {"GET /#a HTTP/1.1\r\n\r\n", 400},
        {"GET /%2 HTTP/1.1\r\n\r\n", 400},
        {"GET /%zz HTTP/1.1\r\n\r\n", 400},
        {"GET /%00 HTTP/1.1\r\n\r\n", 400},
        {"GET /?a=%0 HTTP/1.1\r\n\r\n", 400},
        {"G@T / HTTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1 x\r\n\r\n", 505},
        {"GET / HTTP/2.0\r\n\r\n", 505},
        {"GET / FTP/1.1\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nName : x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\n: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: x\r\n folded\r\n\r\n", 400},
        {"GET / HTTP/1.1\nA: x\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: x\ry\r\n\r\n", 400},
        {"GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 9999999999999999\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
        {"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501},
        {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++)
        assert_int_equal(parse(vectors[i].request), vectors[i].status);
    memcpy(text, "GET /\0 HTTP/1.1\r\n\r\n", 19);
    assert_int_equal(http_head_parse(text, 19, &head), 400);
}

static void repeat(struct edge_buf *out, const char *piece, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(edge_buf_puts(out, piece), 0);
}

static void test_counts_are_bounded(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf many = EDGE_BUF_INIT(32 * 1024);
    (void) state;

    edge_buf_puts(&many, "GET / HTTP/1.1\r\n");
    repeat(&many, "A: b\r\n", HTTP_HEADERS_MAX);
    edge_buf_puts(&many, "\r\n");
    assert_int_equal(parse(many.data), 0);
    edge_buf_fini(&many);
    edge_buf_puts(&many, "GET / HTTP/1.1\r\n");
    repeat(&many, "A: b\r\n", HTTP_HEADERS_MAX + 1);
    edge_buf_puts(&many, "\r\n");
    assert_int_equal(parse(many.data), 431);
    edge_buf_fini(&many);
    edge_buf_puts(&many, "GET /?");
    repeat(&many, "a=b&", HTTP_PARAMS_MAX + 1);
    edge_buf_puts(&many, " HTTP/1.1\r\n\r\n");
    assert_int_equal(parse(many.data), 400);
}

static void test_the_end_of_a_head_is_found_however_it_comes(void **state)
{
    static const char request[] = "GET / HTTP/1.1\r\nA: \r\r\n\r\nbody\r\n\r\n";
    size_t end = sizeof "GET / HTTP/1.1\r\nA: \r\r\n\r\n" - 1;
    (void) state;

    for (size_t step = 1; step < sizeof request; step++) {
        size_t seen = 0;
        size_t found = 0;

        for (size_t len = step; found == 0 && len < sizeof request + step; len += step) {
            size_t have = len < sizeof request - 1 ? len : sizeof request - 1;

            found = http_head_end(request, have, seen);
            seen = have;
        }
        assert_int_equal(found, end);
    }
}

/* Decode in pieces of @p step. @return the last result */
static int chunks(const char *data, size_t step, struct edge_buf *out, size_t *used)
{
    struct http_chunks state = {0};
    size_t len = strlen(data);
    int rc = 0;

    *used = 0;
    while (*used < len && rc == 0) {
        size_t n = len - *used < step ? len - *used : step;
        size_t taken;

        rc = http_chunks_read(&state, data + *used, n, out, &taken);
        *used += taken;
    }
    return rc;
}

static void test_chunks_are_joined_however_they_come(void **state)
{
    static const char data[] =
        "5\r\nhello\r\n06;ext=\"1\"\r\n world\r\nA \r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nnext";
    (void) state;

    for (size_t step = 1; step < sizeof data; step++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf out;
        size_t used;

        edge_buf_init(&out, 100);
        assert_int_equal(chunks(data, step, &out, &used), HTTP_CHUNKS_END);
        assert_string_equal(out.data, "hello world0123456789");
        assert_string_equal(data + used, "next");
    }
}

static void test_malformed_and_endless_chunks_are_refused(void **state)
{
    static const char *const bad[] = {
        "\r\n",          "x\r\n",  ";a\r\n",   "5\n",  "5\r\nhelloX",
        "5\r\nhello\rX", "-1\r\n", "0\r\n\nx", "0\rx",
    };
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out;
    size_t used;
    (void) state;

    edge_buf_init(&out, 10);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        assert_int_equal(chunks(bad[i], 100, &out, &used), EDGE_EINVALID);
        edge_buf_fini(&out);
    }
    assert_int_equal(chunks("fffffffffffff\r\n", 100, &out, &used), EDGE_ELIMIT);
    assert_int_equal(chunks("b\r\n01234567890\r\n", 100, &out, &used), EDGE_ELIMIT);
    memset(text, 'x', sizeof text - 1);
    text[0] = '1';
    text[1] = ';';
    text[sizeof text - 1] = '\0';
    assert_int_equal(chunks(text, 100, &out, &used), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_taken_apart),
        cmocka_unit_test(test_what_the_connection_and_the_body_are_is_known),
        cmocka_unit_test(test_malformed_requests_are_refused),
        cmocka_unit_test(test_counts_are_bounded),
        cmocka_unit_test(test_the_end_of_a_head_is_found_however_it_comes),
        cmocka_unit_test(test_chunks_are_joined_however_they_come),
        cmocka_unit_test(test_malformed_and_endless_chunks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
