#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/network/hosts.h"
#include "tests/unit/agent/network/endpoint.h"

#define HEAD                                                                                       \
    "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"                            \
    "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

static void assert_hosts(const struct agent_hosts *hosts, const struct agent_record_set *set,
                         const char *expected)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_HOSTS_MAX);

    assert_int_equal(agent_hosts_text(hosts, set, &text), 0);
    assert_string_equal(text.data, expected);
}

static void test_own_names_come_first_then_extra_hosts_then_peers_by_module(void **state)
{
    static const char *const hub_names[] = {"device.factory", NULL};
    static const char *const extra[] = {"db:10.0.0.9", "up:host-gateway", "six:[fd00::1]", NULL};
    const struct agent_hosts hosts = {"id-2", "myhost", extra, "172.30.0.1"};
    struct agent_record_set set = {0};
    (void) state;

    add_record(&set, "id-1", "zeta", "172.30.0.4", NULL, 0, NULL);
    add_record(&set, "id-2", "cam", "172.30.0.3", NULL, 0, NULL);
    add_record(&set, "id-3", "edgeHub", "172.30.0.2", NULL, 0, hub_names);
    add_record(&set, "id-4", "starting", NULL, NULL, 0, NULL);
    add_record(&set, "id-5", "leaving", "172.30.0.9", NULL, 0, NULL)->going = true;
    assert_hosts(&hosts, &set,
                 HEAD "172.30.0.3\tmyhost cam\n"
                      "10.0.0.9\tdb\n172.30.0.1\tup\nfd00::1\tsix\n"
                      "172.30.0.2\tedgeHub device.factory\n"
                      "172.30.0.4\tzeta\n");
    agent_record_set_fini(&set);
}

static void test_one_alias_of_two_modules_stands_in_the_order_of_their_names(void **state)
{
    static const char *const alias[] = {"db", NULL};
    const struct agent_hosts hosts = {"id-0", "", NULL, "172.30.0.1"};
    struct agent_record_set set = {0};
    (void) state;

    add_record(&set, "id-1", "b", "172.30.0.2", NULL, 0, alias);
    add_record(&set, "id-2", "a", "172.30.0.3", NULL, 0, alias);
    assert_hosts(&hosts, &set, HEAD "172.30.0.3\ta db\n172.30.0.2\tb db\n");
    agent_record_set_fini(&set);
}

static void test_a_name_stands_once_in_a_line(void **state)
{
    static const char *const aliases[] = {"CAM", "camera", "cam", "ca", NULL};
    const struct agent_hosts hosts = {"id-1", "cam", NULL, "172.30.0.1"};
    struct agent_record_set set = {0};
    (void) state;

    add_record(&set, "id-1", "cam", "172.30.0.2", NULL, 0, aliases);
    assert_hosts(&hosts, &set, HEAD "172.30.0.2\tcam camera ca\n");
    agent_record_set_fini(&set);
}

static void test_without_an_address_the_own_name_is_local(void **state)
{
    const struct agent_record_set set = {0};
    const struct agent_hosts hosts = {"id-1", "cam", NULL, "172.30.0.1"};
    (void) state;

    assert_hosts(&hosts, &set, HEAD "127.0.1.1\tcam\n");
}

static void test_hostile_words_never_reach_the_file(void **state)
{
    static const char *const extra[] = {"a\n6.6.6.6 bank:1.1.1.1", "a:1.1.1.1\n6.6.6.6 bank",
                                        "bank 6.6.6.6:1.1.1.1", NULL};
    const struct agent_record_set set = {0};
    const struct agent_hosts hosts = {"id-1", "x\n6.6.6.6 bank", extra, "172.30.0.1"};
    (void) state;

    assert_hosts(&hosts, &set, HEAD);
}

