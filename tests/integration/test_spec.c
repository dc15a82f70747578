/* Specs as real runc takes them: what a program in the container sees. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/rootfs/rootfs.h"
#include "common/base/file.h"
#include "common/base/spawn.h"
#include "tests/integration/sandbox.h"

#define BUNDLE SANDBOX "/bundle"

/* Docker's 14. */
#define DEFAULT_CAPS "00000000a80425fb"

static struct edge_err err;
static struct agent_rootfs_result result;
static struct edge_buf output;
static int status;
static char group[64]; /* cgroup of this test run */
static const char *image_text;
static const char *netns;
static const char *init_path;
static const char *const injected[] = {"IOTEDGE_DEVICEID=dev1", "FROM=injected", NULL};

static const struct agent_bind binds[] = {
    {.source = SANDBOX "/hosts", .target = "/etc/hosts", .options = "", .yields = true},
    {.source = SANDBOX "/socket", .target = "/var/run/iotedge", .options = "", .read_only = true},
};

static char *mount_options[] = {
    (char *) (uintptr_t) "workdir=" SANDBOX "/work",
    (char *) (uintptr_t) "upperdir=" SANDBOX "/upper",
    (char *) (uintptr_t) "lowerdir=" SANDBOX "/image",
    NULL,
};
static struct agent_ctrd_mount overlay = {
    .type = (char *) (uintptr_t) "overlay",
    .source = (char *) (uintptr_t) "overlay",
    .options = mount_options,
};

static int try_prepare(const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = NULL;
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    struct agent_ctrd_mounts mounts = {.items = &overlay, .len = 1};
    char cgroup[128];
    struct agent_rootfs_request request = {
        .id = "c1",
        .module = "cam",
        .homedir = SANDBOX "/home",
        .rundir = SANDBOX "/rundir",
        .mounts = &mounts,
        .hostname = "cam",
        .env = injected,
        .binds = binds,
        .nbinds = EDGE_ARRAY_LEN(binds),
        .cgroup_path = cgroup,
        .netns = netns,
        .init_path = init_path,
    };

    (void) snprintf(cgroup, sizeof cgroup, "/%s/c1", group);
    err = (struct edge_err){0};
    agent_rootfs_result_fini(&result);
    assert_int_equal(edge_json_parse(text, strlen(text), &json, &err), 0);
    assert_int_equal(edge_json_parse(image_text, strlen(image_text), &config, &err), 0);
    if (agent_options_parse(json, &options, &err) < 0 ||
        agent_options_inherit(options, config, &err) < 0)
        fail_msg("%s", err.text);
    request.options = options;
    request.image_config = config;
    return agent_rootfs_prepare(&request, &result, &err);
}

static void runc(const char *const *argv, int want)
{
    struct edge_spawn spawn = {.argv = argv, .timeout_ms = 30000};

    edge_buf_fini(&output);
    assert_int_equal(edge_spawn_run(&spawn, &output, &output, &status, &err), 0);
    if (want >= 0 && status != want)
        fail_msg("runc: status %d: %s", status, output.data ? output.data : "");
}

/* createOptions to a bundle whose rootfs is mounted. */
static void make_bundle(const char *text)
{
    int rc = try_prepare(text);

    if (rc < 0)
        fail_msg("%s", err.text);
    assert_int_equal(
        edge_file_write(BUNDLE "/config.json", result.spec, strlen(result.spec), 0600, &err), 0);
    sandbox_sh("mount -t overlay -o lowerdir=" SANDBOX "/image,upperdir=" SANDBOX
               "/upper,workdir=" SANDBOX "/work overlay " BUNDLE "/rootfs");
}

static void drop_bundle(void)
{
    sandbox_sh("runc --root " SANDBOX "/runc delete -f c1 >/dev/null 2>&1; "
               "umount " BUNDLE "/rootfs 2>/dev/null; rm -rf " SANDBOX "/upper " SANDBOX
               "/work; mkdir -p " SANDBOX "/upper " SANDBOX "/work");
}

/* Run the container to its end: its output and status are in the globals. */
static void run(const char *text, int want)
{
    static const char *const argv[] = {"runc", "--root", SANDBOX "/runc", "run", "--bundle", BUNDLE,
                                       "c1",   NULL};

    make_bundle(text);
    runc(argv, want);
    drop_bundle();
}

