#include "agent/cli/frames.h"

#include <string.h>

#include "common/base/err.h"

enum { STDOUT = 1, STDERR = 2 };

/* @return 0 or EDGE_EPROTOCOL */
static int take_head(struct cli_frames *frames)
{
    const unsigned char *h = frames->head;

    frames->left = (uint32_t) h[4] << 24 | (uint32_t) h[5] << 16 | (uint32_t) h[6] << 8 | h[7];
    if ((h[0] != STDOUT && h[0] != STDERR) || h[1] || h[2] || h[3] || frames->left > CLI_FRAME_MAX)
        return EDGE_EPROTOCOL;
    if (frames->left == 0)
        frames->have = 0;
    return 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

int cli_frames_read(struct cli_frames *frames, struct edge_bytes data,
                    int (*emit)(bool from_stderr, struct edge_bytes text, void *arg), void *arg)
{
    int rc = 0;

    while (data.len > 0 && rc == 0) {
        size_t n;

        if (frames->have < sizeof frames->head) {
            n = least(sizeof frames->head - frames->have, data.len);
            memcpy(frames->head + frames->have, data.data, n);
            frames->have += n;
            if (frames->have == sizeof frames->head)
                rc = take_head(frames);
        } else {
            n = least(frames->left, data.len);
            rc = emit(frames->head[0] == STDERR, (struct edge_bytes){data.data, n}, arg);
            frames->left -= (uint32_t) n;
            if (frames->left == 0)
                frames->have = 0;
        }
        data.data += n;
        data.len -= n;
    }
    return rc;
}

bool cli_frames_whole(const struct cli_frames *frames)
{
    return frames->have == 0;
}