static void test_extra_hosts_are_name_and_address(void **state)
{
    static const char *const good[] = {"a:1.2.3.4", "a=1.2.3.4", "a:::1", "a:[::1]",
                                       "a.b-c_d:host-gateway"};
    static const char *const bad[] = {
        "",        "a",    ":1.2.3.4", "a:",          "a:b",       "a: 1.2.3.4",
        "a:1.2.3", "a:[]", "a:[::1",   "a b:1.2.3.4", "a:1.2.3.4#"};
    struct agent_extra_host extra;
    (void) state;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(good); i++)
        assert_int_equal(agent_extra_host_parse(good[i], "172.30.0.1", &extra, NULL), 0);
    assert_string_equal(extra.address, "172.30.0.1");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++)
        assert_int_equal(agent_extra_host_parse(bad[i], "172.30.0.1", &extra, NULL), EDGE_EINVALID);
}

static void test_host_mode_adds_to_the_hosts_own_file(void **state)
{
    static const char *const extra[] = {"db:10.0.0.9", NULL};
    const struct agent_hosts hosts = {"id-1", "device", extra, "127.0.0.1"};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf host = EDGE_BUF_INIT(100);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(100);
    (void) state;

    assert_int_equal(edge_buf_puts(&host, "127.0.0.1 localhost device"), 0);
    assert_int_equal(agent_hosts_copy(&hosts, &host, &text), 0);
    assert_string_equal(text.data, "127.0.0.1 localhost device\n10.0.0.9\tdb\n");
}

/* --- the file ------------------------------------------------------------------------------- */

static char path[64];

static int make_folder(void **state)
{
    (void) state;
    (void) snprintf(path, sizeof path, "/tmp/test-hosts-XXXXXX");
    if (!mkdtemp(path))
        return -1;
    (void) strcat(path, "/hosts");
    return 0;
}

static int remove_folder(void **state)
{
    (void) state;
    (void) unlink(path);
    *strrchr(path, '/') = '\0';
    return rmdir(path);
}

static int place(const char *content, enum agent_place_mode mode)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(100);

    assert_int_equal(edge_buf_puts(&text, content), 0);
    return agent_place_text(path, &text, mode, NULL);
}

static void assert_file(const char *expected)
{
    char content[100] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(read(fd, content, sizeof content - 1), strlen(expected));
    assert_string_equal(content, expected);
    close(fd);
}

static void test_a_file_keeps_its_inode_when_it_grows_and_shrinks(void **state)
{
    struct stat before;
    struct stat after;
    mode_t mask = umask(077);
    (void) state;

    assert_int_equal(place("one\ntwo\n", AGENT_PLACE_CREATE), 0);
    umask(mask);
    assert_int_equal(stat(path, &before), 0);
    assert_int_equal(before.st_mode & 0777, 0644);
    assert_int_equal(place("one\ntwo\nthree\n", AGENT_PLACE_UPDATE), 0);
    assert_file("one\ntwo\nthree\n");
    assert_int_equal(place("1\n", AGENT_PLACE_UPDATE), 0);
    assert_file("1\n");
    assert_int_equal(stat(path, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
}

static void test_an_update_makes_no_file_and_follows_no_link(void **state)
{
    (void) state;

    assert_int_equal(place("x", AGENT_PLACE_UPDATE), -ENOENT);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_int_equal(place("x", AGENT_PLACE_UPDATE), -ELOOP);
    assert_int_equal(place("x", AGENT_PLACE_CREATE), -ELOOP);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(place("x", AGENT_PLACE_UPDATE), EDGE_EINVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_names_come_first_then_extra_hosts_then_peers_by_module),
        cmocka_unit_test(test_one_alias_of_two_modules_stands_in_the_order_of_their_names),
        cmocka_unit_test(test_a_name_stands_once_in_a_line),
        cmocka_unit_test(test_without_an_address_the_own_name_is_local),
        cmocka_unit_test(test_hostile_words_never_reach_the_file),
        cmocka_unit_test(test_extra_hosts_are_name_and_address),
        cmocka_unit_test(test_host_mode_adds_to_the_hosts_own_file),
        cmocka_unit_test_setup_teardown(test_a_file_keeps_its_inode_when_it_grows_and_shrinks,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_an_update_makes_no_file_and_follows_no_link,
                                        make_folder, remove_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
