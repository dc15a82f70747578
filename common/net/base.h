/* common/net/base.h - inside the room: what every kind of stream shares. A kind brings bytes and
 * ends up with stream_deliver and stream_end, and takes the owner's wishes through its operations;
 * holding bytes back, telling things later and living long enough are seen to here. Loop thread. */
#ifndef EDGE_NET_BASE_H
#define EDGE_NET_BASE_H

#include "common/net/stream.h"

struct stream_kind {
    /** Bytes are wanted, or not for now. */
    void (*read)(struct edge_stream *stream, bool wanted);
    void (*write)(struct edge_stream *stream, const void *data, size_t len);
    size_t (*queued)(const struct edge_stream *stream);
    bool (*peer)(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid);
    const char *(*address)(const struct edge_stream *stream);
    const struct edge_tls_peer *(*certificate)(const struct edge_stream *stream);
    /** The owner is gone: end at once, or after a goodbye. Lets go of the first hold when done. */
    void (*close)(struct edge_stream *stream);
    void (*finish)(struct edge_stream *stream);
    /** Nobody holds it any more. */
    void (*free)(struct edge_stream *stream);
};

struct edge_stream {
    const struct stream_kind *kind;
    struct edge_loop *loop;
    struct edge_stream_handler handler;
    void *arg;
    struct edge_buf kept; /* has come, but is not wanted yet */
    size_t lost;          /* written after it broke */
    int end_rc;
    unsigned holds;
    bool attached;
    bool paused;
    bool over;     /* the end has come: end_rc */
    bool told;     /* and the owner knows */
    bool left;     /* by its owner */
    bool reading;  /* what the kind was told last */
    bool awaiting; /* a turn of the loop, to deliver what is kept */
};

enum {
    STREAM_READ = 64 * 1024,              /* most bytes at once */
    STREAM_KEPT_MAX = 1024 * 1024,        /* one read, decrypted and unpacked, has far less */
    STREAM_QUEUE_MAX = 256 * 1024 * 1024, /* an owner that does not look at edge_stream_queued */
};

/** With one hold, which the kind's close or finish lets go. */
void stream_init(struct edge_stream *stream, const struct stream_kind *kind,
                 struct edge_loop *loop);

/** Hold it over a call that may close it. */
void stream_hold(struct edge_stream *stream);
void stream_release(struct edge_stream *stream);

/** Bytes have come. Not from within a call of stream.h, like the next two. */
void stream_deliver(struct edge_stream *stream, const void *data, size_t len);
/** Nothing more will come; only the first call counts. */
void stream_end(struct edge_stream *stream, int rc);
void stream_drained(struct edge_stream *stream);
/** stream_end, from anywhere. */
void stream_end_later(struct edge_stream *stream, int rc);

#endif
