#include "tests/unit/test.h"

#include <errno.h>
#include <sys/stat.h>

#include "agent/logs/gzip.h"
#include "agent/logs/logs.h"
#include "tests/unit/agent/log_folder.h"

#define SECOND INT64_C(1000000000)

static const struct agent_log_query everything = {-1, EDGE_TIME_NEVER, INT64_MAX, false};

static struct agent_log_reader *open_reader(void **state, struct agent_log_query query)
{
    const struct log_folder *folder = *state;
    struct agent_log_reader *reader = NULL;

    assert_int_equal(agent_log_reader_open(folder->dir, "c1", &query, &reader, NULL), 0);
    return reader;
}

/* The next lines are exactly the numbers first to last; then there is nothing more now. */
static void assert_lines(struct agent_log_reader *reader, int first, int last)
{
    struct agent_log_line line;

    for (int n = first; n <= last; n++) {
        char text[32];

        (void) snprintf(text, sizeof text, "line %d\n", n);
        assert_int_equal(agent_log_reader_next(reader, &line, NULL), 0);
        assert_int_equal(line.len, strlen(text));
        assert_memory_equal(line.text, text, line.len);
        assert_int_equal(line.from_stderr, n % 2 == 1);
        assert_true(line.at_ns == n * SECOND);
    }
    assert_int_equal(agent_log_reader_next(reader, &line, NULL), AGENT_LOG_END);
}

static void assert_query(void **state, struct agent_log_query query, int first, int last)
{
    struct agent_log_reader *reader = open_reader(state, query);

    assert_lines(reader, first, last);
    agent_log_reader_close(reader);
}

static void write_four_files(void **state)
{
    pack_lines(*state, "module.log.3.gz", 1, 100);
    append_lines(*state, "module.log.2", 101, 200);
    pack_lines(*state, "module.log.1.gz", 201, 300);
    append_lines(*state, "module.log", 301, 400);
}

static void test_files_are_read_oldest_first_packed_or_not(void **state)
{
    write_four_files(state);
    assert_query(state, everything, 1, 400);
}

static void test_a_tail_of_any_length_is_exact(void **state)
{
    static const int tails[] = {0, 1, 2, 99, 100, 101, 150, 199, 200, 201, 299, 300, 301, 399, 400};
    struct agent_log_query query = everything;

    write_four_files(state);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(tails); i++) {
        query.tail = tails[i];
        assert_query(state, query, 401 - tails[i], 400);
    }
    query.tail = 100000;
    assert_query(state, query, 1, 400);
}

static void test_since_and_until_bound_the_lines_and_the_tail(void **state)
{
    struct agent_log_query query = everything;

    write_four_files(state);
    query.since_ns = 150 * SECOND;
    assert_query(state, query, 150, 400);
    query.until_ns = 320 * SECOND;
    assert_query(state, query, 150, 320);
    query.tail = 30;
    assert_query(state, query, 291, 320);
    query.tail = 1000;
    assert_query(state, query, 150, 320);
    query.since_ns = 500 * SECOND;
    query.until_ns = INT64_MAX;
    assert_query(state, query, 1, 0);
}

static void test_torn_and_foreign_lines_are_passed_over(void **state)
{
    static char big[300 * 1024];
    struct agent_log_query query = everything;

    memset(big, 'x', sizeof big);
    append_lines(*state, "module.log", 1, 3);
    append_text(*state, "module.log", "hello\n\n{\"log\":\"half", 19);
    append_text(*state, "module.log", "\n", 1);
    append_text(*state, "module.log", big, sizeof big);
    append_text(*state, "module.log", "\n", 1);
    append_lines(*state, "module.log", 4, 6);
    append_text(*state, "module.log", "{\"log\":\"torn", 12);
    assert_query(state, everything, 1, 6);
    for (int n = 0; n <= 6; n++) {
        query.tail = n;
        assert_query(state, query, 7 - n, 6);
    }
}

