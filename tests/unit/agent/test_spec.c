#include "tests/unit/test.h"

#include <stdio.h>

#include "agent/spec/spec.h"

static struct agent_host host;
static struct agent_user user;
static struct agent_spec_facts facts;
static const char *image;
static struct edge_json *spec;
static struct edge_buf notices;
static struct edge_err err;

enum { ALL = (1 << 13) - 1 };

static int setup(void **state)
{
    static const struct agent_host able = {
        .capabilities = (UINT64_C(1) << 41) - 1,
        .abilities = (unsigned) ALL & ~(unsigned) (AGENT_HOST_CGROUP_V2 | AGENT_HOST_APPARMOR),
        .kernel = 6 << 8 | 1,
        .machine = "x86_64",
    };

    (void) state;
    host = able;
    user = (struct agent_user){.home = (char *) (uintptr_t) "/root"};
    facts = (struct agent_spec_facts){
        .id = "c1", .hostname = "cam", .user = &user, .cgroup_path = "/edge/c1", .host = &host};
    image = "{\"Cmd\":[\"/run\"]}";
    edge_buf_init(&notices, 4096);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    spec = edge_json_free(spec);
    edge_buf_fini(&notices);
    return 0;
}

static int build(const char *text)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = NULL;
    EDGE_CLEANUP(agent_options_free) struct agent_options *options = NULL;
    EDGE_CLEANUP(edge_free) char *out = NULL;
    int rc;

    spec = edge_json_free(spec);
    edge_buf_fini(&notices);
    err = (struct edge_err){0};
    assert_int_equal(edge_json_parse(text, strlen(text), &json, NULL), 0);
    assert_int_equal(edge_json_parse(image, strlen(image), &config, NULL), 0);
    if (agent_options_parse(json, &options, &err) < 0)
        fail_msg("%s: %s", text, err.text);
    facts.image_config = config;
    rc = agent_spec_build(options, &facts, &out, &notices, &err);
    if (rc == 0)
        assert_int_equal(edge_json_parse(out, strlen(out), &spec, NULL), 0);
    return rc;
}

static void build_ok(const char *text)
{
    if (build(text) < 0)
        fail_msg("%s: %s", text, err.text);
}

static void refused(const char *text, int code, const char *what)
{
    assert_int_equal(build(text), code);
    if (!strstr(err.text, what))
        fail_msg("wanted `%s`, got `%s`", what, err.text);
}

/* "linux.resources.memory.limit", "mounts.2.type"; NULL when absent */
static struct edge_json *at(const char *path)
{
    struct edge_json *value = spec;
    char part[64];

    while (*path && value) {
        size_t len = strcspn(path, "/");

        (void) snprintf(part, sizeof part, "%.*s", (int) len, path);
        value = edge_json_is(value, EDGE_JSON_ARRAY) ? edge_json_at(value, strtoul(part, NULL, 10))
                                                     : edge_json_get(value, part);
        path += len + (path[len] == '/');
    }
    return value;
}

static void assert_json(const char *path, const char *want)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_canonical(at(path));

    if (strcmp(text, want) != 0)
        fail_msg("%s is %s, not %s", path, text, want);
}

/* The element of array @p path whose member @p name is @p value. */
static struct edge_json *item(const char *path, const char *name, const char *value)
{
    struct edge_json *array = at(path);

    for (size_t i = 0; i < edge_json_len(array); i++) {
        struct edge_json *one = edge_json_at(array, i);

        if (strcmp(edge_json_str(edge_json_get(one, name), ""), value) == 0)
            return one;
    }
    return NULL;
}

static bool holds(const struct edge_json *array, const char *text)
{
    for (size_t i = 0; i < edge_json_len(array); i++) {
        if (strcmp(edge_json_str(edge_json_at(array, i), ""), text) == 0)
            return true;
    }
    return false;
}

static void assert_mount(const char *target, const char *type, const char *source,
                         const char *options)
{
    struct edge_json *mount = item("mounts", "destination", target);
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(edge_json_get(mount, "options"));

    if (!mount)
        fail_msg("nothing is mounted on %s", target);
    assert_string_equal(edge_json_str(edge_json_get(mount, "type"), ""), type);
    assert_string_equal(edge_json_str(edge_json_get(mount, "source"), ""), source);
    assert_string_equal(text, options);
}

