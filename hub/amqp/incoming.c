#include "hub/amqp/incoming.h"

#include <proton/condition.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/link.h>
#include <stdlib.h>
#include <string.h>

#include "hub/amqp/message.h"
#include "hub/amqp/ration.h"
#include "hub/amqp/turn.h"

enum {
    PARTIAL_MAX = 8 * 1024 * 1024, /* bytes of unfinished deliveries of a connection */
    ARENA_MAX = 2 * HUB_AMQP_MESSAGE_MAX + 256 * 1024,
    PIECE = 16 * 1024,
};

struct hub_amqp_incoming {
    struct hub_amqp_incoming *next;
    uint64_t id;
    size_t size;
    pn_delivery_t *delivery;
};

/* Keep the credit up, in steps of half the window. */
static void replenish(struct hub_amqp_link *link)
{
    int credit = pn_link_credit(link->engine);
    unsigned used = link->unsettled + (credit > 0 ? (unsigned) credit : 0);

    if (link->refused && credit <= 0)
        hub_amqp_ration_empty(link->connection);
    else if (!link->refused && used <= link->window / 2)
        pn_link_flow(link->engine, (int) (link->window - used));
}

static void conclude(struct hub_amqp_link *link, pn_delivery_t *delivery,
                     enum hub_amqp_outcome outcome, const char *condition, const char *text)
{
    static const uint64_t states[] = {[HUB_AMQP_ACCEPTED] = PN_ACCEPTED,
                                      [HUB_AMQP_REJECTED] = PN_REJECTED,
                                      [HUB_AMQP_RELEASED] = PN_RELEASED,
                                      [HUB_AMQP_MODIFIED] = PN_MODIFIED};

    if (outcome == HUB_AMQP_REJECTED && condition) {
        pn_condition_t *why = pn_disposition_condition(pn_delivery_local(delivery));

        pn_condition_set_name(why, condition);
        pn_condition_set_description(why, text);
    }
    pn_delivery_update(delivery, states[outcome]);
    pn_delivery_settle(delivery);
    link->connection->settled_unsent = true;
    replenish(link);
    hub_amqp_flush_soon(link->connection);
}

void hub_amqp_settle(struct hub_amqp_link *link, uint64_t delivery, enum hub_amqp_outcome outcome,
                     const char *condition, const char *text)
{
    struct hub_amqp_incoming **at = &link->incoming, *in;

    while (*at && (*at)->id != delivery)
        at = &(*at)->next;
    in = *at;
    if (!in)
        return;
    *at = in->next;
    if (!in->next)
        link->incoming_tail = at;
    link->unsettled--;
    link->connection->unsettled_bytes -= in->size;
    conclude(link, in->delivery, outcome, condition, text);
    free(in);
}

void hub_amqp_incoming_end(struct hub_amqp_link *link)
{
    struct hub_amqp_connection *c = link->connection;

    c->partial_bytes -= link->partial.len;
    edge_buf_fini(&link->partial);
    while (link->incoming) {
        struct hub_amqp_incoming *in = link->incoming;

        link->incoming = in->next;
        c->unsettled_bytes -= in->size;
        free(in);
    }
    link->incoming_tail = &link->incoming;
    link->unsettled = 0;
}

static uint64_t record(struct hub_amqp_link *link, pn_delivery_t *delivery, size_t size)
{
    struct hub_amqp_incoming *in = calloc(1, sizeof *in);

    if (!in)
        return 0;
    in->id = ++link->connection->next_delivery;
    in->size = size;
    in->delivery = delivery;
    *link->incoming_tail = in;
    link->incoming_tail = &in->next;
    link->unsettled++;
    link->connection->unsettled_bytes += size;
    return in->id;
}

static void give(struct hub_amqp_link *link, uint64_t id, const struct hub_amqp_message *message,
                 struct edge_bytes encoded)
{
    link->encoded = encoded;
    link->ops->message(link, id, message, link->arg);
    link->encoded = (struct edge_bytes){0}; /* links are freed at the end of the turn */
}

static void hand_over(struct hub_amqp_link *link, pn_delivery_t *delivery,
                      struct edge_bytes encoded)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
    struct hub_amqp_message message;
    uint64_t id;
    int rc = hub_amqp_message_read(&arena, encoded, &message);

    if (rc == EDGE_ELIMIT) {
        conclude(link, delivery, HUB_AMQP_REJECTED, "com.microsoft:argument-error",
                 "the message has too many values, or is nested too deep");
    } else if (rc < 0) {
        conclude(link, delivery, HUB_AMQP_REJECTED, "amqp:decode-error", edge_strerror(rc));
    } else {
        id = record(link, delivery, encoded.len);
        if (id == 0)
            hub_amqp_drop(link->connection, HUB_AMQP_STARVED, NULL);
        else
            give(link, id, &message, encoded);
    }
    hub_amqp_arena_fini(&arena);
}

