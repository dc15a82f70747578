/* The file is flipped, cut and replaced: open never fails for that and never gives a wrong value.
 */
#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "agent/state/state.h"
#include "common/base/file.h"

static char folder[] = "/tmp/test-damage-XXXXXX";
static char path[64];
static struct edge_buf good; /* a whole file with some values */

static void clear_folder(void)
{
    (void) edge_remove_tree(folder, NULL);
    assert_int_equal(edge_mkdirs(folder, 0700, NULL), 0);
}

static int make_good_file(void **unused)
{
    struct agent_module_record record = {.restart_count = 7};
    struct agent_state *state = NULL;
    char text[9000];
    (void) unused;

    if (!mkdtemp(folder))
        return -1;
    (void) snprintf(path, sizeof path, "%s/agent.db", folder);
    memset(text, 'd', sizeof text);
    if (agent_state_open(path, &state, NULL) != 0 ||
        agent_state_set_deployment(state, text, sizeof text, NULL) < 0 ||
        agent_state_set(state, "k", "value", NULL) < 0 ||
        agent_state_set_module(state, "cam", &record, NULL) < 0)
        return -1;
    agent_state_close(state);
    edge_buf_init(&good, 1 << 20);
    return edge_file_read(path, &good, NULL);
}

static int remove_folder(void **unused)
{
    (void) unused;
    edge_buf_fini(&good);
    return edge_remove_tree(folder, NULL);
}

/* Either the file is set aside and a new one begun, or every value is as it was. */
static void check_damaged(const void *data, size_t len, int expected)
{
    struct agent_module_record record = {0};
    struct agent_state *state = NULL;
    struct edge_err err = {0};
    char *value = NULL;
    int rc;

    clear_folder();
    assert_int_equal(edge_file_write(path, data, len, 0600, NULL), 0);
    rc = agent_state_open(path, &state, &err);
    assert_non_null(state);
    if (expected >= 0)
        assert_int_equal(rc, expected);
    if (rc == AGENT_STATE_SET_ASIDE) {
        assert_non_null(strstr(err.text, "agent.db.bad-"));
        assert_int_equal(agent_state_get(state, "k", &value, NULL), -ENOENT);
        assert_int_equal(agent_state_set(state, "k", "new", NULL), 0);
    } else {
        assert_int_equal(rc, 0);
        assert_int_equal(agent_state_get(state, "k", &value, NULL), len == 0 ? -ENOENT : 0);
        if (len > 0)
            assert_string_equal(value, "value");
        assert_int_equal(agent_state_get_module(state, "cam", &record, NULL),
                         len == 0 ? -ENOENT : 0);
        assert_int_equal(record.restart_count, len == 0 ? 0 : 7);
    }
    free(value);
    agent_state_close(state);
}

static void flip(size_t at, unsigned char with)
{
    char saved = good.data[at];

    good.data[at] = (char) (saved ^ with);
    check_damaged(good.data, good.len, -1);
    good.data[at] = saved;
}

static void test_the_good_file_is_good(void **unused)
{
    (void) unused;
    check_damaged(good.data, good.len, 0);
}

static void test_any_flipped_byte_of_the_header_is_survived(void **unused)
{
    (void) unused;

    for (size_t at = 0; at < 100; at++) {
        if (at == 63)
            continue; /* the schema's version: see the test below */
        flip(at, 0xff);
        flip(at, 0x04);
    }
}

static void test_flipped_bytes_anywhere_are_survived(void **unused)
{
    (void) unused;

    for (size_t at = 100; at < good.len; at += 131)
        flip(at, 1);
}

static void test_a_flipped_bit_within_a_value_is_noticed(void **unused)
{
    const char *at = memmem(good.data, good.len, "value", 5);
    const char *text = memmem(good.data, good.len, "dddddddd", 8);
    (void) unused;

    for (const char *where = at; where; where = where == at ? text : NULL) {
        size_t offset = (size_t) (where - good.data) + 2;

        good.data[offset] ^= 1;
        check_damaged(good.data, good.len, AGENT_STATE_SET_ASIDE);
        good.data[offset] ^= 1;
    }
    assert_non_null(at);
    assert_non_null(text);
}

static void test_a_file_cut_anywhere_is_survived(void **unused)
{
    (void) unused;

    check_damaged("", 0, 0);
    for (size_t len = 1; len < good.len; len += 601)
        check_damaged(good.data, len, AGENT_STATE_SET_ASIDE);
}

static void test_a_foreign_file_is_set_aside(void **unused)
{
    static const char text[] = "this is no database, but it is quite long enough to look like one";
    (void) unused;

    check_damaged(text, sizeof text, AGENT_STATE_SET_ASIDE);
}

static void test_a_newer_schema_is_left_alone(void **unused)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf after = EDGE_BUF_INIT(1 << 20);
    struct agent_state *state = NULL;
    struct edge_err err = {0};
    (void) unused;

    clear_folder();
    good.data[63] = 2;
    assert_int_equal(edge_file_write(path, good.data, good.len, 0600, NULL), 0);
    assert_int_equal(agent_state_open(path, &state, &err), EDGE_ESTORE);
    assert_null(state);
    assert_non_null(strstr(err.text, "was written by a newer edge-agent (schema 2, "));
    assert_int_equal(edge_file_read(path, &after, NULL), 0);
    assert_int_equal(after.len, good.len);
    assert_memory_equal(after.data, good.data, good.len);
    good.data[63] = 1;
}

static void test_damaged_files_do_not_pile_up(void **unused)
{
    DIR *dir;
    struct dirent *entry;
    int count = 0;
    (void) unused;

    clear_folder();
    for (int i = 0; i < 6; i++) {
        struct agent_state *state = NULL;

        assert_int_equal(edge_file_write(path, "garbage garbage", 15, 0600, NULL), 0);
        assert_int_equal(agent_state_open(path, &state, NULL), AGENT_STATE_SET_ASIDE);
        agent_state_close(state);
    }
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += strstr(entry->d_name, ".bad-") != NULL;
    closedir(dir);
    assert_int_equal(count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_good_file_is_good),
        cmocka_unit_test(test_any_flipped_byte_of_the_header_is_survived),
        cmocka_unit_test(test_flipped_bytes_anywhere_are_survived),
        cmocka_unit_test(test_a_flipped_bit_within_a_value_is_noticed),
        cmocka_unit_test(test_a_file_cut_anywhere_is_survived),
        cmocka_unit_test(test_a_foreign_file_is_set_aside),
        cmocka_unit_test(test_a_newer_schema_is_left_alone),
        cmocka_unit_test(test_damaged_files_do_not_pile_up),
    };

    return cmocka_run_group_tests(tests, make_good_file, remove_folder);
}
