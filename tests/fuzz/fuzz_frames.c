/* Any bytes in two parts: what is put never exceeds what came, and the cut makes no difference. */
#include <stdlib.h>

#include "agent/cli/frames.h"
#include "tests/fuzz/fuzz.h"

static void count(bool from_stderr, struct edge_bytes text, void *arg)
{
    size_t *total = arg;

    (void) from_stderr;
    *total += text.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cli_frames whole = {0};
    struct cli_frames parts = {0};
    size_t a = 0;
    size_t b = 0;
    size_t cut = size / 3;
    int rc = cli_frames_feed(&whole, (struct edge_bytes){data, size}, count, &a);
    int first = cli_frames_feed(&parts, (struct edge_bytes){data, cut}, count, &b);

    if (first == 0)
        first = cli_frames_feed(&parts, (struct edge_bytes){data + cut, size - cut}, count, &b);
    if (a > size || a != b || rc != first)
        abort();
    return 0;
}
