/* Snapshots and volumes in a sandbox: hostile images, power cuts, many at once. */
#include "tests/unit/test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/rootfs/rootfs.h"
#include "agent/rootfs/view.h"
#include "common/base/file.h"
#include "tests/integration/sandbox.h"

#define TEXT(literal) ((char *) (uintptr_t) (literal))
#define HOME          SANDBOX "/home"
#define VOLUMES       HOME "/volumes"

static struct edge_err err;
static struct agent_rootfs_result result;

static const struct agent_bind binds[] = {
    {.source = SANDBOX "/hosts", .target = "/etc/hosts", .yields = true},
    {.source = SANDBOX "/socket", .target = "/var/run/iotedge", .read_only = true},
};

static char *bind_options[] = {TEXT("rbind"), TEXT("rw"), NULL};
static struct agent_ctrd_mount bind_mount = {TEXT("bind"), TEXT(SANDBOX "/image"), bind_options};
static const struct agent_ctrd_mounts image = {&bind_mount, 1};

static int prepare_into(const char *id, const char *text, struct agent_rootfs_result *ret,
                        struct edge_err *why)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = edge_json_new_object();
    struct agent_rootfs_request request = {
        .id = id,
        .module = "cam",
        .homedir = HOME,
        .rundir = SANDBOX "/rundir",
        .image_config = config,
        .mounts = &image,
        .hostname = "cam",
        .binds = binds,
        .nbinds = EDGE_ARRAY_LEN(binds),
        .cgroup_path = "/edge/c1",
    };

    if (edge_json_parse(text, strlen(text), &json, why) < 0 ||
        edge_json_set_str(json, "Entrypoint", "/bin/sh") < 0 ||
        agent_options_parse(json, &options, why) < 0)
        return -1;
    request.options = options;
    return agent_rootfs_prepare(&request, ret, why);
}

static int prepare(const char *text)
{
    err = (struct edge_err){0};
    agent_rootfs_result_fini(&result);
    return prepare_into("c1", text, &result, &err);
}

static void prepare_ok(const char *text)
{
    if (prepare(text) < 0)
        fail_msg("%s: %s", text, err.text);
}

static void refused(const char *text, int code, const char *what)
{
    assert_int_equal(prepare(text), code);
    if (!strstr(err.text, what))
        fail_msg("wanted `%s`, got `%s`", what, err.text);
}

static void assert_file(const char *path, const char *want)
{
    struct edge_buf buf;

    edge_buf_init(&buf, 4096);
    if (edge_file_read(path, &buf, &err) < 0)
        fail_msg("%s", err.text);
    assert_string_equal(buf.data ? buf.data : "", want);
    edge_buf_fini(&buf);
}

static void assert_absent(const char *path)
{
    struct stat st;

    if (lstat(path, &st) == 0)
        fail_msg("%s is there", path);
}

static void assert_no_mounts(void)
{
    struct edge_buf buf;

    edge_buf_init(&buf, 256 * 1024);
    assert_int_equal(edge_file_read("/proc/self/mounts", &buf, &err), 0);
    assert_null(strstr(buf.data, "/rundir/rootfs"));
    edge_buf_fini(&buf);
}

static int setup(void **state)
{
    (void) state;
    sandbox_sh("cd " SANDBOX
               " && rm -rf image home rundir socket && mkdir -p home rundir socket && "
               "echo 127.0.0.1 localhost >hosts && echo host-secret >secret");
    sandbox_make_image();
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    agent_rootfs_result_fini(&result);
    assert_no_mounts();
    return 0;
}

/* --- hostile images --- */

static void test_users_are_never_read_outside_the_image(void **state)
{
    (void) state;
    sandbox_sh("cd " SANDBOX "/image/etc && rm passwd group && "
               "ln -s " SANDBOX "/hostpasswd passwd && ln -s ../../../../../" SANDBOX
               "/hostpasswd group && echo 'onhost:x:5:6::/:/bin/sh' >" SANDBOX "/hostpasswd");
    refused("{\"User\":\"onhost\"}", EDGE_EINVALID, "the image has no user `onhost`");
    sandbox_sh("mkdir -p " SANDBOX "/image" SANDBOX " && echo 'inside:x:7:8::/h:/bin/sh' >" SANDBOX
               "/image" SANDBOX "/hostpasswd");
    prepare_ok("{\"User\":\"inside\"}");
    assert_non_null(strstr(result.spec, "\"uid\":7,\"gid\":8"));
    assert_non_null(strstr(result.spec, "HOME=/h"));
}

