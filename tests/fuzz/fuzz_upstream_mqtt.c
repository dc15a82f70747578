/* Any bytes from what stands in IoT Hub's place, once it has let us in: the upstream survives them,
 * and every answer that was owed is given once. The first byte chooses: how large the pieces are,
 * how messages are settled, what is asked. */
#include <stdlib.h>

#include "hub/cloud/mqtt/mqtt.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/upstream_place.h"

static const struct edge_identity device = {"edge1", ""};

static void ask(uint8_t how)
{
    upstream_ask(&device, how);
}

/* Up to its CONNACK. */
static void begin(void)
{
    for (int i = 0; i < 4; i++)
        fake_turn(place.loop);
    if (place.nstreams != 1)
        abort();
    fake_give(place.streams[0], "\x20\x02\x01\x00", 4);
    if (place.streams[0]->end != FAKE_OPEN)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hub_wish wish = {31, "", ""};

    if (size < 1 || size > 4096)
        return 0;
    upstream_open(&hub_cloud_mqtt, HUB_CLOUD_MQTT, &device,
                  data[0] & 1 ? HUB_ACCEPTED : HUB_RELEASED);
    hub_cloud_mqtt.ops->want(place.upstream, &device, &wish);
    begin();
    ask(data[0]);
    fake_turn(place.loop);
    upstream_feed(data + 1, size - 1, data[0], ask);
    upstream_close();
    return 0;
}
