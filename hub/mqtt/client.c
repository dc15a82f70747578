#include "hub/mqtt/client_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"

static void pump(struct hub_mqtt_client *c);
static void go_on(struct hub_mqtt_client *c);

static void forget_connect(struct hub_mqtt_client *c)
{
    if (c->connect)
        explicit_bzero(c->connect->bytes, c->connect->len);
    c->connect = edge_free(c->connect);
}

static void unkick(struct hub_mqtt_client *c)
{
    if (!c->kick_link)
        return;
    *c->kick_link = c->kick_next;
    if (c->kick_next)
        c->kick_next->kick_link = c->kick_link;
    c->kick_link = NULL;
}

void client_no_stranger(struct hub_mqtt_client *c)
{
    if (c->stranger)
        c->clients->strangers_--;
    c->stranger = false;
}

static void unlink_client(struct hub_mqtt_client *c)
{
    unkick(c);
    if (!c->clients)
        return;
    client_no_stranger(c);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->clients->count--;
    c->clients = NULL;
}

static void free_client(struct hub_mqtt_client *c)
{
    forget_connect(c);
    edge_buf_fini(&c->in);
    edge_buf_fini(&c->out);
    mqtt_requests_fini(&c->requests);
    mqtt_sent_fini(&c->sent);
    free(c);
}

/* Many short answers become one write: flush at the end of a callback, or at the next turn. */
static void flush(struct hub_mqtt_client *c)
{
    if (c->out.len > 0)
        edge_stream_write(c->stream, c->out.data, c->out.len);
    edge_buf_fini(&c->out); /* idle clients are many */
}

static void has_written(struct hub_mqtt_client *c)
{
    if (c->out.len >= GATHER_MAX)
        flush(c);
    else if (c->busy == 0)
        go_on(c);
}

void client_write(struct hub_mqtt_client *c, const uint8_t *bytes, size_t len)
{
    if (edge_buf_append(&c->out, bytes, len) == 0) {
        has_written(c);
        return;
    }
    flush(c);
    edge_stream_write(c->stream, bytes, len);
}

static void leave(struct hub_mqtt_client *c)
{
    c->busy--;
    if (c->busy > 0)
        return;
    if (c->closed)
        free_client(c);
    else
        flush(c);
}

void hub_mqtt_client_close(struct hub_mqtt_client *c, bool drop)
{
    if (!c)
        return;
    unlink_client(c);
    c->timer = edge_timer_destroy(c->timer);
    if (!drop)
        flush(c);
    c->stream = drop ? edge_stream_close(c->stream) : edge_stream_finish(c->stream);
    c->state = ENDED;
    c->closed = true;
    if (c->busy == 0)
        free_client(c);
}

/* It has not come as far as a CONNECT that is one. */
static void say_refused(const struct hub_mqtt_client *c, enum hub_mqtt_end why,
                        const struct edge_err *err)
{
    const char *from = edge_stream_address(c->stream);

    if (why == HUB_MQTT_BROKEN || why == HUB_MQTT_SILENT)
        edge_log_about(EDGE_LOG_WARN, from, "mqtt client refused: from=%s reason=%s", from,
                       why == HUB_MQTT_SILENT ? "no CONNECT came in time" : err->text);
}

void client_end(struct hub_mqtt_client *c, enum hub_mqtt_end why, const struct edge_err *err)
{
    static const struct edge_err none;

    if (c->state == ENDED)
        return;
    c->state = ENDED;
    c->busy++;
    if (c->timer)
        edge_timer_disarm(c->timer);
    if (c->ops) {
        c->ops->end(why, err ? err : &none, c->arg);
    } else {
        say_refused(c, why, err ? err : &none);
        hub_mqtt_client_close(c, why != HUB_MQTT_BROKEN);
    }
    leave(c);
}

void client_broken(struct hub_mqtt_client *c, const char *what)
{
    struct edge_err err;

    edge_ignore(edge_fail(&err, EDGE_EPROTOCOL, "%s", what));
    client_end(c, HUB_MQTT_BROKEN, &err);
}

