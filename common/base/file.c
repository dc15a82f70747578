#include "common/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_fd(int fd, struct edge_buf *buf)
{
    char chunk[16384];

    for (;;) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        int rc;

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        rc = edge_buf_append(buf, chunk, (size_t) n);
        if (rc < 0 || n == 0)
            return rc;
    }
}

int edge_file_read(const char *path, struct edge_buf *buf, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    int rc = fd < 0 ? -errno : read_fd(fd, buf);

    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "%s is larger than %zu bytes", path, buf->max);
    if (rc < 0)
        return edge_fail(err, rc, "cannot read %s: %s", path, edge_strerror(rc));
    return 0;
}

int edge_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;

    while (len > 0) {
        ssize_t n = write(fd, at, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        at += n;
        len -= (size_t) n;
    }
    return 0;
}

int edge_sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t) (slash - path) : 0;

    if (len >= sizeof folder)
        return -ENAMETOOLONG;
    memcpy(folder, path, len);
    folder[len] = '\0';
    if (len == 0)
        (void) snprintf(folder, sizeof folder, "%s", slash ? "/" : ".");

    EDGE_CLEANUP(edge_close) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    return fsync(fd) < 0 ? -errno : 0;
}

/* A file that a crash has left under this name may have another mode: it goes first. */
static int write_and_sync(const char *path, const void *data, size_t len, mode_t mode)
{
    EDGE_CLEANUP(edge_close) int fd = -1;
    int rc;

    if (unlink(path) < 0 && errno != ENOENT)
        return -errno;
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0 || fchmod(fd, mode) < 0)
        return -errno;
    rc = edge_write_all(fd, data, len);
    if (rc == 0 && fsync(fd) < 0)
        rc = -errno;
    return rc;
}

int edge_file_write(const char *path, const void *data, size_t len, mode_t mode,
                    struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *temp = edge_format("%s.new", path);
    int rc;

    if (!temp)
        return -ENOMEM;
    rc = write_and_sync(temp, data, len, mode);
    if (rc == 0 && rename(temp, path) < 0)
        rc = -errno;
    if (rc < 0) {
        (void) unlink(temp);
        return edge_fail(err, rc, "cannot write %s: %s", path, edge_strerror(rc));
    }
    rc = edge_sync_folder_of(path);
    if (rc < 0)
        return edge_fail(err, rc, "cannot sync the folder of %s: %s", path, edge_strerror(rc));
    return 0;
}

static int make_one(const char *path, mode_t mode)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    if (errno != EEXIST)
        return -errno;
    return stat(path, &st) == 0 && !S_ISDIR(st.st_mode) ? -ENOTDIR : 0;
}

int edge_mkdirs(const char *path, mode_t mode, struct edge_err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof part)
        return edge_fail(err, -ENAMETOOLONG, "bad folder name %.64s", path);
    memcpy(part, path, len + 1);
    for (char *at = part + 1;; at++) {
        char saved = *at;
        int rc;

        if (saved != '/' && saved != '\0')
            continue;
        *at = '\0';
        rc = make_one(part, mode);
        if (rc < 0)
            return edge_fail(err, rc, "cannot make folder %s: %s", part, edge_strerror(rc));
        *at = saved;
        if (saved == '\0')
            return 0;
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void) st;
    (void) kind;
    (void) where;
    return remove(path) < 0 && errno != ENOENT ? -1 : 0;
}

int edge_remove_tree(const char *path, struct edge_err *err)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0 && errno != ENOENT)
        return edge_fail(err, -errno, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

char *edge_beside(const char *program)
{
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    char *slash = len > 0 ? memrchr(self, '/', (size_t) len) : NULL;

    return slash ? edge_format("%.*s/%s", (int) (slash - self), self, program) : NULL;
}