/* A whole message is in link->partial. */
static void hand_over_partial(struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    struct edge_buf encoded = link->partial;

    edge_buf_init(&link->partial, HUB_AMQP_MESSAGE_MAX); /* the node may end the link */
    link->connection->partial_bytes -= encoded.len;
    hand_over(link, delivery, (struct edge_bytes){(uint8_t *) encoded.data, encoded.len});
    edge_buf_wipe(&encoded);
}

/* What has come of the delivery, to link->partial or, once it is too much, nowhere. */
static int gather(struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    struct hub_amqp_connection *c = link->connection;
    char piece[PIECE];

    while (pn_delivery_pending(delivery) > 0) {
        ssize_t n = pn_link_recv(link->engine, piece, sizeof piece);

        if (n <= 0)
            break;
        if (!link->too_large && edge_buf_append(&link->partial, piece, (size_t) n) == 0) {
            c->partial_bytes += (size_t) n;
            continue;
        }
        link->too_large = true;
        c->partial_bytes -= link->partial.len;
        edge_buf_fini(&link->partial);
    }
    return c->partial_bytes > PARTIAL_MAX ? EDGE_ELIMIT : 0;
}

static void forget_partial(struct hub_amqp_link *link)
{
    link->connection->partial_bytes -= link->partial.len;
    edge_buf_fini(&link->partial);
    link->too_large = false;
}

static void complete(struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    bool too_large = link->too_large;

    pn_link_advance(link->engine);
    link->too_large = false;
    if (!link->taken) { /* sent before the attach was answered, without credit */
        forget_partial(link);
        pn_delivery_settle(delivery);
        return;
    }
    if (too_large) {
        conclude(link, delivery, HUB_AMQP_REJECTED, "amqp:link:message-size-exceeded",
                 "the message is larger than is taken");
        return;
    }
    link->format = link->connection->format;
    hand_over_partial(link, delivery);
}

/* Most messages come whole, in one frame: they need no memory of the link. */
static bool is_whole(const struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    return link->taken && link->partial.len == 0 && !link->too_large &&
           !pn_delivery_partial(delivery) && pn_delivery_pending(delivery) <= PIECE;
}

static void take_whole(struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    char piece[PIECE];
    ssize_t n = pn_link_recv(link->engine, piece, sizeof piece);
    size_t len = n > 0 ? (size_t) n : 0;

    pn_link_advance(link->engine);
    link->format = link->connection->format;
    hand_over(link, delivery, (struct edge_bytes){(uint8_t *) piece, len});
    explicit_bzero(piece, len);
}

void hub_amqp_incoming_delivery(struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    if (pn_link_current(link->engine) != delivery || !pn_delivery_readable(delivery))
        return; /* news about one that has been handed over: it has our answer or will have it */
    if (pn_delivery_aborted(delivery)) {
        forget_partial(link);
        pn_link_advance(link->engine);
        pn_delivery_settle(delivery);
        return;
    }
    if (pn_link_credit(link->engine) < 0) {
        hub_amqp_refuse(link, "amqp:link:transfer-limit-exceeded", "more was sent than credit");
        return;
    }
    if (is_whole(link, delivery))
        take_whole(link, delivery);
    else if (gather(link, delivery) < 0)
        hub_amqp_drop(link->connection, HUB_AMQP_BROKEN, "too much is unfinished");
    else if (!pn_delivery_partial(delivery))
        complete(link, delivery);
}

void hub_amqp_incoming_ignore(pn_link_t *engine, pn_delivery_t *delivery)
{
    char piece[PIECE];

    if (pn_link_is_sender(engine)) {
        if (pn_delivery_settled(delivery))
            pn_delivery_settle(delivery);
        return;
    }
    if (pn_link_current(engine) != delivery)
        return;
    while (pn_delivery_pending(delivery) > 0 && pn_link_recv(engine, piece, sizeof piece) > 0)
        ;
    if (!pn_delivery_partial(delivery)) {
        pn_link_advance(engine);
        pn_delivery_settle(delivery);
    }
}
