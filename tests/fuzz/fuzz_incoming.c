/* Any topic: what is read from it lies within it, and within its limits. */
#include <stdlib.h>
#include <string.h>

#include "common/iothub/incoming.h"
#include "tests/fuzz/fuzz.h"

static void check(const char *topic, const struct edge_incoming *in)
{
    const char *rid = (const char *) in->rid.data;
    const char *bag = (const char *) in->bag.data;

    if (in->kind == EDGE_INCOMING_UNKNOWN)
        return;
    if (in->rid.len > EDGE_RID_MAX || in->version < 0)
        abort();
    if (rid && (rid < topic || rid + in->rid.len > topic + strlen(topic)))
        abort();
    if (bag && (bag < topic || bag + in->bag.len != topic + strlen(topic)))
        abort();
    if (in->kind == EDGE_INCOMING_ANSWER && (in->status < 0 || in->status > 999 || !in->rid.len))
        abort();
    if (in->kind == EDGE_INCOMING_METHOD &&
        (!in->method[0] || strlen(in->method) > EDGE_METHOD_NAME_MAX || !in->rid.len))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *topic = malloc(size + 1);
    struct edge_incoming in;

    if (!topic)
        abort();
    if (size > 0)
        memcpy(topic, data, size);
    topic[size] = '\0';
    edge_incoming_read(topic, &in);
    check(topic, &in);
    free(topic);
    return 0;
}
