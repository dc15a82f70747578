#include "agent/logs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"

static void drop(struct log_file *file, uint64_t lines, int error)
{
    file->dropped += lines;
    file->error = error;
}

/* After a kill in mid-write the last line is torn: end it, so that the next one is whole. */
static void end_torn_line(struct log_file *file)
{
    char last = '\n';

    if (file->size > 0 && pread(file->fd, &last, 1, file->size - 1) == 1 && last != '\n') {
        if (write(file->fd, "\n", 1) == 1)
            file->size++;
    }
}

static int open_dir(struct log_file *file)
{
    int rc;

    if (file->dir >= 0)
        return 0;
    rc = edge_mkdirs(file->folder, 0750, NULL);
    if (rc < 0)
        return rc;
    file->dir = open(file->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return file->dir < 0 ? -errno : 0;
}

static int open_file(struct log_file *file)
{
    char path[LOG_FILE_NAME];
    struct stat st;
    int rc;

    if (file->fd >= 0)
        return 0;
    rc = open_dir(file);
    if (rc < 0)
        return rc;
    log_file_name(path, file->name, 0, false);
    file->fd = openat(file->dir, path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (file->fd < 0) {
        rc = -errno;
        file->dir = edge_close(file->dir); /* the folder may have been replaced */
        return rc;
    }
    file->size = fstat(file->fd, &st) == 0 ? st.st_size : 0;
    end_torn_line(file);
    return 0;
}

static void close_file(struct log_file *file)
{
    file->fd = edge_close(file->fd);
    file->size = 0;
}

/* Somebody may have emptied or removed the file under us. */
static int look(struct log_file *file)
{
    struct stat st;

    if (file->fd >= 0 && fstat(file->fd, &st) == 0) {
        file->size = st.st_size;
        if (st.st_nlink > 0)
            return 0;
        close_file(file);
        file->dir = edge_close(file->dir); /* the folder may be another one now */
    }
    return open_file(file);
}

/* Append; after a failure the file ends with a whole line. @return bytes kept, in whole lines */
static size_t append(struct log_file *file, const char *data, size_t len)
{
    ssize_t n = write(file->fd, data, len);
    size_t kept = n > 0 ? (size_t) n : 0;

    if (kept < len) {
        const char *end = kept > 0 ? memrchr(data, '\n', kept) : NULL;
        size_t whole = end ? (size_t) (end - data) + 1 : 0;

        file->error = n < 0 ? errno : ENOSPC;
        if (kept > whole && ftruncate(file->fd, file->size + (off_t) whole) < 0)
            file->error = errno;
        kept = whole;
    }
    file->size += (int64_t) kept;
    return kept;
}

static uint64_t count_lines(const char *data, size_t len)
{
    uint64_t lines = 0;
    const char *end = data + len;

    while (data < end && (data = memchr(data, '\n', (size_t) (end - data))) != NULL) {
        lines++;
        data++;
    }
    return lines;
}

/* Say what is missing before going on. @return false while that cannot be written either */
static bool notice(struct log_file *file)
{
    char text[200];
    char line[6 * sizeof text + LOG_LINE_EXTRA];
    size_t len;

    if (file->dropped == 0)
        return true;
    (void) snprintf(text, sizeof text, "edge-logger: %llu lines lost here: %s\n",
                    (unsigned long long) file->dropped, strerror(file->error));
    len = log_line_write(line, text, strlen(text), true, edge_wall_ns());
    if (append(file, line, len) < len)
        return false;
    file->dropped = 0;
    return true;
}

static void flush(struct log_file *file, size_t len)
{
    uint64_t lines = len == file->out_len ? file->out_lines : count_lines(file->out, len);
    size_t kept = 0;
    int rc = look(file);

    if (rc < 0)
        drop(file, lines, -rc);
    else if (!notice(file))
        file->dropped += lines;
    else if ((kept = append(file, file->out, len)) < len)
        drop(file, count_lines(file->out + kept, len - kept), file->error);
    memmove(file->out, file->out + len, file->out_len - len);
    file->out_len -= len;
    file->out_lines -= lines;
}

void log_file_flush(struct log_file *file)
{
    if (file->out_len > 0)
        flush(file, file->out_len);
}

/* The file becomes number 1. When it cannot be moved it is emptied: it must not grow. */
static void rotate(struct log_file *file)
{
    char from[LOG_FILE_NAME];
    char to[LOG_FILE_NAME];
    int last = file->max_file - 1;

    if (file->fd < 0)
        return;
    log_file_name(from, file->name, 0, false);
    log_file_name(to, file->name, 1, false);
    if (last > 0)
        log_slots_shift(file->dir, file->name, last);
    if (last > 0 ? renameat(file->dir, from, file->dir, to) < 0
                 : unlinkat(file->dir, from, 0) < 0) {
        if (ftruncate(file->fd, 0) == 0)
            file->size = 0;
        return;
    }
    file->rotated = true;
    close_file(file);
    (void) open_file(file); /* tried again at the next write */
}

void log_file_line(struct log_file *file, const char *text, size_t len, bool from_stderr,
                   int64_t at_ns)
{
    size_t before;

    if (sizeof file->out - file->out_len < log_line_room(len))
        log_file_flush(file);
    before = file->out_len;
    file->out_len += log_line_write(file->out + before, text, len, from_stderr, at_ns);
    file->out_lines++;
    if (file->size + (int64_t) file->out_len <= file->max_size ||
        file->size + (int64_t) before == 0)
        return;
    if (before > 0)
        flush(file, before);
    if (file->size > 0 && file->size + (int64_t) file->out_len > file->max_size)
        rotate(file);
}

void log_file_open(struct log_file *file)
{
    file->dir = -1;
    file->fd = -1;
    (void) open_file(file);
    if (file->dir >= 0)
        log_slots_repair(file->dir, file->name, file->max_file - 1);
}

void log_file_close(struct log_file *file)
{
    log_file_flush(file);
    file->fd = edge_close(file->fd);
    file->dir = edge_close(file->dir);
}
