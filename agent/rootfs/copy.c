#include "agent/rootfs/copy.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/base/file.h"

enum {
    DEPTH_MAX = 100, /* two descriptors each */
    XATTR_MAX = 64 * 1024,
    CHUNK = 64 * 1024,
};

static int fail(struct edge_err *err, const char *name, int rc)
{
    return edge_fail(err, rc, "cannot copy %.200s from the image: %s", name, edge_strerror(rc));
}

/* What belongs to the host's way of labelling files, not to the file. */
static bool is_foreign(const char *name)
{
    return strcmp(name, "security.selinux") == 0 || strncmp(name, "trusted.", 8) == 0;
}

static int copy_xattr(int from, int to, const char *name, char *value)
{
    ssize_t len = fgetxattr(from, name, value, XATTR_MAX);

    if (len < 0)
        return errno == ENODATA || errno == ERANGE ? 0 : -errno;
    if (fsetxattr(to, name, value, (size_t) len, 0) < 0 && errno != ENOTSUP && errno != EPERM)
        return -errno;
    return 0;
}

static int copy_xattrs(int from, int to)
{
    EDGE_CLEANUP(edge_free) char *names = NULL;
    EDGE_CLEANUP(edge_free) char *value = NULL;
    ssize_t len = flistxattr(from, NULL, 0);
    int rc = 0;

    if (len <= 0)
        return len == 0 || errno == ENOTSUP ? 0 : -errno;
    names = malloc(XATTR_MAX);
    value = malloc(XATTR_MAX);
    if (!names || !value)
        return -ENOMEM;
    len = flistxattr(from, names, XATTR_MAX);
    for (char *name = names; rc == 0 && name < names + len; name += strlen(name) + 1) {
        if (!is_foreign(name))
            rc = copy_xattr(from, to, name, value);
    }
    return rc;
}

/* Owner first: a change of owner takes set-uid bits and file capabilities away. */
static int copy_attributes(int from, int to, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    int rc;

    if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
        return -errno;
    rc = copy_xattrs(from, to);
    if (rc == 0 && futimens(to, times) < 0)
        rc = -errno;
    return rc;
}

static int copy_by_reading(int from, int to)
{
    EDGE_CLEANUP(edge_free) char *chunk = malloc(CHUNK);

    if (!chunk)
        return -ENOMEM;
    for (;;) {
        ssize_t n = read(from, chunk, CHUNK);
        int rc;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        rc = edge_write_all(to, chunk, (size_t) n);
        if (rc < 0)
            return rc;
    }
}

static int copy_data(int from, int to)
{
    for (;;) {
        ssize_t n = copy_file_range(from, NULL, to, NULL, (size_t) 1 << 30, 0);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* not between these file systems: both stand where the last byte went */
            return errno == ENOSPC || errno == EDQUOT || errno == EIO ? -errno
                                                                      : copy_by_reading(from, to);
        if (n == 0)
            return copy_by_reading(from, to); /* some kernels say 0 for what they cannot copy */
    }
}

static int copy_file(int from_dir, int to_dir, const char *name)
{
    EDGE_CLEANUP(edge_close) int from = -1;
    EDGE_CLEANUP(edge_close) int to = -1;
    struct stat st;
    int rc;

    from = openat(from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (from < 0 || fstat(from, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EINVAL;
    to = openat(to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return -errno;
    rc = copy_data(from, to);
    return rc < 0 ? rc : copy_attributes(from, to, &st);
}

static int copy_link(int from_dir, int to_dir, const char *name, const struct stat *st)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    char target[PATH_MAX];
    ssize_t len = readlinkat(from_dir, name, target, sizeof target - 1);

    if (len < 0)
        return -errno;
    target[len] = '\0';
    if (symlinkat(target, to_dir, name) < 0 ||
        fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    (void) utimensat(to_dir, name, times, AT_SYMLINK_NOFOLLOW);
    return 0;
}

static int copy_fifo(int to_dir, const char *name, const struct stat *st)
{
    if (mkfifoat(to_dir, name, 0600) < 0 ||
        fchownat(to_dir, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ||
        fchmodat(to_dir, name, st->st_mode & 07777, 0) < 0)
        return -errno;
    return 0;
}

static int copy_folder(int from, int to, int depth, struct edge_err *err);

static int copy_subfolder(int from_dir, int to_dir, const char *name, int depth,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int from = -1;
    EDGE_CLEANUP(edge_close) int to = -1;

    if (depth >= DEPTH_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the image's folders are nested deeper than %d levels",
                         DEPTH_MAX);
    from = openat(from_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (from < 0)
        return fail(err, name, -errno);
    if (mkdirat(to_dir, name, 0700) < 0)
        return fail(err, name, -errno);
    to = openat(to_dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return fail(err, name, -errno);
    return copy_folder(from, to, depth + 1, err);
}

static int copy_entry(int from, int to, const char *name, int depth, struct edge_err *err)
{
    struct stat st;
    int rc = 0;

    if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return fail(err, name, -errno);
    if (S_ISDIR(st.st_mode))
        return copy_subfolder(from, to, name, depth, err);
    if (S_ISREG(st.st_mode))
        rc = copy_file(from, to, name);
    else if (S_ISLNK(st.st_mode))
        rc = copy_link(from, to, name, &st);
    else if (S_ISFIFO(st.st_mode))
        rc = copy_fifo(to, name, &st);
    return rc < 0 ? fail(err, name, rc) : 0;
}

static int copy_entries(int from, int to, int depth, struct edge_err *err)
{
    int fd = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *entry;
    int rc = 0;

    if (!dir) {
        rc = -errno;
        edge_close(fd);
        return fail(err, ".", rc);
    }
    while (rc == 0) {
        errno = 0;
        entry = readdir(dir);
        if (!entry) {
            rc = errno ? fail(err, ".", -errno) : 0;
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = copy_entry(from, to, entry->d_name, depth, err);
    }
    closedir(dir);
    return rc;
}

static int copy_folder(int from, int to, int depth, struct edge_err *err)
{
    struct stat st;
    int rc;

    if (fstat(from, &st) < 0)
        return fail(err, ".", -errno);
    rc = copy_entries(from, to, depth, err);
    if (rc < 0)
        return rc;
    rc = copy_attributes(from, to, &st);
    return rc < 0 ? fail(err, ".", rc) : 0;
}

int rootfs_copy(int from, int to, struct edge_err *err)
{
    return copy_folder(from, to, 0, err);
}
