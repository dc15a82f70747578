#include "hub/store/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

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

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
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

/* What was renamed stays so. */
static int sync_folder(const char *path)
{
    EDGE_CLEANUP(edge_free) char *folder = strndup(path, (size_t) (base_of(path) - path));
    EDGE_CLEANUP(edge_close)
    int fd = folder ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

    return fd >= 0 && fsync(fd) == 0 ? 0 : -EIO;
}

static const char *const companions[] = {"-wal", "-shm", ""};

/* Renamed together, so that the log still belongs to its file. The file itself goes last: cut
 * short, the next open finds it damaged still. */
static int move(const char *from, const char *to)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(companions); i++) {
        EDGE_CLEANUP(edge_free) char *old = edge_format("%s%s", from, companions[i]);
        EDGE_CLEANUP(edge_free) char *new = edge_format("%s%s", to, companions[i]);

        if (!old || !new)
            return -ENOMEM;
        if (rename(old, new) < 0 && errno != ENOENT)
            return -errno;
    }
    return sync_folder(from);
}

/* "hub.db.broken-20240131T120000.123456Z": names sort by age. */
static char *broken_name(const char *path)
{
    struct timespec now;
    struct tm utc;
    char stamp[24] = "";

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    (void) strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &utc);
    return edge_format("%s.broken-%s.%06ldZ", path, stamp, now.tv_nsec / 1000);
}

bool hub_disk_has(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 ? errno != ENOENT : st.st_size > 0;
}

void hub_disk_remove(const char *path)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(companions); i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("%s%s", path, companions[i]);

        if (name)
            (void) unlink(name);
    }
}

int hub_disk_settle(const char *path, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *new = edge_format("%s.new", path);

    if (!new)
        return -ENOMEM;
    if (access(path, F_OK) == 0)
        hub_disk_remove(new);
    else if (access(new, F_OK) == 0 && (rename(new, path) < 0 || sync_folder(path) < 0))
        return edge_fail(err, EDGE_ESTORE, "cannot rename %s: %s", new, strerror(errno));
    return 0;
}

int hub_disk_put(const char *from, const char *path, struct edge_err *err)
{
    hub_disk_remove(path); /* a log without its file, which must not become the new one's */
    if (sync_folder(path) < 0 || rename(from, path) < 0 || sync_folder(path) < 0)
        return edge_fail(err, EDGE_ESTORE, "cannot rename %s: %s", from, strerror(errno));
    hub_disk_remove(from); /* the files beside it */
    return 0;
}

static void remove_old(const char *folder, const char *name)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s%s", folder, name);

    if (path)
        hub_disk_remove(path);
}

static int is_broken(const struct dirent *entry)
{
    const char *mark = strstr(entry->d_name, ".broken-");

    return mark && entry->d_name[strlen(entry->d_name) - 1] == 'Z';
}

static void forget_old(const char *path)
{
    EDGE_CLEANUP(edge_free) char *folder = strndup(path, (size_t) (base_of(path) - path));
    struct dirent **entries = NULL;
    int n = folder ? scandir(folder, &entries, is_broken, alphasort) : 0;

    for (int i = 0; i < n; i++) {
        if (i < n - KEPT)
            remove_old(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

int hub_disk_set_aside(const char *path, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *name = broken_name(path);
    int rc = name ? move(path, name) : -ENOMEM;

    if (rc < 0)
        return edge_fail(err, rc == -ENOMEM ? rc : EDGE_ESTORE,
                         "%s is damaged and cannot be moved out of the way: %s", path,
                         edge_strerror(rc));
    forget_old(path);
    *ret = EDGE_TAKE(name);
    return 0;
}
