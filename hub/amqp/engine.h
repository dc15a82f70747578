/* hub/amqp/engine.h - what the engine says: OPEN, CLOSE, sessions and links that come and go, each
 * handed to whom it is about. Loop thread.
 *
 * An OPEN we cannot live with (an idle-time-out under half a second, frames under 512 bytes) is
 * answered by CLOSE with amqp:invalid-field, and ends the connection. */
#ifndef HUB_AMQP_ENGINE_H
#define HUB_AMQP_ENGINE_H

#include "hub/amqp/connection.h"

/** Handle all events there are; the connection may have ended afterwards. @return were there any?
 */
bool hub_amqp_dispatch(struct hub_amqp_connection *c);

#endif
