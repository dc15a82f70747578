/* hub/amqp/turn.h - a turn of a connection: what one call of the loop sets off, and at its end what
 * is to be written. Loop thread.
 *
 *   begin -> bytes, timers, events of the engine -> end: flushed once, what has ended freed
 *
 * Turns nest: only the outermost ends in a flush. A turn holds a reference, so a connection may be
 * dropped in it. */
#ifndef HUB_AMQP_TURN_H
#define HUB_AMQP_TURN_H

#include "hub/amqp/connection.h"

static inline void hub_amqp_turn_begin(struct hub_amqp_connection *c)
{
    hub_amqp_ref(c);
    c->busy++;
}
/** The connection may be gone afterwards. */
void hub_amqp_turn_end(struct hub_amqp_connection *c);
/** Outside of a turn: have one in the next turn of the loop. Inside of one it comes anyway. */
void hub_amqp_flush_soon(struct hub_amqp_connection *c);
/** The turn of all who wait for one; @p arg is the server. */
void hub_amqp_turn(void *arg);

#endif
