/* common/loop/loop.h - the one event loop of a process, and the one queue into it.
 * Everything here but edge_loop_post runs on the loop thread: the thread that calls edge_loop_run.
 */
#ifndef EDGE_LOOP_LOOP_H
#define EDGE_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/err.h"

struct edge_loop;
struct edge_timer;
struct edge_watch;
struct edge_poll;

EDGE_MUST_CHECK int edge_loop_create(struct edge_loop **ret);
/** Runs what was posted, then frees. Timers and watches must be gone. Accepts NULL; returns NULL.
 */
struct edge_loop *edge_loop_destroy(struct edge_loop *loop);
EDGE_DEFINE_CLEANUP(struct edge_loop *, edge_loop_destroy)

/** Serve until edge_loop_stop. */
void edge_loop_run(struct edge_loop *loop);
void edge_loop_stop(struct edge_loop *loop);
/** The uv_loop_t behind it, for libraries that plug into libuv. */
void *edge_loop_native(struct edge_loop *loop);

/** Any thread: have @p fn run on the loop thread, in the order of the posts. Never fails: without
 * memory the process aborts, because a lost result would hang its owner. */
void edge_loop_post(struct edge_loop *loop, void (*fn)(void *arg), void *arg);

/** Call @p fn when the process receives @p signum, until the loop goes. */
EDGE_MUST_CHECK int edge_loop_on_signal(struct edge_loop *loop, int signum,
                                        void (*fn)(int signum, void *arg), void *arg);

/** A one-shot timer, not yet armed. @return NULL without memory */
struct edge_timer *edge_timer_create(struct edge_loop *loop, void (*fn)(void *arg), void *arg);
/** Fire once in @p ms (0: at the next turn); replaces an earlier time. */
void edge_timer_arm(struct edge_timer *timer, uint64_t ms);
void edge_timer_disarm(struct edge_timer *timer);
bool edge_timer_armed(const struct edge_timer *timer);
/** Milliseconds until it fires; 0 when it is not armed or due. */
uint64_t edge_timer_left(const struct edge_timer *timer);
/** Accepts NULL; returns NULL. @p fn is not called afterwards. */
struct edge_timer *edge_timer_destroy(struct edge_timer *timer);

/** Call @p fn after a file appears, changes or is renamed at @p path: the folder, which must exist,
 * is watched by inotify, so that editors that write-and-rename are seen. Bursts are merged. */
EDGE_MUST_CHECK int edge_watch_create(struct edge_loop *loop, const char *path,
                                      void (*fn)(void *arg), void *arg, struct edge_watch **ret);
struct edge_watch *edge_watch_destroy(struct edge_watch *watch);

/** Bits of what a descriptor is waited for. */
enum { EDGE_POLL_READ = 1, EDGE_POLL_WRITE = 2 };
/** Call @p fn while @p fd, which stays the caller's, is ready for what edge_poll_want asked; an end
 * or an error of it shows as ready for all of that. For libraries with sockets of their own.
 * @return 0, -EEXIST (already watched), other errno */
EDGE_MUST_CHECK int edge_poll_create(struct edge_loop *loop, int fd,
                                     void (*fn)(unsigned events, void *arg), void *arg,
                                     struct edge_poll **ret);
/** From now on wait for @p events; 0 waits for nothing. */
void edge_poll_want(struct edge_poll *poll, unsigned events);
/** Also from within its @p fn, and when the descriptor has just been closed. Accepts NULL; returns
 * NULL. */
struct edge_poll *edge_poll_destroy(struct edge_poll *poll);

#endif
