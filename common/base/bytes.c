#include "common/base/bytes.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"

void edge_buf_init(struct edge_buf *buf, size_t max)
{
    *buf = (struct edge_buf){.max = max};
}

void edge_buf_fini(struct edge_buf *buf)
{
    size_t max = buf->max;

    free(buf->data);
    edge_buf_init(buf, max);
}

void edge_buf_wipe(struct edge_buf *buf)
{
    if (buf->data)
        explicit_bzero(buf->data, buf->len);
    edge_buf_fini(buf);
}

static int fail(struct edge_buf *buf, int code)
{
    if (!buf->failed_)
        buf->failed_ = code;
    return code;
}

static int reserve(struct edge_buf *buf, size_t extra)
{
    size_t cap = buf->cap_ ? buf->cap_ : 64;
    char *data;

    if (extra > buf->max - buf->len)
        return fail(buf, EDGE_ELIMIT);
    while (cap <= buf->len + extra)
        cap *= 2;
    data = realloc(buf->data, cap);
    if (!data)
        return fail(buf, -ENOMEM);
    buf->data = data;
    buf->cap_ = cap;
    return 0;
}

/* For so much more, and a NUL. */
static inline bool has_room(const struct edge_buf *buf, size_t extra)
{
    return buf->data && extra < buf->cap_ - buf->len && extra <= buf->max - buf->len;
}

static inline int make_room(struct edge_buf *buf, size_t extra)
{
    return has_room(buf, extra) ? 0 : reserve(buf, extra);
}

int edge_buf_append(struct edge_buf *buf, const void *data, size_t len)
{
    int rc = make_room(buf, len);

    if (rc < 0)
        return rc;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return 0;
}

int edge_buf_puts(struct edge_buf *buf, const char *text)
{
    return edge_buf_append(buf, text, strlen(text));
}

int edge_buf_printf(struct edge_buf *buf, const char *fmt, ...)
{
    va_list args;
    int len;
    int rc;

    va_start(args, fmt);
    len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (len < 0)
        return fail(buf, -EINVAL);
    rc = make_room(buf, (size_t) len);
    if (rc < 0)
        return rc;
    va_start(args, fmt);
    (void) vsnprintf(buf->data + buf->len, (size_t) len + 1, fmt, args);
    va_end(args);
    buf->len += (size_t) len;
    return 0;
}

void edge_buf_consume(struct edge_buf *buf, size_t len)
{
    if (len == 0)
        return;
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

int edge_buf_error(const struct edge_buf *buf)
{
    return buf->failed_;
}

char *edge_buf_take(struct edge_buf *buf)
{
    char *data;

    if (buf->failed_)
        return NULL;
    if (!buf->data && edge_buf_append(buf, "", 0) < 0)
        return NULL;
    data = EDGE_TAKE(buf->data);
    edge_buf_fini(buf);
    return data;
}

char *edge_format(const char *fmt, ...)
{
    char *text = NULL;
    va_list args;
    int len;

    va_start(args, fmt);
    len = vasprintf(&text, fmt, args);
    va_end(args);
    return len < 0 ? NULL : text;
}

char *edge_strdup(const char *text)
{
    return text ? strdup(text) : NULL;
}

char *edge_wipe(char *text)
{
    if (text)
        explicit_bzero(text, strlen(text));
    free(text);
    return NULL;
}

char *edge_trimmed(const char *text)
{
    size_t len;

    while (isspace((unsigned char) *text))
        text++;
    len = strlen(text);
    while (len > 0 && isspace((unsigned char) text[len - 1]))
        len--;
    return strndup(text, len);
}
