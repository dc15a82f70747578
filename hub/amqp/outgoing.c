#include "hub/amqp/outgoing.h"

#include <errno.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/link.h>
#include <stdlib.h>

#include "hub/amqp/message.h"
#include "hub/amqp/sessions.h"
#include "hub/amqp/turn.h"
#include "hub/amqp/wire.h"

enum {
    TAG = 16, /* clients of the C# SDK make a GUID of it */
    ENCODED_KEPT = 64 * 1024,
};

struct hub_amqp_outgoing {
    struct hub_amqp_outgoing *prev, *next;
    uint64_t tag;
    bool silent; /* its sender counts it as settled already */
    pn_delivery_t *delivery;
};

struct hub_amqp_waiting {
    struct hub_amqp_waiting *next;
    uint64_t tag;
    bool settled;
    size_t len;
    char encoded[];
};

unsigned hub_amqp_credit(const struct hub_amqp_link *link)
{
    int credit, unsettled;

    if (!link->engine || link->client_sends || !link->taken || link->connection->ended)
        return 0; /* answers that its end has brought about come here, too */
    if (hub_amqp_full(link->connection)) {
        link->connection->choked = true;
        return 0;
    }
    credit = pn_link_credit(link->engine);
    unsettled = pn_link_unsettled(link->engine);
    if (credit <= 0 || unsettled >= HUB_AMQP_UNSETTLED_MAX)
        return 0;
    if (credit > HUB_AMQP_UNSETTLED_MAX - unsettled)
        credit = HUB_AMQP_UNSETTLED_MAX - unsettled;
    return (unsigned) credit;
}

static void forget(struct hub_amqp_link *link, struct hub_amqp_outgoing *out)
{
    if (out->prev)
        out->prev->next = out->next;
    else
        link->outgoing = out->next;
    if (out->next)
        out->next->prev = out->prev;
    pn_delivery_set_context(out->delivery, NULL);
    free(out);
}

static struct hub_amqp_outgoing *remember(struct hub_amqp_link *link, uint64_t tag, bool silent)
{
    struct hub_amqp_outgoing *out = calloc(1, sizeof *out);

    if (!out)
        return NULL;
    *out = (struct hub_amqp_outgoing){NULL, link->outgoing, tag, silent, NULL};
    if (out->next)
        out->next->prev = out;
    link->outgoing = out;
    return out;
}

static int send_encoded(struct hub_amqp_link *link, uint64_t tag, const char *encoded, size_t len,
                        bool settled)
{
    struct hub_amqp_connection *c = link->connection;
    bool at_once = settled && pn_link_snd_settle_mode(link->engine) != PN_SND_UNSETTLED;
    struct hub_amqp_outgoing *out = NULL;
    uint64_t unique[2] = {++c->next_delivery, tag};
    pn_delivery_t *delivery;

    _Static_assert(sizeof unique == TAG, "a delivery's tag");
    if (!at_once) {
        out = remember(link, tag, settled);
        if (!out)
            return -ENOMEM;
    }
    if (c->settled_unsent)
        hub_amqp_flush(c); /* clients wait for the settlement of their request first */
    delivery = pn_delivery(link->engine, pn_dtag((const char *) unique, sizeof unique));
    (void) pn_link_send(link->engine, encoded, len);
    (void) pn_link_advance(link->engine);
    hub_amqp_sent(c, pn_link_session(link->engine), len);
    if (out) {
        out->delivery = delivery;
        pn_delivery_set_context(delivery, out);
    } else {
        pn_delivery_settle(delivery);
    }
    hub_amqp_flush_soon(c);
    return 0;
}

/* To the server's buffer: the memory serves the next message, too. */
static int encode(const struct hub_amqp_link *link, const struct hub_amqp_message *message,
                  struct edge_buf **ret)
{
    struct edge_buf *out;
    int rc;

    if (!link->engine || link->client_sends)
        return EDGE_EINVALID;
    out = &link->connection->server->encoded;
    out->len = 0;
    rc = hub_amqp_message_write(out, message);
    if (rc < 0)
        edge_buf_fini(out); /* its error stays otherwise */
    *ret = out;
    return rc == EDGE_ELIMIT ? EDGE_EINVALID : rc;
}

/* What a large message took is not kept for small ones. */
static void trim(struct edge_buf *encoded)
{
    if (encoded->len > ENCODED_KEPT)
        edge_buf_fini(encoded);
}

static int keep(struct hub_amqp_link *link, uint64_t tag, const struct edge_buf *encoded,
                bool settled)
{
    struct hub_amqp_waiting *waiting;

    if (link->nwaiting == HUB_AMQP_WAITING_MAX ||
        link->waiting_bytes + encoded->len > HUB_AMQP_WAITING_BYTES)
        return EDGE_ELIMIT;
    waiting = malloc(sizeof *waiting + encoded->len);
    if (!waiting)
        return -ENOMEM;
    *waiting = (struct hub_amqp_waiting){NULL, tag, settled, encoded->len};
    memcpy(waiting->encoded, encoded->data, encoded->len);
    *link->waiting_tail = waiting;
    link->waiting_tail = &waiting->next;
    link->nwaiting++;
    link->waiting_bytes += encoded->len;
    return 0;
}

