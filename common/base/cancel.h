/* common/base/cancel.h - telling work on another thread to stop.
 * A token is created by who starts the work and shared with who does it. Any thread. */
#ifndef EDGE_BASE_CANCEL_H
#define EDGE_BASE_CANCEL_H

#include <stdbool.h>

#include "common/base/attr.h"

struct edge_cancel;
struct edge_cancel_hook {
    void (*fn)(void *arg); /* called once, on the cancelling thread; must be quick and not block */
    void *arg;
    struct edge_cancel_hook *next_;
};

/** @return a token with one reference, or NULL without memory */
struct edge_cancel *edge_cancel_create(void);
struct edge_cancel *edge_cancel_ref(struct edge_cancel *cancel);
/** Accepts NULL; always returns NULL. */
struct edge_cancel *edge_cancel_unref(struct edge_cancel *cancel);
EDGE_DEFINE_CLEANUP(struct edge_cancel *, edge_cancel_unref)

/** Ask for a stop; calls every hook in place. Later calls do nothing. */
void edge_cancel_fire(struct edge_cancel *cancel);
/** NULL is never cancelled. */
bool edge_cancelled(const struct edge_cancel *cancel);

/** Have @p hook called at the moment of cancellation; at once when that has been. The hook stays
 * the caller's memory and must be removed before it goes. NULL @p cancel does nothing. */
void edge_cancel_add_hook(struct edge_cancel *cancel, struct edge_cancel_hook *hook);
/** After this returns the hook is not running and will not be called. */
void edge_cancel_remove_hook(struct edge_cancel *cancel, struct edge_cancel_hook *hook);

/** Sleep up to @p ms. @return true when cancelled (at once, not at the end of the sleep) */
bool edge_cancel_sleep(struct edge_cancel *cancel, int ms);

#endif
