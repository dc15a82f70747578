/* common/base/bytes.h - a borrowed run of bytes, and a growable buffer with a ceiling.
 * Pure; any thread, an object belongs to one thread at a time. */
#ifndef EDGE_BASE_BYTES_H
#define EDGE_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

/** Borrowed: valid as long as its owner says. */
struct edge_bytes {
    const uint8_t *data;
    size_t len;
};

/** Owned text or bytes; data is always followed by a NUL that len does not count. */
struct edge_buf {
    char *data; /* NULL while empty */
    size_t len;
    size_t max; /* ceiling of len */
    size_t cap_;
    int failed_; /* sticky: first error of the printing calls */
};

/** `EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(max);` is safe to leave at
 * once. */
#define EDGE_BUF_INIT(ceiling)                                                                     \
    {                                                                                              \
        .max = (ceiling)                                                                           \
    }

/** Start empty with a ceiling. Nothing is allocated yet. */
void edge_buf_init(struct edge_buf *buf, size_t max);
/** Free the content; the buffer is empty and usable again. */
void edge_buf_fini(struct edge_buf *buf);
static inline void edge_buf_finip(struct edge_buf *buf)
{
    edge_buf_fini(buf);
}

/** The same for a secret: its bytes are wiped first. */
void edge_buf_wipe(struct edge_buf *buf);

/** @return 0, EDGE_ELIMIT over the ceiling (nothing appended) or -ENOMEM */
int edge_buf_append(struct edge_buf *buf, const void *data, size_t len);
int edge_buf_puts(struct edge_buf *buf, const char *text);
int edge_buf_printf(struct edge_buf *buf, const char *fmt, ...) EDGE_PRINTF(2, 3);
/** Remove @p len bytes from the front. */
void edge_buf_consume(struct edge_buf *buf, size_t len);
/** 0, or the first error of any append since init: print much, check once. */
EDGE_MUST_CHECK int edge_buf_error(const struct edge_buf *buf);
/** Take the content out as a NUL-terminated string the caller frees; NULL on error or no memory. */
char *edge_buf_take(struct edge_buf *buf);

/** asprintf that returns the string or NULL. The caller frees it. */
char *edge_format(const char *fmt, ...) EDGE_PRINTF(1, 2);
/** strdup that passes NULL through. */
char *edge_strdup(const char *text);
/** Wipe a secret text and free it. Accepts NULL; returns NULL. */
char *edge_wipe(char *text);
EDGE_DEFINE_CLEANUP(char *, edge_wipe)
/** A copy without white space around it; NULL without memory. The caller frees it. */
char *edge_trimmed(const char *text);

#endif