static void start(const char *text)
{
    static const char command[] = "runc --root " SANDBOX "/runc run -d --bundle " BUNDLE
                                  " c1 >/dev/null 2>" SANDBOX "/start.log </dev/null";

    make_bundle(text);
    sandbox_sh(command);
}

/* The output holds the line @p line. */
static void assert_line(const char *line)
{
    const char *at = output.data ? output.data : "";
    size_t len = strlen(line);

    for (; *at; at += strcspn(at, "\n"), at += *at == '\n') {
        if (strncmp(at, line, len) == 0 && (at[len] == '\n' || at[len] == '\0'))
            return;
    }
    fail_msg("no line `%s` in:\n%s", line, output.data ? output.data : "");
}

#define SH(script) "\"Cmd\":[\"sh\",\"-c\",\"" script "\"]"
#define STATUS                                                                                     \
    "grep -E '^(CapEff|CapBnd|CapPrm|CapInh|CapAmb|Seccomp|NoNewPrivs|Groups)' "                   \
    "/proc/self/status | tr '\\\\t' ' '"

static int setup(void **state)
{
    (void) state;
    drop_bundle();
    image_text = "{\"Env\":[\"PATH=/bin:/sbin\",\"FROM=image\",\"IMAGE=1\"],\"Cmd\":[\"true\"]}";
    netns = NULL;
    init_path = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    drop_bundle();
    return 0;
}

static void test_a_module_gets_what_docker_would_give_it(void **state)
{
    (void) state;
    run("{" SH("id; hostname; " STATUS "; mkdir /made && echo made; cat /proc/1/comm; pwd; "
               "echo $PATH $HOME $HOSTNAME $FROM $IMAGE $IOTEDGE_DEVICEID $OWN; "
               "cat /proc/sys/net/ipv4/ip_unprivileged_port_start; cat /etc/hosts; "
               "ls /var/run/iotedge") ",\"Env\":[\"OWN=x\"]}",
        0);
    assert_line("uid=0(root) gid=0(root) groups=0(root)");
    assert_line("cam");
    assert_line("CapEff: " DEFAULT_CAPS);
    assert_line("CapBnd: " DEFAULT_CAPS);
    assert_line("CapInh: 0000000000000000");
    assert_line("CapAmb: 0000000000000000");
    assert_line("NoNewPrivs: 0");
    assert_line("Seccomp: 2");
    assert_line("made");
    assert_line("sh");
    assert_line("/");
    assert_line("/bin:/sbin /root cam injected 1 dev1 x");
    assert_line("0");
    assert_line("127.0.0.1 localhost");
    assert_line("workload.sock");
    assert_string_equal(result.notices, "");
}

static void test_a_module_is_kept_in(void **state)
{
    (void) state;
    run("{" SH("unshare -m true || echo no unshare; mount -t tmpfs x /tmp || echo no mount; "
               "cat /proc/interrupts /proc/timer_list | wc -c; "
               "(echo x >/proc/sys/kernel/panic) 2>/dev/null || echo no sysctl; touch /sys/x || "
               "echo no sys; "
               "mkdir /sys/fs/cgroup/memory/x || echo no cgroup; "
               "mknod /dev/kmem c 1 2 && echo node; cat /dev/kmem || echo no kmem; "
               "[ -e /dev/vda ] || echo no disk; dmesg >/dev/null || echo no dmesg; "
               "ls -d /sys/firmware/* || echo no firmware; head -c 3 /dev/zero | wc -c") "}",
        0);
    assert_line("no unshare");
    assert_line("no mount");
    assert_line("0");
    assert_line("no sysctl");
    assert_line("no sys");
    assert_line("no cgroup");
    assert_line("node");
    assert_line("no kmem");
    assert_line("no disk");
    assert_line("no dmesg");
    assert_line("no firmware");
    assert_line("3");
}

/* System calls by number, from the host's python: keyctl, add_key, unshare, clone3, a vsock
 * socket, an inet socket, personality, io_uring_setup. */
