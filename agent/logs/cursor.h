/* agent/logs/cursor.h - reading one file of a log line by line. Blocking; one thread. */
#ifndef AGENT_LOGS_CURSOR_H
#define AGENT_LOGS_CURSOR_H

#include <stdint.h>

#include "agent/logs/line.h"
#include "agent/logs/listing.h"

enum { LOG_CURSOR_ROOM = LOG_LINE + 4096 };

struct log_cursor {
    struct log_source source; /* borrowed */
    struct gzFile_s *gz;
    int64_t offset; /* where the next read goes, plain files */
    bool skip;      /* amid a line too long to be ours */
    char *data;     /* LOG_CURSOR_ROOM bytes, kept from file to file */
    size_t at;      /* next line */
    size_t len;     /* bytes of data */
};

/** Begin reading @p source at @p offset (compressed: 0). The rest of @p cursor is {0} at first.
 * @return 0 or -ENOMEM */
EDGE_MUST_CHECK int log_cursor_begin(struct log_cursor *cursor, const struct log_source *source,
                                     int64_t offset);

enum { LOG_CURSOR_END = 1 };
/** The next whole line without its end, borrowed until the next call.
 * @return 0, or LOG_CURSOR_END: only a line without end or nothing is left; more may come */
int log_cursor_line(struct log_cursor *cursor, const char **ret, size_t *ret_len);

/** Free everything; the cursor is {0} again. */
void log_cursor_fini(struct log_cursor *cursor);

#endif