/* Is the call allowed by a rule without conditions? */
static bool call_allowed(const char *name)
{
    struct edge_json *rules = at("linux/seccomp/syscalls");

    for (size_t i = 0; i < edge_json_len(rules); i++) {
        struct edge_json *rule = edge_json_at(rules, i);

        if (holds(edge_json_get(rule, "names"), name) && !edge_json_get(rule, "args") &&
            strcmp(edge_json_str(edge_json_get(rule, "action"), ""), "SCMP_ACT_ALLOW") == 0)
            return true;
    }
    return false;
}

static void test_the_defaults_are_dockers(void **state)
{
    (void) state;
    build_ok("{}");
    assert_json("ociVersion", "\"1.0.2\"");
    assert_json("root", "{\"path\":\"rootfs\",\"readonly\":false}");
    assert_json("hostname", "\"cam\"");
    assert_json("process/args", "[\"/run\"]");
    assert_json("process/cwd", "\"/\"");
    assert_json("process/terminal", "false");
    assert_json("process/noNewPrivileges", "false");
    assert_json("process/oomScoreAdj", "0");
    assert_json("process/user", "{\"additionalGids\":[],\"gid\":0,\"uid\":0}");
    assert_json("process/env",
                "[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\","
                "\"HOSTNAME=cam\",\"HOME=/root\"]");
    assert_int_equal(edge_json_len(at("process/capabilities/bounding")), 14);
    assert_null(at("process/capabilities/inheritable"));
    assert_json("linux/cgroupsPath", "\"/edge/c1\"");
    assert_json("linux/namespaces",
                "[{\"type\":\"network\"},{\"type\":\"mount\"},{\"type\":\"pid\"},"
                "{\"type\":\"ipc\"},{\"type\":\"uts\"}]");
    assert_json("linux/sysctl", "{\"net.ipv4.ip_unprivileged_port_start\":\"0\","
                                "\"net.ipv4.ping_group_range\":\"0 2147483647\"}");
    assert_true(holds(at("linux/maskedPaths"), "/proc/kcore"));
    assert_true(holds(at("linux/maskedPaths"), "/sys/firmware"));
    assert_true(holds(at("linux/readonlyPaths"), "/proc/sys"));
    assert_json("linux/resources/devices/0", "{\"access\":\"rwm\",\"allow\":false}");
    assert_null(at("linux/resources/memory/limit"));
    assert_mount("/proc", "proc", "proc", "[\"nosuid\",\"noexec\",\"nodev\"]");
    assert_mount("/sys", "sysfs", "sysfs", "[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]");
    assert_mount("/sys/fs/cgroup", "cgroup", "cgroup", "[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]");
    assert_mount("/dev/shm", "tmpfs", "shm",
                 "[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=67108864\"]");
    assert_null(notices.data);
}

static void assert_args(const char *from_image, const char *options, const char *want)
{
    image = from_image;
    build_ok(options);
    assert_json("process/args", want);
}

static void test_commands_meet_as_docker_has_it(void **state)
{
    static const char both[] = "{\"Entrypoint\":[\"/e\"],\"Cmd\":[\"c\"]}";

    (void) state;
    assert_args(both, "{}", "[\"/e\",\"c\"]");
    assert_args(both, "{\"Cmd\":[\"x\",\"y\"]}", "[\"/e\",\"x\",\"y\"]");
    assert_args(both, "{\"Entrypoint\":[\"/n\"]}", "[\"/n\"]");
    assert_args(both, "{\"Entrypoint\":[\"/n\"],\"Cmd\":[\"x\"]}", "[\"/n\",\"x\"]");
    assert_args(both, "{\"Entrypoint\":[],\"Cmd\":[\"x\"]}", "[\"x\"]");
    assert_args(both, "{\"Entrypoint\":[]}", "[\"c\"]");
    assert_args(both, "{\"Entrypoint\":[\"\"],\"Cmd\":[\"x\"]}", "[\"x\"]");
    assert_args(both, "{\"Entrypoint\":null,\"Cmd\":[]}", "[\"/e\",\"c\"]");
    assert_args("{\"entrypoint\":\"/e\"}", "{}", "[\"/e\"]");
    image = both;
    refused("{\"Entrypoint\":[\"\"]}", EDGE_EINVALID, "Cmd: neither the image nor createOptions");
    image = "{}";
    refused("{}", EDGE_EINVALID, "Cmd: neither");
}

