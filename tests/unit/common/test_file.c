#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.h"

static char folder[] = "/tmp/test-file-XXXXXX";

static int make_folder(void **state)
{
    (void) state;
    (void) snprintf(folder, sizeof folder, "/tmp/test-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void) state;
    return edge_remove_tree(folder, NULL);
}

static const char *at(const char *name)
{
    static char path[200];

    (void) snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void assert_file(const char *name, const char *expected)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(100000);

    assert_int_equal(edge_file_read(at(name), &buf, NULL), 0);
    assert_string_equal(buf.data ? buf.data : "", expected);
}

static mode_t mode_of(const char *name)
{
    struct stat st;

    assert_int_equal(stat(at(name), &st), 0);
    return st.st_mode & 07777;
}

static void test_a_file_is_written_and_read_whole(void **state)
{
    (void) state;

    assert_int_equal(edge_file_write(at("a"), "one", 3, 0644, NULL), 0);
    assert_file("a", "one");
    assert_int_equal(edge_file_write(at("a"), "", 0, 0600, NULL), 0);
    assert_file("a", "");
    assert_int_equal(access(at("a.new"), F_OK), -1);
}

static void test_the_mode_is_the_one_asked_for(void **state)
{
    mode_t before = umask(0077);
    (void) state;

    assert_int_equal(edge_file_write(at("a"), "x", 1, 0644, NULL), 0);
    assert_int_equal(mode_of("a"), 0644);
    /* what a crash has left must not lend its mode to a secret */
    assert_int_equal(edge_file_write(at("b.new"), "x", 1, 0666, NULL), 0);
    assert_int_equal(edge_file_write(at("b"), "secret", 6, 0600, NULL), 0);
    assert_int_equal(mode_of("b"), 0600);
    umask(before);
}

static void test_a_failed_write_leaves_the_old_file(void **state)
{
    struct edge_err err = {0};
    char expected[300];
    int status;
    pid_t pid;
    (void) state;

    assert_int_equal(edge_file_write(at("a"), "old", 3, 0644, NULL), 0);
    pid = fork();
    if (pid == 0) {
        static const char big[20000];
        struct rlimit limit = {8192, 8192};

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        _exit(edge_file_write(at("a"), big, sizeof big, 0644, NULL) == -EFBIG ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_file("a", "old");
    assert_int_equal(access(at("a.new"), F_OK), -1);
    (void) snprintf(expected, sizeof expected, "cannot write %s: No such file or directory",
                    at("no/b"));
    assert_int_equal(edge_file_write(at("no/b"), "x", 1, 0600, &err), -ENOENT);
    assert_string_equal(err.text, expected);
}

static void test_reading_has_a_limit(void **state)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(50000);
    struct edge_err err = {0};
    static const char big[50001];
    (void) state;

    assert_int_equal(edge_file_write(at("a"), big, sizeof big, 0644, NULL), 0);
    assert_int_equal(edge_file_read(at("a"), &buf, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "/a is larger than 50000 bytes"));
    assert_int_equal(edge_file_read(at("none"), &buf, &err), -ENOENT);
    assert_int_equal(edge_file_read(folder, &buf, &err), -EISDIR);
}

static void test_folders_are_made_along_the_way(void **state)
{
    struct edge_err err = {0};
    (void) state;

    assert_int_equal(edge_mkdirs(at("x/y/z"), 0700, NULL), 0);
    assert_int_equal(edge_mkdirs(at("x/y/z/"), 0755, NULL), 0);
    assert_int_equal(mode_of("x/y/z"), 0700);
    assert_int_equal(edge_mkdirs("/", 0700, NULL), 0);
    assert_int_equal(edge_file_write(at("f"), "", 0, 0600, NULL), 0);
    assert_int_equal(edge_mkdirs(at("f"), 0700, &err), -ENOTDIR);
    assert_non_null(strstr(err.text, "cannot make folder "));
    assert_int_equal(edge_mkdirs(at("f/g"), 0700, &err), -ENOTDIR);
    assert_int_equal(edge_mkdirs("", 0700, &err), -ENAMETOOLONG);
}

static void test_a_tree_is_removed_without_following_links(void **state)
{
    (void) state;

    assert_int_equal(edge_mkdirs(at("t/a/b"), 0700, NULL), 0);
    assert_int_equal(edge_mkdirs(at("keep"), 0700, NULL), 0);
    assert_int_equal(edge_file_write(at("keep/me"), "x", 1, 0600, NULL), 0);
    assert_int_equal(edge_file_write(at("t/a/f"), "x", 1, 0600, NULL), 0);
    assert_int_equal(symlinkat("../keep", open(at("t"), O_PATH | O_CLOEXEC), "link"), 0);
    assert_int_equal(edge_remove_tree(at("t"), NULL), 0);
    assert_int_equal(access(at("t"), F_OK), -1);
    assert_file("keep/me", "x");
    assert_int_equal(edge_remove_tree(at("t"), NULL), 0);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

static void test_a_program_beside_this_one(void **state)
{
    EDGE_CLEANUP(edge_free) char *self = edge_beside("test.unit.common.file");
    EDGE_CLEANUP(edge_free) char *other = edge_beside("edge-agent");
    (void) state;

    assert_int_equal(access(self, X_OK), 0);
    assert_int_equal(strlen(other) + strlen("test.unit.common.file"),
                     strlen(self) + strlen("edge-agent"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_a_file_is_written_and_read_whole),
        IN_A_FOLDER(test_the_mode_is_the_one_asked_for),
        IN_A_FOLDER(test_a_failed_write_leaves_the_old_file),
        IN_A_FOLDER(test_reading_has_a_limit),
        IN_A_FOLDER(test_folders_are_made_along_the_way),
        IN_A_FOLDER(test_a_tree_is_removed_without_following_links),
        cmocka_unit_test(test_a_program_beside_this_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
