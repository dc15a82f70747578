/* A folder that cannot be removed because it holds something is moved up to the top first, so that
 * the tree gets flatter instead of the walk deeper: two descriptors, whatever the depth. */
#include "agent/rootfs/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct removal {
    int top;
    unsigned long next; /* names for folders that are moved up */
    int failed;         /* first errno, negative */
};

static void note(struct removal *removal, int error)
{
    if (removal->failed == 0)
        removal->failed = -error;
}

static DIR *open_folder(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);

    if (!stream)
        edge_close(fd);
    return stream;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* @return 0 gone, 1 a folder that holds something, or -errno */
static int drop(int dir, const char *name)
{
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -errno;
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return 0;
    return errno == ENOTEMPTY || errno == EEXIST ? 1 : -errno;
}

/* A free name at the top; what stands in the way is tried a few times only. */
static int move_up(struct removal *removal, int dir, const char *name)
{
    char fresh[32];

    for (int i = 0; i < 1000; i++) {
        (void) snprintf(fresh, sizeof fresh, "~%lu", removal->next++);
        if (renameat(dir, name, removal->top, fresh) == 0)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
            break;
    }
    return -errno;
}

/* Empty one folder of the top: what holds something moves up. */
static void empty(struct removal *removal, const char *name)
{
    DIR *stream = open_folder(removal->top, name);
    const struct dirent *entry;

    if (!stream) {
        note(removal, errno);
        return;
    }
    while ((entry = readdir(stream))) {
        int rc;

        if (is_dots(entry->d_name))
            continue;
        rc = drop(dirfd(stream), entry->d_name);
        if (rc > 0)
            rc = move_up(removal, dirfd(stream), entry->d_name);
        if (rc < 0)
            note(removal, -rc);
    }
    closedir(stream);
}

/* One pass over the top. @return whether anything went */
static bool pass(struct removal *removal, DIR *stream)
{
    const struct dirent *entry;
    bool progress = false;

    rewinddir(stream);
    while ((entry = readdir(stream))) {
        int rc;

        if (is_dots(entry->d_name))
            continue;
        rc = drop(removal->top, entry->d_name);
        if (rc > 0) {
            empty(removal, entry->d_name);
            rc = drop(removal->top, entry->d_name);
        }
        if (rc < 0)
            note(removal, -rc);
        progress = progress || rc == 0;
    }
    return progress;
}

int rootfs_remove(int dir, const char *name, struct edge_err *err)
{
    DIR *stream = open_folder(dir, name);
    struct removal removal = {0};

    if (!stream)
        return errno == ENOENT
                   ? 0
                   : edge_fail(err, -errno, "cannot remove %s: %s", name, strerror(errno));
    removal.top = dirfd(stream);
    while (pass(&removal, stream))
        continue;
    closedir(stream);
    if (unlinkat(dir, name, AT_REMOVEDIR) == 0)
        return 0;
    if (removal.failed == 0)
        removal.failed = -errno;
    return edge_fail(err, removal.failed, "cannot remove %s: %s", name,
                     edge_strerror(removal.failed));
}
