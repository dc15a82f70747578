/* hub/store/files.h - every call the log makes to a disk, so that tests can have each of them fail.
 * Any thread. All return 0 (or what they count) or negative errno. */
#ifndef HUB_STORE_FILES_H
#define HUB_STORE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct hub_files {
    int (*open)(const char *path, int flags);
    /** All of it, or an error. */
    int (*write)(int fd, const void *data, size_t len, uint64_t at);
    /** @return bytes read: fewer than @p len only at the end of the file */
    ssize_t (*read)(int fd, void *data, size_t len, uint64_t at);
    int (*sync)(int fd);
    /** Have the disk keep this room, as part of the file. */
    int (*reserve)(int fd, uint64_t len);
    int (*truncate)(int fd, uint64_t len);
    int (*rename)(const char *from, const char *to);
    int (*unlink)(const char *path);
    /** What was made, renamed and removed in this folder stays so. */
    int (*sync_folder)(const char *path);
};

extern const struct hub_files hub_files_real;

/** A disk that gives errors may be well again in a moment: wait for one, each longer.
 * @param tries  of this call; begins with 0   @return false: ten seconds are over */
bool hub_files_again(unsigned *tries);

#endif
