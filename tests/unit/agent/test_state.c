#include "tests/unit/test.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/state/state.h"
#include "common/base/clock.h"
#include "common/base/file.h"

static char folder[] = "/tmp/test-state-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void) state;
    (void) snprintf(folder, sizeof folder, "/tmp/test-state-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    (void) snprintf(path, sizeof path, "%s/agent.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void) state;
    return edge_remove_tree(folder, NULL);
}

static struct agent_state *must_open(void)
{
    struct agent_state *state = NULL;
    struct edge_err err = {0};
    int rc = agent_state_open(path, &state, &err);

    assert_string_equal(err.text, "");
    assert_int_equal(rc, 0);
    return state;
}

static void assert_deployment(struct agent_state *state, const char *expected)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1 << 21);

    assert_int_equal(agent_state_get_deployment(state, &text, NULL), 0);
    assert_string_equal(text.data, expected);
}

static void test_what_was_set_is_there_after_a_reopen(void **unused)
{
    static const struct agent_module_record cam = {3, 1, EDGE_TIME_NEVER, -5, -1, 1};
    struct agent_module_record got = {0};
    struct agent_state *state = must_open();
    char *value = NULL;
    (void) unused;

    assert_int_equal(agent_state_set_deployment(state, "{\"a\":1}", 7, NULL), 0);
    assert_int_equal(agent_state_set(state, "source-digest", "sha256:x", NULL), 0);
    assert_int_equal(agent_state_set(state, "empty", "", NULL), 0);
    assert_int_equal(agent_state_set_module(state, "cam", &cam, NULL), 0);
    agent_state_close(state);
    state = must_open();
    assert_deployment(state, "{\"a\":1}");
    assert_int_equal(agent_state_get(state, "source-digest", &value, NULL), 0);
    assert_string_equal(value, "sha256:x");
    free(value);
    assert_int_equal(agent_state_get(state, "empty", &value, NULL), 0);
    assert_string_equal(value, "");
    free(value);
    assert_int_equal(agent_state_get_module(state, "cam", &got, NULL), 0);
    assert_int_equal(got.restart_count, 3);
    assert_int_equal(got.last_restart_ns, 1);
    assert_int_equal(got.last_start_ns, EDGE_TIME_NEVER);
    assert_int_equal(got.last_exit_ns, -5);
    assert_int_equal(got.exit_code, -1);
    assert_int_equal(got.down, 1);
    assert_int_equal(agent_state_del_module(state, "cam", NULL), 0);
    assert_int_equal(agent_state_del_module(state, "cam", NULL), 0);
    assert_int_equal(agent_state_get_module(state, "cam", &got, NULL), -ENOENT);
    agent_state_close(state);
}

static void test_what_was_never_set_is_absent(void **unused)
{
    struct agent_state *state = must_open();
    struct agent_module_record record;
    struct edge_buf text;
    struct edge_err err = {0};
    char *value = NULL;
    (void) unused;

    edge_buf_init(&text, 100);
    assert_int_equal(agent_state_get_deployment(state, &text, NULL), -ENOENT);
    assert_int_equal(agent_state_get(state, "x", &value, NULL), -ENOENT);
    assert_int_equal(agent_state_get_module(state, "x", &record, &err), -ENOENT);
    assert_int_equal(agent_state_set(state, "module/x", "v", NULL), 0); /* not the module x */
    assert_int_equal(agent_state_get_module(state, "x", &record, NULL), -ENOENT);
    agent_state_close(state);
}

static void test_values_have_limits(void **unused)
{
    struct agent_state *state = must_open();
    struct agent_module_record record = {0};
    char *big = malloc((1 << 20) + 2);
    (void) unused;

    assert_non_null(big);
    memset(big, 'x', (1 << 20) + 1);
    big[(1 << 20) + 1] = '\0';
    assert_int_equal(agent_state_set_deployment(state, big, (1 << 20) + 1, NULL), EDGE_ELIMIT);
    assert_int_equal(agent_state_set(state, "k", big, NULL), EDGE_ELIMIT);
    assert_int_equal(agent_state_set(state, "", "v", NULL), EDGE_EINVALID);
    assert_int_equal(agent_state_set_module(state, big, &record, NULL), EDGE_EINVALID);
    big[1 << 20] = '\0';
    assert_int_equal(agent_state_set_deployment(state, big, 1 << 20, NULL), 0);
    assert_deployment(state, big);
    free(big);
    agent_state_close(state);
}

static void test_only_the_owner_may_read_the_file(void **unused)
{
    struct agent_state *state;
    struct stat st;
    DIR *dir;
    struct dirent *entry;
    (void) unused;

    assert_int_equal(edge_file_write(path, "", 0, 0644, NULL), 0);
    state = must_open();
    assert_int_equal(agent_state_set(state, "k", "v", NULL), 0);
    dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    closedir(dir);
    agent_state_close(state);
}

/* Sizes and times of all files in the folder. */
static void fingerprint(char *text, size_t size)
{
    DIR *dir = opendir(folder);
    struct dirent *entry;
    size_t used = 0;

    text[0] = '\0';
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        struct stat st;

        if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
            continue;
        used += (size_t) snprintf(text + used, size - used, "%s %ld %ld.%ld\n", entry->d_name,
                                  (long) st.st_size, (long) st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    }
    closedir(dir);
}

