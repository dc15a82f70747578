/* common/base/log.h - one line per event on standard error: constant text, then key=value.
 * Format: "<6> 2024-01-01 00:00:00.000 +00:00 [INF] - text", the syslog priority first, so that
 * journald and IoT Edge's own log tools read the level. Any thread; a line is one write(2).
 * Only main, handlers and loop callbacks log above debug. Never log a secret. */
#ifndef EDGE_BASE_LOG_H
#define EDGE_BASE_LOG_H

#include "common/base/attr.h"

enum edge_log_level {
    EDGE_LOG_ERROR = 3,
    EDGE_LOG_WARN = 4,
    EDGE_LOG_INFO = 6,
    EDGE_LOG_DEBUG = 7,
};

/** Drop what is less urgent than @p level. Default: EDGE_LOG_INFO. Call before threads start. */
void edge_log_set_level(enum edge_log_level level);

/** "fatal|error|warning|info|debug|verbose" (any case) to a level. @return 0 or EDGE_EINVALID */
int edge_log_parse_level(const char *text, enum edge_log_level *ret);

void edge_log(enum edge_log_level level, const char *fmt, ...) EDGE_PRINTF(2, 3);

/** edge_log about somebody outside, who may want to fill the disk: @p who is an address (its port
 * does not count) or a client's name. Each may cause EDGE_LOG_BURST lines at once, warnings apart
 * from the rest, and then one a minute; the last one says that lines are left out, the next one how
 * many were. A crowd shares: all together never cause more than 20 lines a second for long. */
void edge_log_about(enum edge_log_level level, const char *who, const char *fmt, ...)
    EDGE_PRINTF(3, 4);
enum { EDGE_LOG_BURST = 20 };

#define edge_error(...) edge_log(EDGE_LOG_ERROR, __VA_ARGS__)
#define edge_warn(...)  edge_log(EDGE_LOG_WARN, __VA_ARGS__)
#define edge_info(...)  edge_log(EDGE_LOG_INFO, __VA_ARGS__)
#define edge_debug(...) edge_log(EDGE_LOG_DEBUG, __VA_ARGS__)

#endif