static void test_environments_merge_in_order(void **state)
{
    static const char *const injected[] = {"A=injected", "B=injected", "IOTEDGE_DEVICEID=d", NULL};

    (void) state;
    image = "{\"Cmd\":[\"x\"],\"Env\":[\"PATH=/p\",\"A=image\",\"B=image\",\"C=image\",\"bad\",7]}";
    facts.env = injected;
    build_ok("{\"Tty\":true,\"Env\":[\"A=own\",\"D\",\"HOME=/h\",\"A=last\"]}");
    assert_json("process/env",
                "[\"PATH=/p\",\"HOSTNAME=cam\",\"TERM=xterm\",\"A=last\",\"B=injected\","
                "\"C=image\",\"IOTEDGE_DEVICEID=d\",\"D=\",\"HOME=/h\"]");
    assert_json("process/terminal", "true");
}

static void test_working_directory_and_names(void **state)
{
    (void) state;
    image = "{\"Cmd\":[\"x\"],\"WorkingDir\":\"/w\"}";
    build_ok("{}");
    assert_json("process/cwd", "\"/w\"");
    build_ok("{\"WorkingDir\":\"/own/\",\"Domainname\":\"example.com\"}");
    assert_json("process/cwd", "\"/own\"");
    assert_json("linux/sysctl/kernel.domainname", "\"example.com\"");
    image = "{\"Cmd\":[\"x\"],\"WorkingDir\":\"w\"}";
    refused("{}", EDGE_EINVALID, "WorkingDir: the image's `w`");
}

static void test_capabilities(void **state)
{
    (void) state;
    build_ok("{\"HostConfig\":{\"CapDrop\":[\"ALL\"],\"CapAdd\":[\"chown\",\"CAP_KILL\"]}}");
    assert_json("process/capabilities/bounding", "[\"CAP_CHOWN\",\"CAP_KILL\"]");
    assert_json("process/capabilities/effective", "[\"CAP_CHOWN\",\"CAP_KILL\"]");
    build_ok("{\"HostConfig\":{\"CapAdd\":[\"ALL\"],\"CapDrop\":[\"SYS_ADMIN\"]}}");
    assert_int_equal(edge_json_len(at("process/capabilities/permitted")), 40);
    assert_false(holds(at("process/capabilities/permitted"), "CAP_SYS_ADMIN"));
    build_ok("{\"HostConfig\":{\"CapDrop\":[\"MKNOD\"]}}");
    assert_int_equal(edge_json_len(at("process/capabilities/bounding")), 13);
    refused("{\"HostConfig\":{\"CapAdd\":[\"FLY\"]}}", EDGE_EINVALID,
            "HostConfig.CapAdd: `FLY` is not a capability");
    host.capabilities &= ~(UINT64_C(1) << 24);
    refused("{\"HostConfig\":{\"CapAdd\":[\"SYS_RESOURCE\"]}}", EDGE_EUNSUPPORTED,
            "cannot give CAP_SYS_RESOURCE");
    build_ok("{\"HostConfig\":{\"CapAdd\":[\"ALL\"]}}");
    assert_int_equal(edge_json_len(at("process/capabilities/bounding")), 40);
    assert_null(at("process/oomScoreAdj"));
}

static void test_privileged_takes_the_fences_away(void **state)
{
    const struct agent_device_node node = {
        .path = "/dev/sda", .type = 'b', .major = 8, .minor = 0, .mode = 0660, .access = "rwm"};

    (void) state;
    host.capabilities = 0x3fffffffff;
    facts.devices = &node;
    facts.ndevices = 1;
    build_ok("{\"HostConfig\":{\"Privileged\":true,\"CapDrop\":[\"ALL\"]}}");
    assert_int_equal(edge_json_len(at("process/capabilities/bounding")), 38);
    assert_null(at("linux/seccomp"));
    assert_null(at("linux/maskedPaths"));
    assert_null(at("linux/readonlyPaths"));
    assert_json("linux/resources/devices", "[{\"access\":\"rwm\",\"allow\":true}]");
    assert_json("linux/devices/0/path", "\"/dev/sda\"");
    assert_mount("/sys", "sysfs", "sysfs", "[\"nosuid\",\"noexec\",\"nodev\"]");
    assert_mount("/sys/fs/cgroup", "cgroup", "cgroup", "[\"nosuid\",\"noexec\",\"nodev\"]");
}

