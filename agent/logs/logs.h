/* agent/logs/logs.h - module logs on disk, written by edge-logger, read back here.
 *
 * <homedir>/logs/<container id>/module.log holds one JSON object a line, as Docker's json-file:
 * {"log":"text\n","stream":"stdout","time":"2024-01-01T00:00:00.000000000Z"}; a line longer than 16
 * KiB is cut into several objects of which only the last ends in "\n". Rotated files are
 * module.log.1 (newest) to .N, with .gz when compressed.
 *
 * Any thread; a reader belongs to one. */
#ifndef AGENT_LOGS_LOGS_H
#define AGENT_LOGS_LOGS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/err.h"

struct agent_log_options {
    const char *dir;    /* <homedir>/logs */
    const char *id;     /* container id */
    const char *logger; /* path of the edge-logger program */
    int64_t max_size;   /* bytes a file; 0: 4 MiB */
    int max_file;       /* files kept, the current one included; 0: 5 */
    bool compress;
    bool none; /* LogConfig type "none": nothing is kept */
};
/** The stdio URI ("binary:///…?…") for a container's task; "" for none. The caller frees it. */
char *agent_logs_uri(const struct agent_log_options *options);
/** Remove a container's logs. */
EDGE_MUST_CHECK int agent_logs_remove(const char *dir, const char *id, struct edge_err *err);

struct agent_log_query {
    int64_t tail;     /* last N lines; -1: all */
    int64_t since_ns; /* EDGE_TIME_NEVER: from the beginning */
    int64_t until_ns; /* INT64_MAX: no end */
    bool follow;
};
struct agent_log_line {
    const char *text; /* with its line end; borrowed until the next read */
    size_t len;
    bool from_stderr;
    int64_t at_ns;
};

enum { AGENT_LOG_TIME = 32 };
/** RFC 3339 with 9 fraction digits and Z, as container engines stamp lines. */
void agent_log_time(int64_t at_ns, char text[AGENT_LOG_TIME]);

struct agent_log_reader;
enum { AGENT_LOG_END = 1 }; /* nothing more now; when following, call again after a change */
/** @return 0, -ENOENT when the container has never logged (not when following) */
EDGE_MUST_CHECK int agent_log_reader_open(const char *dir, const char *id,
                                          const struct agent_log_query *query,
                                          struct agent_log_reader **ret, struct edge_err *err);
/** @return 0, AGENT_LOG_END, or negative; torn and foreign lines are passed over */
EDGE_MUST_CHECK int agent_log_reader_next(struct agent_log_reader *reader,
                                          struct agent_log_line *ret, struct edge_err *err);
struct agent_log_reader *agent_log_reader_close(struct agent_log_reader *reader);
EDGE_DEFINE_CLEANUP(struct agent_log_reader *, agent_log_reader_close)

#endif
