#include "agent/rootfs/volumes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/rootfs/copy.h"
#include "agent/rootfs/remove.h"
#include "common/base/file.h"
#include "common/crypto/sha256.h"

enum { HASH_DIGITS = 16 };

char *rootfs_volume_named(const char *homedir, const char *name)
{
    return edge_format("%s/volumes/%s", homedir, name);
}

char *rootfs_volume_anonymous(const char *homedir, const char *id, const char *target)
{
    char hex[EDGE_SHA256_HEX];

    edge_sha256_of(target, strlen(target), hex);
    return edge_format("%s/volumes/_anonymous/%s/%.*s", homedir, id, HASH_DIGITS, hex);
}

static int fail(const struct rootfs_volume *volume, int rc, const char *what, struct edge_err *err)
{
    return edge_fail(err, rc, "volume %s: %s: %s", volume->path, what, edge_strerror(rc));
}

static bool exists(int dir, const char *name)
{
    struct stat st;

    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* @return 1 empty, 0 not, or -errno */
static int is_empty(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int empty = 1;

    if (!stream) {
        empty = -errno;
        edge_close(fd);
        return empty;
    }
    while (empty && (entry = readdir(stream)))
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    closedir(stream);
    return empty;
}

/* Make the folder durable, and the entries that lead to it. */
static int sync_parents(const struct rootfs_volume *volume)
{
    static const char *const folders[] = {".", "..", "../..", "../../.."};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(folders); i++) {
        EDGE_CLEANUP(edge_close)
        int fd = openat(volume->fd, folders[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0 || fsync(fd) < 0)
            return -errno;
    }
    return 0;
}

static int remove_below(const struct rootfs_volume *volume, const char *name, struct edge_err *err)
{
    int rc = rootfs_remove(volume->fd, name, err);

    return rc < 0 ? edge_wrap(err, rc, "volume %s", volume->path) : 0;
}

static int lock(struct rootfs_volume *volume)
{
    int rc;

    volume->fd = open(volume->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (volume->fd < 0)
        return -errno;
    do {
        rc = flock(volume->fd, LOCK_EX);
    } while (rc < 0 && errno == EINTR);
    return rc < 0 ? -errno : 0;
}

static int make_data(struct rootfs_volume *volume)
{
    if (mkdirat(volume->fd, "_data", 0755) == 0)
        return sync_parents(volume);
    return errno == EEXIST ? 0 : -errno;
}

int rootfs_volume_init(struct rootfs_volume *volume, char *path, const char *target, bool no_copy)
{
    *volume = (struct rootfs_volume){.path = path, .target = target, .no_copy = no_copy, .fd = -1};
    volume->data = path ? edge_format("%s/_data", path) : NULL;
    if (volume->data)
        return 0;
    rootfs_volume_fini(volume);
    return -ENOMEM;
}

int rootfs_volume_open(struct rootfs_volume *volume, struct edge_err *err)
{
    int rc = edge_mkdirs(volume->path, 0700, err);

    if (rc < 0)
        return rc;
    rc = lock(volume);
    if (rc == 0)
        rc = make_data(volume);
    if (rc < 0)
        return fail(volume, rc, "cannot make its folder", err);
    rc = remove_below(volume, "part", err);
    if (rc == 0)
        rc = rootfs_volume_finish(volume, err);
    if (rc < 0)
        return rc;
    rc = is_empty(volume->fd, "_data");
    if (rc < 0)
        return fail(volume, rc, "cannot read _data", err);
    volume->fill = rc == 1 && !volume->no_copy;
    return 0;
}

void rootfs_volume_fini(struct rootfs_volume *volume)
{
    if (volume->fd >= 0) /* a copy that failed, perhaps for lack of the space it takes */
        (void) rootfs_remove(volume->fd, "part", NULL);
    free(volume->path);
    free(volume->data);
    *volume = (struct rootfs_volume){.fd = edge_close(volume->fd)};
}

static int copy_to_part(const struct rootfs_volume *volume, int from, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int part = -1;
    int rc;

    if (mkdirat(volume->fd, "part", 0700) < 0)
        return fail(volume, -errno, "cannot make its folder `part`", err);
    part = openat(volume->fd, "part", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (part < 0)
        return fail(volume, -errno, "cannot open its folder `part`", err);
    rc = rootfs_copy(from, part, err);
    if (rc < 0)
        return edge_wrap(err, rc, "volume %s", volume->path);
    if (syncfs(part) < 0)
        return fail(volume, -errno, "cannot sync", err);
    return 0;
}

int rootfs_volume_fetch(const struct rootfs_volume *volume, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int from = -1;
    int rc;

    if (!volume->fill)
        return 0;
    from = open(volume->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (from < 0) /* absent, a file, or a link to nothing: there is nothing to bring */
        return 0;
    rc = copy_to_part(volume, from, err);
    if (rc < 0)
        return rc;
    if (renameat(volume->fd, "part", volume->fd, "fill") < 0 || fsync(volume->fd) < 0)
        return fail(volume, -errno, "cannot rename its folder `part`", err);
    return 0;
}

/* One pass over `fill`: every entry goes to `_data`, what is there already stays.
 * @return how many went, or errno */
static int move_pass(int fill, int data)
{
    int fd = openat(fill, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int moved = 0;

    if (!dir) {
        moved = -errno;
        edge_close(fd);
        return moved;
    }
    while (moved >= 0 && (entry = readdir(dir))) {
        const char *name = entry->d_name;

        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || exists(data, name))
            continue;
        moved = renameat(fill, name, data, name) < 0 ? -errno : moved + 1;
    }
    closedir(dir);
    return moved;
}

/* A folder may hide entries from who changes it while reading it: pass until nothing is left. */
static int move_entries(int fill, int data)
{
    int moved;

    do {
        moved = move_pass(fill, data);
    } while (moved > 0);
    return moved;
}

static int move_fill(struct rootfs_volume *volume)
{
    EDGE_CLEANUP(edge_close)
    int fill = openat(volume->fd, "fill", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    EDGE_CLEANUP(edge_close)
    int data = openat(volume->fd, "_data", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    int rc;

    if (fill < 0 || data < 0 || fstat(fill, &st) < 0)
        return -errno;
    rc = move_entries(fill, data);
    if (rc < 0)
        return rc;
    if (fchown(data, st.st_uid, st.st_gid) < 0 || fchmod(data, st.st_mode & 07777) < 0 ||
        fsync(fill) < 0 || fsync(data) < 0)
        return -errno;
    return 0;
}

int rootfs_volume_finish(struct rootfs_volume *volume, struct edge_err *err)
{
    int rc;

    if (!exists(volume->fd, "fill"))
        return 0;
    rc = move_fill(volume);
    if (rc < 0)
        return fail(volume, rc, "cannot move the image's content in", err);
    rc = remove_below(volume, "fill", err);
    if (rc < 0)
        return rc;
    return fsync(volume->fd) < 0 ? fail(volume, -errno, "cannot sync", err) : 0;
}