static void test_the_system_call_filter(void **state)
{
    (void) state;
    build_ok("{}");
    assert_json("linux/seccomp/defaultAction", "\"SCMP_ACT_ERRNO\"");
    assert_json("linux/seccomp/defaultErrnoRet", "1");
    assert_json("linux/seccomp/architectures",
                "[\"SCMP_ARCH_X86_64\",\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"]");
    assert_true(call_allowed("openat"));
    assert_true(call_allowed("chroot"));
    assert_true(call_allowed("ptrace"));
    assert_true(call_allowed("arch_prctl"));
    assert_false(call_allowed("clone"));
    assert_false(call_allowed("socket"));
    assert_false(call_allowed("mount"));
    assert_false(call_allowed("keyctl"));
    assert_false(call_allowed("io_uring_setup"));
    host.machine = "aarch64";
    host.kernel = 4 << 8 | 4;
    build_ok("{\"HostConfig\":{\"CapAdd\":[\"SYS_ADMIN\",\"SYS_TIME\"],\"CapDrop\":["
             "\"SYS_CHROOT\"]}}");
    assert_json("linux/seccomp/architectures", "[\"SCMP_ARCH_AARCH64\",\"SCMP_ARCH_ARM\"]");
    assert_true(call_allowed("clone"));
    assert_true(call_allowed("mount"));
    assert_true(call_allowed("clock_settime"));
    assert_false(call_allowed("chroot"));
    assert_false(call_allowed("ptrace"));
    host.machine = "unknown";
    build_ok("{}");
    assert_null(at("linux/seccomp/architectures"));
    host.abilities &= ~(unsigned) AGENT_HOST_SECCOMP;
    build_ok("{}");
    assert_null(at("linux/seccomp"));
}

static void test_security_options(void **state)
{
    (void) state;
    build_ok("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp:unconfined\",\"no-new-privileges:true\","
             "\"label=disable\",\"apparmor=unconfined\",\"systempaths=unconfined\"]}}");
    assert_null(at("linux/seccomp"));
    assert_null(at("linux/maskedPaths"));
    assert_json("process/noNewPrivileges", "true");
    assert_null(at("process/apparmorProfile"));
    assert_null(notices.data);
    build_ok("{\"HostConfig\":{\"SecurityOpt\":[\"label=type:x\",\"apparmor=mine\"],"
             "\"MaskedPaths\":[\"/proc/x\"],\"ReadonlyPaths\":[]}}");
    assert_non_null(strstr(notices.data, "SELinux is not supported."));
    assert_non_null(strstr(notices.data, "this host has no AppArmor."));
    assert_json("linux/maskedPaths", "[\"/proc/x\"]");
    assert_json("linux/readonlyPaths", "[]");
    host.abilities |= AGENT_HOST_APPARMOR;
    build_ok("{\"HostConfig\":{\"SecurityOpt\":[\"apparmor=mine\"]}}");
    assert_json("process/apparmorProfile", "\"mine\"");
    refused("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp=/etc/x.json\"]}}", EDGE_EINVALID,
            "seccomp=/etc/x.json names a file");
    refused("{\"HostConfig\":{\"SecurityOpt\":[\"magic\"]}}", EDGE_EINVALID,
            "`magic` is not known");
    refused("{\"HostConfig\":{\"SecurityOpt\":[\"no-new-privileges=x\"]}}", EDGE_EINVALID,
            "must be true or false");
}

