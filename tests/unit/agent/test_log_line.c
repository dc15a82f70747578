#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/logs/line.h"
#include "common/base/err.h"

#define AT 1704067200123456789 /* 2024-01-01T00:00:00.123456789Z */

static void assert_written(const char *text, size_t len, const char *escaped)
{
    char out[2048];
    char want[2048];
    size_t n = log_line_write(out, text, len, false, AT);

    assert_true(n <= log_line_room(len));
    (void) snprintf(want, sizeof want,
                    "{\"log\":\"%s\",\"stream\":\"stdout\","
                    "\"time\":\"2024-01-01T00:00:00.123456789Z\"}\n",
                    escaped);
    assert_int_equal(n, strlen(want));
    assert_memory_equal(out, want, n);
}

static void test_text_is_escaped_as_docker_escapes_it(void **state)
{
    static const struct {
        const char *text;
        const char *escaped;
    } vectors[] = {
        {"", ""},
        {"plain\n", "plain\\n"},
        {"a\r\n", "a\\r\\n"},
        {"tab\there", "tab\\u0009here"},
        {"\"q\" \\ /", "\\\"q\\\" \\\\ /"},
        {"<a href=\"x\">&amp;</a>", "\\u003ca href=\\\"x\\\"\\u003e\\u0026amp;\\u003c/a\\u003e"},
        {"\x01\x1f\x7f", "\\u0001\\u001f\x7f"},
        {"\x1b[31mred", "\\u001b[31mred"},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7", "\\u2028\\u2029\xe2\x80\xa7"},
        {"\xff", "\\ufffd"},
        {"a\xc3", "a\\ufffd"},
        {"\xc3(", "\\ufffd("},
        {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},
        {"\xc0\x80", "\\ufffd\\ufffd"},
        {"\xf0\x9f\x98", "\\ufffd\\ufffd\\ufffd"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++)
        assert_written(vectors[i].text, strlen(vectors[i].text), vectors[i].escaped);
    assert_written("a\0b", 3, "a\\u0000b");
}

static void test_the_other_stream_and_the_first_second_are_written(void **state)
{
    static const char want[] =
        "{\"log\":\"x\",\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:00.000000000Z\"}\n";
    char out[256];
    (void) state;

    assert_int_equal(log_line_write(out, "x", 1, true, 0), sizeof want - 1);
    assert_memory_equal(out, want, sizeof want - 1);
}

static void test_the_longest_text_fits_its_room(void **state)
{
    static char out[LOG_LINE];
    static char text[LOG_PIECE];
    (void) state;

    memset(text, 1, sizeof text);
    assert_true(log_line_write(out, text, sizeof text, true, INT64_MAX) <= sizeof out);
    memset(text, 0xff, sizeof text);
    assert_true(log_line_write(out, text, sizeof text, true, INT64_MAX) <= sizeof out);
}

static void test_what_is_written_is_read_back(void **state)
{
    static const char text[] = "caf\xc3\xa9 <&> \"\\\" \x01\x00 \xf0\x9f\x98\x80\r\n";
    char out[512];
    char back[512];
    struct log_line line;
    size_t n = log_line_write(out, text, sizeof text - 1, true, AT);
    (void) state;

    assert_int_equal(log_line_read(out, n - 1, back, &line), 0);
    assert_int_equal(line.len, sizeof text - 1);
    assert_memory_equal(back, text, line.len);
    assert_true(line.from_stderr);
    assert_true(line.at_ns == AT);
}

static void test_dockers_own_lines_are_read(void **state)
{
    static const char json[] =
        "{\"log\":\"\\ud83d\\ude00\\t\\/\\b\\f\\ud800!\",\"stream\":\"stdout\","
        "\"tag\":\"a\\\"}b\",\"time\":\"2024-01-01T00:00:00.5Z\"}";
    char back[sizeof json];
    struct log_line line;
    (void) state;

    assert_int_equal(log_line_read(json, sizeof json - 1, back, &line), 0);
    assert_int_equal(line.len, 12);
    assert_memory_equal(back, "\xf0\x9f\x98\x80\t/\b\f\xef\xbf\xbd!", 12);
    assert_true(line.at_ns == 1704067200500000000);
}

static void test_torn_and_foreign_lines_are_refused(void **state)
{
    static const char good[] =
        "{\"log\":\"a\\u0041\\n\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}";
    static const char *const bad[] = {
        "",
        "hello",
        "{}",
        "[]",
        "{\"log\":\"a\"}",
        "{\"log\":\"a\",\"stream\":\"other\",\"time\":\"2024-01-01T00:00:00Z\"}",
        "{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"yesterday\"}",
        "{\"log\":\"a\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}x",
        "{\"log\":\"\\x\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}",
        "{\"log\":\"\\u12g4\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}",
        "{\"log\":1,\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}",
        "{\"log\":\"a\",\"log\":\"b\",\"stream\":1,\"time\":\"2024-01-01T00:00:00Z\"}",
        "{\"log\":\"a\",\"stream\":\"st\\\"outoutoutout\",\"time\":\"2024-01-01T00:00:00Z\"}",
    };
    char back[256];
    struct log_line line;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        assert_int_equal(log_line_read(bad[i], strlen(bad[i]), back, &line), EDGE_EINVALID);
    for (size_t len = 0; len < sizeof good - 1; len++)
        assert_int_equal(log_line_read(good, len, back, &line), EDGE_EINVALID);
    assert_int_equal(log_line_read(good, sizeof good - 1, back, &line), 0);
}

static void test_a_cut_leaves_characters_whole(void **state)
{
    (void) state;

    assert_int_equal(log_line_cut("abcd", 4), 4);
    assert_int_equal(log_line_cut("abc\xc3\xa9", 4), 3);
    assert_int_equal(log_line_cut("abc\xc3\xa9", 5), 5);
    assert_int_equal(log_line_cut("a\xf0\x9f\x98\x80", 4), 1);
    assert_int_equal(log_line_cut("a\xf0\x9f\x98\x80", 5), 5);
    assert_int_equal(log_line_cut("\x80\x80\x80\x80\x80", 5), 5);
    assert_int_equal(log_line_cut("\xc3", 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_is_escaped_as_docker_escapes_it),
        cmocka_unit_test(test_the_other_stream_and_the_first_second_are_written),
        cmocka_unit_test(test_the_longest_text_fits_its_room),
        cmocka_unit_test(test_what_is_written_is_read_back),
        cmocka_unit_test(test_dockers_own_lines_are_read),
        cmocka_unit_test(test_torn_and_foreign_lines_are_refused),
        cmocka_unit_test(test_a_cut_leaves_characters_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
