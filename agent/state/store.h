/* agent/state/store.h - a file of named values that survives power cuts and notices rot.
 * For this room only; what the values mean is state.c's business. One thread.
 *
 * One table: name, body, and the SHA-256 of both, because SQLite finds a broken page but not a
 * flipped bit within a value. */
#ifndef AGENT_STATE_STORE_H
#define AGENT_STATE_STORE_H

#include "common/base/bytes.h"
#include "common/base/err.h"

struct state_store;

enum { STATE_STORE_CORRUPT = 1 };
/**
 * Open @p path, made with mode 0600 when absent, and check every page and value.
 * The file is held alone until closed: a second opener gets EDGE_ESTORE.
 * @return 0, STATE_STORE_CORRUPT (nothing opened, err says what is wrong), EDGE_ESTORE, -ENOMEM
 */
EDGE_MUST_CHECK int state_store_open(const char *path, struct state_store **ret,
                                     struct edge_err *err);
struct state_store *state_store_close(struct state_store *store);
EDGE_DEFINE_CLEANUP(struct state_store *, state_store_close)

/** @return 0 or -ENOENT */
EDGE_MUST_CHECK int state_store_get(struct state_store *store, const char *name,
                                    struct edge_buf *body, struct edge_err *err);
/** On disk when it returns; an unchanged value writes nothing. */
EDGE_MUST_CHECK int state_store_put(struct state_store *store, const char *name, const void *body,
                                    size_t len, struct edge_err *err);
EDGE_MUST_CHECK int state_store_del(struct state_store *store, const char *name,
                                    struct edge_err *err);

#endif
