/* What of the rootfs room needs no rights: options of mounts, names, what a cgroup tree shows.
 * The rest is in tests/integration/test_rootfs.c. */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/rootfs/devices.h"
#include "agent/rootfs/host.h"
#include "agent/rootfs/mount.h"
#include "agent/rootfs/mounts.h"
#include "common/base/file.h"

#define TEXT(literal) ((char *) (uintptr_t) (literal))

static struct edge_err err;

static void test_flags_and_data_are_told_apart(void **state)
{
    char *options[] = {TEXT("rbind"),     TEXT("ro"), TEXT("nosuid"),      TEXT("suid"),
                       TEXT("index=off"), TEXT(""),   TEXT("upperdir=/u"), NULL};
    struct rootfs_mount_options parsed;

    (void) state;
    assert_int_equal(rootfs_mount_options_parse(options, &parsed, &err), 0);
    assert_int_equal(parsed.flags, MS_BIND | MS_REC | MS_RDONLY);
    assert_string_equal(parsed.data, "index=off,upperdir=/u");
    assert_null(parsed.folder);
    rootfs_mount_options_fini(&parsed);
    assert_int_equal(rootfs_mount_options_parse(NULL, &parsed, &err), 0);
    assert_string_equal(parsed.data, "");
    rootfs_mount_options_fini(&parsed);
}

static char *many_layers(const char *folder, int count)
{
    static char text[64 * 1024];
    size_t len = (size_t) snprintf(text, sizeof text, "lowerdir=");

    for (int i = 0; i < count; i++) {
        len +=
            (size_t) snprintf(text + len, sizeof text - len, "%s%s/%d/fs", i ? ":" : "", folder, i);
    }
    return text;
}

static void test_many_layers_are_named_from_their_common_folder(void **state)
{
    char *options[] = {
        many_layers("/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots", 100),
        TEXT("upperdir=/u"), NULL};
    struct rootfs_mount_options parsed;

    (void) state;
    assert_int_equal(rootfs_mount_options_parse(options, &parsed, &err), 0);
    assert_string_equal(parsed.folder,
                        "/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots/");
    assert_non_null(strstr(parsed.data, "lowerdir=0/fs:1/fs:2/fs"));
    assert_non_null(strstr(parsed.data, ":99/fs,upperdir=/u"));
    rootfs_mount_options_fini(&parsed);
}

static void test_too_many_layers_are_refused(void **state)
{
    char *options[] = {many_layers("/x/averylongname/averylongname", 1500), NULL};
    struct rootfs_mount_options parsed;

    (void) state;
    assert_int_equal(rootfs_mount_options_parse(options, &parsed, &err), EDGE_ELIMIT);
    assert_non_null(strstr(err.text, "too many layers"));
}

static void test_ids_are_names_without_slashes(void **state)
{
    char longest[78];

    (void) state;
    memset(longest, 'a', sizeof longest - 1);
    longest[76] = '\0';
    assert_true(rootfs_id_ok("cam-1.2_3"));
    assert_true(rootfs_id_ok(longest));
    longest[76] = 'a';
    longest[77] = '\0';
    assert_false(rootfs_id_ok(longest));
    assert_false(rootfs_id_ok(""));
    assert_false(rootfs_id_ok("_x"));
    assert_false(rootfs_id_ok("../x"));
    assert_false(rootfs_id_ok("a/b"));
    assert_int_equal(agent_rootfs_forget("/nonexistent", "../x", &err), EDGE_EINVALID);
}

static void make_file(const char *root, const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", root, name);
    EDGE_CLEANUP(edge_free) char *folder = edge_format("%s/%s", root, name);

    *strrchr(folder, '/') = '\0';
    assert_int_equal(edge_mkdirs(folder, 0700, &err), 0);
    assert_int_equal(edge_file_write(path, "", 0, 0600, &err), 0);
}

