/* agent/methods/entry.h - what a log line says of itself, as IoT Edge's tools read it. Pure.
 *
 *   [2024-01-01T00:00:00.000000000Z ][<6> ][2024-01-01 00:00:00.000 +00:00 ]text
 *
 * Each part may be missing. The first, an engine's time, counts more than the second. */
#ifndef AGENT_METHODS_ENTRY_H
#define AGENT_METHODS_ENTRY_H

#include <stddef.h>
#include <stdint.h>

struct methods_entry {
    int level;        /* syslog's; 6 when it does not say */
    int64_t at_ns;    /* EDGE_TIME_NEVER when it does not say */
    const char *text; /* borrowed from the line, without its end; the whole line when the rest is
                         empty */
    size_t len;
};

void methods_entry_parse(const char *line, size_t len, struct methods_entry *ret);

#endif
