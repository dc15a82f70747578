/* agent/network/store.h - the records on disk: <dir>/<container id>.json. Blocking. */
#ifndef AGENT_NETWORK_STORE_H
#define AGENT_NETWORK_STORE_H

#include "agent/network/record.h"

/** Put @p record on disk; a power cut leaves the old or the new text. */
EDGE_MUST_CHECK int agent_store_save(const char *dir, const struct agent_record *record,
                                     struct edge_err *err);
/** Remove it; absent is success. */
EDGE_MUST_CHECK int agent_store_remove(const char *dir, const char *id, struct edge_err *err);

/** Read every record. What is torn, foreign, or at odds with another record is left out. An absent
 * folder holds none. */
EDGE_MUST_CHECK int agent_store_load(const char *dir, struct agent_record_set *set,
                                     struct edge_err *err);
/** Remove every file of @p dir that is no record of @p set. Folders stay. */
EDGE_MUST_CHECK int agent_store_sweep(const char *dir, const struct agent_record_set *set,
                                      struct edge_err *err);

#endif
