/* agent/logs/stream.h - bytes of one output stream become lines, in bounded memory. Pure. */
#ifndef AGENT_LOGS_STREAM_H
#define AGENT_LOGS_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/logs/line.h"

struct log_stream {
    char data[4 * LOG_PIECE];
    size_t len; /* between additions: a line without its end, at most LOG_PIECE */
};

/** Receives each line with its end; a piece of a longer line has none. */
typedef void log_emit(const char *text, size_t len, void *arg);

/** Where to read into. @return room, > 0 */
size_t log_stream_room(struct log_stream *stream, char **ret);
/** @p len bytes were put there. */
void log_stream_add(struct log_stream *stream, size_t len, log_emit *emit, void *arg);
/** Emit what waits for its line end. */
void log_stream_flush(struct log_stream *stream, log_emit *emit, void *arg);

#endif