bool client_slow(const struct hub_mqtt_client *c)
{
    return edge_stream_queued(c->stream) + c->out.len > c->clients->limits.queued;
}

bool client_blocked(const struct hub_mqtt_client *c)
{
    return c->state == CHECKING || mqtt_requests_full(&c->requests) || client_slow(c);
}

/* Time: one timer serves the wait for CONNECT, keep-alive and the expiry of a token. It is not
 * moved with every packet; it looks again when it fires. */

static int64_t expiry_left_ms(const struct hub_mqtt_client *c)
{
    int64_t now_ns = edge_wall_ns();

    if (c->expire_s - now_ns / 1000000000 > 86400)
        return 86400 * 1000; /* look again tomorrow */
    return c->expire_s * 1000 - now_ns / 1000000;
}

/* We do not listen while its requests wait for us, nor while it has much to read: the first is not
 * its silence, and in the second it is alive as long as it reads. */
static bool excused(struct hub_mqtt_client *c)
{
    size_t before = c->backlog;

    if (c->state != SERVING)
        return c->state == CHECKING;
    c->backlog = edge_stream_queued(c->stream);
    return mqtt_requests_full(&c->requests) || (client_slow(c) && c->backlog < before);
}

static int64_t silence_left_ms(struct hub_mqtt_client *c)
{
    int64_t now = edge_now_ms();

    if (excused(c))
        c->last_ms = now;
    return c->last_ms + c->idle_ms - now;
}

static void rearm(struct hub_mqtt_client *c)
{
    int64_t left = silence_left_ms(c);

    if (c->expire_s != INT64_MAX && expiry_left_ms(c) < left)
        left = expiry_left_ms(c);
    edge_timer_arm(c->timer, left > 0 ? (uint64_t) left : 0);
}

static void on_timer(void *arg)
{
    struct hub_mqtt_client *c = arg;

    c->busy++;
    if (c->expire_s != INT64_MAX && expiry_left_ms(c) <= 0)
        client_end(c, HUB_MQTT_EXPIRED, NULL);
    if (c->state != ENDED && silence_left_ms(c) <= 0)
        client_end(c, HUB_MQTT_SILENT, NULL);
    if (c->state != ENDED)
        rearm(c);
    leave(c);
}

/* Clients that have something to write or to read on with have the next turn of the loop. */
static void on_turn(void *arg)
{
    struct hub_mqtt_clients *clients = arg;
    struct hub_mqtt_client *list = clients->kicked_;
    struct hub_mqtt_client *c;

    clients->kicked_ = NULL; /* who is kicked from now on waits for the turn after this one */
    if (list)
        list->kick_link = &list;
    while ((c = list) != NULL) {
        unkick(c);
        c->busy++;
        if (c->state != ENDED)
            pump(c);
        leave(c);
    }
}

static void go_on(struct hub_mqtt_client *c)
{
    struct hub_mqtt_clients *clients = c->clients;

    if (c->kick_link || !clients || c->state == ENDED)
        return;
    if (!clients->kicked_)
        edge_timer_arm(clients->turn_, 0);
    c->kick_link = &clients->kicked_;
    c->kick_next = clients->kicked_;
    if (c->kick_next)
        c->kick_next->kick_link = &c->kick_next;
    clients->kicked_ = c;
}

void hub_mqtt_client_expire(struct hub_mqtt_client *c, int64_t wall_s)
{
    c->expire_s = wall_s;
    rearm(c);
}

void client_connack(struct hub_mqtt_client *c, enum mqtt_connack_code code, bool present)
{
    uint8_t bytes[MQTT_SHORT_MAX];

    client_write(c, bytes, mqtt_put_connack(bytes, code, present));
}

void client_say_room(struct hub_mqtt_client *c)
{
    if (c->state != SERVING || !c->wants_room || mqtt_sent_full(&c->sent) || client_slow(c))
        return;
    c->wants_room = false;
    c->ops->room(c->arg);
}

