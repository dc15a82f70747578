/* Any bytes as a log answer, in two pieces: read within bounds, and no more text than bytes. */
#include <stdlib.h>

#include "agent/cli/frames.h"
#include "tests/fuzz/fuzz.h"

static unsigned char sum; /* every byte is read */

static int count(bool from_stderr, struct edge_bytes text, void *arg)
{
    size_t *total = arg;

    (void) from_stderr;
    for (size_t i = 0; i < text.len; i++)
        sum ^= text.data[i];
    *total += text.len;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_frames frames = {0};
    size_t total = 0;
    size_t cut = size > 0 ? data[0] % size : 0;
    int rc = cli_frames_read(&frames, (struct edge_bytes){data, cut}, count, &total);

    if (rc == 0)
        rc = cli_frames_read(&frames, (struct edge_bytes){data + cut, size - cut}, count, &total);
    if (total > size || (rc == 0 && frames.left > CLI_FRAME_MAX))
        abort();
    return 0;
}
