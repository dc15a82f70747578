#include "hub/store/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/base/aside.h"
#include "common/base/bytes.h"
#include "common/base/file.h"

enum {
    RESERVE_BYTES = 4 * 1024 * 1024, /* enough for a transaction that deletes */
    KEPT = 2,                        /* broken files, for who wants to look into them */
};

static int lock_folder(struct hub_disk *disk, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/lock", disk->dir);

    if (!path)
        return -ENOMEM;
    disk->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (disk->lock < 0)
        return edge_fail(err, EDGE_ESTORE, "cannot open %s: %s", path, strerror(errno));
    if (flock(disk->lock, LOCK_EX | LOCK_NB) < 0)
        return edge_fail(err, EDGE_ECONFLICT,
                         "%s is in use: another hub runs with this storage folder", disk->dir);
    return 0;
}

static uint64_t avail(const struct hub_disk *disk)
{
    struct statvfs fs;

    return statvfs(disk->dir, &fs) == 0 ? (uint64_t) fs.f_bavail * fs.f_frsize : 0;
}

static void hold_reserve(struct hub_disk *disk)
{
    EDGE_CLEANUP(edge_close)
    int fd = open(disk->reserve, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    disk->given_up = fd < 0 || posix_fallocate(fd, 0, RESERVE_BYTES) != 0;
    if (disk->given_up)
        (void) unlink(disk->reserve);
}

int hub_disk_open(struct hub_disk *disk, const char *dir, uint64_t keep, struct edge_err *err)
{
    int rc = edge_mkdirs(dir, 0700, err);

    *disk = (struct hub_disk){.keep = keep, .lock = -1};
    if (rc < 0)
        return rc == -ENOMEM ? rc : EDGE_ESTORE;
    disk->dir = edge_strdup(dir);
    disk->reserve = edge_format("%s/reserve", dir);
    disk->suspect = edge_format("%s/suspect", dir);
    if (!disk->dir || !disk->reserve || !disk->suspect)
        return -ENOMEM;
    rc = lock_folder(disk, err);
    if (rc == 0)
        hold_reserve(disk);
    return rc;
}

void hub_disk_fini(struct hub_disk *disk)
{
    disk->lock = edge_close(disk->lock);
    disk->dir = edge_free(disk->dir);
    disk->reserve = edge_free(disk->reserve);
    disk->suspect = edge_free(disk->suspect);
}

uint64_t hub_disk_free(struct hub_disk *disk, uint64_t inside)
{
    uint64_t bytes = avail(disk);

    if (disk->given_up && bytes >= disk->keep + RESERVE_BYTES) {
        hold_reserve(disk);
        bytes = avail(disk);
    }
    return bytes < disk->keep * 2 ? bytes + inside : bytes;
}

void hub_disk_give_up(struct hub_disk *disk)
{
    (void) unlink(disk->reserve);
    disk->given_up = true;
}

bool hub_disk_make_way(struct hub_disk *disk)
{
    if (disk->given_up || avail(disk) >= RESERVE_BYTES)
        return false;
    hub_disk_give_up(disk);
    return true;
}

void hub_disk_suspect(const struct hub_disk *disk)
{
    edge_ignore(edge_file_write(disk->suspect, "", 0, 0600, NULL)); /* a full disk: found again */
}

bool hub_disk_is_suspect(const struct hub_disk *disk)
{
    return access(disk->suspect, F_OK) == 0;
}

void hub_disk_trust(const struct hub_disk *disk)
{
    (void) unlink(disk->suspect);
}

bool hub_disk_has(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 ? errno != ENOENT : st.st_size > 0;
}

/* @return 1, 0: there is none, or negative errno: who knows */
static int is_there(const char *path)
{
    if (access(path, F_OK) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

int hub_disk_settle(const char *path, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *new = edge_format("%s.new", path);
    int there = is_there(path);

    if (!new)
        return -ENOMEM;
    if (there < 0)
        return edge_fail(err, EDGE_ESTORE, "cannot look at %s: %s", path, edge_strerror(there));
    if (there == 0 && is_there(new) == 1)
        return hub_disk_put(new, path, err);
    edge_remove_with_log(new);
    return 0;
}

int hub_disk_put(const char *from, const char *path, struct edge_err *err)
{
    int rc;

    edge_remove_with_log(path); /* a log without its file, which must not become the new one's */
    rc = edge_sync_folder_of(path);
    if (rc == 0 && rename(from, path) < 0)
        rc = -errno;
    if (rc == 0)
        rc = edge_sync_folder_of(path);
    if (rc < 0)
        return edge_fail(err, EDGE_ESTORE, "cannot rename %s: %s", from, edge_strerror(rc));
    edge_remove_with_log(from); /* the files beside it */
    return 0;
}

int hub_disk_sync(const char *path, struct edge_err *err)
{
    int rc = edge_sync_folder_of(path);

    return rc < 0 ? edge_fail(err, EDGE_ESTORE, "cannot sync the folder of %s: %s", path,
                              edge_strerror(rc))
                  : 0;
}

int hub_disk_set_aside(const char *path, const char *family, char **ret, struct edge_err *err)
{
    const struct edge_aside how = {.mark = ".broken-", .family = family, .keep = KEPT};

    return edge_set_aside(path, &how, ret, err);
}