static const char python[] = "import ctypes,platform\\n"
                             "c=ctypes.CDLL(None,use_errno=True)\\n"
                             "x=platform.machine()=='x86_64'\\n"
                             "def s(name,a,b,*args):\\n"
                             "  r=c.syscall(a if x else b,*args)\\n"
                             "  print(name,'ok' if r>=0 else ctypes.get_errno())\\n"
                             "s('keyctl',250,219,0,0,0,0,0)\\n"
                             "s('unshare',272,97,0x20000)\\n"
                             "s('clone3',435,435,0,0)\\n"
                             "s('vsock',41,198,40,1,0)\\n"
                             "s('inet',41,198,2,1,0)\\n"
                             "s('linux32',135,92,8)\\n"
                             "s('noaslr',135,92,0x40000)\\n"
                             "s('uring',425,425,1,0)\\n"
                             "s('bpf',321,280,0,0,0)\\n";

static void run_python(const char *more)
{
    char text[4096];

    (void) snprintf(text, sizeof text,
                    "{\"Cmd\":[\"/usr/bin/python3\",\"-c\",\"%s\"],\"HostConfig\":{\"Binds\":["
                    "\"/usr:/usr:ro\",\"/lib:/lib:ro\",\"/lib64:/lib64:ro\"]%s}}",
                    python, more);
    run(text, 0);
}

static void test_the_default_filter_refuses_what_docker_refuses(void **state)
{
    (void) state;
    run_python("");
    assert_line("keyctl 1");
    assert_line("unshare 1");
    assert_line("clone3 38");
    assert_line("vsock 1");
    assert_line("inet ok");
    assert_line("linux32 ok");
    assert_line("noaslr 1");
    assert_line("uring 1");
    assert_line("bpf 1");
}

static void test_a_capability_brings_its_system_calls(void **state)
{
    (void) state;
    run_python(",\"CapAdd\":[\"SYS_ADMIN\"]");
    assert_line("unshare ok");
    assert_line("clone3 22");
    assert_line("keyctl 1");
    assert_line("noaslr 1");
}

static void test_without_a_filter_the_kernel_decides(void **state)
{
    (void) state;
    run_python(",\"SecurityOpt\":[\"seccomp=unconfined\"]");
    assert_line("noaslr ok");
    assert_line("clone3 22");
}

static void test_a_profile_of_ones_own_is_used(void **state)
{
    (void) state;
    run("{" SH(
            "mkdir /x || echo no mkdir; " STATUS) ",\"HostConfig\":{\"SecurityOpt\":["
                                                  "\"seccomp={\\\"defaultAction\\\":\\\"SCMP_ACT_"
                                                  "ALLOW\\\",\\\"syscalls\\\":[{\\\"names\\\":["
                                                  "\\\"mkdir\\\",\\\"mkdirat\\\"],\\\"action\\\":"
                                                  "\\\"SCMP_ACT_ERRNO\\\",\\\"excludes\\\":{"
                                                  "\\\"caps\\\":[\\\"CAP_SYS_ADMIN\\\"]}}]}\",\"no-"
                                                  "new-privileges\"]}}",
        0);
    assert_line("no mkdir");
    assert_line("Seccomp: 2");
    assert_line("NoNewPrivs: 1");
}

static void test_a_privileged_module_may_do_all_the_agent_may(void **state)
{
    EDGE_CLEANUP(edge_free) char *line = NULL;
    FILE *file = fopen("/proc/self/status", "re");
    char text[200];

    (void) state;
    run("{" SH(STATUS
               "; mount -t tmpfs x /tmp && echo mounted; "
               "echo 1 >/proc/sys/kernel/panic && echo sysctl; [ -e /dev/kmsg ] && echo kmsg; "
               "mkdir /sys/fs/cgroup/memory/edge-x && rmdir /sys/fs/cgroup/memory/edge-x && "
               "echo cgroup; : >/dev/kmsg && echo written; ls /dev/pts/ptmx") ","
                                                                              "\"HostConfig\":{"
                                                                              "\"Privileged\":"
                                                                              "\"true\"}}",
        0);
    while (fgets(text, sizeof text, file)) {
        if (strncmp(text, "CapBnd:\t", 8) == 0)
            line = edge_format("CapEff: %.16s", text + 8);
    }
    (void) fclose(file);
    assert_non_null(line);
    assert_line(line);
    assert_line("Seccomp: 0");
    assert_line("mounted");
    assert_line("sysctl");
    assert_line("kmsg");
    assert_line("cgroup");
    assert_line("written");
}

