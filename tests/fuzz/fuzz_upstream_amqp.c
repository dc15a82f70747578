/* Any frames from what stands in IoT Hub's place, once it has taken our token: the upstream
 * survives them, and every answer that was owed is given once. A head with a fake backend does the
 * beginning. The first byte chooses: how large the pieces are, how messages are settled, what is
 * asked. */
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hub/amqp/server.h"
#include "hub/cloud/amqp/amqp.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/upstream_place.h"
#include "tests/unit/hub/fake_backend.h"

static const struct edge_identity hub = {"edge1", "$edgeHub"}, leaf = {"leaf", ""};

/* Ids are the same in each run, so that answers can be to what was asked. */
ssize_t getrandom(void *buffer, size_t length, unsigned flags)
{
    (void) flags;
    memset(buffer, 7, length);
    return (ssize_t) length;
}

static void carry(struct edge_stream *from, struct edge_stream *to)
{
    struct edge_buf bytes = from->out;

    edge_buf_init(&from->out, bytes.max);
    if (bytes.len > 0)
        fake_give(to, bytes.data, bytes.len);
    edge_buf_fini(&bytes);
    fake_turn(place.loop);
}

/* Up to the token's answer by a head that knows how; from then on its place is empty. */
static void begin(void)
{
    struct fake_backend fake;
    struct hub_amqp_options options = {.backend = &fake.backend, .host = "hub.test"};
    struct edge_stream *far = fake_stream_new();
    struct hub_amqp *head;

    fake_backend_init(&fake);
    if (hub_amqp_create(place.loop, &options, &head) < 0)
        abort();
    hub_amqp_accept(head, far, false);
    for (int i = 0; i < 16 && !place.up; i++) {
        fake_turn(place.loop);
        if (place.nstreams > 0) {
            carry(place.streams[0], far);
            carry(far, place.streams[0]);
        }
    }
    hub_amqp_destroy(head);
    fake_stream_free(far);
    fake_backend_fini(&fake);
    if (!place.up)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct hub_wish wish = {31, "", ""};

    if (size < 1 || size > 16384)
        return 0;
    upstream_open(&hub_cloud_amqp, HUB_CLOUD_AMQP, &hub, data[0] & 1 ? HUB_ACCEPTED : HUB_MODIFIED);
    begin();
    hub_cloud_amqp.ops->want(place.upstream, &leaf, &wish);
    upstream_ask(&leaf, data[0]);
    fake_turn(place.loop);
    upstream_feed(data + 1, size - 1, data[0], NULL);
    upstream_ask(&leaf, data[0]);
    fake_turn(place.loop);
    upstream_close();
    return 0;
}
