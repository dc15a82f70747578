#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "agent/state/store.h"

enum { KEPT = 3 }; /* damaged files left for who wants to look into them */

static const char *const companions[] = {"-wal", "-shm", "-journal", ""};

/* "agent.db.bad-20240131T120000.123456Z": names sort by age. */
static char *bad_name(const char *path)
{
    struct timespec now;
    struct tm utc;
    char stamp[24] = "";

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    (void) strftime(stamp, sizeof stamp, "%Y%m%dT%H%M%S", &utc);
    return edge_format("%s.bad-%s.%06ldZ", path, stamp, now.tv_nsec / 1000);
}

/* The file itself goes last: cut short, the next open finds it damaged still. */
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
    return 0;
}

static void remove_all(const char *folder, const char *name)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(companions); i++) {
        EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s%s", folder, name, companions[i]);

        if (path)
            (void) unlink(path);
    }
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* What scandir compares with; it takes no argument of ours. Loop thread only, as the room is. */
static const char *wanted;

static int is_aside(const struct dirent *entry)
{
    size_t len = strlen(wanted);

    return strncmp(entry->d_name, wanted, len) == 0 &&
           strncmp(entry->d_name + len, ".bad-", 5) == 0 && !strstr(entry->d_name, "Z-");
}

static void forget_old(const char *path)
{
    const char *base = base_of(path);
    EDGE_CLEANUP(edge_free)
    char *folder = base == path ? edge_strdup(".") : strndup(path, (size_t) (base - path));
    struct dirent **entries = NULL;
    int n;

    if (!folder)
        return;
    wanted = base;
    n = scandir(folder, &entries, is_aside, alphasort);
    for (int i = 0; i < n; i++) {
        if (i < n - KEPT)
            remove_all(folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

int state_set_aside(const char *path, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *name = bad_name(path);
    int rc = name ? move(path, name) : -ENOMEM;

    if (rc < 0)
        return edge_fail(err, rc == -ENOMEM ? rc : EDGE_ESTORE,
                         "%s is damaged and cannot be moved out of the way: %s", path,
                         edge_strerror(rc));
    forget_old(path);
    *ret = EDGE_TAKE(name);
    return 0;
}
