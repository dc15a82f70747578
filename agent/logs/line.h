/* agent/logs/line.h - one log line as one JSON object: the logger writes it, the reader reads it.
 * Pure; any thread. Sources: Docker's json-file format (member names and order, what is escaped).
 */
#ifndef AGENT_LOGS_LINE_H
#define AGENT_LOGS_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

enum {
    LOG_PIECE = 16 * 1024,                     /* longest text of one object */
    LOG_LINE_EXTRA = 96,                       /* members, stream and time around the text */
    LOG_LINE = 6 * LOG_PIECE + LOG_LINE_EXTRA, /* longest object: every byte as \u00XX */
};

/** "2024-01-01T00:00:00.000000000Z", at most 31 characters. */
void log_line_time(char text[32], int64_t at_ns);

/** Bytes an object with @p len bytes of text may need. */
static inline size_t log_line_room(size_t len)
{
    return 6 * len + LOG_LINE_EXTRA;
}

/** Write the object and a line end into @p out, which has log_line_room(len) bytes. Invalid UTF-8
 * becomes U+FFFD. @return bytes written */
size_t log_line_write(char *out, const char *text, size_t len, bool from_stderr, int64_t at_ns);

/** Where to cut @p text, at most @p len bytes, so that no character is torn apart: @p len or up to
 * three bytes less. */
size_t log_line_cut(const char *text, size_t len);

struct log_line {
    size_t len; /* of the text, in the caller's buffer */
    bool from_stderr;
    int64_t at_ns;
};

/** Read an object back. Other members than log, stream and time must be strings and are ignored.
 * @param json  one line, without its end   @param text  at least @p len bytes; the text goes there
 * @return 0, or EDGE_EINVALID: torn or not ours */
EDGE_MUST_CHECK int log_line_read(const char *json, size_t len, char *text, struct log_line *ret);

#endif