/* @p profile with ' for ", as the text of SecurityOpt. */
static const char *with_profile(const char *profile)
{
    static char text[4096];
    size_t len =
        (size_t) snprintf(text, sizeof text, "{\"HostConfig\":{\"SecurityOpt\":[\"seccomp=");

    for (; *profile && len < sizeof text - 8; profile++) {
        if (*profile == '\'')
            text[len++] = '\\';
        text[len++] = *profile == '\'' ? '"' : *profile;
    }
    (void) snprintf(text + len, sizeof text - len, "\"]}}");
    return text;
}

static void test_a_profile_is_settled_for_this_host(void **state)
{
    (void) state;
    build_ok(with_profile(
        "{'defaultAction':'SCMP_ACT_ERRNO',"
        "'archMap':[],'syscalls':["
        "{'names':['a'],'action':'SCMP_ACT_ALLOW','includes':{'caps':['CAP_CHOWN']}},"
        "{'names':['b'],'action':'SCMP_ACT_ALLOW','includes':{'caps':['CAP_SYS_ADMIN']}},"
        "{'name':'c','action':'SCMP_ACT_ALLOW','includes':{'arches':['arm64']}},"
        "{'name':'d','action':'SCMP_ACT_ERRNO','errnoRet':38,'includes':{'arches':['amd64']},"
        "'args':[{'index':0,'value':18446744073709551615,'op':'SCMP_CMP_EQ'}]},"
        "{'name':'e','action':'SCMP_ACT_ALLOW','excludes':{'caps':['CAP_CHOWN']}},"
        "{'name':'f','action':'SCMP_ACT_ALLOW','includes':{'minKernel':'99.1'}},"
        "{'name':'g','action':'SCMP_ACT_ALLOW','excludes':{'arches':['amd64']}}]}"));
    assert_int_equal(edge_json_len(at("linux/seccomp/syscalls")), 2);
    assert_json("linux/seccomp/syscalls/0", "{\"action\":\"SCMP_ACT_ALLOW\",\"names\":[\"a\"]}");
    assert_json("linux/seccomp/syscalls/1/names", "[\"d\"]");
    assert_json("linux/seccomp/syscalls/1/args/0/value", "18446744073709551615");
    refused("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={}\"]}}", EDGE_EINVALID,
            "`defaultAction` is missing");
    refused("{\"HostConfig\":{\"SecurityOpt\":[\"seccomp={\"]}}", EDGE_EINVALID,
            "HostConfig.SecurityOpt: seccomp profile: ");
    refused(with_profile("{'defaultAction':'x','syscalls':[{}]}"), EDGE_EINVALID,
            "a rule lacks `names` or `action`");
}

static void test_binds_come_by_depth_and_replace_defaults(void **state)
{
    static const struct agent_bind binds[] = {
        {.source = "/s1", .target = "/a/b/c", .options = "z"},
        {.source = "/s2", .target = "/a", .options = "ro"},
        {.source = "/s3", .target = "/a/b", .options = "rw,rslave", .read_only = false},
        {.source = "/s4", .target = "/dev/shm", .options = NULL, .read_only = true},
    };
    size_t n;

    (void) state;
    facts.binds = binds;
    facts.nbinds = EDGE_ARRAY_LEN(binds);
    build_ok("{\"HostConfig\":{\"Tmpfs\":{\"/t\":\"\"}}}");
    assert_mount("/a", "bind", "/s2", "[\"rbind\",\"ro\",\"rprivate\"]");
    assert_mount("/a/b", "bind", "/s3", "[\"rbind\",\"rw\",\"rslave\"]");
    assert_mount("/dev/shm", "bind", "/s4", "[\"rbind\",\"ro\",\"rprivate\"]");
    assert_mount("/t", "tmpfs", "tmpfs", "[\"noexec\",\"nosuid\",\"nodev\"]");
    assert_json("linux/rootfsPropagation", "\"rslave\"");
    n = edge_json_len(at("mounts"));
    assert_int_equal(n, 11);
    assert_json("mounts/6/destination", "\"/a\"");
    assert_json("mounts/7/destination", "\"/t\"");
    assert_json("mounts/10/destination", "\"/a/b/c\"");
}

