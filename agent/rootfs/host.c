#include "agent/rootfs/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/base/file.h"

enum { SMALL_FILE = 64 * 1024 };

static bool exists(const char *root, const char *name)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", root, name);

    return n > 0 && (size_t) n < sizeof path && access(path, F_OK) == 0;
}

/* The whole of a small file, to be freed by the caller with edge_buf_fini; empty when unreadable.
 */
static const char *read_small(const char *path, struct edge_buf *buf)
{
    edge_buf_init(buf, SMALL_FILE);
    return edge_file_read(path, buf, NULL) == 0 && buf->data ? buf->data : "";
}

/* --- cgroups --- */

struct file_ability {
    const char *file;
    unsigned ability;
};

static unsigned by_files(const char *root, const struct file_ability *table, size_t len)
{
    unsigned abilities = 0;

    for (size_t i = 0; i < len; i++) {
        if (exists(root, table[i].file))
            abilities |= table[i].ability;
    }
    return abilities;
}

static unsigned probe_v1(const char *root)
{
    static const struct file_ability table[] = {
        {"memory/memory.limit_in_bytes", AGENT_HOST_MEMORY},
        {"memory/memory.memsw.limit_in_bytes", AGENT_HOST_SWAP},
        {"memory/memory.swappiness", AGENT_HOST_SWAPPINESS},
        {"memory/memory.oom_control", AGENT_HOST_OOM_CONTROL},
        {"cpu/cpu.shares", AGENT_HOST_CPU},
        {"cpuset/cpuset.cpus", AGENT_HOST_CPUSET},
        {"pids/tasks", AGENT_HOST_PIDS},
        {"blkio/blkio.weight", AGENT_HOST_BLKIO_WEIGHT},
        {"blkio/blkio.bfq.weight", AGENT_HOST_BLKIO_WEIGHT},
    };

    return by_files(root, table, EDGE_ARRAY_LEN(table));
}

static bool lists_word(const char *words, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = words + strspn(words, " \n"); *at; at += strspn(at, " \n")) {
        size_t part = strcspn(at, " \n");

        if (part == len && strncmp(at, word, len) == 0)
            return true;
        at += part;
    }
    return false;
}

/* The root of a v2 tree shows no limits: any group below it will do. */
static unsigned probe_v2_group(const char *root)
{
    static const struct file_ability table[] = {
        {"memory.swap.max", AGENT_HOST_SWAP},
        {"io.weight", AGENT_HOST_BLKIO_WEIGHT},
        {"io.bfq.weight", AGENT_HOST_BLKIO_WEIGHT},
    };
    DIR *dir = opendir(root);
    const struct dirent *entry;
    unsigned abilities = 0;

    while (dir && (entry = readdir(dir)) && abilities == 0) {
        char path[PATH_MAX];

        if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
            continue;
        if ((size_t) snprintf(path, sizeof path, "%s/%s", root, entry->d_name) < sizeof path)
            abilities = by_files(path, table, EDGE_ARRAY_LEN(table));
    }
    if (dir)
        closedir(dir);
    return abilities;
}

static unsigned probe_v2(const char *root)
{
    static const struct file_ability controllers[] = {
        {"memory", AGENT_HOST_MEMORY},
        {"cpu", AGENT_HOST_CPU},
        {"cpuset", AGENT_HOST_CPUSET},
        {"pids", AGENT_HOST_PIDS},
    };
    unsigned abilities = AGENT_HOST_CGROUP_V2 | probe_v2_group(root);
    char path[PATH_MAX];
    struct edge_buf buf;
    const char *words;

    (void) snprintf(path, sizeof path, "%s/cgroup.controllers", root);
    words = read_small(path, &buf);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(controllers); i++) {
        if (lists_word(words, controllers[i].file))
            abilities |= controllers[i].ability;
    }
    edge_buf_fini(&buf);
    return abilities;
}

unsigned rootfs_probe_cgroups(const char *root)
{
    struct statfs fs;

    if (statfs(root, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC)
        return probe_v2(root);
    return probe_v1(root);
}

/* --- the kernel --- */

static uint64_t bounding_set(void)
{
    uint64_t caps = 0;

    for (unsigned bit = 0; bit < 64; bit++) {
        int have = prctl(PR_CAPBSET_READ, bit, 0, 0, 0);

        if (have < 0)
            break;
        if (have > 0)
            caps |= UINT64_C(1) << bit;
    }
    return caps;
}

/* A filter at no address is refused for its address, unless there are no filters. */
static bool has_seccomp(void)
{
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) < 0 && errno == EFAULT;
}

static bool has_apparmor(void)
{
    struct edge_buf buf;
    const char *text = read_small("/sys/module/apparmor/parameters/enabled", &buf);
    bool enabled = *text == 'Y';

    edge_buf_fini(&buf);
    return enabled && access("/sys/kernel/security/apparmor", F_OK) == 0;
}

/* A text that outlives the call. */
static const char *machine_name(const char *machine)
{
    static const char *const known[] = {"x86_64", "aarch64", "armv8l", "armv7l",
                                        "armv6l", "riscv64", "i686",   "i386"};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (strcmp(machine, known[i]) == 0)
            return known[i];
    }
    return "unknown";
}

static void probe_kernel(struct agent_host *host)
{
    struct utsname name;
    unsigned major = 0;
    unsigned minor = 0;

    host->machine = "unknown";
    if (uname(&name) < 0)
        return;
    host->machine = machine_name(name.machine);
    if (sscanf(name.release, "%5u.%3u", &major, &minor) == 2)
        host->kernel = major << 8 | (minor & 0xff);
}

void rootfs_probe_host(struct agent_host *ret)
{
    *ret = (struct agent_host){.capabilities = bounding_set()};
    probe_kernel(ret);
    ret->abilities = rootfs_probe_cgroups("/sys/fs/cgroup");
    if (has_seccomp())
        ret->abilities |= AGENT_HOST_SECCOMP;
    if (has_apparmor())
        ret->abilities |= AGENT_HOST_APPARMOR;
    if (exists("/proc/sys/net/ipv4", "ping_group_range"))
        ret->abilities |= AGENT_HOST_PING_RANGE;
    if (exists("/proc/sys/net/ipv4", "ip_unprivileged_port_start"))
        ret->abilities |= AGENT_HOST_LOW_PORTS;
}
