#include "common/base/aside.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/file.h"

enum { NAME_SIZE = 256 };

static const char *const endings[] = {"", "-wal", "-shm", "-journal"};

/* Names sort by age behind the mark. */
static char *name_aside(const char *path, const char *mark)
{
    struct timespec now;
    struct tm utc;
    char stamp[24] = "";

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    (void) strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &utc);
    return edge_format("%s%s%s.%06ldZ", path, mark, stamp, now.tv_nsec / 1000);
}

static int move(const char *from, const char *to)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(endings); i++) {
        EDGE_CLEANUP(edge_free) char *old = edge_format("%s%s", from, endings[i]);
        EDGE_CLEANUP(edge_free) char *new = edge_format("%s%s", to, endings[i]);
        int rc;

        if (!old || !new)
            return -ENOMEM;
        if (rename(old, new) < 0) {
            if (errno != ENOENT)
                return -errno;
            continue;
        }
        rc = edge_sync_folder_of(from);
        if (rc < 0)
            return rc;
    }
    return 0;
}

void edge_remove_with_log(const char *path)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(endings); i++) {
        EDGE_CLEANUP(edge_free) char *name = edge_format("%s%s", path, endings[i]);

        if (name)
            (void) unlink(name);
    }
}

/* When it was set aside; NULL: it is none of these. */
static const char *stamp_of(const char *name, const char *base, const struct edge_aside *how)
{
    const char *first = how->family ? how->family : base;
    const char *mark = strstr(name, how->mark);

    if (!mark || strncmp(name, first, strlen(first)) != 0 || name[strlen(name) - 1] != 'Z' ||
        (!how->family && mark != name + strlen(first)))
        return NULL;
    return mark + strlen(how->mark);
}

/* @return how many there are */
static unsigned find_oldest(const char *folder, const char *base, const struct edge_aside *how,
                            char *ret)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    unsigned count = 0;

    ret[0] = '\0';
    while (dir && (entry = readdir(dir)) != NULL) {
        const char *stamp = stamp_of(entry->d_name, base, how);

        count += stamp ? 1 : 0;
        if (stamp && (!ret[0] || strcmp(stamp, stamp_of(ret, base, how)) < 0))
            (void) snprintf(ret, NAME_SIZE, "%s", entry->d_name);
    }
    if (dir)
        closedir(dir);
    return count;
}

static void forget_old(const char *path, const struct edge_aside *how)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    EDGE_CLEANUP(edge_free)
    char *folder = slash ? strndup(path, (size_t) (base - path)) : edge_strdup("./");
    char oldest[NAME_SIZE];

    for (unsigned n = folder ? find_oldest(folder, base, how, oldest) : 0; n > how->keep; n--) {
        EDGE_CLEANUP(edge_free) char *old = edge_format("%s%s", folder, oldest);

        if (old)
            edge_remove_with_log(old);
        (void) find_oldest(folder, base, how, oldest);
    }
}

int edge_set_aside(const char *path, const struct edge_aside *how, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *name = name_aside(path, how->mark);
    int rc = name ? move(path, name) : -ENOMEM;

    if (rc < 0)
        return edge_fail(err, rc == -ENOMEM ? rc : EDGE_ESTORE,
                         "%s is damaged and cannot be moved out of the way: %s", path,
                         edge_strerror(rc));
    forget_old(path, how);
    *ret = EDGE_TAKE(name);
    return 0;
}
