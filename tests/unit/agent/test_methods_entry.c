#include "tests/unit/test.h"

#include "agent/methods/entry.h"
#include "common/base/attr.h"
#include "common/base/clock.h"

static void test_lines_are_taken_apart(void **state)
{
    static const struct {
        const char *line;
        int level;
        const char *at;
        const char *text;
    } all[] = {
        {"<3> 2019-02-14 16:15:35.243 -08:00 [INF] [EdgeHub] - LogLine\n", 3,
         "2019-02-15T00:15:35.243Z", "[INF] [EdgeHub] - LogLine"},
        {"2019-02-14 16:15:35.243 +00:00 [INF] x", 6, "2019-02-14T16:15:35.243Z", "[INF] x"},
        {"<6> 2019-02-14 16:15:35.243 [INF] [EdgeHub] - LogLine", 6, NULL,
         "2019-02-14 16:15:35.243 [INF] [EdgeHub] - LogLine"},
        {"<6> 2019-02-14 16:15:35.243 -08:00 ", 6, "2019-02-15T00:15:35.243Z",
         "<6> 2019-02-14 16:15:35.243 -08:00 "},
        {"2 2019-02-14 16:15:35 [INF] x", 6, NULL, "2 2019-02-14 16:15:35 [INF] x"},
        {"2019-05-08T00:00:00.123456789Z <4> 2019-02-14 16:15:35.243 -08:00 x\n", 4,
         "2019-05-08T00:00:00.123456789Z", "x"},
        {"2019-05-08T00:00:00.123456789Z x", 6, "2019-05-08T00:00:00.123456789Z", "x"},
        {"2019-13-08T00:00:00.123456789Z x", 6, NULL, "2019-13-08T00:00:00.123456789Z x"},
        {"<3>x", 3, NULL, "x"},
        {"<3>", 3, NULL, "<3>"},
        {"<33> x", 6, NULL, "<33> x"},
        {"\n", 6, NULL, ""},
        {"", 6, NULL, ""},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        struct methods_entry entry;
        int64_t at = EDGE_TIME_NEVER;

        if (all[i].at)
            assert_int_equal(edge_time_parse(all[i].at, &at), 0);
        methods_entry_parse(all[i].line, strlen(all[i].line), &entry);
        if (entry.level != all[i].level || entry.at_ns != at || entry.len != strlen(all[i].text) ||
            memcmp(entry.text, all[i].text, entry.len) != 0)
            fail_msg("%s: level %d, \"%.*s\"", all[i].line, entry.level, (int) entry.len,
                     entry.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines_are_taken_apart)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
