/* hub/amqp/sasl.h - the mechanisms we offer, plugged into the engine. Loop thread. */
#ifndef HUB_AMQP_SASL_H
#define HUB_AMQP_SASL_H

#include "hub/amqp/connection.h"

/** Offer ANONYMOUS, MSSBCBS, PLAIN and EXTERNAL; none of them is required. */
void hub_amqp_sasl_offer(struct hub_amqp_connection *c);
/** The answer to a PLAIN. */
void hub_amqp_sasl_answer(struct hub_amqp_connection *c, bool welcome);

#endif
