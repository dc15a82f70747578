/* common/net/stream.h - one connected byte stream on the loop: a socket, TLS over one, or the
 * binary messages of a WebSocket. What reads MQTT, AMQP or HTTP sees no difference. Loop thread.
 *
 * A stream has one owner, who ends it with close or finish; its memory goes in a later turn of the
 * loop. No callback is made from within a call of this header, none after close or finish. */
#ifndef EDGE_NET_STREAM_H
#define EDGE_NET_STREAM_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/loop/loop.h"
#include "common/tls/tls.h"

struct edge_stream;

enum { EDGE_STREAM_LOW = 16 * 1024 };

struct edge_stream_handler {
    /** Bytes have come; borrowed for the call. The handler may close the stream here. */
    void (*on_data)(struct edge_bytes data, void *arg);
    /** What was queued has fallen to EDGE_STREAM_LOW after having been above it. May be NULL. */
    void (*on_drain)(void *arg);
    /** The peer has ended (0), or why the stream broke: the last call, but for on_drain, because
     * after a peer's orderly end of sending writes may still reach it. The owner still closes it.
     */
    void (*on_end)(int rc, void *arg);
};

/** Take over: @p handler is copied. Reading begins with this call. Also hands a stream on. */
void edge_stream_attach(struct edge_stream *stream, const struct edge_stream_handler *handler,
                        void *arg);
/** Let go, for somebody else to attach: no calls until then. @p unread is what was read too far;
 * the next handler gets it first. @return 0, or -ENOMEM and EDGE_ELIMIT: close the stream */
EDGE_MUST_CHECK int edge_stream_detach(struct edge_stream *stream, const void *unread, size_t len);
/** Queue a copy of @p data. Errors come through on_end. */
void edge_stream_write(struct edge_stream *stream, const void *data, size_t len);
/** Bytes queued and not yet taken by the kernel: the owner's measure for back-pressure. */
size_t edge_stream_queued(const struct edge_stream *stream);
/** Stop reading (the peer is slowed down by its window) or go on. Nothing is lost. */
void edge_stream_pause(struct edge_stream *stream, bool paused);

/** Who is at the other end of a unix socket. @return false when that cannot be known */
bool edge_stream_peer(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid);
/** "127.0.0.1:50312", "unix"; borrowed. */
const char *edge_stream_address(const struct edge_stream *stream);
/** The certificate the peer has shown in TLS (below a WebSocket too), or NULL; borrowed. */
const struct edge_tls_peer *edge_stream_certificate(const struct edge_stream *stream);

/** Drop it now, whatever is queued. Accepts NULL; returns NULL. */
struct edge_stream *edge_stream_close(struct edge_stream *stream);
/** Send what is queued, say goodbye in the way of the transport, drop it (at the latest in 5 s).
 * The pointer is invalid afterwards. Accepts NULL; returns NULL. */
struct edge_stream *edge_stream_finish(struct edge_stream *stream);

#endif
