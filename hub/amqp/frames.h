/* hub/amqp/frames.h - the peer's bytes cut into frames, and only those let through that the
 * engine can take. Pure; any thread. The peer is a client, or (`answers`) a server.
 *
 * Frames for a channel that has ended or a handle that is detached are passed over, as AMQP
 * clients send them now and then; the engine would close the connection. A client logs in once and
 * opens once. Frames over the limit, too deep, with too many values, or against the state of their
 * channel are an error. */
#ifndef HUB_AMQP_FRAMES_H
#define HUB_AMQP_FRAMES_H

#include <stdbool.h>

#include "common/base/bytes.h"

enum {
    HUB_AMQP_FRAME_MAX = 64 * 1024,
    HUB_AMQP_FRAME_VALUES = 1024, /* in a performative */
};

struct hub_amqp_handle;
struct hub_amqp_frames {
    struct edge_buf partial; /* the frame or header that is not complete yet */
    bool taken;              /* partial has been handed out */
    bool answers;            /* set after init: BEGINs are answers to ours; else nobody's */
    bool header;             /* a protocol header may come next */
    bool login, open;        /* the one sasl-init, the one OPEN have come */
    uint32_t peer_max;       /* max-frame-size of that OPEN, which the engine corrects */
    uint8_t *channels;       /* open channels; a bit each */
    size_t max_channels;
    struct hub_amqp_handle *handles; /* by channel and handle */
    size_t nhandles, room;
    size_t max_handles;
};

/** @param max_handles  links a client may have open, over all channels
 * @param max_channels  sessions */
void hub_amqp_frames_init(struct hub_amqp_frames *frames, size_t max_handles, size_t max_channels);
void hub_amqp_frames_fini(struct hub_amqp_frames *frames);

/** What was found at the front of the bytes. */
struct hub_amqp_frame {
    struct edge_bytes bytes; /* for the engine; borrowed until the next call. Empty: passed over */
    bool transfer;
    uint32_t format; /* message-format of a transfer that begins a delivery */
};
enum { HUB_AMQP_MORE = 1 };
/** Take the next frame off the front of @p data.
 * @return 0, HUB_AMQP_MORE (all of @p data is taken and no frame complete), EDGE_EPROTOCOL,
 * EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_frames_next(struct hub_amqp_frames *frames, struct edge_bytes *data,
                                         struct hub_amqp_frame *ret);

#endif
