#include "agent/logs/stream.h"

#include <string.h>

size_t log_stream_room(struct log_stream *stream, char **ret)
{
    *ret = stream->data + stream->len;
    return sizeof stream->data - stream->len;
}

/* Length of the first line or piece of @p text; 0 when more must come before it can be told. */
static size_t first(const char *text, size_t len)
{
    size_t most = len < LOG_PIECE + 1 ? len : LOG_PIECE + 1;
    const char *end = memchr(text, '\n', most);

    if (end)
        return (size_t) (end - text) + 1;
    return len > LOG_PIECE ? log_line_cut(text, LOG_PIECE) : 0;
}

void log_stream_add(struct log_stream *stream, size_t len, log_emit *emit, void *arg)
{
    size_t at = 0;
    size_t n;

    stream->len += len;
    while ((n = first(stream->data + at, stream->len - at)) > 0) {
        emit(stream->data + at, n, arg);
        at += n;
    }
    stream->len -= at;
    memmove(stream->data, stream->data + at, stream->len);
}

void log_stream_flush(struct log_stream *stream, log_emit *emit, void *arg)
{
    if (stream->len > 0)
        emit(stream->data, stream->len, arg);
    stream->len = 0;
}
