#include "agent/logs/names.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool log_name_ok(const char *text)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t len = strlen(text);

    return len > 0 && len <= LOG_NAME_MAX && text[0] != '.' && strspn(text, allowed) == len;
}

void log_file_name(char file[LOG_FILE_NAME], const char *name, int slot, bool gz)
{
    if (slot == 0)
        (void) snprintf(file, LOG_FILE_NAME, "%.*s.log", LOG_NAME_MAX, name);
    else
        (void) snprintf(file, LOG_FILE_NAME, "%.*s.log.%d%s", LOG_NAME_MAX, name, slot,
                        gz ? ".gz" : "");
}

int log_file_slot(const char *file, const char *name, bool *ret_gz)
{
    char again[LOG_FILE_NAME];
    size_t len = strlen(name);
    long slot;

    if (strncmp(file, name, len) != 0 || strncmp(file + len, ".log", 4) != 0)
        return -1;
    file += len + 4;
    *ret_gz = false;
    if (*file == '\0')
        return 0;
    slot = *file == '.' ? strtol(file + 1, NULL, 10) : 0;
    if (slot < 1 || slot > LOG_SLOTS_MAX)
        return -1;
    *ret_gz = strstr(file, ".gz") != NULL;
    log_file_name(again, name, (int) slot, *ret_gz); /* refuses .01, .1x and .1.gz.tmp */
    return strcmp(again + len + 4, file) == 0 ? (int) slot : -1;
}

static bool exists(int dir, const char *name, int slot, bool gz)
{
    char file[LOG_FILE_NAME];

    log_file_name(file, name, slot, gz);
    return faccessat(dir, file, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

bool log_slot_taken(int dir, const char *name, int slot)
{
    return exists(dir, name, slot, false) || exists(dir, name, slot, true);
}

static void drop(int dir, const char *name, int slot)
{
    char file[LOG_FILE_NAME];

    log_file_name(file, name, slot, false);
    (void) unlinkat(dir, file, 0);
    log_file_name(file, name, slot, true);
    (void) unlinkat(dir, file, 0);
}

static void move(int dir, const char *name, int slot, bool gz)
{
    char from[LOG_FILE_NAME];
    char to[LOG_FILE_NAME];

    log_file_name(from, name, slot, gz);
    log_file_name(to, name, slot + 1, gz);
    (void) renameat(dir, from, dir, to);
}

void log_slots_shift(int dir, const char *name, int last)
{
    int gap = 1;

    while (gap < last && log_slot_taken(dir, name, gap))
        gap++;
    drop(dir, name, gap); /* only the last can be taken */
    for (int slot = gap - 1; slot >= 1; slot--) {
        move(dir, name, slot, false);
        move(dir, name, slot, true);
    }
}

/* Is this file of no more use? */
static bool stale(int dir, const char *file, const char *name, int last)
{
    char tmp[LOG_FILE_NAME];
    bool gz = false;
    int slot = log_file_slot(file, name, &gz);

    if (slot > 0)
        return slot > last || (gz && exists(dir, name, slot, false));
    (void) snprintf(tmp, sizeof tmp, "%.*s.log.tmp", LOG_NAME_MAX, name);
    return strcmp(file, tmp) == 0;
}

void log_slots_repair(int dir, const char *name, int last)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;

    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (stale(dir, entry->d_name, name, last))
            (void) unlinkat(dir, entry->d_name, 0);
    }
    closedir(folder);
}

int log_slots_plain(int dir, const char *name, int last)
{
    for (int slot = last; slot >= 1; slot--) {
        if (exists(dir, name, slot, false))
            return slot;
    }
    return 0;
}