static void test_a_damaged_packed_file_costs_only_its_end(void **state)
{
    const struct log_folder *folder = *state;
    char path[160];

    pack_lines(*state, "module.log.1.gz", 1, 100);
    append_lines(*state, "module.log", 1, 5);
    (void) snprintf(path, sizeof path, "%s/module.log.1.gz", folder->sub);
    assert_int_equal(truncate(path, 15), 0);
    assert_query(state, everything, 1, 5);
}

static void test_follow_sees_lines_as_they_come(void **state)
{
    struct agent_log_query query = everything;
    struct agent_log_reader *reader;
    char out[256];
    size_t len = make_line(out, 7);

    query.follow = true;
    query.tail = 2;
    append_lines(*state, "module.log", 1, 5);
    reader = open_reader(state, query);
    assert_lines(reader, 4, 5);
    append_lines(*state, "module.log", 6, 6);
    append_text(*state, "module.log", out, 20);
    assert_lines(reader, 6, 6);
    append_text(*state, "module.log", out + 20, len - 20);
    assert_lines(reader, 7, 7);
    agent_log_reader_close(reader);
}

static void test_follow_begins_before_the_first_line_is_there(void **state)
{
    const struct log_folder *folder = *state;
    struct agent_log_query query = everything;
    struct agent_log_reader *reader = NULL;
    struct edge_err err;

    assert_int_equal(agent_log_reader_open(folder->dir, "c1", &query, &reader, &err), -ENOENT);
    assert_int_equal(agent_log_reader_open(folder->dir, "none", &query, &reader, &err), -ENOENT);
    query.follow = true;
    query.tail = 0; /* of what is there when it begins */
    reader = open_reader(state, query);
    assert_lines(reader, 1, 0);
    agent_log_reader_close(reader);
}

static void test_follow_goes_across_rotations(void **state)
{
    struct agent_log_query query = everything;
    struct agent_log_reader *reader;

    query.follow = true;
    append_lines(*state, "module.log", 1, 3);
    reader = open_reader(state, query);
    assert_lines(reader, 1, 3);
    append_lines(*state, "module.log", 4, 5); /* written just before it is moved away */
    rename_log(*state, "module.log", "module.log.1");
    assert_lines(reader, 4, 5); /* and the new file is not there yet */
    append_lines(*state, "module.log", 6, 7);
    assert_lines(reader, 6, 7);
    rename_log(*state, "module.log.1", "module.log.3");
    rename_log(*state, "module.log", "module.log.2");
    append_lines(*state, "module.log.1", 8, 9); /* two rotations at once */
    append_lines(*state, "module.log", 10, 11);
    assert_lines(reader, 8, 11);
    agent_log_reader_close(reader);
}

static void pack(void **state)
{
    const struct log_folder *folder = *state;
    int dir = open(folder->sub, O_RDONLY | O_DIRECTORY);
    struct log_gzip *gzip = log_gzip_begin(dir, "module", 5);
    int rc;

    assert_non_null(gzip);
    while ((rc = log_gzip_step(gzip)) == LOG_GZIP_MORE)
        ;
    assert_int_equal(rc, 0);
    log_gzip_end(gzip);
    close(dir);
}

static void test_follow_finds_its_place_when_the_file_was_packed(void **state)
{
    struct agent_log_query query = everything;
    struct agent_log_reader *reader;

    query.follow = true;
    pack_lines(*state, "module.log.1.gz", 1, 3);
    append_lines(*state, "module.log", 4, 6);
    reader = open_reader(state, query);
    assert_lines(reader, 1, 6);
    rename_log(*state, "module.log.1.gz", "module.log.2.gz");
    rename_log(*state, "module.log", "module.log.1");
    pack(state);
    append_lines(*state, "module.log", 7, 9);
    assert_lines(reader, 7, 9);
    agent_log_reader_close(reader);
}

static void test_follow_survives_an_emptied_file(void **state)
{
    const struct log_folder *folder = *state;
    struct agent_log_query query = everything;
    struct agent_log_reader *reader;
    char path[160];

    query.follow = true;
    append_lines(*state, "module.log", 1, 3);
    reader = open_reader(state, query);
    assert_lines(reader, 1, 3);
    (void) snprintf(path, sizeof path, "%s/module.log", folder->sub);
    assert_int_equal(truncate(path, 0), 0);
    assert_lines(reader, 1, 0);
    append_lines(*state, "module.log", 4, 4);
    assert_lines(reader, 4, 4);
    agent_log_reader_close(reader);
}

