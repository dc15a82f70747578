/* agent/containerd/events.h - reading the event stream's envelopes. Pure. Internal. */
#ifndef AGENT_CONTAINERD_EVENTS_H
#define AGENT_CONTAINERD_EVENTS_H

#include "agent/containerd/tasks.h"
#include "proto/containerd/events.pb-c.h"

#define EVENTS_BARRIER_TOPIC "/edge/barrier"

/** What an envelope says of an init process. @p ret->id is borrowed from @p ret_owner, which the
 * caller frees with pb_free, also when false is returned.
 * @return false for everything that is not reported: execs, other topics, what cannot be decoded */
bool events_decode(const Events__Envelope *envelope, struct agent_ctrd_event *ret,
                   void **ret_owner);
/** Is this the barrier that carries @p token? */
bool events_is_barrier(const Events__Envelope *envelope, const char *token);

#endif
