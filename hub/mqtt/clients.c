/* All of them: who comes in, whose turn it is, who goes. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/mqtt/client_internal.h"

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

void client_unlink(struct hub_mqtt_client *c)
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
            client_pump(c);
        client_leave(c);
    }
}

void client_go_on(struct hub_mqtt_client *c)
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
        c->timer = edge_timer_create(clients->loop, client_on_timer, c);
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
    client_rearm(c);
    edge_stream_attach(stream, &client_handler, c);
    return 0;
}

void hub_mqtt_clients_close(struct hub_mqtt_clients *clients)
{
    while (clients->first_) {
        struct hub_mqtt_client *c = clients->first_;

        client_unlink(c);
        client_end(c, HUB_MQTT_CLOSING, NULL);
    }
    clients->turn_ = edge_timer_destroy(clients->turn_);
}
