/* hub/amqp/outgoing.h - messages to a client on a link: sent or kept, settled by the client. Loop
 * thread. */
#ifndef HUB_AMQP_OUTGOING_H
#define HUB_AMQP_OUTGOING_H

#include "hub/amqp/links.h"

/** There may be credit now: what waits goes, then the node is told. */
void hub_amqp_outgoing_credit(struct hub_amqp_link *link);
/** The client has said something about a message. */
void hub_amqp_outgoing_updated(struct hub_amqp_link *link, pn_delivery_t *delivery);
/** The link ends: what is not settled is released. */
void hub_amqp_outgoing_end(struct hub_amqp_link *link);

#endif
