#include "tests/unit/test.h"

#include <signal.h>
#include <stdio.h>

#include "agent/spec/spec.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
                             "# a comment\n"
                             "broken\n"
                             "evil:x:notanumber:0::/:\n"
                             "neg:x:-1:0::/:\n"
                             "big:x:99999999999:1::/:\n"
                             "\n"
                             "app:x:1000:1001:App,,,:/home/app:/bin/sh\n"
                             "nohome:x:1002:1002::relative:/bin/sh\n"
                             "last:x:1003:1003::/last";
static const char group[] = "root:x:0:\n"
                            "dialout:x:20:other,app\n"
                            "video:x:44:app\n"
                            "almost:x:45:apple,xapp\n"
                            "bad:x:zz:app\n"
                            "app:x:1001:\n";

static struct agent_user user;
static struct edge_err err;

static int resolve(const char *who, char *const *add)
{
    agent_user_fini(&user);
    return agent_user_resolve(who, passwd, group, add, &user, &err);
}

static int teardown(void **state)
{
    (void) state;
    agent_user_fini(&user);
    return 0;
}

static void assert_ids(uint32_t uid, uint32_t gid, const char *home)
{
    assert_int_equal(user.uid, uid);
    assert_int_equal(user.gid, gid);
    assert_string_equal(user.home, home);
    assert_true(user.ngroups >= 1);
    assert_int_equal(user.groups[0], gid);
}

static void test_nobody_named_is_root(void **state)
{
    (void) state;
    assert_int_equal(resolve("", NULL), 0);
    assert_ids(0, 0, "/root");
    agent_user_fini(&user);
    assert_int_equal(agent_user_resolve("", NULL, NULL, NULL, &user, &err), 0);
    assert_ids(0, 0, "/");
}

static void test_a_name_brings_its_groups(void **state)
{
    (void) state;
    assert_int_equal(resolve("app", NULL), 0);
    assert_ids(1000, 1001, "/home/app");
    assert_int_equal(user.ngroups, 3);
    assert_int_equal(user.groups[1], 20);
    assert_int_equal(user.groups[2], 44);
}

static void test_a_number_is_looked_up_too(void **state)
{
    (void) state;
    assert_int_equal(resolve("1000", NULL), 0);
    assert_ids(1000, 1001, "/home/app");
    assert_int_equal(user.ngroups, 3);
    assert_int_equal(resolve("4711", NULL), 0);
    assert_ids(4711, 0, "/");
    assert_int_equal(user.ngroups, 1);
    assert_int_equal(resolve("1003", NULL), 0);
    assert_ids(1003, 1003, "/last");
}

static void test_a_group_named_replaces_the_listed_ones(void **state)
{
    (void) state;
    assert_int_equal(resolve("app:video", NULL), 0);
    assert_ids(1000, 44, "/home/app");
    assert_int_equal(user.ngroups, 1);
    assert_int_equal(resolve("5:6", NULL), 0);
    assert_ids(5, 6, "/");
    assert_int_equal(resolve(":video", NULL), 0);
    assert_ids(0, 44, "/root");
    assert_int_equal(resolve("app:", NULL), 0);
    assert_ids(1000, 1001, "/home/app");
}

static void test_more_groups_can_be_added(void **state)
{
    char *add[] = {(char *) (uintptr_t) "dialout", (char *) (uintptr_t) "777", NULL};
    char *unknown[] = {(char *) (uintptr_t) "nope", NULL};

    (void) state;
    assert_int_equal(resolve("0", add), 0);
    assert_int_equal(user.ngroups, 3);
    assert_int_equal(user.groups[1], 20);
    assert_int_equal(user.groups[2], 777);
    assert_int_equal(resolve("0", unknown), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "HostConfig.GroupAdd: the image has no group `nope`"));
}

static void test_hostile_lines_give_no_user(void **state)
{
    static const char *const names[] = {"evil", "neg",         "big",  "broken",
                                        "-1",   "99999999999", "app2", "#"};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++)
        assert_int_equal(resolve(names[i], NULL), EDGE_EINVALID);
    assert_int_equal(resolve("app:bad", NULL), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "the image has no group `bad`"));
    assert_int_equal(resolve("nohome", NULL), 0);
    assert_ids(1002, 1002, "/");
}

static void test_groups_are_bounded(void **state)
{
    static char many[2000 * 24];
    size_t len = 0;

    (void) state;
    for (int i = 0; i < 1999; i++)
        len += (size_t) snprintf(many + len, sizeof many - len, "g%d:x:%d:app\n", i, i + 5000);
    agent_user_fini(&user);
    assert_int_equal(agent_user_resolve("app", passwd, many, NULL, &user, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "more than 1024 groups"));
}

static void test_signals_by_name_and_number(void **state)
{
    static const struct {
        const char *text;
        int number;
    } good[] = {{"SIGTERM", 15}, {"term", 15},   {"15", 15}, {"SIGRTMIN+3", 37}, {"RTMIN", 34},
                {"RTMAX-2", 62}, {"SIGKILL", 9}, {"64", 64}, {"sigint", 2},      {"CHLD", SIGCHLD}};
    static const char *const bad[] = {
        "",         "0",       "65",  "-1",     "SIG",           "SIGFOO",
        "RTMIN+99", "RTMIN-1", "15x", "RTMIN+", "99999999999999"};
    int number;

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++) {
        assert_int_equal(agent_signal_parse(good[i].text, &number), 0);
        assert_int_equal(number, good[i].number);
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        assert_int_equal(agent_signal_parse(bad[i], &number), EDGE_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_named_is_root),
        cmocka_unit_test(test_a_name_brings_its_groups),
        cmocka_unit_test(test_a_number_is_looked_up_too),
        cmocka_unit_test(test_a_group_named_replaces_the_listed_ones),
        cmocka_unit_test(test_more_groups_can_be_added),
        cmocka_unit_test(test_hostile_lines_give_no_user),
        cmocka_unit_test(test_groups_are_bounded),
        cmocka_unit_test(test_signals_by_name_and_number),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
