/* Any bytes from a client that has been let in: the head survives them, whatever the backend
 * answers and whenever, and every answer that was owed is given. The first byte chooses: whether
 * answers are held back, their result, how large the pieces are, and whether the backend delivers
 * in between. */
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "hub/mqtt/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hub/fake_backend.h"
#include "tests/unit/hub/fake_stream.h"

static const char connect_bytes[] = "\x10\x4a\x00\x04MQTT\x04\xc2\x00\x3c\x00\x0a"
                                    "edge1/modA\x00\x2b"
                                    "hub.test/edge1/modA/?api-version=2021-04-12"
                                    "\x00\x05token";

static void push(struct fake_backend *fake)
{
    static uint64_t lock;
    struct hub_session *session = fake_session(fake, "edge1/modA");
    struct edge_message message = {.body = (uint8_t *) "x", .len = 1};

    if (!session)
        return;
    message.sys[EDGE_SYS_INPUT] = lock & 1 ? "in1" : "in2";
    session->events.deliver(&message, ++lock, session->arg);
    session->events.desired("{}", 2, 2, session->arg);
    session->events.method("r-1", "m", (struct edge_bytes){(const uint8_t *) "{}", 2},
                           session->arg);
}

static void feed(struct fake_backend *fake, struct edge_stream *stream, struct edge_loop *loop,
                 const uint8_t *data, size_t size, uint8_t how)
{
    size_t step = how & 2 ? 7 : size;

    for (size_t at = 0; at < size && stream->end == FAKE_OPEN; at += step) {
        fake_give(stream, data + at, size - at < step ? size - at : step);
        if (how & 4)
            push(fake);
        if (how & 1 && fake->nheld > 0)
            fake_answer(fake);
        fake_turn(loop);
        fake_flow(stream);
    }
    if (stream->end == FAKE_OPEN)
        stream->handler.on_end(0, stream->arg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct edge_loop *loop;
    static struct fake_backend fake;
    struct hub_mqtt_options options = {.backend = &fake.backend, .host = "hub.test"};
    struct edge_stream *stream;
    struct hub_mqtt *mqtt;

    edge_log_set_level(EDGE_LOG_ERROR);
    if (size < 1 || size > 4096 || (!loop && edge_loop_create(&loop) < 0))
        return 0;
    fake_backend_init(&fake);
    if (hub_mqtt_create(loop, &options, &mqtt) < 0)
        abort();
    stream = fake_stream_new();
    hub_mqtt_accept(mqtt, stream, false);
    fake_give(stream, connect_bytes, sizeof connect_bytes - 1);
    if (stream->end != FAKE_OPEN || !fake_session(&fake, "edge1/modA"))
        abort();
    fake.hold = data[0] & 1;
    fake.result = (enum hub_result)((data[0] >> 4) % (HUB_GONE + 1));
    feed(&fake, stream, loop, data + 1, size - 1, data[0]);
    hub_mqtt_destroy(mqtt);
    fake_backend_fini(&fake);
    fake_turn(loop);
    fake_stream_free(stream);
    return 0;
}