static void test_odd_user_files_count_as_none(void **state)
{
    static const char *const makes[] = {"mkfifo passwd", "mkdir passwd", "mknod passwd c 1 5",
                                        "ln -s passwd passwd", "ln -s /proc/self/mem passwd"};
    char command[256];

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(makes); i++) {
        (void) snprintf(command, sizeof command, "cd %s/image/etc && rm -rf passwd && %s", SANDBOX,
                        makes[i]);
        sandbox_sh(command);
        prepare_ok("{\"User\":\"5\"}");
        refused("{\"User\":\"app\"}", EDGE_EINVALID, "no user `app`");
    }
    sandbox_sh("cd " SANDBOX "/image/etc && rm -rf passwd && truncate -s 2M passwd");
    refused("{}", EDGE_ELIMIT, "cannot read the image's /etc/passwd");
}

static void test_a_volume_is_never_filled_from_the_host(void **state)
{
    (void) state;
    sandbox_sh("cd " SANDBOX "/image && ln -s " SANDBOX " out && ln -s ../../../../.." SANDBOX
               " up && rm -rf data/sub && ln -s " SANDBOX " data/sub");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"a:/out\",\"b:/up\",\"c:/data\"]}}");
    assert_absent(VOLUMES "/a/_data/secret");
    assert_absent(VOLUMES "/b/_data/secret");
    assert_file(VOLUMES "/c/_data/file", "first\n");
    sandbox_sh("[ \"$(readlink " VOLUMES "/c/_data/sub)\" = " SANDBOX " ]");
}

static void test_the_image_is_not_touched(void **state)
{
    (void) state;
    sandbox_sh("cd " SANDBOX "/image && find . | sort >" SANDBOX "/before");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"a:/new/target\",\"" SANDBOX "/x:/other\"]}}");
    sandbox_sh("cd " SANDBOX "/image && find . | sort | cmp - " SANDBOX "/before");
}

/* --- views --- */

