#include "agent/logs/gzip.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "agent/logs/names.h"
#include "common/base/attr.h"
#include "common/base/file.h"

enum {
    STEP = 32 * 1024,
    WINDOW_BITS = 13, /* with MEMORY_LEVEL: about 100 KiB instead of 256 */
    GZIP_FORMAT = 16,
    MEMORY_LEVEL = 6,
};

struct log_gzip {
    int dir; /* our own copy: the caller may open its folder anew */
    int in;
    int out;
    bool begun; /* stream is valid */
    z_stream stream;
    gz_header header;
    char mark[LOG_GZIP_MARK];
    char tmp[LOG_FILE_NAME];
    char from[LOG_FILE_NAME];
    char to[LOG_FILE_NAME];
    unsigned char data[STEP];
    unsigned char packed[STEP];
};

void log_gzip_mark(char mark[LOG_GZIP_MARK], const struct stat *st)
{
    (void) snprintf(mark, LOG_GZIP_MARK, "%llu.%lld%09ld", (unsigned long long) st->st_ino,
                    (long long) st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
}

static int begin(struct log_gzip *gzip)
{
    struct stat st;

    gzip->in = openat(gzip->dir, gzip->from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (gzip->in < 0 || fstat(gzip->in, &st) < 0)
        return -errno;
    gzip->out =
        openat(gzip->dir, gzip->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (gzip->out < 0)
        return -errno;
    if (deflateInit2(&gzip->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, WINDOW_BITS + GZIP_FORMAT,
                     MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    gzip->begun = true;
    log_gzip_mark(gzip->mark, &st);
    gzip->header.comment = (unsigned char *) gzip->mark;
    gzip->header.os = 3;
    return deflateSetHeader(&gzip->stream, &gzip->header) == Z_OK ? 0 : -ENOMEM;
}

struct log_gzip *log_gzip_begin(int dir, const char *name, int last)
{
    int slot = log_slots_plain(dir, name, last);
    struct log_gzip *gzip = slot > 0 ? calloc(1, sizeof *gzip) : NULL;

    if (!gzip)
        return NULL;
    gzip->dir = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    gzip->in = -1;
    gzip->out = -1;
    (void) snprintf(gzip->tmp, sizeof gzip->tmp, "%s.log.tmp", name);
    log_file_name(gzip->from, name, slot, false);
    log_file_name(gzip->to, name, slot, true);
    return begin(gzip) < 0 ? log_gzip_end(gzip) : gzip;
}

/* The new file first, then the old one goes: a kill in between leaves both, and
 * log_slots_repair decides for the original. */
static int finish(struct log_gzip *gzip)
{
    if (renameat(gzip->dir, gzip->tmp, gzip->dir, gzip->to) < 0)
        return -errno;
    return unlinkat(gzip->dir, gzip->from, 0) < 0 ? -errno : 0;
}

int log_gzip_step(struct log_gzip *gzip)
{
    ssize_t n = read(gzip->in, gzip->data, sizeof gzip->data);
    int flush = n == 0 ? Z_FINISH : Z_NO_FLUSH;
    int rc;

    if (n < 0)
        return -errno;
    gzip->stream.next_in = gzip->data;
    gzip->stream.avail_in = (uInt) n;
    do {
        gzip->stream.next_out = gzip->packed;
        gzip->stream.avail_out = sizeof gzip->packed;
        (void) deflate(&gzip->stream, flush);
        rc = edge_write_all(gzip->out, gzip->packed, sizeof gzip->packed - gzip->stream.avail_out);
        if (rc < 0)
            return rc;
    } while (gzip->stream.avail_out == 0);
    return n > 0 ? LOG_GZIP_MORE : finish(gzip);
}

struct log_gzip *log_gzip_end(struct log_gzip *gzip)
{
    if (!gzip)
        return NULL;
    if (gzip->begun)
        (void) deflateEnd(&gzip->stream);
    if (gzip->out >= 0)
        (void) unlinkat(gzip->dir, gzip->tmp, 0); /* gone already when finished */
    edge_close(gzip->dir);
    edge_close(gzip->in);
    edge_close(gzip->out);
    free(gzip);
    return NULL;
}
