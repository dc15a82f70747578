/* hub/amqp/incoming.h - messages a client sends on a link: gathered, handed over, settled. Loop
 * thread. */
#ifndef HUB_AMQP_INCOMING_H
#define HUB_AMQP_INCOMING_H

#include "hub/amqp/links.h"

void hub_amqp_incoming_delivery(struct hub_amqp_link *link, pn_delivery_t *delivery);
/** On a link that has ended here and not yet there. */
void hub_amqp_incoming_ignore(pn_link_t *engine, pn_delivery_t *delivery);
/** The link ends: nothing more is settled. */
void hub_amqp_incoming_end(struct hub_amqp_link *link);

#endif
