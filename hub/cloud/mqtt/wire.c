#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/cloud/mqtt/wire_internal.h"

/* ---- time: one timer, which looks again when it fires ---- */

static int64_t next_ms(const struct hub_wire *w)
{
    int64_t next = w->answer_due_ms;

    if (next == 0)
        next = (w->heard_ms < w->said_ms ? w->heard_ms : w->said_ms) + w->keep_ms;
    if (w->npending > 0 && w->pending[0].due_ms < next)
        next = w->pending[0].due_ms;
    return next;
}

void wire_rearm(struct hub_wire *w)
{
    int64_t left = w->kick ? 0 : next_ms(w) - edge_now_ms();

    edge_timer_arm(w->timer, left > 0 ? (uint64_t) left : 0);
}

int64_t wire_due_ms(const struct hub_wire *w)
{
    return edge_now_ms() + w->answer_ms;
}

/* ---- output ---- */

static void flush(struct hub_wire *w)
{
    if (w->out.len > 0) {
        edge_stream_write(w->stream, w->out.data, w->out.len);
        w->said_ms = edge_now_ms();
    }
    edge_buf_fini(&w->out); /* idle connections are many */
}

/* Many short packets become one write: at the end of a callback, or at the next turn. */
void wire_has_written(struct hub_wire *w)
{
    if (w->out.len >= GATHER_MAX) {
        flush(w);
    } else if (w->busy == 0 && !w->kick) {
        w->kick = true;
        wire_rearm(w);
    }
}

static void free_wire(struct hub_wire *w)
{
    edge_buf_fini(&w->in);
    edge_buf_fini(&w->out);
    free(w);
}

static void leave(struct hub_wire *w)
{
    w->busy--;
    if (w->busy > 0)
        return;
    if (w->closed)
        free_wire(w);
    else
        flush(w);
}

void wire_end(struct hub_wire *w, enum hub_wire_end why, const char *text)
{
    if (w->state == ENDED)
        return;
    w->state = ENDED;
    w->busy++;
    if (w->timer)
        edge_timer_disarm(w->timer);
    w->ops->end(why, text, w->arg);
    leave(w);
}

struct hub_wire *hub_wire_close(struct hub_wire *w, bool goodbye)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    if (!w)
        return NULL;
    assert(!w->closed);
    if (goodbye && w->state == SERVING)
        edge_ignore(edge_buf_append(&w->out, bytes, mqtt_put_empty(bytes, MQTT_DISCONNECT)));
    w->timer = edge_timer_destroy(w->timer);
    if (goodbye) {
        flush(w);
        w->stream = edge_stream_finish(w->stream);
    }
    w->stream = edge_stream_close(w->stream);
    w->state = ENDED;
    w->closed = true;
    if (w->busy == 0)
        free_wire(w);
    return NULL;
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct hub_wire *w = arg;
    size_t taken;

    if (w->state == ENDED)
        return;
    w->busy++;
    w->heard_ms = edge_now_ms();
    if (w->in.len == 0) {
        taken = wire_take_packets(w, data);
        data = (struct edge_bytes){data.data + taken, data.len - taken};
    }
    if (w->state != ENDED && data.len > 0) {
        if (edge_buf_append(&w->in, data.data, data.len) < 0)
            wire_end(w, HUB_WIRE_LOST, "no memory for what it sends");
        else
            edge_buf_consume(&w->in, wire_take_packets(w, (struct edge_bytes){
                                                              (uint8_t *) w->in.data, w->in.len}));
    }
    if (w->in.len == 0)
        edge_buf_fini(&w->in);
    if (w->state != ENDED)
        wire_rearm(w);
    leave(w);
}

static void on_drain(void *arg)
{
    struct hub_wire *w = arg;

    w->busy++;
    wire_say_room(w);
    leave(w);
}

static void on_end(int rc, void *arg)
{
    wire_end(arg, HUB_WIRE_LOST, rc < 0 ? edge_strerror(rc) : "it closed the connection");
}

static void on_timer(void *arg)
{
    struct hub_wire *w = arg;
    int64_t now = edge_now_ms();

    w->busy++;
    if (w->kick) {
        w->kick = false;
        flush(w);
    }
    if (w->answer_due_ms > 0 && now >= w->answer_due_ms)
        wire_end(w, HUB_WIRE_LOST, "it is silent");
    else if (w->npending > 0 && now >= w->pending[0].due_ms)
        wire_end(w, HUB_WIRE_LOST, "an acknowledgement did not come in time");
    else if (now >= next_ms(w))
        hub_wire_ping(w);
    if (w->state != ENDED)
        wire_rearm(w);
    leave(w);
}

static const struct edge_stream_handler handler = {on_data, on_drain, on_end};

/* It holds the token: straight to the stream, and wiped. */
static int send_connect(struct hub_wire *w, const struct mqtt_connect *connect)
{
    struct edge_buf packet = EDGE_BUF_INIT(4 * MQTT_STRING_MAX);
    int rc = mqtt_encode_connect(&packet, connect);

    if (rc == 0)
        edge_stream_write(w->stream, packet.data, packet.len);
    edge_buf_wipe(&packet);
    return rc;
}

int hub_wire_open(const struct hub_wire_options *options, struct edge_stream *stream,
                  struct hub_wire **ret)
{
    struct hub_wire *w = calloc(1, sizeof *w);
    int rc = -ENOMEM;

    if (w) {
        w->timer = edge_timer_create(options->loop, on_timer, w);
        w->stream = stream;
        rc = w->timer ? send_connect(w, options->connect) : -ENOMEM;
    }
    if (rc < 0) {
        if (w)
            edge_timer_destroy(w->timer);
        free(w);
        edge_stream_close(stream);
        return rc;
    }
    w->ops = options->ops;
    w->arg = options->arg;
    w->answer_ms = options->answer_ms;
    w->keep_ms = (int64_t) options->connect->keep_alive * 1000;
    w->heard_ms = w->said_ms = edge_now_ms();
    w->answer_due_ms = wire_due_ms(w);
    edge_buf_init(&w->in, PACKET_MAX + CHUNK_MAX);
    edge_buf_init(&w->out, (size_t) 1 << 28);
    edge_stream_attach(stream, &handler, w);
    wire_rearm(w);
    *ret = w;
    return 0;
}
