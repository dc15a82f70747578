#include "tests/unit/hub/power_tape.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FDS = 4096, FOLDER = -2, NONE = -1 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct power_tape *tape; /* NULL: nothing is recorded */
static char folder[256];
static int file_of[FDS]; /* by descriptor: file + 1, or FOLDER */
static struct {
    char name[POWER_NAME];
    int file;
} names[POWER_FILES];
static size_t nnames;
static enum power_fault fault;
static unsigned well, bad; /* calls to come that work, and that fail behind them */
static uint64_t failures;

void power_tape_begin(const char *dir, struct power_tape *ret, const char (*with)[POWER_NAME],
                      const int *files, size_t count, int next_file)
{
    pthread_mutex_lock(&lock);
    memset(file_of, 0, sizeof file_of);
    strncpy(folder, dir, sizeof folder - 1);
    nnames = count;
    for (size_t i = 0; i < count; i++) {
        memcpy(names[i].name, with[i], POWER_NAME);
        names[i].file = files[i];
    }
    ret->files = next_file;
    tape = ret;
    fault = POWER_NO_FAULT;
    pthread_mutex_unlock(&lock);
}

void power_tape_end(void)
{
    pthread_mutex_lock(&lock);
    tape = NULL;
    pthread_mutex_unlock(&lock);
}

void power_tape_free(struct power_tape *old)
{
    for (size_t i = 0; i < old->count; i++)
        free(old->events[i].data);
    free(old->events);
    *old = (struct power_tape){0};
}

size_t power_tape_now(void)
{
    size_t count;

    pthread_mutex_lock(&lock);
    count = tape ? tape->count : 0;
    pthread_mutex_unlock(&lock);
    return count;
}

void power_tape_fault(enum power_fault which, unsigned after, unsigned times)
{
    pthread_mutex_lock(&lock);
    fault = which;
    well = after;
    bad = times;
    pthread_mutex_unlock(&lock);
}

uint64_t power_tape_failures(void)
{
    return failures;
}

/* With the lock. */

static struct power_event *add(enum power_kind kind, int file)
{
    struct power_event *event;

    if (tape->count == tape->size) {
        tape->size = tape->size ? tape->size * 2 : 256;
        tape->events = realloc(tape->events, tape->size * sizeof *tape->events);
        if (!tape->events)
            abort();
    }
    event = &tape->events[tape->count++];
    *event = (struct power_event){.kind = kind, .file = file};
    return event;
}

/* The name in the folder, or NULL: it is none of ours. */
static const char *name_of(const char *path)
{
    size_t len = strlen(folder);

    if (!tape || strncmp(path, folder, len) != 0 || path[len] != '/' || strchr(path + len + 1, '/'))
        return NULL;
    if (path[len + 1] == '\0')
        return NULL; /* the folder */
    if (strlen(path + len + 1) >= POWER_NAME)
        abort();
    return path + len + 1;
}

static int find(const char *name)
{
    for (size_t i = 0; i < nnames; i++) {
        if (strcmp(names[i].name, name) == 0)
            return (int) i;
    }
    return NONE;
}

static int forget(const char *name)
{
    int at = find(name);
    int file = at == NONE ? NONE : names[at].file;

    if (at != NONE)
        names[at] = names[--nnames];
    return file;
}

static void learn(const char *name, int file)
{
    (void) forget(name);
    if (nnames == POWER_FILES)
        abort();
    strcpy(names[nnames].name, name);
    names[nnames++].file = file;
}

static int file_at(int fd)
{
    return tape && fd >= 0 && fd < FDS && file_of[fd] > 0 ? file_of[fd] - 1 : NONE;
}

static bool fails(enum power_fault which)
{
    if (fault != which || bad == 0)
        return false;
    if (well > 0) {
        well--;
        return false;
    }
    bad--;
    failures++;
    return true;
}

static int failed(int code)
{
    errno = code;
    return -1;
}

/* The calls. */

static void opened(int fd, const char *name, int flags)
{
    int at = find(name);

    if (fd >= FDS)
        abort();
    if (at == NONE) {
        strcpy(add(POWER_CREATE, tape->files)->name, name);
        learn(name, tape->files++);
        at = find(name);
    } else if (flags & O_TRUNC) {
        (void) add(POWER_LENGTH, names[at].file);
    }
    file_of[fd] = names[at].file + 1;
}

static int do_open(const char *path, int flags, mode_t mode)
{
    const char *name;
    int fd;

    pthread_mutex_lock(&lock);
    fd = (int) syscall(SYS_openat, AT_FDCWD, path, flags, mode);
    name = name_of(path);
    if (fd >= 0 && fd < FDS)
        file_of[fd] = tape && strncmp(path, folder, strlen(folder)) == 0 && (flags & O_DIRECTORY)
                          ? FOLDER
                          : 0;
    if (fd >= 0 && name)
        opened(fd, name, flags);
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int close(int fd);
int fsync(int fd);
int fdatasync(int fd);
int ftruncate(int fd, off_t len);
int ftruncate64(int fd, off_t len);
ssize_t pwrite64(int fd, const void *data, size_t len, off_t at);
int fallocate64(int fd, int mode, off_t at, off_t len);

#define MODE_OF(flags, mode)                                                                       \
    mode_t mode = 0;                                                                               \
    if (flags & O_CREAT) {                                                                         \
        va_list list;                                                                              \
        va_start(list, flags);                                                                     \
        mode = va_arg(list, mode_t);                                                               \
        va_end(list);                                                                              \
    }

int open(const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE_OF(flags, mode)
    return do_open(path, flags, mode);
}

int close(int fd)
{
    int rc;

    pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS)
        file_of[fd] = 0;
    rc = (int) syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return rc;
}

