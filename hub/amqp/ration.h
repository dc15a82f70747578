/* hub/amqp/ration.h - credit for clients whose messages the backend cannot take for now: the store
 * is full, or far behind. Loop thread.
 *
 *   a whole window --refused--> what is left of it --used up--> none --pause--> one message
 *         ^                                                      ^                |     |
 *         |                                                      +--- refused ----+     |
 *         +------------------------------------ taken ----------------------------------+
 *
 * Refused at once and with credit again, a client would send all it has in circles. The pause
 * begins when a client has used its credit up, so that nobody is waited for who sends nothing. */
#ifndef HUB_AMQP_RATION_H
#define HUB_AMQP_RATION_H

#include "hub/amqp/links.h"

/** The answer to a message, before it is settled. @param taken  false: refused, but only for now.
 * What was sent before the last refusal and is taken later says nothing about what is now. */
void hub_amqp_ration_answer(struct hub_amqp_link *link, uint64_t delivery, bool taken);
/** A rationed link has used up its credit. */
void hub_amqp_ration_empty(struct hub_amqp_connection *c);

#endif
