#include "agent/logs/cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static void close_gz(struct log_cursor *cursor)
{
    if (cursor->gz)
        (void) gzclose_r(cursor->gz);
    cursor->gz = NULL;
}

static int open_gz(struct log_cursor *cursor)
{
    int fd = fcntl(cursor->source.fd, F_DUPFD_CLOEXEC, 0);

    if (fd < 0)
        return -errno;
    (void) lseek(fd, 0, SEEK_SET);
    cursor->gz = gzdopen(fd, "rb");
    if (cursor->gz)
        return 0;
    close(fd);
    return -ENOMEM;
}

int log_cursor_begin(struct log_cursor *cursor, const struct log_source *source, int64_t offset)
{
    char *data = cursor->data ? cursor->data : malloc(LOG_CURSOR_ROOM);

    close_gz(cursor);
    *cursor = (struct log_cursor){.source = *source, .offset = offset, .data = data};
    if (!data)
        return -ENOMEM;
    return source->gz ? open_gz(cursor) : 0;
}

/* A damaged compressed file ends where the damage begins. @return bytes added */
static size_t fill(struct log_cursor *cursor)
{
    size_t room;
    ssize_t n;

    if (cursor->at > 0) {
        cursor->len -= cursor->at;
        memmove(cursor->data, cursor->data + cursor->at, cursor->len);
        cursor->at = 0;
    }
    room = LOG_CURSOR_ROOM - cursor->len;
    if (cursor->gz)
        n = gzread(cursor->gz, cursor->data + cursor->len, (unsigned) room);
    else
        n = pread(cursor->source.fd, cursor->data + cursor->len, room, cursor->offset);
    if (n <= 0)
        return 0;
    cursor->offset += n;
    cursor->len += (size_t) n;
    return (size_t) n;
}

int log_cursor_line(struct log_cursor *cursor, const char **ret, size_t *ret_len)
{
    size_t seen = 0;

    for (;;) {
        const char *start = cursor->data + cursor->at;
        size_t len = cursor->len - cursor->at;
        const char *end = len > seen ? memchr(start + seen, '\n', len - seen) : NULL;

        if (end) {
            bool skip = cursor->skip;

            cursor->skip = false;
            cursor->at += (size_t) (end - start) + 1;
            seen = 0;
            if (skip)
                continue;
            *ret = start;
            *ret_len = (size_t) (end - start);
            return 0;
        }
        seen = len;
        if (len == LOG_CURSOR_ROOM) {
            cursor->skip = true;
            cursor->at = cursor->len;
            seen = 0;
        }
        if (fill(cursor) == 0)
            return LOG_CURSOR_END;
    }
}

void log_cursor_fini(struct log_cursor *cursor)
{
    close_gz(cursor);
    free(cursor->data);
    *cursor = (struct log_cursor){0};
}
