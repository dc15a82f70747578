/* hub/amqp/grants.h - what a connection may reach besides devices: tokens and logins the nodes have
 * granted, until they expire. Loop thread. */
#ifndef HUB_AMQP_GRANTS_H
#define HUB_AMQP_GRANTS_H

#include "hub/amqp/connection.h"

enum { HUB_AMQP_GRANTS_MAX = 64 };

/** A new grant, or a longer life for the one of that audience.
 * @return 0, EDGE_ELIMIT (as many as may be), -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_grant(struct hub_amqp_connection *c, const char *audience,
                                   int64_t until_s);
/** End what has expired, and the links that were attached by it. */
void hub_amqp_grants_expire(struct hub_amqp_connection *c, int64_t now_s);
/** When the first expires, when that is before @p due. */
int64_t hub_amqp_grants_due(const struct hub_amqp_connection *c, int64_t due);
void hub_amqp_grants_end(struct hub_amqp_connection *c);

#endif