static void test_users_are_those_of_the_image(void **state)
{
    (void) state;
    run("{\"User\":\"app\"," SH("id; echo $HOME; " STATUS "; touch /x || echo no touch") "}", 0);
    assert_line("uid=1000(app) gid=1001(app) groups=20(dialout),1001(app)");
    assert_line("/home/app");
    assert_line("CapEff: 0000000000000000");
    assert_line("CapBnd: " DEFAULT_CAPS);
    assert_line("no touch");
    run("{\"User\":\"1234:video\",\"HostConfig\":{\"GroupAdd\":[\"dialout\",\"99\"]}," SH("id") "}",
        0);
    assert_line("uid=1234 gid=44(video) groups=20(dialout),44(video),99");
}

static void test_capabilities_are_added_and_dropped(void **state)
{
    (void) state;
    run("{" SH(STATUS) ",\"HostConfig\":{\"CapDrop\":[\"all\"],\"CapAdd\":[\"CAP_CHOWN\","
                       "\"net_admin\"]}}",
        0);
    assert_line("CapEff: 0000000000001001");
    assert_line("CapBnd: 0000000000001001");
}

static void test_a_read_only_root_leaves_volumes_writable(void **state)
{
    (void) state;
    run("{" SH("touch /x || echo no root; touch /data/x && echo data; touch /tmp/x && echo tmp; "
               "touch /ro/x || echo no ro; touch /dev/shm/x && echo shm") ",\"HostConfig\":{"
                                                                          "\"ReadonlyRootfs\":true,"
                                                                          "\"Binds\":[\"vol:/"
                                                                          "data\",\"" SANDBOX
                                                                          "/made/here:/ro:ro\"],"
                                                                          "\"Tmpfs\":{\"/"
                                                                          "tmp\":\"size=1m,mode="
                                                                          "1777\"}}}",
        0);
    assert_line("no root");
    assert_line("data");
    assert_line("tmp");
    assert_line("no ro");
    assert_line("shm");
}

static void test_volumes_begin_with_the_images_content(void **state)
{
    const char *script =
        "{" SH("cat /data/file; cat /data/sub/file; readlink /data/link; "
               "stat -c '%a %u %g' /data; cat /other/file; date >/data/new; "
               "ls /data | tr '\\\\n' ' '; ls /none | wc -l") ",\"HostConfig\":{"
                                                              "\"Binds\":[\"named:/data\",\"named:/"
                                                              "other\",\"bare:/none:nocopy\"]}}";

    (void) state;
    run(script, 0);
    assert_line("first");
    assert_line("deep");
    assert_line("file");
    assert_line("750 1000 1001");
    assert_line("file link new sub 0");
    sandbox_sh("echo changed >" SANDBOX "/home/volumes/named/_data/file");
    run(script, 0);
    assert_line("changed");
}

static void test_volumes_of_the_image_last_as_long_as_the_container(void **state)
{
    (void) state;
    image_text = "{\"Env\":[\"PATH=/bin\"],\"Volumes\":{\"/data\":{}},\"Cmd\":[\"sh\",\"-c\","
                 "\"cat /data/file; echo again >/data/file\"]}";
    run("{}", 0);
    assert_line("first");
    run("{}", 0);
    assert_line("again");
    assert_int_equal(agent_rootfs_forget(SANDBOX "/home", "c1", &err), 0);
    run("{}", 0);
    assert_line("first");
    assert_int_equal(agent_rootfs_forget(SANDBOX "/home", "c1", &err), 0);
}

static void test_limits_hold(void **state)
{
    (void) state;
    run("{" SH("cd /sys/fs/cgroup; cat memory/memory.limit_in_bytes "
               "memory/memory.memsw.limit_in_bytes"
               " 2>/dev/null; cat pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares; ulimit -n; "
               "ulimit -Hn; df -k /dev/shm | tail -1 | awk '{print $2}'; cat "
               "/proc/self/oom_score_adj") ","
                                           "\"HostConfig\":{\"Memory\":67108864,\"PidsLimit\":50,"
                                           "\"NanoCpus\":500000000,\"CpuShares\":512,"
                                           "\"ShmSize\":\"2m\",\"OomScoreAdj\":100,"
                                           "\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":100,"
                                           "\"Hard\":200}]}}",
        0);
    assert_line("67108864");
    assert_line("50");
    assert_line("50000");
    assert_line("512");
    assert_line("100");
    assert_line("200");
    assert_line("2048");
}

