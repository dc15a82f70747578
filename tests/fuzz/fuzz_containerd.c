/* What containerd's answers are decoded by. The first byte chooses: 'e' an event's envelope, 'm'
 * metrics inside an Any. */
#include "tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "agent/containerd/call.h"
#include "agent/containerd/events.h"
#include "agent/containerd/metrics.h"

static void read_event(const uint8_t *data, size_t len)
{
    EDGE_CLEANUP(pb_free)
    Events__Envelope *envelope = (Events__Envelope *) protobuf_c_message_unpack(
        &events__envelope__descriptor, NULL, len, data);
    EDGE_CLEANUP(pb_free) void *owner = NULL;
    struct agent_ctrd_event ev;
    const char *field;

    if (!envelope)
        return;
    (void) events_is_barrier(envelope, "1.2.3");
    (void) ctrd_message_utf8(&envelope->base, &field);
    if (events_decode(envelope, &ev, &owner) && strlen(ev.id) > len)
        abort();
}

static void read_metrics(const uint8_t *data, size_t len)
{
    EDGE_CLEANUP(pb_free)
    Google__Any *any =
        (Google__Any *) protobuf_c_message_unpack(&google__any__descriptor, NULL, len, data);
    struct agent_ctrd_metrics metrics;

    if (any && metrics_decode(any, &metrics) == 0 && metrics.memory_limit == 1)
        return;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len == 0)
        return 0;
    if (data[0] == 'e')
        read_event(data + 1, len - 1);
    else if (data[0] == 'm')
        read_metrics(data + 1, len - 1);
    return 0;
}
