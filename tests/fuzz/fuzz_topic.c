/* Topics and filters: what comes out lies inside what went in. */
#include <stdint.h>

#include "common/iothub/topic.h"
#include "tests/fuzz/fuzz.h"

static void inside(struct edge_bytes bytes, const uint8_t *data, size_t size)
{
    fuzz_holds(bytes.len == 0 || (bytes.data >= data && bytes.data + bytes.len <= data + size));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct edge_topic topic;
    struct edge_identity who;
    struct edge_bytes input;
    unsigned feature;

    edge_topic_parse((const char *) data, size, &topic);
    inside(topic.bag, data, size);
    inside(topic.rid, data, size);
    if (topic.kind == EDGE_TOPIC_TELEMETRY)
        fuzz_holds(*topic.who.device);
    feature = edge_filter_parse((const char *) data, size, &who, &input);
    inside(input, data, size);
    fuzz_holds(feature != 0 || (!*who.device && !*who.module && input.len == 0));
    return 0;
}
