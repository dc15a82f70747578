#include "common/base/err.h"
#include "common/http/head.h"

enum {
    OVERHEAD_MAX = 64 * 1024,
    SIZE_MAX_DIGITS = 12,
};

enum state {
    SIZE,      /* hex digits */
    SIZE_REST, /* of its line, after the digits */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* at a line's start */
    TRAILER_REST,
    TRAILER_LF,
    LAST_LF,
};

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int size_char(struct http_chunks *chunks, char c)
{
    int d = digit(c);

    if (d >= 0) {
        if (chunks->digits == SIZE_MAX_DIGITS)
            return EDGE_ELIMIT;
        chunks->digits++;
        chunks->left = chunks->left << 4 | d;
        return 0;
    }
    if (chunks->digits == 0 || (c != '\r' && c != ';' && c != ' ' && c != '\t'))
        return EDGE_EINVALID;
    chunks->digits = 0;
    chunks->state = c == '\r' ? SIZE_LF : SIZE_REST;
    return 0;
}

/* One byte of framing. @return 0, HTTP_CHUNKS_END, or negative */
static int framing(struct http_chunks *chunks, char c)
{
    switch ((enum state) chunks->state) {
    case SIZE:
        return size_char(chunks, c);
    case SIZE_REST:
    case TRAILER_REST:
        if (c == '\r')
            chunks->state++;
        return c == '\n' ? EDGE_EINVALID : 0;
    case SIZE_LF:
        chunks->state = chunks->left > 0 ? DATA : TRAILER;
        return c == '\n' ? 0 : EDGE_EINVALID;
    case DATA_CR:
        chunks->state = DATA_LF;
        return c == '\r' ? 0 : EDGE_EINVALID;
    case DATA_LF:
        chunks->state = SIZE;
        return c == '\n' ? 0 : EDGE_EINVALID;
    case TRAILER:
        chunks->state = c == '\r' ? LAST_LF : TRAILER_REST;
        return c == '\n' ? EDGE_EINVALID : 0;
    case TRAILER_LF:
        chunks->state = TRAILER;
        return c == '\n' ? 0 : EDGE_EINVALID;
    case LAST_LF:
        return c == '\n' ? HTTP_CHUNKS_END : EDGE_EINVALID;
    case DATA:
        break;
    }
    return EDGE_EINVALID;
}

int http_chunks_read(struct http_chunks *chunks, const char *data, size_t len, struct edge_buf *out,
                     size_t *ret_used)
{
    size_t at = 0;
    int rc = 0;

    while (at < len && rc == 0) {
        if (chunks->state == DATA) {
            size_t n = (int64_t) (len - at) < chunks->left ? len - at : (size_t) chunks->left;

            rc = edge_buf_append(out, data + at, n);
            at += n;
            chunks->left -= (int64_t) n;
            if (chunks->left == 0)
                chunks->state = DATA_CR;
        } else {
            rc = ++chunks->overhead > OVERHEAD_MAX ? EDGE_ELIMIT : framing(chunks, data[at++]);
        }
    }
    *ret_used = at;
    return rc;
}