/* @param kept  it may wait for credit */
static int send_or_keep(struct hub_amqp_link *link, uint64_t tag,
                        const struct hub_amqp_message *message, bool settled, bool kept)
{
    struct edge_buf *encoded;
    int rc = encode(link, message, &encoded);

    if (rc < 0)
        return rc;
    if (!link->waiting && hub_amqp_credit(link) > 0)
        rc = send_encoded(link, tag, encoded->data, encoded->len, settled);
    else
        rc = kept ? keep(link, tag, encoded, settled) : EDGE_ELIMIT;
    trim(encoded);
    return rc;
}

int hub_amqp_send(struct hub_amqp_link *link, uint64_t tag, const struct hub_amqp_message *message,
                  bool settled)
{
    return send_or_keep(link, tag, message, settled, false);
}

int hub_amqp_post(struct hub_amqp_link *link, uint64_t tag, const struct hub_amqp_message *message,
                  bool settled)
{
    return send_or_keep(link, tag, message, settled, true);
}

static struct hub_amqp_waiting *take_waiting(struct hub_amqp_link *link)
{
    struct hub_amqp_waiting *waiting = link->waiting;

    link->waiting = waiting->next;
    if (!link->waiting)
        link->waiting_tail = &link->waiting;
    link->nwaiting--;
    link->waiting_bytes -= waiting->len;
    return waiting;
}

void hub_amqp_outgoing_credit(struct hub_amqp_link *link)
{
    unsigned credit;

    while (link->engine && link->waiting && hub_amqp_credit(link) > 0) {
        struct hub_amqp_waiting *waiting = take_waiting(link);
        int rc = send_encoded(link, waiting->tag, waiting->encoded, waiting->len, waiting->settled);

        free(waiting);
        if (rc < 0)
            hub_amqp_drop(link->connection, HUB_AMQP_STARVED, NULL);
    }
    credit = hub_amqp_credit(link);
    if (credit > 0 && link->ops->credit)
        link->ops->credit(link, credit, link->arg);
    if (link->engine && pn_link_get_drain(link->engine) && !link->connection->choked)
        (void) pn_link_drained(link->engine);
}

/* @return false: the client has not decided yet */
static bool outcome_of(pn_delivery_t *delivery, enum hub_amqp_outcome *ret)
{
    switch (pn_delivery_remote_state(delivery)) {
    case PN_ACCEPTED:
        *ret = HUB_AMQP_ACCEPTED;
        return true;
    case PN_REJECTED:
        *ret = HUB_AMQP_REJECTED;
        return true;
    case PN_RELEASED:
        *ret = HUB_AMQP_RELEASED;
        return true;
    case PN_MODIFIED:
        *ret = HUB_AMQP_MODIFIED;
        return true;
    default: /* settled without an outcome: not known to have arrived */
        *ret = HUB_AMQP_RELEASED;
        return pn_delivery_settled(delivery);
    }
}

void hub_amqp_outgoing_updated(struct hub_amqp_link *link, pn_delivery_t *delivery)
{
    struct hub_amqp_outgoing *out = pn_delivery_get_context(delivery);
    enum hub_amqp_outcome outcome;
    uint64_t tag;
    bool silent, was_full;

    if (!out || !outcome_of(delivery, &outcome))
        return;
    tag = out->tag;
    silent = out->silent;
    was_full = pn_link_unsettled(link->engine) >= HUB_AMQP_UNSETTLED_MAX;
    forget(link, out);
    pn_delivery_update(delivery, pn_delivery_remote_state(delivery));
    pn_delivery_settle(delivery);
    if (!silent && link->ops->settled)
        link->ops->settled(link, tag, outcome, link->arg);
    if (was_full && link->engine)
        hub_amqp_outgoing_credit(link);
}

void hub_amqp_outgoing_end(struct hub_amqp_link *link)
{
    while (link->outgoing) {
        uint64_t tag = link->outgoing->tag;
        bool silent = link->outgoing->silent;

        forget(link, link->outgoing);
        if (!silent && link->ops && link->ops->settled)
            link->ops->settled(link, tag, HUB_AMQP_RELEASED, link->arg);
    }
    while (link->waiting) {
        struct hub_amqp_waiting *waiting = take_waiting(link);

        if (!waiting->settled && link->ops && link->ops->settled)
            link->ops->settled(link, waiting->tag, HUB_AMQP_RELEASED, link->arg);
        free(waiting);
    }
}