static void test_an_unchanged_value_writes_nothing(void **unused)
{
    struct agent_module_record record = {.restart_count = 1};
    struct agent_state *state = must_open();
    char before[500];
    char after[500];
    (void) unused;

    assert_int_equal(agent_state_set(state, "k", "v", NULL), 0);
    assert_int_equal(agent_state_set_module(state, "m", &record, NULL), 0);
    fingerprint(before, sizeof before);
    assert_int_equal(agent_state_set(state, "k", "v", NULL), 0);
    assert_int_equal(agent_state_set_module(state, "m", &record, NULL), 0);
    assert_int_equal(agent_state_del_module(state, "other", NULL), 0);
    fingerprint(after, sizeof after);
    assert_string_equal(before, after);
    assert_int_equal(agent_state_set(state, "k", "w", NULL), 0);
    fingerprint(after, sizeof after);
    assert_string_not_equal(before, after);
    agent_state_close(state);
}

static void test_a_second_opener_is_told_so(void **unused)
{
    struct agent_state *first = must_open();
    struct agent_state *second = NULL;
    struct edge_err err = {0};
    (void) unused;

    assert_int_equal(agent_state_open(path, &second, &err), EDGE_ESTORE);
    assert_null(second);
    assert_non_null(strstr(err.text, "is a second edge-agent running?"));
    agent_state_close(first);
}

static void test_a_place_that_cannot_be_written_is_named(void **unused)
{
    struct agent_state *state = NULL;
    struct edge_err err = {0};
    char expected[200];
    (void) unused;

    assert_int_equal(agent_state_open("/proc/agent.db", &state, &err), EDGE_ESTORE);
    assert_non_null(strstr(err.text, "cannot open /proc/agent.db for writing: "));
    (void) snprintf(expected, sizeof expected, "cannot open %s for writing: Is a directory",
                    folder);
    assert_int_equal(agent_state_open(folder, &state, &err), EDGE_ESTORE);
    assert_string_equal(err.text, expected);
    assert_null(state);
}

/* Count up for ever, telling each number that is safe. */
static void count_until_killed(int fd)
{
    struct agent_state *state = NULL;
    char text[32];
    char *old = NULL;
    unsigned n = 0;

    if (agent_state_open(path, &state, NULL) != 0)
        _exit(1);
    if (agent_state_get(state, "n", &old, NULL) == 0)
        n = (unsigned) strtoul(old, NULL, 10);
    free(old);
    for (;;) {
        (void) snprintf(text, sizeof text, "%u", ++n);
        if (agent_state_set(state, "n", text, NULL) < 0 || write(fd, &n, sizeof n) != sizeof n)
            _exit(2);
    }
}

/* @return the last number the child has told */
static unsigned kill_after(unsigned writes)
{
    unsigned last = 0;
    unsigned n;
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        close(fds[0]);
        count_until_killed(fds[1]);
    }
    close(fds[1]);
    for (unsigned i = 0; i < writes; i++) {
        assert_int_equal(read(fds[0], &n, sizeof n), sizeof n);
        last = n;
    }
    kill(pid, SIGKILL);
    while (read(fds[0], &n, sizeof n) == sizeof n)
        last = n;
    close(fds[0]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return last;
}

static void test_what_was_acknowledged_survives_a_kill(void **unused)
{
    (void) unused;

    for (unsigned round = 0; round < 15; round++) {
        unsigned told = kill_after(1 + round * 7);
        struct agent_state *state = must_open();
        char *value = NULL;

        assert_int_equal(agent_state_get(state, "n", &value, NULL), 0);
        assert_in_range(strtoul(value, NULL, 10), told, told + 1);
        free(value);
        agent_state_close(state);
    }
}

/* Runs in a child: the limit of the file size stands for a full disk. */
static int fill_the_disk(void)
{
    struct agent_state *state = NULL;
    struct rlimit limit = {32768, 32768};
    struct edge_err err = {0};
    char big[60000];

    memset(big, 'x', sizeof big);
    signal(SIGXFSZ, SIG_IGN);
    if (agent_state_open(path, &state, NULL) != 0 || setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 1;
    if (agent_state_set_deployment(state, big, sizeof big, &err) != EDGE_ESTORE)
        return 2;
    if (!strstr(err.text, "cannot write "))
        return 3;
    if (agent_state_set(state, "small", "fits", &err) < 0)
        return 4;
    return 0;
}

static void test_a_full_disk_leaves_the_old_value(void **unused)
{
    struct agent_state *state = must_open();
    int status;
    pid_t pid;
    (void) unused;

    assert_int_equal(agent_state_set_deployment(state, "old", 3, NULL), 0);
    agent_state_close(state);
    pid = fork();
    if (pid == 0)
        _exit(fill_the_disk());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    state = must_open();
    assert_deployment(state, "old");
    agent_state_close(state);
}

#define IN_A_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_A_FOLDER(test_what_was_set_is_there_after_a_reopen),
        IN_A_FOLDER(test_what_was_never_set_is_absent),
        IN_A_FOLDER(test_values_have_limits),
        IN_A_FOLDER(test_only_the_owner_may_read_the_file),
        IN_A_FOLDER(test_an_unchanged_value_writes_nothing),
        IN_A_FOLDER(test_a_second_opener_is_told_so),
        IN_A_FOLDER(test_a_place_that_cannot_be_written_is_named),
        IN_A_FOLDER(test_what_was_acknowledged_survives_a_kill),
        IN_A_FOLDER(test_a_full_disk_leaves_the_old_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
