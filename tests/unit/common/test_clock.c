#include "tests/unit/test.h"

#include <time.h>

#include "common/base/clock.h"
#include "common/base/err.h"

#define S INT64_C(1000000000)

static void test_rfc_3339_times_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ns;
    } vectors[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00+00:00", 0},
        {"1970-01-01 00:00:01z", S},
        {"1970-01-01t01:00:00+01:00", 0},
        {"1969-12-31T23:30:00-00:30", 0},
        {"1969-12-31T23:59:59.5Z", -S / 2},
        {"2024-02-29T12:00:00.123456789Z", 1709208000 * S + 123456789},
        {"2024-02-29T12:00:00.1234567891Z", 1709208000 * S + 123456789},
        {"2016-12-31T23:59:60Z", 1483228800 * S}, /* a leap second is the next minute's first */
        {"2000-02-29T00:00:00Z", 951782400 * S},
        {"0001-01-01T00:00:00Z", EDGE_TIME_NEVER},
        {"1600-01-01T00:00:00.5Z", EDGE_TIME_NEVER},
        {"2262-04-11T23:47:15Z", 9223372035 * S},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        int64_t ns = 1;

        assert_int_equal(edge_time_parse(vectors[i].text, &ns), 0);
        assert_int_equal(ns, vectors[i].ns);
    }
}

static void test_what_is_no_time_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "2024",
        "2024-01-01",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-01-32T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-04-31T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00+1:00",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00Z ",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2262-04-11T23:47:17Z",
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        int64_t ns = 7;

        assert_int_equal(edge_time_parse(bad[i], &ns), EDGE_EINVALID);
        assert_int_equal(ns, 7);
    }
}

static void test_times_are_printed_as_dotnet_does(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } vectors[] = {
        {0, "1970-01-01T00:00:00.0000000Z"},
        {-1, "1969-12-31T23:59:59.9999999Z"},
        {1709208000 * S + 123456789, "2024-02-29T12:00:00.1234567Z"},
        {EDGE_TIME_NEVER, "0001-01-01T00:00:00Z"},
        {EDGE_TIME_NEVER + 1, "1677-09-21T00:12:43.1452241Z"},
        {INT64_MAX, "2262-04-11T23:47:16.8547758Z"},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        char text[EDGE_TIME_TEXT];

        edge_time_format(vectors[i].ns, text);
        assert_string_equal(text, vectors[i].text);
    }
}

static void test_spans_as_people_write_them(void **state)
{
    static const struct {
        const char *text;
        int64_t ns; /* -1: refused */
    } vectors[] = {
        {"1h30m", 5400 * S},
        {"2 days", 2 * 86400 * S},
        {"90s", 90 * S},
        {"1 day, 2 hours", 93600 * S},
        {"500ms", S / 2},
        {"3us4ns", 3004},
        {"1w", 604800 * S},
        {"1m", 60 * S},
        {"1M", 2630016 * S},
        {"2 years", 2 * 31557600 * S},
        {"0s", 0},
        {"5min 5sec", 305 * S},
        {"", -1},
        {"5", -1},
        {"h", -1},
        {"-1h", -1},
        {"1.5h", -1},
        {"1 fortnight", -1},
        {"1h 5", -1},
        {"9223372037s", -1},
        {"99999999999999999999s", -1},
        {"9223372036s 9223372036s", -1},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        int64_t ns = -1;

        assert_int_equal(edge_span_parse(vectors[i].text, &ns),
                         vectors[i].ns < 0 ? EDGE_EINVALID : 0);
        assert_int_equal(ns, vectors[i].ns);
    }
}

static void test_since_takes_times_spans_and_seconds(void **state)
{
    const int64_t now = 1700000000 * S;
    int64_t at = 0;
    (void) state;

    assert_int_equal(edge_time_parse_since("1h30m", now, &at), 0);
    assert_int_equal(at, now - 5400 * S);
    assert_int_equal(edge_time_parse_since("2 days", now, &at), 0);
    assert_int_equal(at, now - 172800 * S);
    assert_int_equal(edge_time_parse_since("1699999999", now, &at), 0);
    assert_int_equal(at, now - S);
    assert_int_equal(edge_time_parse_since("0", now, &at), 0);
    assert_int_equal(at, 0);
    assert_int_equal(edge_time_parse_since("2023-11-14T22:13:20Z", now, &at), 0);
    assert_int_equal(at, now);
    at = 7;
    assert_int_equal(edge_time_parse_since("-1", now, &at), EDGE_EINVALID);
    assert_int_equal(edge_time_parse_since("soon", now, &at), EDGE_EINVALID);
    assert_int_equal(edge_time_parse_since("9223372037", now, &at), EDGE_EINVALID);
    assert_int_equal(at, 7);
}

static void test_the_clocks_are_the_systems(void **state)
{
    int64_t before = edge_now_ms();
    (void) state;

    assert_in_range(edge_wall_ns() / S, time(NULL) - 1, time(NULL) + 1);
    assert_in_range(edge_now_ms() - before, 0, 10000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_3339_times_are_read),
        cmocka_unit_test(test_what_is_no_time_is_refused),
        cmocka_unit_test(test_times_are_printed_as_dotnet_does),
        cmocka_unit_test(test_spans_as_people_write_them),
        cmocka_unit_test(test_since_takes_times_spans_and_seconds),
        cmocka_unit_test(test_the_clocks_are_the_systems),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
