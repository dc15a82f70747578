#include "tests/unit/test.h"

#include <sys/stat.h>

#include "agent/logs/names.h"
#include "tests/unit/agent/log_folder.h"

static int open_folder(void **state)
{
    const struct log_folder *folder = *state;

    return open(folder->sub, O_RDONLY | O_DIRECTORY);
}

/* The folder's files as "name=content" for the slots given, space-separated. */
static void assert_slots(void **state, const char *const *files, size_t count)
{
    int dir = open_folder(state);
    size_t taken = 0;

    for (int slot = 0; slot < 12; slot++)
        taken += log_slot_taken(dir, "module", slot) ? 1 : 0;
    assert_int_equal(taken, count);
    for (size_t i = 0; i < count; i++) {
        char text[16] = "";
        const char *content = strchr(files[i], '=');
        EDGE_CLEANUP(edge_free) char *name = strndup(files[i], (size_t) (content - files[i]));
        int fd = openat(dir, name, O_RDONLY);

        assert_true(fd >= 0);
        assert_true(read(fd, text, sizeof text - 1) >= 0);
        assert_string_equal(text, content + 1);
        close(fd);
    }
    close(dir);
}

static void shift(void **state, int last)
{
    int dir = open_folder(state);

    log_slots_shift(dir, "module", last);
    close(dir);
}

static void test_names_of_files_are_told_apart(void **state)
{
    static const struct {
        const char *file;
        int slot;
        bool gz;
    } vectors[] = {
        {"module.log", 0, false},       {"module.log.1", 1, false},
        {"module.log.12.gz", 12, true}, {"module.log.01", -1, false},
        {"module.log.0", -1, false},    {"module.log.1.gz.tmp", -1, true},
        {"module.log.tmp", -1, false},  {"module.log.-1", -1, false},
        {"module.log.1x", -1, false},   {"module.log.1000", -1, false},
        {"other.log", -1, false},       {"module.logs", -1, false},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(vectors); i++) {
        char file[LOG_FILE_NAME];
        bool gz = false;

        assert_int_equal(log_file_slot(vectors[i].file, "module", &gz), vectors[i].slot);
        if (vectors[i].slot < 0)
            continue;
        assert_int_equal(gz, vectors[i].gz);
        log_file_name(file, "module", vectors[i].slot, gz);
        assert_string_equal(file, vectors[i].file);
    }
}

static void test_ids_that_lead_elsewhere_are_refused(void **state)
{
    char text[LOG_NAME_MAX + 2];
    (void) state;

    assert_true(log_name_ok("edge-agent_1.2"));
    assert_false(log_name_ok(""));
    assert_false(log_name_ok("."));
    assert_false(log_name_ok(".."));
    assert_false(log_name_ok(".hidden"));
    assert_false(log_name_ok("a/b"));
    assert_false(log_name_ok("a b"));
    assert_false(log_name_ok("a\nb"));
    memset(text, 'a', sizeof text);
    text[LOG_NAME_MAX + 1] = '\0';
    assert_false(log_name_ok(text));
    text[LOG_NAME_MAX] = '\0';
    assert_true(log_name_ok(text));
}

static void test_a_shift_moves_all_and_drops_the_last(void **state)
{
    static const char *const want[] = {"module.log.2=a", "module.log.3.gz=b"};

    append_text(*state, "module.log.1", "a", 1);
    append_text(*state, "module.log.2.gz", "b", 1);
    append_text(*state, "module.log.3", "c", 1);
    shift(state, 3);
    assert_slots(state, want, 2);
}

static void test_a_shift_after_a_kill_closes_the_gap_and_loses_nothing(void **state)
{
    static const char *const want[] = {"module.log.2=a", "module.log.3=c"};

    append_text(*state, "module.log.1", "a", 1);
    append_text(*state, "module.log.3", "c", 1); /* 2 to 3 was done, 1 to 2 was not */
    shift(state, 3);
    assert_slots(state, want, 2);
}

static void test_a_shift_with_number_one_free_does_nothing(void **state)
{
    static const char *const want[] = {"module.log.2=a"};

    append_text(*state, "module.log.2", "a", 1);
    shift(state, 3);
    assert_slots(state, want, 1);
}

static void test_repair_removes_leftovers_only(void **state)
{
    static const char *const want[] = {"module.log=n", "module.log.1=a", "module.log.2.gz=b"};
    int dir = open_folder(state);

    append_text(*state, "module.log", "n", 1);
    append_text(*state, "module.log.1", "a", 1);
    append_text(*state, "module.log.1.gz", "half", 4); /* renamed, but the original not removed */
    append_text(*state, "module.log.2.gz", "b", 1);
    append_text(*state, "module.log.3", "c", 1); /* the limit was higher once */
    append_text(*state, "module.log.tmp", "half", 4);
    append_text(*state, "other.log", "o", 1);
    log_slots_repair(dir, "module", 2);
    assert_slots(state, want, 3);
    assert_int_equal(faccessat(dir, "module.log.tmp", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, "module.log.1.gz", F_OK, 0), -1);
    assert_int_equal(faccessat(dir, "other.log", F_OK, 0), 0);
    assert_int_equal(log_slots_plain(dir, "module", 2), 1);
    close(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_of_files_are_told_apart),
        cmocka_unit_test(test_ids_that_lead_elsewhere_are_refused),
        cmocka_unit_test_setup_teardown(test_a_shift_moves_all_and_drops_the_last, make_log_folder,
                                        remove_log_folder),
        cmocka_unit_test_setup_teardown(test_a_shift_after_a_kill_closes_the_gap_and_loses_nothing,
                                        make_log_folder, remove_log_folder),
        cmocka_unit_test_setup_teardown(test_a_shift_with_number_one_free_does_nothing,
                                        make_log_folder, remove_log_folder),
        cmocka_unit_test_setup_teardown(test_repair_removes_leftovers_only, make_log_folder,
                                        remove_log_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
