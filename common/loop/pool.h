/* common/loop/pool.h - worker threads for blocking work; its result comes back on the loop thread.
 * A pool of one thread is a serial queue. Idle workers sleep. */
#ifndef EDGE_LOOP_POOL_H
#define EDGE_LOOP_POOL_H

#include "common/loop/loop.h"

struct edge_pool;

/** @param name  thread name, at most 15 characters   @param threads  most at once, > 0; they start
 * on demand and stay */
EDGE_MUST_CHECK int edge_pool_create(struct edge_loop *loop, const char *name, unsigned threads,
                                     struct edge_pool **ret);

/** Loop thread: have @p work run on a worker, first come first served, then @p done on the loop
 * thread. Both receive @p arg; @p done is always called, exactly once. */
void edge_pool_submit(struct edge_pool *pool, void (*work)(void *arg), void (*done)(void *arg),
                      void *arg);

/** Loop thread: wait for all submitted work (cancel it first), end the threads and free. The @p
 * done calls still outstanding run on the loop's next turn or in edge_loop_destroy. Accepts NULL;
 * returns NULL. */
struct edge_pool *edge_pool_destroy(struct edge_pool *pool);

#endif
