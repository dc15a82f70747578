#include "agent/cli/frames.h"

#include "common/base/err.h"

static bool is_head(const uint8_t head[8])
{
    return (head[0] == 1 || head[0] == 2) && head[1] == 0 && head[2] == 0 && head[3] == 0;
}

static uint32_t length_of(const uint8_t head[8])
{
    return (uint32_t) head[4] << 24 | (uint32_t) head[5] << 16 | (uint32_t) head[6] << 8 | head[7];
}

static struct edge_bytes rest(struct edge_bytes data, size_t used)
{
    return (struct edge_bytes){data.data + used, data.len - used};
}

int cli_frames_feed(struct cli_frames *frames, struct edge_bytes data,
                    void (*put)(bool from_stderr, struct edge_bytes text, void *arg), void *arg)
{
    while (data.len > 0) {
        size_t take;

        if (frames->left > 0) {
            take = data.len < frames->left ? data.len : frames->left;
            put(frames->head[0] == 2, (struct edge_bytes){data.data, take}, arg);
            frames->left -= (uint32_t) take;
            data = rest(data, take);
            continue;
        }
        frames->head[frames->have++] = data.data[0];
        data = rest(data, 1);
        if (frames->have < sizeof frames->head)
            continue;
        if (!is_head(frames->head))
            return EDGE_EPROTOCOL;
        frames->have = 0;
        frames->left = length_of(frames->head);
    }
    return 0;
}
