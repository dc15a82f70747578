/* common/net/websocket.h - a WebSocket's binary messages as a stream (RFC 6455). Loop thread.
 * Frames may hold part of a packet or several; fragments, pings and pongs are seen to here. Text
 * messages, masking errors and frames over the limit end the stream with EDGE_EPROTOCOL. */
#ifndef EDGE_NET_WEBSOCKET_H
#define EDGE_NET_WEBSOCKET_H

#include "common/net/stream.h"

enum { EDGE_WEBSOCKET_ACCEPT_SIZE = 29 };
/** Sec-WebSocket-Accept for a Sec-WebSocket-Key. */
void edge_websocket_accept(const char *key, char text[EDGE_WEBSOCKET_ACCEPT_SIZE]);

/** A stream of messages over @p below, whose handshake is done and which becomes ours.
 * @param client  mask what we send   @return NULL without memory (@p below is closed) */
struct edge_stream *edge_websocket_over(struct edge_loop *loop, struct edge_stream *below,
                                        bool client);

#endif
