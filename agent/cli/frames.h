/* agent/cli/frames.h - Docker's multiplexed log stream: frames of 8 bytes [1 stdout | 2 stderr, 0,
 * 0, 0, length big-endian] and so many bytes of text, cut anywhere by the transport. Pure. */
#ifndef AGENT_CLI_FRAMES_H
#define AGENT_CLI_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"

/** `{0}` to begin with. */
struct cli_frames {
    uint8_t head[8];
    size_t have;   /* of the head */
    uint32_t left; /* of the body */
};

/** Take @p data apart and hand each piece of text to @p put, at once.
 * @return 0, or EDGE_EPROTOCOL: not such a stream */
EDGE_MUST_CHECK int
cli_frames_feed(struct cli_frames *frames, struct edge_bytes data,
                void (*put)(bool from_stderr, struct edge_bytes text, void *arg), void *arg);

#endif