static void test_tmpfs_options_reach_the_mount(void **state)
{
    (void) state;
    run("{" SH(
            "grep ' /t[12] ' /proc/mounts | cut -d' ' -f2,3,4") ",\"HostConfig\":{\"Tmpfs\":{"
                                                                "\"/"
                                                                "t1\":\"exec,size=1m\"},\"Mounts\":"
                                                                "[{\"Type\":\"tmpfs\",\"Target\":"
                                                                "\"/t2\",\"ReadOnly\":true,"
                                                                "\"TmpfsOptions\":{\"SizeBytes\":"
                                                                "8192,\"Mode\":448}}]}}",
        0);
    assert_non_null(strstr(output.data, "/t1 tmpfs rw,nosuid,nodev,relatime,size=1024k"));
    assert_non_null(
        strstr(output.data, "/t2 tmpfs ro,nosuid,nodev,noexec,relatime,size=8k,mode=700"));
}

static void test_networks_by_mode(void **state)
{
    char host[64];
    ssize_t len = readlink("/proc/self/ns/net", host, sizeof host - 1);

    (void) state;
    assert_true(len > 0);
    host[len] = '\0';
    run("{" SH(
            "readlink /proc/self/ns/net; hostname") ",\"HostConfig\":{\"NetworkMode\":\"host\"}}",
        0);
    assert_line(host);
    run("{" SH("readlink /proc/self/ns/net; ls /sys/class/net") ","
                                                                "\"NetworkingConfig\":{"
                                                                "\"EndpointsConfig\":{}}}",
        0);
    assert_null(strstr(output.data, host));
    assert_line("lo");
    netns = "/proc/self/ns/net";
    run("{" SH("readlink /proc/self/ns/net") ",\"HostConfig\":{\"NetworkMode\":\"container:x\"}}",
        0);
    assert_line(host);
    netns = NULL;
    assert_int_equal(try_prepare("{\"HostConfig\":{\"NetworkMode\":\"container:x\"}}"),
                     EDGE_EUNAVAILABLE);
    assert_non_null(strstr(err.text, "the network of `x` is not there"));
}

static void test_settings_devices_and_shared_namespaces(void **state)
{
    (void) state;
    run("{" SH(
            "cat /proc/sys/net/core/somaxconn; cat /proc/sys/kernel/domainname; : >/dev/log1 && "
            "echo opened; stat -c %t:%T /dev/log1; readlink /proc/self/ns/pid") ","
                                                                                "\"Domainname\":"
                                                                                "\"example.com\","
                                                                                "\"HostConfig\":{"
                                                                                "\"Sysctls\":{"
                                                                                "\"net.core."
                                                                                "somaxconn\":"
                                                                                "\"99\"},"
                                                                                "\"Devices\":[{"
                                                                                "\"PathOnHost\":\"/"
                                                                                "dev/"
                                                                                "kmsg\","
                                                                                "\"PathInContainer"
                                                                                "\":\"/dev/"
                                                                                "log1\"}],"
                                                                                "\"PidMode\":"
                                                                                "\"host\","
                                                                                "\"IpcMode\":"
                                                                                "\"host\","
                                                                                "\"UTSMode\":\"\"}"
                                                                                "}",
        0);
    assert_line("99");
    assert_line("example.com");
    assert_line("opened");
    assert_line("1:b");
}

static void test_an_init_program_is_the_first_process(void **state)
{
    (void) state;
    init_path = SANDBOX "/init";
    run("{\"Entrypoint\":[\"sh\",\"-c\"],\"Cmd\":[\"echo pid $$; cat /proc/1/cmdline | tr "
        "'\\\\0' ' '\"],\"HostConfig\":{\"Init\":true}}",
        0);
    assert_non_null(strstr(output.data, "/sbin/docker-init -- sh -c"));
    assert_null(strstr(output.data, "pid 1\n"));
}

