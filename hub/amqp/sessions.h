/* hub/amqp/sessions.h - the sessions of a connection: which of them have messages the engine has
 * not given out yet, and how many bytes that is. Loop thread.
 *
 * Only those are looked at when the bytes are counted: an edge hub has a session for each of its
 * devices. */
#ifndef HUB_AMQP_SESSIONS_H
#define HUB_AMQP_SESSIONS_H

#include "hub/amqp/connection.h"

/** @p len bytes have been given to the engine for this session: engine_bytes grows. */
void hub_amqp_sent(struct hub_amqp_connection *c, pn_session_t *session, size_t len);
/** Some may have been given out: engine_bytes is counted anew. */
void hub_amqp_sessions_count(struct hub_amqp_connection *c);
/** The client has ended it: its links end, and its memory goes. */
void hub_amqp_session_closed(struct hub_amqp_connection *c, pn_session_t *session);

#endif