static ssize_t do_write(int fd, const void *data, size_t len, off_t at)
{
    int file = file_at(fd);
    ssize_t n;

    if (file == NONE)
        return at < 0 ? syscall(SYS_write, fd, data, len)
                      : syscall(SYS_pwrite64, fd, data, len, at);
    if (fails(POWER_NO_ROOM)) {
        if (len < 1024)
            return failed(ENOSPC);
        len /= 2; /* then it is told that there is no room */
    }
    n = at < 0 ? syscall(SYS_write, fd, data, len) : syscall(SYS_pwrite64, fd, data, len, at);
    if (n > 0) {
        struct power_event *event = add(POWER_WRITE, file);

        event->at = (uint64_t) (at < 0 ? syscall(SYS_lseek, fd, 0, SEEK_CUR) - n : at);
        event->len = (uint64_t) n;
        event->data = malloc((size_t) n);
        if (!event->data)
            abort();
        memcpy(event->data, data, (size_t) n);
    }
    return n;
}

ssize_t write(int fd, const void *data, size_t len)
{
    ssize_t n;

    if (fd >= 0 && fd < FDS && file_of[fd] <= 0) /* may be the loop's: never waits */
        return syscall(SYS_write, fd, data, len);
    pthread_mutex_lock(&lock);
    n = do_write(fd, data, len, -1);
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t at)
{
    ssize_t n;

    pthread_mutex_lock(&lock);
    n = do_write(fd, data, len, at);
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t pwrite64(int fd, const void *data, size_t len, off_t at)
{
    return pwrite(fd, data, len, at);
}

int fsync(int fd)
{
    bool fault_here = false;
    int file;

    pthread_mutex_lock(&lock);
    file = file_at(fd);
    if (tape && fd >= 0 && fd < FDS && file_of[fd] == FOLDER) {
        fault_here = fails(POWER_NO_SYNC);
        if (!fault_here)
            (void) add(POWER_SYNC_FOLDER, NONE);
    } else if (file != NONE) {
        fault_here = fails(POWER_NO_SYNC);
        (void) add(fault_here ? POWER_SYNC_FAILED : POWER_SYNC, file);
    }
    pthread_mutex_unlock(&lock);
    return fault_here ? failed(EIO) : 0;
}

int fdatasync(int fd)
{
    return fsync(fd);
}

static int set_length(int fd, int rc, uint64_t len, bool only_longer)
{
    int file = file_at(fd);

    if (rc == 0 && file != NONE) {
        struct power_event *event = add(POWER_LENGTH, file);

        event->len = len;
        event->only_longer = only_longer;
    }
    return rc;
}

int ftruncate(int fd, off_t len)
{
    int rc;

    pthread_mutex_lock(&lock);
    rc = set_length(fd, (int) syscall(SYS_ftruncate, fd, len), (uint64_t) len, false);
    pthread_mutex_unlock(&lock);
    return rc;
}

int ftruncate64(int fd, off_t len)
{
    return ftruncate(fd, len);
}

/* What is reserved takes no room on this disk. */
static int longer(int fd, uint64_t len)
{
    struct stat st;

    if (fstat(fd, &st) < 0 || (uint64_t) st.st_size >= len)
        return 0;
    return (int) syscall(SYS_ftruncate, fd, (off_t) len);
}

int fallocate(int fd, int mode, off_t at, off_t len)
{
    int rc;

    pthread_mutex_lock(&lock);
    if (file_at(fd) == NONE)
        rc = (int) syscall(SYS_fallocate, fd, mode, at, len);
    else if (fails(POWER_NO_ROOM))
        rc = failed(ENOSPC);
    else
        rc = set_length(fd, longer(fd, (uint64_t) (at + len)), (uint64_t) (at + len), true);
    pthread_mutex_unlock(&lock);
    return rc;
}

int fallocate64(int fd, int mode, off_t at, off_t len)
{
    return fallocate(fd, mode, at, len);
}

int posix_fallocate(int fd, off_t at, off_t len)
{
    return fallocate(fd, 0, at, len) < 0 ? errno : 0;
}

int rename(const char *from, const char *to)
{
    const char *old;
    const char *new;
    int rc;

    pthread_mutex_lock(&lock);
    old = name_of(from);
    new = name_of(to);
    rc = (int) syscall(SYS_rename, from, to);
    if (rc == 0 && old && new) {
        int file = forget(old);
        struct power_event *event = add(POWER_RENAME, file);

        strcpy(event->name, old);
        strcpy(event->to, new);
        learn(new, file);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

int unlink(const char *path)
{
    const char *name;
    int rc;

    pthread_mutex_lock(&lock);
    name = name_of(path);
    rc = (int) syscall(SYS_unlink, path);
    if (rc == 0 && name)
        strcpy(add(POWER_UNLINK, forget(name))->name, name);
    pthread_mutex_unlock(&lock);
    return rc;
}
