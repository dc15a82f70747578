#include <errno.h>
#include <proton/condition.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/link.h>
#include <proton/session.h>
#include <proton/terminus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/message.h"
#include "hub/cloud/amqp/trunk.h"

enum {
    PIECE = 16 * 1024,
    ARENA_MAX = 2 * HUB_AMQP_MESSAGE_MAX + 256 * 1024,
};

/* ---- attach and detach ---- */

static void put_properties(pn_link_t *engine, const struct hub_amqp_pair *properties, size_t n)
{
    pn_data_t *map = pn_link_properties(engine);

    pn_data_put_map(map);
    pn_data_enter(map);
    for (size_t i = 0; i < n; i++) {
        const struct edge_bytes text = properties[i].value.s;

        pn_data_put_symbol(map, pn_bytes(strlen(properties[i].name), properties[i].name));
        pn_data_put_string(map, pn_bytes(text.len, (const char *) text.data));
    }
    pn_data_exit(map);
}

static pn_link_t *make(struct hub_limb *limb, pn_session_t *session, const char *address)
{
    const struct hub_limb_kind *kind = limb->kind;
    char name[64], id[37];
    pn_link_t *engine;

    hub_trunk_id(limb->trunk, id);
    (void) snprintf(name, sizeof name, "edgeHub_%s", id); /* a name is used once */
    engine = kind->sends ? pn_sender(session, name) : pn_receiver(session, name);
    if (!engine)
        return NULL;
    pn_terminus_set_address(pn_link_source(engine), kind->sends ? name : address);
    pn_terminus_set_address(pn_link_target(engine), kind->sends ? address : name);
    pn_link_set_snd_settle_mode(engine, kind->settled ? PN_SND_SETTLED : PN_SND_UNSETTLED);
    pn_link_set_rcv_settle_mode(engine, PN_RCV_FIRST);
    if (!kind->sends)
        pn_link_set_max_message_size(engine, HUB_AMQP_MESSAGE_MAX);
    return engine;
}

int hub_limb_attach(struct hub_limb *limb, pn_session_t *session, const char *address,
                    const struct hub_amqp_pair *properties, size_t n)
{
    pn_link_t *engine = make(limb, session, address);

    if (!engine)
        return -ENOMEM;
    if (n > 0)
        put_properties(engine, properties, n);
    edge_buf_init(&limb->partial, HUB_AMQP_MESSAGE_MAX);
    limb->too_large = limb->attached = false;
    limb->engine = engine;
    limb->trunk->nlinks++;
    pn_link_set_context(engine, limb);
    pn_link_open(engine);
    if (limb->kind->window > 0)
        pn_link_flow(engine, (int) limb->kind->window);
    hub_engine_flush_soon(limb->trunk->engine);
    return 0;
}

void hub_limb_forget(struct hub_limb *limb)
{
    if (!limb->engine)
        return;
    limb->engine = NULL;
    limb->attached = false;
    limb->trunk->nlinks--;
    limb->trunk->partial_bytes -= limb->partial.len;
    edge_buf_fini(&limb->partial);
}

void hub_limb_drop(struct hub_limb *limb)
{
    if (!limb->engine)
        return;
    pn_link_set_context(limb->engine, NULL); /* freed when the peer has ended it too */
    pn_link_close(limb->engine);
    hub_engine_flush_soon(limb->trunk->engine);
    hub_limb_forget(limb);
}

/* ---- sending ---- */

bool hub_limb_clear(const struct hub_limb *limb)
{
    return limb->attached && pn_link_credit(limb->engine) > 0 &&
           !hub_engine_full(limb->trunk->engine);
}

pn_delivery_t *hub_limb_send(struct hub_limb *limb, const struct edge_buf *encoded, bool settled)
{
    uint64_t tag = ++limb->trunk->next_id;
    pn_delivery_t *delivery = pn_delivery(limb->engine, pn_dtag((const char *) &tag, sizeof tag));

    (void) pn_link_send(limb->engine, encoded->data, encoded->len);
    (void) pn_link_advance(limb->engine);
    hub_engine_flush_soon(limb->trunk->engine);
    if (!settled)
        return delivery;
    pn_delivery_settle(delivery);
    return NULL;
}

/* ---- receiving ---- */

void hub_limb_settle(struct hub_limb *limb, pn_delivery_t *delivery, enum hub_outcome outcome,
                     unsigned kept)
{
    static const uint64_t states[] = {[HUB_ACCEPTED] = PN_ACCEPTED,
                                      [HUB_REJECTED] = PN_REJECTED,
                                      [HUB_RELEASED] = PN_RELEASED,
                                      [HUB_MODIFIED] = PN_MODIFIED};
    int credit = pn_link_credit(limb->engine);
    unsigned used = kept + (credit > 0 ? (unsigned) credit : 0);

    pn_delivery_update(delivery, states[outcome]);
    if (outcome == HUB_MODIFIED)
        pn_disposition_set_failed(pn_delivery_local(delivery), true);
    pn_delivery_settle(delivery);
    if (used <= limb->kind->window / 2)
        pn_link_flow(limb->engine, (int) (limb->kind->window - used));
    hub_engine_flush_soon(limb->trunk->engine);
}