static void test_a_v1_tree_shows_what_it_has(void **state)
{
    char root[] = "/tmp/edge-cgroup-XXXXXX";

    (void) state;
    assert_non_null(mkdtemp(root));
    assert_int_equal(rootfs_probe_cgroups(root), 0);
    make_file(root, "memory/memory.limit_in_bytes");
    make_file(root, "cpu/cpu.shares");
    make_file(root, "blkio/blkio.bfq.weight");
    assert_int_equal(rootfs_probe_cgroups(root),
                     AGENT_HOST_MEMORY | AGENT_HOST_CPU | AGENT_HOST_BLKIO_WEIGHT);
    make_file(root, "memory/memory.memsw.limit_in_bytes");
    make_file(root, "pids/tasks");
    assert_true(rootfs_probe_cgroups(root) & AGENT_HOST_SWAP);
    assert_true(rootfs_probe_cgroups(root) & AGENT_HOST_PIDS);
    assert_int_equal(edge_remove_tree(root, &err), 0);
}

static void test_this_host_is_looked_at(void **state)
{
    struct agent_host host;

    (void) state;
    rootfs_probe_host(&host);
    assert_string_not_equal(host.machine, "unknown");
    assert_true(host.kernel > (3 << 8));
    assert_true(host.abilities & AGENT_HOST_SECCOMP);
}

static int find(struct rootfs_devices *devices, const char *host, const char *container)
{
    struct agent_device_option wanted = {TEXT(host), TEXT(container), "rw"};

    return rootfs_devices_find(devices, &wanted, &err);
}

static void test_devices_are_looked_up(void **state)
{
    struct rootfs_devices devices = {0};

    (void) state;
    assert_int_equal(find(&devices, "/dev/null", "/dev/mine"), 0);
    assert_int_equal(devices.len, 1);
    assert_string_equal(devices.nodes[0].path, "/dev/mine");
    assert_string_equal(devices.nodes[0].access, "rw");
    assert_int_equal(devices.nodes[0].type, 'c');
    assert_int_equal(devices.nodes[0].major, 1);
    assert_int_equal(devices.nodes[0].minor, 3);
    assert_int_equal(find(&devices, "/dev/zero", "/dev/mine"), 0);
    assert_int_equal(devices.len, 1);
    assert_int_equal(find(&devices, "/dev/no-such-device", "/dev/x"), -ENOENT);
    assert_non_null(strstr(err.text, "/dev/no-such-device: there is no such device"));
    assert_int_equal(find(&devices, "/etc/passwd", "/dev/x"), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "/etc/passwd is not a device"));
    assert_int_equal(find(&devices, "/proc/sys/net", "/dev/x"), EDGE_EINVALID);
    assert_non_null(strstr(err.text, "there is no device in /proc/sys/net"));
    rootfs_devices_fini(&devices);
}

static void test_privileged_gets_all_devices_but_terminals(void **state)
{
    struct rootfs_devices devices = {0};
    bool null = false;

    (void) state;
    assert_int_equal(rootfs_devices_add_all(&devices, "/dev", &err), 0);
    for (size_t i = 0; i < devices.len; i++) {
        null = null || strcmp(devices.nodes[i].path, "/dev/null") == 0;
        assert_null(strstr(devices.nodes[i].path, "/dev/pts/"));
        assert_string_not_equal(devices.nodes[i].path, "/dev/ptmx");
        assert_string_not_equal(devices.nodes[i].path, "/dev/console");
    }
    assert_true(null);
    rootfs_devices_fini(&devices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flags_and_data_are_told_apart),
        cmocka_unit_test(test_many_layers_are_named_from_their_common_folder),
        cmocka_unit_test(test_too_many_layers_are_refused),
        cmocka_unit_test(test_ids_are_names_without_slashes),
        cmocka_unit_test(test_a_v1_tree_shows_what_it_has),
        cmocka_unit_test(test_this_host_is_looked_at),
        cmocka_unit_test(test_devices_are_looked_up),
        cmocka_unit_test(test_privileged_gets_all_devices_but_terminals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
