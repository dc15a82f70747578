/* hub/amqp/wire.h - bytes from the stream into the engine, frame by frame, and from the engine into
 * the stream. Loop thread.
 *
 * What waits is bounded: a client that does not read, or whose messages nobody settles, is not read
 * from, and what it sends while its login is looked at is kept, up to HUB_AMQP_BACKLOG_MAX. Bytes
 * over that, or that frames.h refuses, end the connection. */
#ifndef HUB_AMQP_WIRE_H
#define HUB_AMQP_WIRE_H

#include "hub/amqp/connection.h"

enum { HUB_AMQP_BACKLOG_MAX = 128 * 1024 };

/** The client has sent @p data, which is borrowed: a turn. The connection may be gone afterwards.
 */
void hub_amqp_data(struct hub_amqp_connection *c, struct edge_bytes data);
/** The SASL PLAIN that was being looked at has an answer: what has been kept goes on. */
void hub_amqp_login_done(struct hub_amqp_connection *c, bool welcome);
/** Write what the engine has to say now, as far as the stream has room. */
void hub_amqp_flush(struct hub_amqp_connection *c);
/** Are there as many bytes under way as we keep for a client? */
bool hub_amqp_full(const struct hub_amqp_connection *c);

#endif