static void test_a_bind_on_dev_replaces_all_of_it(void **state)
{
    static const struct agent_bind bind = {
        .source = "/dev", .target = "/dev", .options = "rshared"};

    (void) state;
    facts.binds = &bind;
    facts.nbinds = 1;
    build_ok("{}");
    assert_null(item("mounts", "destination", "/dev/pts"));
    assert_null(item("mounts", "destination", "/dev/shm"));
    assert_mount("/dev", "bind", "/dev", "[\"rbind\",\"rw\",\"rshared\"]");
    assert_json("linux/rootfsPropagation", "\"shared\"");
}

static void test_tmpfs_options_are_known_ones(void **state)
{
    (void) state;
    build_ok("{\"HostConfig\":{\"Tmpfs\":{\"/t\":\"exec,size=64m,,mode=0700\"}}}");
    assert_mount("/t", "tmpfs", "tmpfs",
                 "[\"nosuid\",\"nodev\",\"exec\",\"size=64m\",\"mode=0700\"]");
    refused("{\"HostConfig\":{\"Tmpfs\":{\"/t\":\"size=1m,lowerdir=/\"}}}", EDGE_EINVALID,
            "HostConfig.Tmpfs./t: `lowerdir=/` is not an option");
    refused("{\"HostConfig\":{\"Tmpfs\":{\"/t\":\"size=\"}}}", EDGE_EINVALID, "`size=`");
}

static void test_namespaces_by_mode(void **state)
{
    (void) state;
    facts.pidns = "/proc/7/ns/pid";
    facts.netns = "/proc/7/ns/net";
    build_ok("{\"HostConfig\":{\"NetworkMode\":\"container:a\",\"PidMode\":\"container:a\","
             "\"IpcMode\":\"host\",\"UTSMode\":\"host\",\"CgroupnsMode\":\"private\"}}");
    assert_json("linux/namespaces",
                "[{\"path\":\"/proc/7/ns/net\",\"type\":\"network\"},{\"type\":\"mount\"},"
                "{\"path\":\"/proc/7/ns/pid\",\"type\":\"pid\"},{\"type\":\"cgroup\"}]");
    assert_json("linux/sysctl", "{}");
    assert_null(at("hostname"));
    assert_mount("/dev/shm", "bind", "/dev/shm", "[\"rbind\",\"rprivate\"]");
    refused("{\"HostConfig\":{\"IpcMode\":\"container:a\"}}", EDGE_EUNAVAILABLE,
            "the ipc namespace of `a` is not there");
    host.abilities |= AGENT_HOST_CGROUP_V2;
    facts.netns = NULL;
    build_ok("{\"HostConfig\":{\"NetworkMode\":\"host\",\"IpcMode\":\"none\"}}");
    assert_json("linux/namespaces", "[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"ipc\"},"
                                    "{\"type\":\"uts\"},{\"type\":\"cgroup\"}]");
    assert_null(item("mounts", "destination", "/dev/shm"));
}

static void test_only_settings_of_namespaces_can_be_set(void **state)
{
    (void) state;
    build_ok("{\"HostConfig\":{\"Sysctls\":{\"net.ipv4.ip_unprivileged_port_start\":\"80\","
             "\"kernel.msgmax\":\"1\",\"fs.mqueue.msg_max\":\"5\"}}}");
    assert_json("linux/sysctl/net.ipv4.ip_unprivileged_port_start", "\"80\"");
    assert_json("linux/sysctl/kernel.msgmax", "\"1\"");
    refused("{\"HostConfig\":{\"Sysctls\":{\"vm.swappiness\":\"1\"}}}", EDGE_EINVALID,
            "HostConfig.Sysctls.vm.swappiness: concerns the whole host");
    refused("{\"HostConfig\":{\"NetworkMode\":\"host\",\"Sysctls\":{\"net.core.somaxconn\":1}}}",
            EDGE_EINVALID, "not with NetworkMode host");
    refused("{\"HostConfig\":{\"IpcMode\":\"host\",\"Sysctls\":{\"kernel.sem\":1}}}", EDGE_EINVALID,
            "not with IpcMode host");
}