static int try_to_write(void *arg, struct edge_err *why)
{
    (void) arg;
    (void) why;
    if (open("/x", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0)
        return -EEXIST;
    return errno == EROFS ? 0 : -errno;
}

static int read_device(void *arg, struct edge_err *why)
{
    (void) arg;
    (void) why;
    return open("/dev/zero2", O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES ? 0 : -EEXIST;
}

static void test_a_view_is_read_only_and_without_devices(void **state)
{
    (void) state;
    sandbox_sh("mknod " SANDBOX "/image/dev/zero2 c 1 5 && mkdir -p " SANDBOX "/at");
    assert_int_equal(rootfs_view(&image, SANDBOX "/at", try_to_write, NULL, &err), 0);
    assert_int_equal(rootfs_view(&image, SANDBOX "/at", read_device, NULL, &err), 0);
}

static int die(void *arg, struct edge_err *why)
{
    struct stat st;

    (void) arg;
    (void) why;
    if (stat("/etc/passwd", &st) == 0)
        (void) kill(getpid(), SIGKILL);
    return 0;
}

static void test_death_in_a_view_leaves_no_mount(void **state)
{
    int status = 0;
    pid_t pid = fork();

    (void) state;
    assert_true(pid >= 0);
    if (pid == 0) {
        sandbox_sh("mkdir -p " SANDBOX "/rundir/rootfs");
        (void) rootfs_view(&image, SANDBOX "/rundir/rootfs", die, NULL, NULL);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_no_mounts();
    sandbox_sh("rmdir " SANDBOX "/rundir/rootfs");
}

static int see_layers(void *arg, struct edge_err *why)
{
    struct stat st;
    char path[32];

    (void) arg;
    (void) why;
    for (int i = 0; i < 90; i++) {
        (void) snprintf(path, sizeof path, "/file%d", i);
        if (stat(path, &st) < 0)
            return -errno;
    }
    return 0;
}

static void test_images_of_many_layers_can_be_seen(void **state)
{
    static char lower[16384] = "lowerdir=";
    char *options[] = {TEXT("workdir=" SANDBOX "/layers/work"),
                       TEXT("upperdir=" SANDBOX "/layers/upper"), lower, NULL};
    struct agent_ctrd_mount overlay = {TEXT("overlay"), TEXT("overlay"), options};
    const struct agent_ctrd_mounts mounts = {&overlay, 1};
    size_t len = strlen(lower);

    (void) state;
    sandbox_sh("mkdir -p " SANDBOX "/layers/work " SANDBOX "/layers/upper " SANDBOX "/at; i=0; "
               "while [ $i -lt 90 ]; do d=" SANDBOX
               "/layers/a-folder-with-quite-a-long-name-for-a-layer/$i/fs; "
               "mkdir -p $d; : >$d/file$i; i=$((i+1)); done");
    for (int i = 0; i < 90; i++)
        len += (size_t) snprintf(lower + len, sizeof lower - len,
                                 "%s%s/layers/a-folder-with-quite-a-long-name-for-a-layer/%d/fs",
                                 i ? ":" : "", SANDBOX, i);
    assert_true(len > 4096);
    if (rootfs_view(&mounts, SANDBOX "/at", see_layers, NULL, &err) < 0)
        fail_msg("%s", err.text);
}

static void test_a_missing_snapshot_is_named(void **state)
{
    struct agent_ctrd_mount gone = {TEXT("bind"), TEXT(SANDBOX "/gone"), bind_options};
    const struct agent_ctrd_mounts mounts = {&gone, 1};
    const struct agent_ctrd_mounts none = {0};

    (void) state;
    sandbox_sh("mkdir -p " SANDBOX "/at");
    assert_int_equal(rootfs_view(&mounts, SANDBOX "/at", see_layers, NULL, &err), -ENOENT);
    assert_non_null(strstr(err.text, SANDBOX "/gone"));
    assert_int_equal(rootfs_view(&none, SANDBOX "/at", see_layers, NULL, &err), EDGE_EINVALID);
}

/* --- volumes --- */

static void test_content_comes_with_all_its_attributes(void **state)
{
    static const char value[] = "value";
    char text[16] = "";
    struct stat st;

    (void) state;
    sandbox_sh("cd " SANDBOX
               "/image/data && cp ../bin/busybox su && chown 3:4 su && chmod 4755 su && "
               "mkfifo pipe && chmod 604 pipe && mknod null c 1 3 && ln -s /absolute dangling && "
               "chown -h 5:6 dangling && touch -d @1000000 file && chmod 1770 sub");
    assert_int_equal(setxattr(SANDBOX "/image/data/file", "user.key", value, sizeof value, 0), 0);
    prepare_ok("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"volume\",\"Source\":\"v\",\"Target\":"
               "\"/data\"}]}}");
    sandbox_sh(
        "cd " VOLUMES "/v/_data && [ \"$(stat -c '%a %u %g' su pipe sub . | tr '\\n' ' ')\" = "
        "'4755 3 4 604 0 0 1770 0 0 750 1000 1001 ' ] && cmp su ../../../../image/bin/busybox");
    assert_int_equal(stat(VOLUMES "/v/_data/file", &st), 0);
    assert_int_equal(st.st_mtim.tv_sec, 1000000);
    assert_int_equal(st.st_uid, 1000);
    assert_int_equal(lstat(VOLUMES "/v/_data/dangling", &st), 0);
    assert_int_equal(st.st_uid, 5);
    assert_true(getxattr(VOLUMES "/v/_data/file", "user.key", text, sizeof text) > 0);
    assert_string_equal(text, value);
    assert_absent(VOLUMES "/v/_data/null");
    assert_absent(VOLUMES "/v/part");
    assert_absent(VOLUMES "/v/fill");
}

static void test_a_volume_with_content_is_left_alone(void **state)
{
    (void) state;
    sandbox_sh("mkdir -p " VOLUMES "/v/_data && echo mine >" VOLUMES "/v/_data/mine");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}");
    assert_absent(VOLUMES "/v/_data/file");
    assert_file(VOLUMES "/v/_data/mine", "mine\n");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"w:/data:nocopy\"]}}");
    assert_absent(VOLUMES "/w/_data/file");
}

static void test_half_a_copy_is_made_anew(void **state)
{
    (void) state;
    sandbox_sh("mkdir -p " VOLUMES "/v/_data " VOLUMES "/v/part/sub && echo half >" VOLUMES
               "/v/part/file");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}");
    assert_file(VOLUMES "/v/_data/file", "first\n");
    assert_file(VOLUMES "/v/_data/sub/file", "deep\n");
    assert_absent(VOLUMES "/v/part");
}

static void test_a_move_cut_short_goes_on(void **state)
{
    (void) state;
    sandbox_sh("mkdir -p " VOLUMES "/v/_data " VOLUMES "/v/fill && echo moved >" VOLUMES
               "/v/_data/a && echo waiting >" VOLUMES "/v/fill/b && chmod 711 " VOLUMES "/v/fill");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}");
    assert_file(VOLUMES "/v/_data/a", "moved\n");
    assert_file(VOLUMES "/v/_data/b", "waiting\n");
    assert_absent(VOLUMES "/v/_data/file");
    assert_absent(VOLUMES "/v/fill");
    sandbox_sh("[ $(stat -c %a " VOLUMES "/v/_data) = 711 ]");
}

