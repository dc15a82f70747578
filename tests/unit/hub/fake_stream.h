/* tests/unit/hub/fake_stream.h - common/net/stream.h without a network: the test gives bytes and
 * sees what was written. Like the real one it makes no callback from within a call. */
#ifndef TESTS_UNIT_HUB_FAKE_STREAM_H
#define TESTS_UNIT_HUB_FAKE_STREAM_H

#include "common/net/stream.h"

enum fake_end { FAKE_OPEN, FAKE_CLOSED, FAKE_FINISHED };

struct edge_stream {
    struct edge_stream_handler handler;
    void *arg;
    struct edge_buf out;     /* written, not yet looked at */
    struct edge_buf waiting; /* given while paused */
    size_t queued;           /* what edge_stream_queued says */
    bool paused;
    enum fake_end end;
    const struct edge_tls_peer *certificate;
};

struct edge_stream *fake_stream_new(void);
void fake_stream_free(struct edge_stream *stream);
/** The peer sends. */
void fake_give(struct edge_stream *stream, const void *data, size_t len);
/** What waited while it was paused comes now, if it is not paused any more. */
void fake_flow(struct edge_stream *stream);
/** The peer has read everything. */
void fake_drain(struct edge_stream *stream);
/** Let timers that are due and what was posted run. */
void fake_turn(struct edge_loop *loop);
/** The same for a while. */
void fake_wait(struct edge_loop *loop, unsigned ms);

#endif
