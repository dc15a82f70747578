#include "tests/integration/containerd_host.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"

#define BASE "busybox-base"

/* A snapshot that nothing refers to yet is collected at the next occasion. */
static const struct agent_ctrd_label keep = {"containerd.io/gc.root", "test"};

extern char **environ;
struct host host;
static pid_t containerd;

void host_assert_rc(int rc, int want, const struct edge_err *err, const char *file, int line)
{
    if (rc != want)
        print_error("%s (status %d)\n", err->text, err->status);
    _assert_int_equal(cast_to_largest_integral_type(rc), cast_to_largest_integral_type(want), file,
                      line);
}

static const char *dir(void)
{
    const char *path = getenv("TEST_DIR");

    assert_non_null(path); /* set by private_host.sh */
    return path;
}

/* The list of plugins must stand before the first table, or it is ignored. */
static void write_config(const char *path)
{
    struct edge_err err = {0};
    char text[1024];
    int len;

    len = snprintf(text, sizeof text,
                   "version = 2\n"
                   "root = \"%s/root\"\n"
                   "state = \"/run/containerd-test\"\n"
                   "disabled_plugins = [\"io.containerd.grpc.v1.cri\", "
                   "\"io.containerd.internal.v1.opt\"]\n" /* makes folders in the machine's /opt */
                   "[grpc]\n"
                   "address = \"%s\"\n",
                   dir(), host.uri + strlen("unix://"));
    assert_rc(edge_file_write(path, text, (size_t) len, 0600, &err), 0, &err);
}

void host_start_containerd(void)
{
    char config[300];
    char *argv[] = {"containerd", "--config", config, "--log-level", "error", NULL};
    int64_t until = edge_now_ms() + 30000;
    struct edge_err err = {0};
    char *version = NULL;

    snprintf(config, sizeof config, "%s/config.toml", dir());
    write_config(config);
    assert_int_equal(posix_spawnp(&containerd, argv[0], NULL, NULL, argv, environ), 0);
    while (agent_ctrd_version(host.ctrd, NULL, &version, &err) == EDGE_EUNAVAILABLE) {
        assert_true(edge_now_ms() < until);
        assert_int_equal(waitpid(containerd, NULL, WNOHANG), 0);
        edge_cancel_sleep(NULL, 20);
    }
    assert_non_null(version);
    free(version);
}

void host_kill_containerd(void)
{
    if (containerd <= 0)
        return;
    kill(containerd, SIGKILL);
    assert_int_equal(waitpid(containerd, NULL, 0), containerd);
    containerd = 0;
}

static void copy_busybox(const char *root)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf program = EDGE_BUF_INIT(16 * 1024 * 1024);
    struct edge_err err = {0};
    char path[512];

    assert_rc(edge_file_read("/bin/busybox", &program, &err), 0, &err);
    snprintf(path, sizeof path, "%s/bin/busybox", root);
    assert_rc(edge_file_write(path, program.data, program.len, 0755, &err), 0, &err);
}

/* The base of all containers: a committed snapshot with busybox and the folders to mount on. */
static void make_base(void)
{
    static const char *const folders[] = {"bin", "proc", "dev", "tmp"};
    struct agent_ctrd_mounts mounts = {0};
    struct edge_err err = {0};
    char path[512];
    char root[400];

    assert_rc(agent_ctrd_snapshot_prepare(host.ctrd, NULL, host.snapshotter, "base-work", "", &keep,
                                          1, &mounts, &err),
              0, &err);
    assert_int_equal(mounts.len, 1);
    assert_string_equal(mounts.items[0].type, "bind");
    snprintf(root, sizeof root, "%s", mounts.items[0].source);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof path, "%s/%s", root, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    copy_busybox(root);
    agent_ctrd_mounts_fini(&mounts);
    assert_rc(agent_ctrd_snapshot_commit(host.ctrd, NULL, host.snapshotter, "base-work", BASE,
                                         &keep, 1, &err),
              0, &err);
}

