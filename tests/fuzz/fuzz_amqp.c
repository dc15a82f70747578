/* Any bytes as an AMQP client's, in pieces as the first byte says: the server answers or drops the
 * client, and at the end nothing is left of it. The backend answers at once or later. */
#include "common/base/log.h"
#include "hub/amqp/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/hub/fake_backend.h"
#include "tests/unit/hub/fake_stream.h"

static void deliver(struct fake_backend *fake)
{
    struct edge_message message = {.body = (uint8_t *) "{}", .len = 2};

    for (size_t i = 0; i < FAKE_SESSIONS; i++) {
        struct hub_session *s = &fake->sessions[i];

        if (s->open)
            s->events.desired("{\"$version\":2}", 14, 2, s->arg);
        if (s->open)
            s->events.method("06b98d5b-8229-4c7e-9ab4-23563e2cf7e5", "m", (struct edge_bytes){0},
                             s->arg);
        if (s->open && !s->paused)
            s->events.deliver(&message, 7, s->arg);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct edge_loop *loop;
    static const struct edge_tls_peer peer = {.cn = "leaf"};
    struct fake_backend fake;
    struct hub_amqp_options options = {.backend = &fake.backend, .host = "hub.test"};
    struct edge_stream *stream;
    struct hub_amqp *amqp;
    size_t step;

    if (size < 2 || (!loop && edge_loop_create(&loop) < 0))
        return 0;
    edge_log_set_level(EDGE_LOG_ERROR);
    fake_backend_init(&fake);
    fuzz_holds(hub_amqp_create(loop, &options, &amqp) == 0);
    stream = fake_stream_new();
    stream->certificate = data[0] & 1 ? &peer : NULL;
    fake.hold = data[0] & 2;
    fake.result = data[0] & 4 ? HUB_BAD : HUB_OK;
    step = (size_t) (data[0] >> 3) * 16 + 1;
    hub_amqp_accept(amqp, stream, false);
    for (size_t at = 1; at < size; at += step) {
        fake_give(stream, data + at, size - at < step ? size - at : step);
        if (at % 7 == 0)
            fake_turn(loop);
        while (fake.nheld > 32)
            fake_answer(&fake);
    }
    fake_turn(loop);
    deliver(&fake);
    while (fake.nheld > 0)
        fake_answer(&fake);
    fake_turn(loop);
    fake_flow(stream);
    hub_amqp_destroy(amqp);
    fuzz_holds(stream->end != FAKE_OPEN);
    fake_backend_fini(&fake);
    fake_turn(loop);
    fake_stream_free(stream);
    return 0;
}
