/* What is read from /proc: cgroups of peers, holders of locks; and names of workload folders. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "agent/security/watchdog/orphan.h"
#include "agent/security/workload/internal.h"
#include "agent/security/workload/peer.h"
#include "tests/unit/agent/security/temp.h"

static void test_a_peer_is_where_its_cgroup_says(void **state)
{
    static const struct {
        const char *text;
        bool listed;
    } texts[] = {
        {"0::/edge/a\n", true},
        {"0::/edge/a", true},
        {"0::/edge/a/below\n", true},
        {"12:memory:/edge/a\n11:cpu,cpuacct:/\n0::/system.slice\n", true},
        {"1:name=systemd:/x\n0::/edge/a\n", true},
        {"0::/edge/ab\n", false},
        {"0::/edge\n", false},
        {"0::/x/edge/a\n", false},
        {"0::/../edge/a\n", false},
        {"", false},
        {"\n\n", false},
        {"0:\n:/edge/a\n", false},
        {"/edge/a\n", false},
        {"0::/edge\n/a\n", false},
    };
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(texts); i++) {
        if (sec_cgroup_listed(texts[i].text, "/edge/a") != texts[i].listed)
            fail_msg("%s", texts[i].text);
    }
    assert_false(sec_cgroup_listed("0::/edge/a\n", "/"));
    assert_false(sec_cgroup_listed("0::/edge/a\n", ""));
    assert_false(sec_peer_in_cgroup(0, "/edge/a"));
    assert_false(sec_peer_in_cgroup(getpid(), "/edge/a"));
}

static void test_who_holds_a_lock_is_found(void **state)
{
    static const char text[] = "1: POSIX  ADVISORY  WRITE 11 08:01:77 0 EOF\n"
                               "2: FLOCK  ADVISORY  WRITE 12 fd:0a:77 0 EOF\n"
                               "2: -> FLOCK  ADVISORY  WRITE 13 08:01:77 0 EOF\n"
                               "3: FLOCK  ADVISORY  WRITE 14 08:01:77 0 EOF\n"
                               "nonsense\n";
    (void) state;

    assert_int_equal(sec_lock_holder(text, 8, 1, 77), 14);
    assert_int_equal(sec_lock_holder(text, 0xfd, 10, 77), 12);
    assert_int_equal(sec_lock_holder(text, 8, 1, 78), 0);
    assert_int_equal(sec_lock_holder("", 8, 1, 77), 0);
}

/* We hold the lock, but are no edge-agent. */
static void test_only_an_agent_counts_as_left_behind(void **state)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/agent.lock", temp_folder);
    EDGE_CLEANUP(edge_close) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    (void) state;

    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(sec_orphan_find(path), 0);
    assert_int_equal(sec_orphan_find("/nowhere"), 0);
}

static void test_folders_have_short_names_that_differ(void **state)
{
    char a[24];
    char b[24];
    (void) state;

    sec_workload_id("edgeHub", a);
    sec_workload_id("$edgeHub", b);
    assert_int_equal(strncmp(a, "edgeHub-", 8), 0);
    assert_int_equal(strncmp(b, "edgeHub-", 8), 0);
    assert_string_not_equal(a, b);
    sec_workload_id("../../a-very-long-name-of-a-module", a);
    assert_int_equal(strncmp(a, "averylon-", 9), 0);
    assert_null(strpbrk(a, "/."));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_peer_is_where_its_cgroup_says),
        cmocka_unit_test(test_who_holds_a_lock_is_found),
        cmocka_unit_test(test_only_an_agent_counts_as_left_behind),
        cmocka_unit_test(test_folders_have_short_names_that_differ),
    };

    return cmocka_run_group_tests(tests, make_temp, remove_temp);
}