/* Read on with what has been kept back; then from the stream, if that may be. */
static void pump(struct hub_mqtt_client *c)
{
    bool secret = c->state == AWAITING;
    size_t taken = 0;

    if (c->in.len > 0)
        taken = client_take_packets(c, (struct edge_bytes){(uint8_t *) c->in.data, c->in.len});
    if (secret && taken > 0)
        explicit_bzero(c->in.data, taken);
    edge_buf_consume(&c->in, taken);
    if (c->in.len == 0)
        edge_buf_fini(&c->in);
    if (c->state == ENDED)
        return;
    if (c->eof && !client_blocked(c)) {
        client_end(c, HUB_MQTT_LOST, NULL);
        return;
    }
    edge_stream_pause(c->stream, client_blocked(c));
    if (edge_stream_queued(c->stream) > c->backlog)
        c->backlog = edge_stream_queued(c->stream);
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct hub_mqtt_client *c = arg;
    size_t taken = 0;

    if (c->state == ENDED)
        return;
    c->busy++;
    c->last_ms = edge_now_ms();
    if (c->in.len == 0)
        taken = client_take_packets(c, data);
    if (c->state != ENDED && taken < data.len &&
        edge_buf_append(&c->in, data.data + taken, data.len - taken) < 0)
        client_broken(c, "more than can be kept back");
    if (c->state != ENDED)
        pump(c);
    leave(c);
}

static void on_drain(void *arg)
{
    struct hub_mqtt_client *c = arg;

    if (c->state == ENDED)
        return;
    c->busy++;
    client_say_room(c);
    if (c->state != ENDED)
        pump(c);
    leave(c);
}

static void on_end(int rc, void *arg)
{
    struct hub_mqtt_client *c = arg;
    struct edge_err err = {0};

    /* It may have sent and left while we were busy with what came before. */
    if (rc == 0 && c->state == SERVING && c->in.len > 0 && mqtt_requests_full(&c->requests)) {
        c->eof = true;
        return;
    }
    if (rc < 0)
        edge_ignore(edge_fail(&err, rc, "%s", edge_strerror(rc)));
    client_end(c, HUB_MQTT_LOST, &err);
}

static const struct edge_stream_handler handler = {on_data, on_drain, on_end};

/* Whoever has been here longest without a word makes room. */
static void make_room(struct hub_mqtt_clients *clients)
{
    struct hub_mqtt_client *oldest = NULL;

    if (clients->limits.strangers == 0 || clients->strangers_ < clients->limits.strangers)
        return;
    for (struct hub_mqtt_client *c = clients->first_; c; c = c->next)
        oldest = c->stranger ? c : oldest;
    if (oldest)
        client_end(oldest, HUB_MQTT_SILENT, NULL);
}

int hub_mqtt_client_open(struct hub_mqtt_clients *clients, struct edge_stream *stream, bool ws)
{
    struct hub_mqtt_client *c = calloc(1, sizeof *c);

    if (c)
        c->timer = edge_timer_create(clients->loop, on_timer, c);
    if (!clients->turn_)
        clients->turn_ = edge_timer_create(clients->loop, on_turn, clients);
    if (!c || !c->timer || !clients->turn_) {
        if (c)
            edge_timer_destroy(c->timer);
        free(c);
        edge_stream_close(stream);
        return -ENOMEM;
    }
    make_room(clients);
    c->clients = clients;
    c->stranger = true;
    c->stream = stream;
    c->ws = ws;
    c->requests.max = clients->limits.in_flight;
    c->requests.max_bytes = clients->limits.unanswered;
    c->sent.max = clients->limits.out_flight;
    edge_buf_init(&c->in, clients->limits.packet + CHUNK_MAX);
    edge_buf_init(&c->out, (size_t) 1 << 28);
    c->last_ms = edge_now_ms();
    c->idle_ms = clients->limits.connect_ms;
    c->expire_s = INT64_MAX;

    c->link = &clients->first_;
    c->next = clients->first_;
    if (c->next)
        c->next->link = &c->next;
    clients->first_ = c;
    clients->count++;
    clients->strangers_++;
    rearm(c);
    edge_stream_attach(stream, &handler, c);
    return 0;
}

