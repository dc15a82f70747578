/* common/base/clock.h - the two clocks, and times as the cloud writes them.
 * Pure but for reading the clock; any thread. */
#ifndef EDGE_BASE_CLOCK_H
#define EDGE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

/** "Never happened" in IoT Edge's reported properties. */
#define EDGE_TIME_NEVER INT64_MIN
#define EDGE_TIME_TEXT  40 /* enough for any text below, with its NUL */

/** Milliseconds that only go forward, also while the device sleeps (CLOCK_BOOTTIME). */
int64_t edge_now_ms(void);
/** Nanoseconds since 1970 UTC; jumps when somebody sets the clock. */
int64_t edge_wall_ns(void);

/** RFC 3339 UTC with 7 fraction digits and Z, as .NET writes it; EDGE_TIME_NEVER and everything
 * before year 1 become 0001-01-01T00:00:00Z. */
void edge_time_format(int64_t wall_ns, char text[EDGE_TIME_TEXT]);

/** RFC 3339 with any offset and up to 9 fraction digits. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int edge_time_parse(const char *text, int64_t *ret_wall_ns);

/** A point in time as people write it: RFC 3339, UNIX seconds, or a span back from @p now_ns such
 * as "1h30m", "2 days", "90s". @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int edge_time_parse_since(const char *text, int64_t now_ns, int64_t *ret_wall_ns);

/** A span as people write it ("1h30m", "2 days", "500ms") in nanoseconds. @return 0 or
 * EDGE_EINVALID */
EDGE_MUST_CHECK int edge_span_parse(const char *text, int64_t *ret_ns);

#endif
