/* Any bytes as a request: the head is refused or taken apart within its bounds; what follows, as a
 * body in chunks, gives the same result whole and byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "common/base/err.h"
#include "common/http/head.h"
#include "tests/fuzz/fuzz.h"

static int decode(const char *data, size_t len, size_t step, struct edge_buf *out)
{
    struct http_chunks chunks = {0};
    int rc = 0;

    for (size_t at = 0; at < len && rc == 0;) {
        size_t used;

        rc = http_chunks_read(&chunks, data + at, len - at < step ? len - at : step, out, &used);
        at += used;
    }
    return rc;
}

static void fuzz_chunks(const char *data, size_t len)
{
    struct edge_buf whole;
    struct edge_buf pieces;

    edge_buf_init(&whole, 1 << 16);
    edge_buf_init(&pieces, 1 << 16);
    if (decode(data, len, len, &whole) == HTTP_CHUNKS_END) {
        if (decode(data, len, 1, &pieces) != HTTP_CHUNKS_END || whole.len != pieces.len)
            abort();
    }
    edge_buf_fini(&whole);
    edge_buf_fini(&pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head;
    size_t len = http_head_end((const char *) data, size, 0);
    char *text = malloc(len + 1);

    if (!text)
        abort();
    memcpy(text, data, len);
    if (len > 0 && http_head_parse(text, len, &head) == 0) {
        if (head.path[0] != '/' || head.content_length < 0 || strlen(head.path) >= len)
            abort();
    }
    fuzz_chunks((const char *) data + len, size - len);
    free(text);
    return 0;
}