static void test_resources(void **state)
{
    (void) state;
    build_ok(
        "{\"HostConfig\":{\"Memory\":67108864,\"MemoryReservation\":33554432,\"NanoCpus\":"
        "1500000000,\"CpuShares\":1,\"CpusetCpus\":\"0-1\",\"PidsLimit\":7,\"BlkioWeight\":500,"
        "\"MemorySwappiness\":0,\"OomKillDisable\":true,\"OomScoreAdj\":-5,"
        "\"CgroupParent\":\"mine/\"}}");
    assert_json("linux/resources/memory",
                "{\"disableOOMKiller\":true,\"limit\":67108864,\"reservation\":33554432,"
                "\"swap\":134217728,\"swappiness\":0}");
    assert_json("linux/resources/cpu",
                "{\"cpus\":\"0-1\",\"period\":100000,\"quota\":150000,\"shares\":2}");
    assert_json("linux/resources/pids", "{\"limit\":7}");
    assert_json("linux/resources/blockIO", "{\"weight\":500}");
    assert_json("process/oomScoreAdj", "-5");
    assert_json("linux/cgroupsPath", "\"/mine/c1\"");
    assert_null(notices.data);
    build_ok("{\"HostConfig\":{\"Memory\":67108864,\"MemorySwap\":-1,\"CpuQuota\":-1}}");
    assert_json("linux/resources/memory", "{\"limit\":67108864,\"swap\":-1}");
    assert_json("linux/resources/cpu", "{\"quota\":-1}");
}

static void test_what_the_host_cannot_do_is_left_out_and_said(void **state)
{
    (void) state;
    host.abilities = AGENT_HOST_MEMORY;
    build_ok("{\"HostConfig\":{\"Memory\":67108864}}");
    assert_json("linux/resources/memory", "{\"limit\":67108864}");
    assert_null(notices.data);
    build_ok("{\"HostConfig\":{\"Init\":true,\"Memory\":67108864,\"MemorySwap\":134217728,"
             "\"MemorySwappiness\":5,\"OomKillDisable\":true,\"CpuShares\":5,\"CpusetCpus\":\"0\","
             "\"PidsLimit\":5,\"BlkioWeight\":50}}");
    assert_json("linux/resources/memory", "{\"limit\":67108864}");
    assert_json("linux/resources/cpu", "{}");
    assert_null(at("linux/resources/pids"));
    assert_null(at("linux/resources/blockIO"));
    assert_json("linux/sysctl", "{}");
    assert_non_null(strstr(notices.data, "Init has no effect"));
    assert_non_null(strstr(notices.data, "MemorySwap has no effect"));
    assert_non_null(strstr(notices.data, "MemorySwappiness has no effect"));
    assert_non_null(strstr(notices.data, "OomKillDisable has no effect"));
    assert_non_null(strstr(notices.data, "CPU limits have no effect"));
    assert_non_null(strstr(notices.data, "CpusetCpus has no effect"));
    assert_non_null(strstr(notices.data, "PidsLimit has no effect"));
    assert_non_null(strstr(notices.data, "BlkioWeight has no effect"));
    host.abilities = 0;
    build_ok("{\"HostConfig\":{\"Memory\":67108864}}");
    assert_null(at("linux/resources/memory"));
    assert_non_null(strstr(notices.data, "Memory limits have no effect"));
}

static void test_devices_are_made_and_allowed(void **state)
{
    const struct agent_device_node node = {.path = "/dev/tty9",
                                           .type = 'c',
                                           .major = 4,
                                           .minor = 9,
                                           .mode = 020660,
                                           .uid = 1,
                                           .gid = 5,
                                           .access = "rw"};
    struct edge_json *rules;
    EDGE_CLEANUP(edge_free) char *device = NULL;
    EDGE_CLEANUP(edge_free) char *rule = NULL;

    (void) state;
    facts.devices = &node;
    facts.ndevices = 1;
    build_ok("{\"HostConfig\":{\"DeviceCgroupRules\":[\"c 10:* rwm\",\"a *:3 r\"]}}");
    assert_json("linux/devices", "[{\"fileMode\":432,\"gid\":5,\"major\":4,\"minor\":9,"
                                 "\"path\":\"/dev/tty9\",\"type\":\"c\",\"uid\":1}]");
    rules = at("linux/resources/devices");
    device = edge_json_canonical(edge_json_at(rules, edge_json_len(rules) - 3));
    assert_string_equal(
        device, "{\"access\":\"rw\",\"allow\":true,\"major\":4,\"minor\":9,\"type\":\"c\"}");
    rule = edge_json_canonical(edge_json_at(rules, edge_json_len(rules) - 2));
    assert_string_equal(rule, "{\"access\":\"rwm\",\"allow\":true,\"major\":10,\"type\":\"c\"}");
}

