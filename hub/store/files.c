#include "hub/store/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "common/base/attr.h"

enum { PAUSE_MS = 10, TRIES = 10 }; /* twice as long each time: 10.23 s in all */

static int rc_of(int result)
{
    return result < 0 ? -errno : result;
}

static int real_open(const char *path, int flags)
{
    return rc_of(open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600));
}

static int real_write(int fd, const void *data, size_t len, uint64_t at)
{
    const uint8_t *from = data;

    while (len > 0) {
        ssize_t n = pwrite(fd, from, len, (off_t) at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        from += n;
        at += (uint64_t) n;
        len -= (size_t) n;
    }
    return 0;
}

static ssize_t real_read(int fd, void *data, size_t len, uint64_t at)
{
    size_t have = 0;

    while (have < len) {
        ssize_t n = pread(fd, (uint8_t *) data + have, len - have, (off_t) (at + have));

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        have += (size_t) n;
    }
    return (ssize_t) have;
}

static int real_sync(int fd)
{
    return rc_of(fdatasync(fd));
}

static int real_reserve(int fd, uint64_t len)
{
    int rc = rc_of(fallocate(fd, 0, 0, (off_t) len));

    return rc == -EOPNOTSUPP ? 0 : rc; /* then room is found as it is written */
}

static int real_truncate(int fd, uint64_t len)
{
    return rc_of(ftruncate(fd, (off_t) len));
}

static int real_rename(const char *from, const char *to)
{
    return rc_of(rename(from, to));
}

static int real_unlink(const char *path)
{
    return rc_of(unlink(path));
}

static int real_sync_folder(const char *path)
{
    EDGE_CLEANUP(edge_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return fd < 0 ? -errno : rc_of(fsync(fd));
}

const struct hub_files hub_files_real = {
    .open = real_open,
    .write = real_write,
    .read = real_read,
    .sync = real_sync,
    .reserve = real_reserve,
    .truncate = real_truncate,
    .rename = real_rename,
    .unlink = real_unlink,
    .sync_folder = real_sync_folder,
};

bool hub_files_again(unsigned *tries)
{
    uint64_t ms = (uint64_t) PAUSE_MS << *tries;
    struct timespec pause = {.tv_sec = (time_t) (ms / 1000),
                             .tv_nsec = (long) (ms % 1000) * 1000000};

    if (*tries == TRIES)
        return false;
    ++*tries;
    nanosleep(&pause, NULL);
    return true;
}
