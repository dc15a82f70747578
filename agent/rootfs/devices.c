#include "agent/rootfs/devices.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/json/utf8.h"

enum { DEPTH_MAX = 8 };

void rootfs_devices_fini(struct rootfs_devices *devices)
{
    for (size_t i = 0; i < devices->len; i++) {
        free((void *) (uintptr_t) devices->nodes[i].path);
        free((void *) (uintptr_t) devices->nodes[i].access);
    }
    free(devices->nodes);
    *devices = (struct rootfs_devices){0};
}

static bool has_path(const struct rootfs_devices *devices, const char *path)
{
    for (size_t i = 0; i < devices->len; i++) {
        if (strcmp(devices->nodes[i].path, path) == 0)
            return true;
    }
    return false;
}

static int add(struct rootfs_devices *devices, const struct stat *st, const char *path,
               const char *access)
{
    struct agent_device_node *more;
    struct agent_device_node node = {
        .type = S_ISBLK(st->st_mode) ? 'b' : 'c',
        .major = major(st->st_rdev),
        .minor = minor(st->st_rdev),
        .mode = st->st_mode & 07777,
        .uid = st->st_uid,
        .gid = st->st_gid,
    };

    if (has_path(devices, path))
        return 0;
    if (devices->len >= ROOTFS_MAX_DEVICES)
        return EDGE_ELIMIT;
    more = realloc(devices->nodes, (devices->len + 1) * sizeof *more);
    if (!more)
        return -ENOMEM;
    devices->nodes = more;
    node.path = strdup(path);
    node.access = strdup(access);
    more[devices->len++] = node;
    return node.path && node.access ? 0 : -ENOMEM;
}

/* One walk over a folder of nodes. */
struct walk {
    struct rootfs_devices *devices;
    const char *access;
    bool all; /* for privileged: leave out what a container has of its own */
};

static bool is_own(const char *name)
{
    static const char *const names[] = {"pts",       "shm",     "fd",  "mqueue",
                                        "hugepages", "console", "ptmx"};

    if (*name == '.')
        return true;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int walk_folder(const struct walk *walk, const char *host, const char *container, int depth);

static int walk_entry(const struct walk *walk, const char *name, const char *host,
                      const char *container, int depth)
{
    char from[PATH_MAX];
    char to[PATH_MAX];
    struct stat st;

    if (!edge_utf8_valid(name, strlen(name)) ||
        (size_t) snprintf(from, sizeof from, "%s/%s", host, name) >= sizeof from ||
        (size_t) snprintf(to, sizeof to, "%s/%s", container, name) >= sizeof to)
        return 0;
    if (lstat(from, &st) < 0)
        return 0; /* gone meanwhile: devices come and go */
    if (S_ISDIR(st.st_mode))
        return depth < DEPTH_MAX ? walk_folder(walk, from, to, depth + 1) : 0;
    if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
        return add(walk->devices, &st, to, walk->access);
    return 0;
}

static int walk_folder(const struct walk *walk, const char *host, const char *container, int depth)
{
    DIR *dir = opendir(host);
    const struct dirent *entry;
    int rc = 0;

    if (!dir)
        return depth > 0 ? 0 : -errno;
    while (rc == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (walk->all && is_own(entry->d_name))
            continue;
        rc = walk_entry(walk, entry->d_name, host, container, depth);
    }
    closedir(dir);
    return rc;
}

static int find_folder(struct rootfs_devices *devices, const struct agent_device_option *wanted,
                       struct edge_err *err)
{
    struct walk walk = {.devices = devices, .access = wanted->access};
    size_t before = devices->len;
    int rc = walk_folder(&walk, wanted->host, wanted->container, 0);

    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "HostConfig.Devices: more than %d devices", ROOTFS_MAX_DEVICES);
    if (rc < 0)
        return edge_fail(err, rc, "HostConfig.Devices: cannot read %s: %s", wanted->host,
                         edge_strerror(rc));
    if (devices->len == before)
        return edge_fail(err, EDGE_EINVALID, "HostConfig.Devices: there is no device in %s",
                         wanted->host);
    return 0;
}

int rootfs_devices_find(struct rootfs_devices *devices, const struct agent_device_option *wanted,
                        struct edge_err *err)
{
    struct stat st;
    int rc;

    if (stat(wanted->host, &st) < 0)
        return edge_fail(err, -errno, "HostConfig.Devices: %s: %s", wanted->host,
                         errno == ENOENT ? "there is no such device on this host; is it plugged in?"
                                         : strerror(errno));
    if (S_ISDIR(st.st_mode))
        return find_folder(devices, wanted, err);
    if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
        return edge_fail(err, EDGE_EINVALID, "HostConfig.Devices: %s is not a device",
                         wanted->host);
    rc = add(devices, &st, wanted->container, wanted->access);
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "HostConfig.Devices: more than %d devices", ROOTFS_MAX_DEVICES);
    return rc;
}

int rootfs_devices_add_all(struct rootfs_devices *devices, const char *dev, struct edge_err *err)
{
    struct walk walk = {.devices = devices, .access = "rwm", .all = true};
    int rc = walk_folder(&walk, dev, "/dev", 0);

    if (rc == EDGE_ELIMIT)
        return 0; /* the rest stays away, which is better than no container at all */
    if (rc < 0)
        return edge_fail(err, rc, "cannot read %s: %s", dev, edge_strerror(rc));
    return 0;
}
