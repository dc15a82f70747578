/* Lines about somebody who may want to fill the disk. What is written goes to a pipe. */
#include "common/base/log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

static char text[1024 * 1024];

static void capture(void (*fn)(void))
{
    int kept = dup(STDERR_FILENO);
    FILE *file = tmpfile();
    size_t len;

    assert_non_null(file);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    fn();
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    rewind(file);
    len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    (void) fclose(file);
}

static unsigned count(const char *word)
{
    unsigned found = 0;

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        found++;
    return found;
}

static void say_forged(void)
{
    edge_warn("one line: reason=%s", "a\n<3> b");
}

static void test_a_value_makes_no_second_line(void **state)
{
    (void) state;
    capture(say_forged);
    assert_int_equal(count("\n"), 1);
    assert_int_equal(count("reason=a <3> b\n"), 1);
}

static void say_much(void)
{
    static char long_text[5000];

    memset(long_text, 'x', sizeof long_text - 1);
    edge_warn("%s", long_text);
}

static void test_a_long_line_is_cut(void **state)
{
    (void) state;
    capture(say_much);
    assert_int_equal(count("\n"), 1);
    assert_true(strlen(text) <= 2048);
}

static void flood(void)
{
    for (unsigned port = 0; port < 1000; port++) {
        char address[32];

        (void) snprintf(address, sizeof address, "192.0.2.1:%u", port);
        edge_log_about(EDGE_LOG_WARN, address, "refused: from=%s", address);
    }
}

static void test_one_address_cannot_fill_the_log(void **state)
{
    (void) state;
    capture(flood);
    assert_int_equal(count("refused: from="), EDGE_LOG_BURST);
    assert_int_equal(count("more such lines are left out"), 1);
    assert_int_equal(count("from=192.0.2.1:19 (more such lines"), 1);
}

static void others(void)
{
    edge_log_about(EDGE_LOG_WARN, "192.0.2.2:1", "refused: from=other");
    edge_log_about(EDGE_LOG_WARN, "edge1/sensor", "dropped: client=sensor");
    edge_log_about(EDGE_LOG_WARN, "[2001:db8::1]:1", "refused: from=six");
    edge_log_about(EDGE_LOG_WARN, NULL, "refused: from=nobody");
}

static void test_others_are_still_heard(void **state)
{
    (void) state;
    capture(flood);
    capture(others);
    assert_int_equal(count("\n"), 4);
    assert_int_equal(count("left out"), 0);
}

static void crowd(void)
{
    for (unsigned i = 0; i < 100000; i++) {
        char address[48];

        (void) snprintf(address, sizeof address, "[2001:db8::%x]:443", i);
        edge_log_about(EDGE_LOG_WARN, address, "c");
    }
}

static void test_a_crowd_of_addresses_is_bounded(void **state)
{
    (void) state;
    capture(crowd);
    assert_true(count("- c") > 0);
    assert_true(count("- c") <= 512 * EDGE_LOG_BURST);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_makes_no_second_line),
        cmocka_unit_test(test_a_long_line_is_cut),
        cmocka_unit_test(test_one_address_cannot_fill_the_log),
        cmocka_unit_test(test_others_are_still_heard),
        cmocka_unit_test(test_a_crowd_of_addresses_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
