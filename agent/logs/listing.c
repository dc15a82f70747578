#include "agent/logs/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/logs/names.h"

enum { TRIES = 20 };

void log_listing_close(struct log_listing *listing)
{
    for (size_t i = 0; i < listing->len; i++)
        edge_close(listing->items[i].fd);
    free(listing->items);
    *listing = (struct log_listing){0};
}

static int highest_slot(DIR *folder, const char *name)
{
    struct dirent *entry;
    int highest = -1;
    bool gz;

    rewinddir(folder);
    while ((entry = readdir(folder)) != NULL) {
        int slot = log_file_slot(entry->d_name, name, &gz);

        if (slot > highest)
            highest = slot;
    }
    return highest;
}

/* @return 0, -ENOENT, or another errno */
static int open_one(int dir, const char *name, int slot, bool gz, struct log_listing *listing)
{
    char file[LOG_FILE_NAME];
    int fd;

    log_file_name(file, name, slot, gz);
    fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return -errno;
    listing->items[listing->len++] = (struct log_source){fd, slot, gz};
    return 0;
}

static int open_slots(int dir, const char *name, int highest, struct log_listing *listing)
{
    listing->items = calloc((size_t) highest + 1, sizeof *listing->items);
    if (!listing->items)
        return -ENOMEM;
    for (int slot = highest; slot >= 0; slot--) {
        int rc = open_one(dir, name, slot, false, listing);

        if (rc == -ENOENT && slot > 0)
            rc = open_one(dir, name, slot, true, listing);
        if (rc < 0 && rc != -ENOENT)
            return rc;
    }
    return 0;
}

/* Do all names still lead to what was opened, and is there no newer file? */
static bool unchanged(int dir, const char *name, const struct log_listing *listing)
{
    for (size_t i = 0; i < listing->len; i++) {
        const struct log_source *source = &listing->items[i];
        char file[LOG_FILE_NAME];
        struct stat by_name;
        struct stat opened;

        log_file_name(file, name, source->slot, source->gz);
        if (fstatat(dir, file, &by_name, AT_SYMLINK_NOFOLLOW) < 0 || fstat(source->fd, &opened) < 0)
            return false;
        if (by_name.st_ino != opened.st_ino || by_name.st_dev != opened.st_dev)
            return false;
    }
    return true;
}

static int try_open(DIR *folder, const char *name, struct log_listing *listing)
{
    int highest = highest_slot(folder, name);
    int rc;

    if (highest < 0)
        return 0;
    rc = open_slots(dirfd(folder), name, highest, listing);
    if (rc < 0)
        return rc;
    return unchanged(dirfd(folder), name, listing) ? 0 : -EAGAIN;
}

int log_listing_open(const char *folder, const char *name, struct log_listing *ret,
                     struct edge_err *err)
{
    DIR *dir = opendir(folder);
    int rc = -EAGAIN;

    *ret = (struct log_listing){0};
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir)
        return edge_fail(err, -errno, "cannot read the log folder %s: %s", folder, strerror(errno));
    for (int i = 0; i < TRIES && rc == -EAGAIN; i++) {
        rc = try_open(dir, name, ret);
        if (rc < 0)
            log_listing_close(ret);
    }
    closedir(dir);
    if (rc < 0)
        return edge_fail(err, rc, "cannot open the logs in %s: %s", folder, edge_strerror(rc));
    return 0;
}

/* A compressed file of ours begins with the fixed part of the header and then the comment. */
static void read_mark(int fd, char mark[LOG_GZIP_MARK])
{
    unsigned char head[10 + LOG_GZIP_MARK];
    ssize_t n = pread(fd, head, sizeof head, 0);
    enum { FLAGS = 3, COMMENT_ONLY = 0x10, FIXED = 10 };

    mark[0] = '\0';
    if (n < FIXED || head[FLAGS] != COMMENT_ONLY || !memchr(head + FIXED, 0, (size_t) n - FIXED))
        return;
    (void) snprintf(mark, LOG_GZIP_MARK, "%s", (const char *) head + FIXED);
}

void log_source_mark(const struct log_source *source, char mark[LOG_GZIP_MARK])
{
    struct stat st;

    mark[0] = '\0';
    if (source->gz)
        read_mark(source->fd, mark);
    else if (fstat(source->fd, &st) == 0)
        log_gzip_mark(mark, &st);
}