static void test_follow_ends_at_until(void **state)
{
    struct agent_log_query query = everything;
    struct agent_log_reader *reader;

    query.follow = true;
    query.until_ns = 4 * SECOND;
    append_lines(*state, "module.log", 1, 3);
    reader = open_reader(state, query);
    assert_lines(reader, 1, 3);
    append_lines(*state, "module.log", 4, 9);
    assert_lines(reader, 4, 4);
    agent_log_reader_close(reader);
}

static void test_packing_keeps_every_line_and_small_memory_for_the_next(void **state)
{
    append_lines(*state, "module.log.2", 1, 2000);
    append_lines(*state, "module.log.1", 2001, 2500);
    append_lines(*state, "module.log", 2501, 2600);
    pack(state);
    pack(state);
    assert_query(state, everything, 1, 2600);
}

static void test_the_uri_escapes_what_a_query_cannot_hold(void **state)
{
    struct agent_log_options options = {
        .dir = "/var/lib/a b&c+d=e%/logs",
        .id = "m.1",
        .logger = "/usr/lib/x y/edge-logger",
        .max_size = 1000,
        .max_file = 2,
        .compress = true,
    };
    EDGE_CLEANUP(edge_free) char *uri = agent_logs_uri(&options);
    EDGE_CLEANUP(edge_free) char *none = NULL;
    EDGE_CLEANUP(edge_free) char *usual = NULL;
    (void) state;

    assert_string_equal(uri, "binary:///usr/lib/x%20y/edge-logger?name=module"
                             "&dir=/var/lib/a%20b%26c%2Bd%3De%25/logs&id=m.1"
                             "&max-size=1000&max-file=2&compress=1");
    options.none = true;
    none = agent_logs_uri(&options);
    assert_string_equal(none, "");
    options = (struct agent_log_options){.dir = "/l", .id = "a", .logger = "/e"};
    usual = agent_logs_uri(&options);
    assert_string_equal(usual, "binary:///e?name=module&dir=/l&id=a&max-size=4194304&max-file=5"
                               "&compress=0");
}

static void test_logs_are_removed_and_only_they(void **state)
{
    const struct log_folder *folder = *state;
    struct edge_err err;

    append_lines(*state, "module.log", 1, 3);
    assert_int_equal(agent_logs_remove(folder->dir, "..", &err), EDGE_EINVALID);
    assert_int_equal(agent_logs_remove(folder->dir, "c1/../c1", &err), EDGE_EINVALID);
    assert_int_equal(access(folder->sub, F_OK), 0);
    assert_int_equal(agent_logs_remove(folder->dir, "c1", &err), 0);
    assert_int_equal(access(folder->sub, F_OK), -1);
    assert_int_equal(agent_logs_remove(folder->dir, "c1", &err), 0);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_log_folder, remove_log_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_files_are_read_oldest_first_packed_or_not),
        IN_FOLDER(test_a_tail_of_any_length_is_exact),
        IN_FOLDER(test_since_and_until_bound_the_lines_and_the_tail),
        IN_FOLDER(test_torn_and_foreign_lines_are_passed_over),
        IN_FOLDER(test_a_damaged_packed_file_costs_only_its_end),
        IN_FOLDER(test_follow_sees_lines_as_they_come),
        IN_FOLDER(test_follow_begins_before_the_first_line_is_there),
        IN_FOLDER(test_follow_goes_across_rotations),
        IN_FOLDER(test_follow_finds_its_place_when_the_file_was_packed),
        IN_FOLDER(test_follow_survives_an_emptied_file),
        IN_FOLDER(test_follow_ends_at_until),
        IN_FOLDER(test_packing_keeps_every_line_and_small_memory_for_the_next),
        cmocka_unit_test(test_the_uri_escapes_what_a_query_cannot_hold),
        IN_FOLDER(test_logs_are_removed_and_only_they),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
