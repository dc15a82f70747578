/* common/net/tls_stream.h - inside the room: TLS over another stream. Loop thread. */
#ifndef EDGE_NET_TLS_STREAM_H
#define EDGE_NET_TLS_STREAM_H

#include "common/net/stream.h"
#include "common/tls/context.h"

/**
 * Begin a handshake. @p below and @p ssl become ours, also on failure.
 * @param ready  called once from a turn of the loop: the handshake is done (0) or has failed; the
 * stream is the caller's from the beginning: to be attached, or closed
 * @return NULL without memory
 */
struct edge_stream *tls_over(struct edge_loop *loop, struct edge_stream *below, SSL *ssl,
                             void (*ready)(int rc, const struct edge_err *err, void *arg),
                             void *arg);
/** When bytes of the peer came last during the handshake, or tls_over was called: edge_now_ms. */
int64_t tls_heard_ms(const struct edge_stream *stream);
/** Have any come? */
bool tls_was_heard(const struct edge_stream *stream);

#endif