static void test_a_shared_volume_keeps_its_folder_when_filled(void **state)
{
    struct stat before;
    struct stat after;

    (void) state;
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/absent\"]}}");
    assert_int_equal(stat(VOLUMES "/v/_data", &before), 0);
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/data\",\"v:/again\"]}}");
    assert_int_equal(stat(VOLUMES "/v/_data", &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_file(VOLUMES "/v/_data/file", "first\n");
}

static void test_folders_nested_too_deep_are_refused(void **state)
{
    (void) state;
    sandbox_sh("cd " SANDBOX "/image/data && i=0; while [ $i -lt 110 ]; do mkdir d && cd d; "
               "i=$((i+1)); done");
    refused("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}", EDGE_ELIMIT, "nested deeper than 100");
    assert_absent(VOLUMES "/v/fill");
    assert_absent(VOLUMES "/v/_data/file");
}

static void *prepare_many(void *arg)
{
    const char *id = arg;
    const char *text = *id == 'a' ? "{\"HostConfig\":{\"Binds\":[\"one:/data\",\"two:/etc\"]}}"
                                  : "{\"HostConfig\":{\"Binds\":[\"two:/etc\",\"one:/data\"]}}";
    struct agent_rootfs_result ret = {0};
    struct edge_err why = {0};

    for (int i = 0; i < 20; i++) {
        if (prepare_into(id, text, &ret, &why) < 0)
            return TEXT("failed");
        agent_rootfs_result_fini(&ret);
    }
    return NULL;
}

static void test_containers_prepared_at_once_share_volumes(void **state)
{
    static const char *const ids[] = {"a1", "b1", "a2", "b2"};
    pthread_t threads[EDGE_ARRAY_LEN(ids)];

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(ids); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, prepare_many, TEXT(ids[i])), 0);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(ids); i++) {
        void *failed = NULL;

        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    assert_file(VOLUMES "/one/_data/file", "first\n");
    sandbox_sh("cmp " VOLUMES "/two/_data/passwd " SANDBOX "/image/etc/passwd");
}

static void test_anonymous_volumes_go_with_their_container(void **state)
{
    static const char *const live[] = {"c2", NULL};

    (void) state;
    prepare_ok("{\"Volumes\":{\"/data\":{},\"/x\":{}},\"HostConfig\":{\"Binds\":[\"v:/v\"]}}");
    sandbox_sh("cd " VOLUMES "/_anonymous && [ $(ls c1 | wc -l) = 2 ] && cp -a c1 c2 && "
               "cp -a c1 c3 && cp -a c1 _c4 && [ $(cat c1/*/_data/file) = first ]");
    assert_int_equal(agent_rootfs_forget(HOME, "c1", &err), 0);
    assert_int_equal(agent_rootfs_forget(HOME, "c1", &err), 0);
    assert_absent(VOLUMES "/_anonymous/c1");
    assert_int_equal(agent_rootfs_sweep(HOME, live, &err), 0);
    sandbox_sh("[ \"$(ls " VOLUMES "/_anonymous)\" = c2 ] && [ -d " VOLUMES "/v/_data ]");
    assert_int_equal(agent_rootfs_sweep("/nonexistent", live, &err), 0);
}