int host_up(void **state)
{
    struct edge_err err = {0};
    (void) state;

    snprintf(host.uri, sizeof host.uri, "unix://%s/containerd.sock", dir());
    assert_rc(agent_ctrd_open(host.uri, HOST_NS, &host.ctrd, &err), 0, &err);
    host_start_containerd();
    assert_rc(agent_ctrd_need_namespace(host.ctrd, NULL, &err), 0, &err);
    assert_rc(agent_ctrd_snapshotter(host.ctrd, NULL, &host.snapshotter, &err), 0, &err);
    make_base();
    return 0;
}

int host_down(void **state)
{
    (void) state;
    host.ctrd = agent_ctrd_close(host.ctrd);
    host_kill_containerd();
    return 0;
}

char *host_process(const char *args)
{
    char *json = edge_format("{\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"args\":%s,"
                             "\"env\":[\"PATH=/bin\"],\"noNewPrivileges\":true}",
                             args);

    assert_non_null(json);
    return json;
}

static char *spec_of(const char *id, const char *args)
{
    EDGE_CLEANUP(edge_free) char *process = host_process(args);
    char *json = edge_format(
        "{\"ociVersion\":\"1.0.2\",\"process\":%s,\"root\":{\"path\":\"rootfs\"},"
        "\"mounts\":[{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"}],"
        "\"linux\":{\"cgroupsPath\":\"%s/%s\",\"resources\":{\"memory\":{\"limit\":16777216}},"
        "\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
        "{\"type\":\"mount\"},{\"type\":\"network\"}]}}",
        process, getenv("TEST_CGROUP"), id);

    assert_non_null(json);
    return json;
}

void host_container(const char *id, const char *args, const char *runtime_binary)
{
    static const struct agent_ctrd_label labels[] = {{"owner", "test"}, {"note", "a \"b\" \\c"}};
    EDGE_CLEANUP(edge_free) char *spec = spec_of(id, args);
    struct agent_ctrd_container_new what = {
        .id = id,
        .image = "",
        .runtime = "io.containerd.runc.v2",
        .runtime_binary = runtime_binary,
        .snapshotter = host.snapshotter,
        .snapshot_key = id,
        .spec = spec,
        .labels = labels,
        .nlabels = EDGE_ARRAY_LEN(labels),
    };
    struct agent_ctrd_mounts mounts = {0};
    struct edge_err err = {0};

    assert_rc(agent_ctrd_snapshot_prepare(host.ctrd, NULL, host.snapshotter, id, BASE, &keep, 1,
                                          &mounts, &err),
              0, &err);
    agent_ctrd_mounts_fini(&mounts);
    assert_rc(agent_ctrd_container_create(host.ctrd, NULL, &what, &err), 0, &err);
}

uint32_t host_run(const char *id, const char *args)
{
    struct agent_ctrd_mounts mounts = {0};
    struct edge_err err = {0};
    uint32_t pid = 0;

    host_container(id, args, NULL);
    assert_rc(agent_ctrd_snapshot_mounts(host.ctrd, NULL, host.snapshotter, id, &mounts, &err), 0,
              &err);
    assert_rc(agent_ctrd_task_create(host.ctrd, NULL, id, &mounts, NULL, NULL, &pid, &err), 0,
              &err);
    agent_ctrd_mounts_fini(&mounts);
    assert_rc(agent_ctrd_task_start(host.ctrd, NULL, id, &err), 0, &err);
    return pid;
}

void host_remove(const char *id)
{
    struct agent_ctrd_exit ended;
    struct edge_err err = {0};
    int rc;

    rc = agent_ctrd_task_kill(host.ctrd, NULL, id, NULL, SIGKILL, true, &err);
    if (rc == 0)
        rc = agent_ctrd_task_wait(host.ctrd, NULL, id, NULL, &ended, &err);
    if (rc == 0 || rc == -ENOENT)
        rc = agent_ctrd_task_delete(host.ctrd, NULL, id, NULL, &ended, &err);
    assert_rc(rc == -ENOENT ? 0 : rc, 0, &err);
    assert_rc(agent_ctrd_container_delete(host.ctrd, NULL, id, &err), 0, &err);
    assert_rc(agent_ctrd_snapshot_remove(host.ctrd, NULL, host.snapshotter, id, &err), 0, &err);
}