void hub_mqtt_clients_close(struct hub_mqtt_clients *clients)
{
    while (clients->first_) {
        struct hub_mqtt_client *c = clients->first_;

        unlink_client(c);
        client_end(c, HUB_MQTT_CLOSING, NULL);
    }
    clients->turn_ = edge_timer_destroy(clients->turn_);
}

void hub_mqtt_client_take(struct hub_mqtt_client *c, const struct hub_mqtt_client_ops *ops,
                          void *arg)
{
    c->ops = ops;
    c->arg = arg;
}

const struct mqtt_connect *hub_mqtt_client_connect(const struct hub_mqtt_client *c)
{
    return c->connect ? &c->connect->fields : NULL;
}

bool hub_mqtt_client_ws(const struct hub_mqtt_client *c)
{
    return c->ws;
}

const struct edge_stream *hub_mqtt_client_stream(const struct hub_mqtt_client *c)
{
    return c->stream;
}

void hub_mqtt_client_accept(struct hub_mqtt_client *c, bool session_present)
{
    int64_t most = (int64_t) c->clients->limits.keep_alive_s * 1000;

    c->idle_ms = (int64_t) c->connect->fields.keep_alive * 1500; /* [MQTT-3.1.2-24] */
    if (c->idle_ms == 0 || c->idle_ms > most)
        c->idle_ms = most;
    forget_connect(c);
    client_connack(c, MQTT_ACCEPTED, session_present);
    c->state = SERVING;
    c->last_ms = edge_now_ms();
    rearm(c);
    go_on(c);
}

void hub_mqtt_client_refuse(struct hub_mqtt_client *c, enum mqtt_connack_code code)
{
    client_connack(c, code, false);
    hub_mqtt_client_close(c, false);
}

static void answer(struct hub_mqtt_client *c, const struct mqtt_request *r)
{
    uint8_t bytes[MQTT_SUBACK_MAX];

    if (r->id == 0)
        return;
    client_write(c, bytes,
                 r->answer == MQTT_SUBACK ? mqtt_put_suback(bytes, r->id, r->granted, r->filters)
                                          : mqtt_put_ack(bytes, r->answer, r->id));
}

void hub_mqtt_client_done(struct hub_mqtt_client *c, hub_mqtt_ticket ticket, uint64_t granted)
{
    bool was_full = mqtt_requests_full(&c->requests);
    struct mqtt_request r;

    if (c->state == ENDED)
        return;
    mqtt_requests_done(&c->requests, ticket, granted);
    while (mqtt_requests_next(&c->requests, &r))
        answer(c, &r);
    if (was_full && !mqtt_requests_full(&c->requests))
        go_on(c);
}

bool hub_mqtt_client_room(struct hub_mqtt_client *c)
{
    bool room = c->state == SERVING && !mqtt_sent_full(&c->sent) && !client_slow(c);

    if (!room)
        c->wants_room = true;
    return room;
}

/* May this be queued? What is only an answer or news may go over the limit, a little. */
static bool fits(const struct hub_mqtt_client *c, const struct mqtt_publish *publish)
{
    if (publish->qos > 0)
        return !mqtt_sent_full(&c->sent) && !client_slow(c);
    return (edge_stream_queued(c->stream) + c->out.len) / HUB_MQTT_OVER <=
           c->clients->limits.queued;
}

int hub_mqtt_client_send(struct hub_mqtt_client *c, const struct mqtt_publish *publish,
                         uint64_t tag)
{
    struct mqtt_publish numbered = *publish;
    uint64_t forgotten;
    int rc = 0;

    if (c->state != SERVING)
        return EDGE_EUNAVAILABLE;
    if (!fits(c, publish))
        return HUB_MQTT_FULL;
    if (publish->qos > 0)
        rc = mqtt_sent_add(&c->sent, tag, &numbered.id);
    if (rc < 0)
        return rc;
    rc = mqtt_encode_publish(&c->out, &numbered);
    if (rc == 0)
        has_written(c);
    else if (publish->qos > 0)
        (void) mqtt_sent_ack(&c->sent, numbered.id, &forgotten);
    return rc;
}
