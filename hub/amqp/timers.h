/* hub/amqp/timers.h - the times of a connection: its deadlines (OPEN, a first token or link), the
 * heartbeats of both sides, and the end of what grants and people have been let in by. Loop thread.
 *
 * Who has shown a token or a certificate has no deadline any more. */
#ifndef HUB_AMQP_TIMERS_H
#define HUB_AMQP_TIMERS_H

#include "hub/amqp/connection.h"

enum { HUB_AMQP_TICK_LEAST_MS = 250 };

/** @return false without memory; what there is goes with destroy */
EDGE_MUST_CHECK bool hub_amqp_timers_create(struct hub_amqp_connection *c);
/** The pause of ration.h as well. */
void hub_amqp_timers_destroy(struct hub_amqp_connection *c);
/** Look again at what expires next. */
void hub_amqp_expiry_arm(struct hub_amqp_connection *c);

#endif
