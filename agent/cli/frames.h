/* agent/cli/frames.h - a log answer taken apart: frames of stream number, three zeros, length in
 * four bytes (the highest first), text. Pure; any thread. */
#ifndef AGENT_CLI_FRAMES_H
#define AGENT_CLI_FRAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"

enum { CLI_FRAME_MAX = 16 * 1024 * 1024 };

/** Between two pieces of the answer; `{0}` at its start. */
struct cli_frames {
    unsigned char head[8];
    size_t have;   /* bytes of head */
    uint32_t left; /* bytes of text still to come */
};

/** Hand on the text in @p data as it comes.
 * @return 0, EDGE_EPROTOCOL: these are no frames, or what @p emit returned other than 0 */
EDGE_MUST_CHECK int
cli_frames_read(struct cli_frames *frames, struct edge_bytes data,
                int (*emit)(bool from_stderr, struct edge_bytes text, void *arg), void *arg);

/** Was that the end of a frame? */
bool cli_frames_whole(const struct cli_frames *frames);

#endif