static void test_limits_and_groups(void **state)
{
    uint32_t groups[] = {1001, 20};

    (void) state;
    user.uid = 1000;
    user.gid = 1001;
    user.groups = groups;
    user.ngroups = 2;
    build_ok("{\"HostConfig\":{\"Ulimits\":[{\"Name\":\"nofile\",\"Soft\":1,\"Hard\":2},"
             "{\"Name\":\"core\",\"Hard\":-1},{\"Name\":\"nofile\",\"Soft\":3,\"Hard\":4}]}}");
    assert_json("process/rlimits",
                "[{\"hard\":4,\"soft\":3,\"type\":\"RLIMIT_NOFILE\"},{\"hard\":"
                "18446744073709551615,\"soft\":18446744073709551615,\"type\":\"RLIMIT_CORE\"}]");
    assert_json("process/user", "{\"additionalGids\":[1001,20],\"gid\":1001,\"uid\":1000}");
}

static void test_an_init_program_is_mounted_and_run(void **state)
{
    (void) state;
    facts.init_path = "/usr/bin/tini";
    build_ok("{\"HostConfig\":{\"Init\":true}}");
    assert_json("process/args", "[\"/sbin/docker-init\",\"--\",\"/run\"]");
    assert_mount("/sbin/docker-init", "bind", "/usr/bin/tini",
                 "[\"bind\",\"ro\",\"nosuid\",\"nodev\"]");
    build_ok("{\"HostConfig\":{\"Init\":true,\"PidMode\":\"host\"}}");
    assert_json("process/args", "[\"/run\"]");
    image = "{}";
    refused("{\"HostConfig\":{\"Init\":true}}", EDGE_EINVALID, "Cmd: neither");
}

static void test_a_check_runs_like_the_module(void **state)
{
    static const char text[] = "{\"process\":{\"terminal\":true,\"user\":{\"uid\":5},\"args\":["
                               "\"/run\"],\"env\":[\"A=1\"],\"cwd\":\"/w\"},\"root\":{}}";
    char *argv[] = {(char *) (uintptr_t) "sh", (char *) (uintptr_t) "-c", NULL};
    EDGE_CLEANUP(edge_free) char *process = NULL;

    (void) state;
    assert_int_equal(agent_spec_exec_process(text, argv, &process, &err), 0);
    assert_int_equal(edge_json_parse(process, strlen(process), &spec, NULL), 0);
    assert_json("", "{\"args\":[\"sh\",\"-c\"],\"cwd\":\"/w\",\"env\":[\"A=1\"],\"terminal\":false,"
                    "\"user\":{\"uid\":5}}");
    assert_int_equal(agent_spec_exec_process(text, argv + 2, &process, &err), EDGE_EINVALID);
    assert_int_equal(agent_spec_exec_process("{}", argv, &process, &err), EDGE_EINVALID);
    assert_int_equal(agent_spec_exec_process("{", argv, &process, &err), EDGE_EINVALID);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_defaults_are_dockers),
        TEST(test_commands_meet_as_docker_has_it),
        TEST(test_environments_merge_in_order),
        TEST(test_working_directory_and_names),
        TEST(test_capabilities),
        TEST(test_privileged_takes_the_fences_away),
        TEST(test_the_system_call_filter),
        TEST(test_security_options),
        TEST(test_a_profile_is_settled_for_this_host),
        TEST(test_binds_come_by_depth_and_replace_defaults),
        TEST(test_a_bind_on_dev_replaces_all_of_it),
        TEST(test_tmpfs_options_are_known_ones),
        TEST(test_namespaces_by_mode),
        TEST(test_only_settings_of_namespaces_can_be_set),
        TEST(test_resources),
        TEST(test_what_the_host_cannot_do_is_left_out_and_said),
        TEST(test_devices_are_made_and_allowed),
        TEST(test_limits_and_groups),
        TEST(test_an_init_program_is_mounted_and_run),
        TEST(test_a_check_runs_like_the_module),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
