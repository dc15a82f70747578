/* hub/core/seal.h - documents of this room on disk: sealed where there is a vault. Loop thread. */
#ifndef HUB_CORE_SEAL_H
#define HUB_CORE_SEAL_H

#include "hub/core/internal.h"

/** hub_store_set of sealed text. */
EDGE_MUST_CHECK int hub_document_set(const struct hub_core *core, const char *kind,
                                     const char *name, const char *text, hub_stored_done *done,
                                     void *arg);
/** @p data of the store as it was. @return 0, EDGE_EDIGEST (not sealed by this hub), -ENOMEM */
EDGE_MUST_CHECK int hub_document_open(const struct hub_core *core, const char *kind,
                                      const char *name, struct edge_bytes data,
                                      struct edge_buf *ret);

#endif
