/* hub/store/log_write.h - what log_write.c, log_encode.c and log_begin.c share. Commit thread. */
#ifndef HUB_STORE_LOG_WRITE_H
#define HUB_STORE_LOG_WRITE_H

#include "hub/store/segment.h"

/* log_begin.c */

/** A new active segment with room for @p need bytes; the one before it ends where it is.
 * @return 0 or negative errno: the one before goes on */
EDGE_MUST_CHECK int hub_log_begin_segment(struct hub_log *log, uint64_t need);
/** From here on names are told again. */
void hub_log_begin_stretch(struct hub_log *log);
/** A group could not be written: the active segment ends in front of it. */
void hub_log_abandon(struct hub_log *log);

/* log_encode.c */

/** Ops from @p from on, and with the first of them what is gone, into the log's encoder.
 * @param ret_to  the first that is left for another part   @return 0 or -ENOMEM */
EDGE_MUST_CHECK int hub_log_encode(struct hub_log *log, struct hub_group *group, size_t from,
                                   size_t *ret_to);

#endif
