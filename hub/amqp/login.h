/* hub/amqp/login.h - SASL PLAIN: a policy's login for the nodes, or a device's token. Loop thread.
 */
#ifndef HUB_AMQP_LOGIN_H
#define HUB_AMQP_LOGIN_H

#include "hub/amqp/connection.h"

/** Ends in hub_amqp_login_done, perhaps before it returns. */
void hub_amqp_login(struct hub_amqp_connection *c, const char *user, const char *password);

#endif
