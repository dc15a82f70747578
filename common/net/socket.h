/* common/net/socket.h - inside the room: a stream that is a socket. Loop thread. */
#ifndef EDGE_NET_SOCKET_H
#define EDGE_NET_SOCKET_H

#include <sys/socket.h>

#include "common/net/stream.h"

/** Over the connected socket @p fd, which becomes ours, also on failure. @return NULL on failure */
struct edge_stream *socket_open(struct edge_loop *loop, int fd, bool is_unix);

/** Connect over TCP. @p done comes from a turn of the loop with the stream and 0, or a negative
 * code; the stream is the caller's from the beginning (to close, even before) and after a failure.
 */
EDGE_MUST_CHECK int socket_connect(struct edge_loop *loop, const struct sockaddr *address,
                                   void (*done)(int rc, void *arg), void *arg,
                                   struct edge_stream **ret);

#endif