static void test_status_and_working_directory_are_the_modules(void **state)
{
    (void) state;
    run("{\"WorkingDir\":\"/srv\"," SH("pwd; exit 7") "}", 7);
    assert_line("/srv");
}

static void test_a_health_check_runs_as_the_module_does(void **state)
{
    static const char *const argv[] = {"runc", "--root",    SANDBOX "/runc",
                                       "exec", "--process", SANDBOX "/process.json",
                                       "c1",   NULL};
    char *check[] = {(char *) (uintptr_t) "sh", (char *) (uintptr_t) "-c",
                     (char *) (uintptr_t) "id -un; echo $OWN; exit 3", NULL};
    EDGE_CLEANUP(edge_free) char *process = NULL;

    (void) state;
    start("{\"User\":\"app\",\"Env\":[\"OWN=mine\"],\"Tty\":false," SH("sleep 60") "}");
    assert_int_equal(agent_spec_exec_process(result.spec, check, &process, &err), 0);
    assert_int_equal(edge_file_write(SANDBOX "/process.json", process, strlen(process), 0600, &err),
                     0);
    runc(argv, 3);
    assert_line("app");
    assert_line("mine");
}

/* runc leaves the folders above a container's. */
static void remove_cgroups(void)
{
    char command[256];

    (void) snprintf(command, sizeof command,
                    "for c in /sys/fs/cgroup/%s /sys/fs/cgroup/*/%s; do "
                    "[ ! -d $c ] || rmdir $c; done",
                    group, group);
    sandbox_sh(command);
}

/* The other container of a container: mode comes back as another process. */
static void test_a_namespace_can_be_joined_anew(void **state)
{
    static const char *const argv[] = {"runc", "--root", SANDBOX "/runc", "run", "--bundle", BUNDLE,
                                       "c1",   NULL};
    EDGE_CLEANUP(edge_free) char *spec = NULL;
    char host[64];
    ssize_t len = readlink("/proc/self/ns/net", host, sizeof host - 1);

    (void) state;
    assert_true(len > 0);
    host[len] = '\0';
    netns = "/proc/0/ns/net";
    make_bundle("{" SH("readlink /proc/self/ns/net") ",\"HostConfig\":{\"NetworkMode\":"
                                                     "\"container:x\"}}");
    assert_int_equal(
        agent_spec_set_namespace(result.spec, "network", "/proc/self/ns/net", &spec, &err), 0);
    assert_int_equal(edge_file_write(BUNDLE "/config.json", spec, strlen(spec), 0600, &err), 0);
    runc(argv, 0);
    assert_line(host);
    assert_int_equal(agent_spec_set_namespace(result.spec, "user", "/x", &spec, &err),
                     EDGE_EINVALID);
}

static int inside(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_module_gets_what_docker_would_give_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_module_is_kept_in, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_default_filter_refuses_what_docker_refuses, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_capability_brings_its_system_calls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_without_a_filter_the_kernel_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_profile_of_ones_own_is_used, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_privileged_module_may_do_all_the_agent_may, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_users_are_those_of_the_image, setup, teardown),
        cmocka_unit_test_setup_teardown(test_capabilities_are_added_and_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_read_only_root_leaves_volumes_writable, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_volumes_begin_with_the_images_content, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_volumes_of_the_image_last_as_long_as_the_container,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits_hold, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tmpfs_options_reach_the_mount, setup, teardown),
        cmocka_unit_test_setup_teardown(test_networks_by_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_settings_devices_and_shared_namespaces, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_an_init_program_is_the_first_process, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status_and_working_directory_are_the_modules, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_health_check_runs_as_the_module_does, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_a_namespace_can_be_joined_anew, setup, teardown),
    };
    int rc;

    sandbox_make_image();
    sandbox_sh("cd " SANDBOX " && mkdir -p home rundir socket bundle/rootfs && "
               "echo '127.0.0.1 localhost' >hosts && touch socket/workload.sock && "
               "printf '#!/bin/sh\\nshift\\n\"$@\"\\n' >init && chmod 755 init");
    edge_buf_init(&output, 64 * 1024);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    edge_buf_fini(&output);
    agent_rootfs_result_fini(&result);
    remove_cgroups();
    return rc;
}

int main(void)
{
    (void) snprintf(group, sizeof group, "edge-spec-%d", (int) getpid());
    return sandbox_run(inside);
}
