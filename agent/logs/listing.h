/* agent/logs/listing.h - all files of one log, open, oldest first. Blocking; any thread. */
#ifndef AGENT_LOGS_LISTING_H
#define AGENT_LOGS_LISTING_H

#include <stdbool.h>
#include <stddef.h>

#include "agent/logs/gzip.h"
#include "common/base/attr.h"
#include "common/base/err.h"

struct log_source {
    int fd;
    int slot; /* 0: the one being written */
    bool gz;
};

struct log_listing {
    struct log_source *items;
    size_t len;
};

/** Open what is there; rotation meanwhile does not show. An absent folder is an empty list.
 * @return 0 or errno */
EDGE_MUST_CHECK int log_listing_open(const char *folder, const char *name, struct log_listing *ret,
                                     struct edge_err *err);
void log_listing_close(struct log_listing *listing);

/** log_gzip_mark of the file, or of the one it was compressed from; "" when unknown. */
void log_source_mark(const struct log_source *source, char mark[LOG_GZIP_MARK]);

#endif
