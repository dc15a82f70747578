/* Any bytes as a run of MQTT packets: each is refused or lies within its bounds, its filters can be
 * stepped through, and a PUBLISH or CONNECT encoded anew says the same. */
#include <stdlib.h>
#include <string.h>

#include "hub/mqtt/codec.h"
#include "tests/fuzz/fuzz.h"

enum { MAX = 1 << 16 };

static bool same(struct edge_bytes a, struct edge_bytes b)
{
    return a.len == b.len && !a.data == !b.data &&
           (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static void check_filters(const struct mqtt_packet *packet)
{
    struct edge_bytes rest = packet->filters;
    struct edge_bytes filter;
    uint8_t qos = 0;
    unsigned count = 0;

    while (mqtt_next_filter(&rest, &filter, packet->type == MQTT_SUBSCRIBE ? &qos : NULL)) {
        if (filter.len == 0 || qos > 2)
            abort();
        count++;
    }
    if (count == 0 || count > MQTT_FILTERS_MAX || rest.len > 0)
        abort();
}

static void check_again(const struct mqtt_packet *packet)
{
    struct edge_buf out = EDGE_BUF_INIT(2 * MAX);
    struct mqtt_packet again;
    size_t used;
    int rc = packet->type == MQTT_PUBLISH ? mqtt_encode_publish(&out, &packet->publish)
                                          : mqtt_encode_connect(&out, &packet->connect);

    if (rc < 0 || mqtt_decode((struct edge_bytes){(const uint8_t *) out.data, out.len}, 2 * MAX,
                              &again, &used, NULL) != 0)
        abort();
    if (again.type != packet->type || used != out.len)
        abort();
    if (packet->type == MQTT_PUBLISH &&
        (!same(again.publish.topic, packet->publish.topic) || again.id != packet->id ||
         !same(again.publish.payload, packet->publish.payload)))
        abort();
    if (packet->type == MQTT_CONNECT && (!same(again.connect.user, packet->connect.user) ||
                                         !same(again.connect.password, packet->connect.password)))
        abort();
    edge_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct edge_bytes rest = {data, size};
    struct mqtt_packet packet;
    size_t used;

    while (mqtt_decode(rest, MAX, &packet, &used, NULL) == 0) {
        if (used < 2 || used > rest.len)
            abort();
        if (packet.type == MQTT_SUBSCRIBE || packet.type == MQTT_UNSUBSCRIBE)
            check_filters(&packet);
        if (packet.type == MQTT_PUBLISH || packet.type == MQTT_CONNECT)
            check_again(&packet);
        rest.data += used;
        rest.len -= used;
    }
    return 0;
}