static void forget_partial(struct hub_limb *limb)
{
    limb->trunk->partial_bytes -= limb->partial.len;
    edge_buf_fini(&limb->partial);
    limb->too_large = false;
}

/* What has come of the delivery, to limb->partial or, once it is too much, nowhere. */
static void gather(struct hub_limb *limb, pn_delivery_t *delivery)
{
    struct hub_trunk *trunk = limb->trunk;
    char piece[PIECE];

    while (pn_delivery_pending(delivery) > 0) {
        ssize_t n = pn_link_recv(limb->engine, piece, sizeof piece);

        if (n <= 0)
            break;
        if (!limb->too_large && trunk->partial_bytes < HUB_TRUNK_PARTIAL_BYTES &&
            edge_buf_append(&limb->partial, piece, (size_t) n) == 0) {
            trunk->partial_bytes += (size_t) n;
            continue;
        }
        forget_partial(limb);
        limb->too_large = true;
    }
}

/* A whole message is in limb->partial. */
static void hand_over(struct hub_limb *limb, pn_delivery_t *delivery)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
    struct edge_buf encoded = limb->partial;
    bool whole = !limb->too_large;
    struct hub_amqp_message message;

    edge_buf_init(&limb->partial, HUB_AMQP_MESSAGE_MAX); /* the limb may end meanwhile */
    limb->too_large = false;
    limb->trunk->partial_bytes -= encoded.len;
    if (limb->twig)
        limb->twig->used_ms = edge_now_ms();
    if (whole &&
        hub_amqp_message_read(&arena, (struct edge_bytes){(uint8_t *) encoded.data, encoded.len},
                              &message) == 0)
        limb->kind->message(limb, &message, delivery);
    else
        hub_limb_settle(limb, delivery, HUB_REJECTED, 0);
    hub_amqp_arena_fini(&arena);
    edge_buf_fini(&encoded);
}

static void received(struct hub_limb *limb, pn_delivery_t *delivery)
{
    if (pn_link_current(limb->engine) != delivery || !pn_delivery_readable(delivery))
        return; /* news about one that has been handed over */
    if (pn_delivery_aborted(delivery)) {
        forget_partial(limb);
        pn_link_advance(limb->engine);
        pn_delivery_settle(delivery);
        return;
    }
    gather(limb, delivery);
    if (pn_delivery_partial(delivery))
        return;
    pn_link_advance(limb->engine);
    hand_over(limb, delivery);
}

/* ---- events ---- */

static void opened(struct hub_limb *limb)
{
    const pn_terminus_t *terminus = limb->kind->sends ? pn_link_remote_target(limb->engine)
                                                      : pn_link_remote_source(limb->engine);

    /* Without a terminus it is refused: the detach is on its way. */
    if (pn_terminus_get_type((pn_terminus_t *) terminus) == PN_UNSPECIFIED)
        return;
    limb->attached = true;
    limb->kind->ready(limb);
}

static void closed(struct hub_limb *limb, pn_link_t *engine)
{
    pn_condition_t *condition = pn_link_remote_condition(engine);
    bool set = pn_condition_is_set(condition);
    const char *name = set ? pn_condition_get_name(condition) : NULL;
    const char *text = set ? pn_condition_get_description(condition) : NULL;
    char why[160];

    (void) snprintf(why, sizeof why, "%s", text && *text ? text : name ? name : "link detached");
    pn_link_set_context(engine, NULL);
    hub_limb_forget(limb);
    pn_link_close(engine);
    limb->kind->ended(limb, name, why);
}

/* A link that nobody knows any more, or that is the peer's idea. */
static void stray(pn_event_t *event)
{
    pn_link_t *engine = pn_event_link(event);
    pn_delivery_t *delivery = pn_event_delivery(event);
    bool ends = pn_event_type(event) == PN_LINK_REMOTE_CLOSE ||
                pn_event_type(event) == PN_LINK_REMOTE_DETACH;

    if (ends) {
        pn_link_close(engine);
        pn_link_free(engine);
    } else if (delivery && pn_link_is_receiver(engine) && pn_link_current(engine) == delivery &&
               !pn_delivery_partial(delivery)) {
        pn_link_advance(engine);
        pn_delivery_settle(delivery);
    } else if (delivery && pn_link_is_sender(engine)) {
        pn_delivery_settle(delivery);
    }
}

void hub_limb_event(pn_event_t *event)
{
    pn_link_t *engine = pn_event_link(event);
    struct hub_limb *limb = pn_link_get_context(engine);

    if (!limb) {
        stray(event);
        return;
    }
    switch (pn_event_type(event)) {
    case PN_LINK_REMOTE_OPEN:
        opened(limb);
        break;
    case PN_LINK_REMOTE_CLOSE:
    case PN_LINK_REMOTE_DETACH:
        closed(limb, engine);
        stray(event);
        break;
    case PN_LINK_FLOW:
        if (limb->attached && limb->kind->sends)
            limb->kind->ready(limb);
        break;
    case PN_DELIVERY:
        if (pn_link_is_receiver(engine))
            received(limb, pn_event_delivery(event));
        else if (limb->kind->updated)
            limb->kind->updated(limb, pn_event_delivery(event));
        break;
    default:
        break;
    }
}