/* @p depth folders in each other below @p top, each with a file and a second folder. */
static void nest(const char *top, int depth)
{
    int dir = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; i < depth; i++) {
        int next;

        assert_int_equal(mkdirat(dir, "a-name-that-makes-it-longer-than-any-path", 0700), 0);
        assert_int_equal(mkdirat(dir, "b", 0700), 0);
        assert_int_equal(edge_close(openat(dir, "f", O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), -1);
        next = openat(dir, "a-name-that-makes-it-longer-than-any-path",
                      O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        edge_close(dir);
        dir = next;
    }
    edge_close(dir);
}

static void test_no_folder_is_too_deep_to_go(void **state)
{
    (void) state;
    prepare_ok("{\"Volumes\":{\"/x\":{}}}");
    sandbox_sh("cd " VOLUMES
               "/_anonymous/c1 && mkdir '~0' '~1' && echo x >'~1/file' && echo x >'~2'");
    nest(VOLUMES "/_anonymous/c1", 3000);
    if (agent_rootfs_forget(HOME, "c1", &err) < 0)
        fail_msg("%s", err.text);
    assert_absent(VOLUMES "/_anonymous/c1");
    assert_absent(VOLUMES "/_anonymous/_c1");
}

static void test_only_root_can_enter_volumes(void **state)
{
    struct stat st;

    (void) state;
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}");
    assert_int_equal(stat(VOLUMES, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_a_full_disk_leaves_no_half_copy(void **state)
{
    (void) state;
    sandbox_sh("mount -t tmpfs -o size=256k small " HOME " && "
               "cp " SANDBOX "/image/bin/busybox " SANDBOX "/image/data/big");
    refused("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}", -ENOSPC,
            "cannot copy big from the image");
    assert_absent(VOLUMES "/v/part");
    sandbox_sh("mount -o remount,size=64m " HOME);
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"v:/data\"]}}");
    sandbox_sh("cmp " VOLUMES "/v/_data/big " SANDBOX "/image/bin/busybox && umount " HOME);
}

/* --- binds --- */

static void test_bind_sources_are_made_or_asked_for(void **state)
{
    (void) state;
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"" SANDBOX "/made/deep:/d\",\"" SANDBOX
               "/secret:/s:ro\"]}}");
    sandbox_sh("[ $(stat -c %a " SANDBOX "/made/deep) = 755 ] && [ -f " SANDBOX "/secret ]");
    refused("{\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"" SANDBOX
            "/gone\",\"Target\":\"/d\"}]}}",
            -ENOENT, "module cam: HostConfig.Mounts: the bind source " SANDBOX "/gone does not");
    sandbox_sh("ln -s /nowhere " SANDBOX "/dangling");
    refused("{\"HostConfig\":{\"Binds\":[\"" SANDBOX "/dangling:/d\"]}}", -ENOENT, "/dangling");
    refused("{\"HostConfig\":{\"Binds\":[\"" SANDBOX "/secret/below:/d\"]}}", -ENOTDIR,
            "/secret/below");
}

static void test_ours_cannot_be_hidden(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"Binds\":[\"/tmp:/var/run/iotedge\"]}}", EDGE_EINVALID,
            "a mount on /var/run/iotedge would hide /var/run/iotedge");
    refused("{\"HostConfig\":{\"Tmpfs\":{\"/var/run/iotedge/x\":\"\"}}}", EDGE_EINVALID,
            "would hide /var/run/iotedge");
    refused("{\"HostConfig\":{\"Binds\":[\"/tmp:/run/iotedge\"]}}", EDGE_EINVALID,
            "a mount on /run/iotedge would hide /var/run/iotedge");
    refused("{\"Volumes\":{\"/run/iotedge/deep/er\":{}}}", EDGE_EINVALID, "would hide");
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"/tmp:/run\",\"/tmp:/run/iotedge2\"]}}");
}

static void test_hosts_give_way_to_the_users(void **state)
{
    (void) state;
    prepare_ok("{}");
    assert_non_null(strstr(result.spec, SANDBOX "/hosts"));
    prepare_ok("{\"HostConfig\":{\"Binds\":[\"" SANDBOX "/secret:/etc/hosts\"]}}");
    assert_null(strstr(result.spec, SANDBOX "/hosts"));
    assert_non_null(strstr(result.spec, SANDBOX "/secret"));
}

static void test_a_failure_names_the_module(void **state)
{
    (void) state;
    refused("{\"HostConfig\":{\"Devices\":[{\"PathOnHost\":\"/dev/gone\"}]}}", -ENOENT,
            "module cam: HostConfig.Devices: /dev/gone");
    assert_int_equal(prepare_into("../up", "{}", &result, &err), EDGE_EINVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int inside(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_users_are_never_read_outside_the_image),
        TEST(test_odd_user_files_count_as_none),
        TEST(test_a_volume_is_never_filled_from_the_host),
        TEST(test_the_image_is_not_touched),
        TEST(test_a_view_is_read_only_and_without_devices),
        TEST(test_death_in_a_view_leaves_no_mount),
        TEST(test_images_of_many_layers_can_be_seen),
        TEST(test_a_missing_snapshot_is_named),
        TEST(test_content_comes_with_all_its_attributes),
        TEST(test_a_volume_with_content_is_left_alone),
        TEST(test_half_a_copy_is_made_anew),
        TEST(test_a_move_cut_short_goes_on),
        TEST(test_a_shared_volume_keeps_its_folder_when_filled),
        TEST(test_folders_nested_too_deep_are_refused),
        TEST(test_containers_prepared_at_once_share_volumes),
        TEST(test_anonymous_volumes_go_with_their_container),
        TEST(test_no_folder_is_too_deep_to_go),
        TEST(test_only_root_can_enter_volumes),
        TEST(test_a_full_disk_leaves_no_half_copy),
        TEST(test_bind_sources_are_made_or_asked_for),
        TEST(test_ours_cannot_be_hidden),
        TEST(test_hosts_give_way_to_the_users),
        TEST(test_a_failure_names_the_module),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(void)
{
    return sandbox_run(inside);
}
