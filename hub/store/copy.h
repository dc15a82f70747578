/* hub/store/copy.h - the documents a second time, in a plain file: a damaged page of hub.db costs
 * none of them then. Written as a whole and renamed, so that the one before it stays until then.
 *
 *   magic (8) | sum of the records (4) | how many (4) | record | record | ...
 *   record   = sum (4) | bytes of kind, name, data (4 each) | kind | name | data */
#ifndef HUB_STORE_COPY_H
#define HUB_STORE_COPY_H

#include "hub/store/db.h"

/** Write it, if it does not say what @p db does. Of more than 64 MiB there is none.
 * @return 0, EDGE_ESTORE, -ENOMEM, ... */
int hub_copy_update(const char *path, struct hub_db *db);
/** Into @p db what it has not, as far as the copy is whole. @return 0, EDGE_ESTORE, -ENOMEM,
 * -ENOSPC
 */
EDGE_MUST_CHECK int hub_copy_restore(const char *path, struct hub_db *db, uint64_t *ret_added,
                                     struct edge_err *err);

#endif
