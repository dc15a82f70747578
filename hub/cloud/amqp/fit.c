#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/value.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

#define API_VERSION "2021-04-12"

enum {
    C2D_WINDOW = HUB_TWIG_LOCKS_MAX,
    WINDOW = 50,
    PROPERTIES = 5, /* of a link */
};

/* ---- kinds of links ---- */

static void on_ready(struct hub_limb *limb)
{
    hub_trunk_attend(limb->twig);
}

static void on_ended(struct hub_limb *limb, const char *condition, const char *why)
{
    hub_twig_fail(limb->twig, hub_words_ended(condition), why);
}

const struct hub_limb_kind hub_limb_kinds[LIMB_PLACES] = {
    [LIMB_EVENTS] = {.sends = true,
                     .suffix = "/messages/events",
                     .ready = on_ready,
                     .updated = hub_twig_outcome,
                     .ended = on_ended},
    [LIMB_C2D] = {.suffix = "/messages/devicebound",
                  .window = C2D_WINDOW,
                  .ready = on_ready,
                  .message = hub_twig_deliver,
                  .ended = on_ended},
    [LIMB_TWIN_ASK] = {.sends = true,
                       .settled = true,
                       .suffix = "/twin",
                       .channel = "twin",
                       .ready = on_ready,
                       .ended = on_ended},
    [LIMB_TWIN_TELL] = {.settled = true,
                        .suffix = "/twin",
                        .channel = "twin",
                        .window = WINDOW,
                        .ready = on_ready,
                        .message = hub_twig_told,
                        .ended = on_ended},
    [LIMB_CALL] = {.settled = true,
                   .suffix = "/methods/devicebound",
                   .channel = "methods",
                   .window = WINDOW,
                   .ready = on_ready,
                   .message = hub_twig_called,
                   .ended = on_ended},
    [LIMB_CALL_REPLY] = {.sends = true,
                         .settled = true,
                         .suffix = "/methods/devicebound",
                         .channel = "methods",
                         .ready = on_ready,
                         .ended = on_ended},
};

/* What the features ask for, and what has been asked. */
static bool needs(const struct hub_twig *twig, enum hub_limb_place place)
{
    switch (place) {
    case LIMB_EVENTS:
        return twig->waiting.first != NULL;
    case LIMB_C2D:
        return twig->wanted & EDGE_FEATURE_C2D;
    case LIMB_TWIN_ASK:
    case LIMB_TWIN_TELL:
        return (twig->wanted & EDGE_FEATURE_DESIRED) || twig->asks.first;
    default:
        return twig->wanted & EDGE_FEATURE_METHODS;
    }
}

/* Links that bring something are not kept for later. */
static bool lingers(enum hub_limb_place place)
{
    return place == LIMB_EVENTS || place == LIMB_TWIN_ASK || place == LIMB_TWIN_TELL;
}

/* ---- attach and detach ---- */

void hub_twig_drop(struct hub_twig *twig, enum hub_limb_place place)
{
    hub_limb_drop(&twig->limbs[place]);
    if (place == LIMB_C2D)
        memset(twig->locks, 0, sizeof twig->locks);
}

static int attach(struct hub_twig *twig, enum hub_limb_place place)
{
    const struct hub_limb_kind *kind = &hub_limb_kinds[place];
    const struct hub_tokens *tokens = &twig->trunk->tokens;
    const char *chain = hub_trunk_is_self(twig) ? NULL : tokens->chain(tokens->self, &twig->who);
    EDGE_CLEANUP(edge_free) char *address = hub_words_address(&twig->who, kind->suffix);
    EDGE_CLEANUP(edge_free) char *product = hub_words_product(twig->client ? twig->client : "");
    EDGE_CLEANUP(edge_free)
    char *channel = kind->channel ? edge_format("%s:%s", kind->channel, twig->channel) : NULL;
    struct hub_amqp_pair properties[PROPERTIES] = {
        {"com.microsoft:client-version", hub_amqp_text(product)},
        {"com.microsoft:api-version", hub_amqp_text(API_VERSION)},
    };
    size_t n = 2;

    if (!address || !product || !twig->channel)
        return EDGE_EUNAVAILABLE;
    if (chain)
        properties[n++] = (struct hub_amqp_pair){"com.microsoft:auth-chain", hub_amqp_text(chain)};
    if (channel)
        properties[n++] =
            (struct hub_amqp_pair){"com.microsoft:channel-correlation-id", hub_amqp_text(channel)};
    if (twig->model_id && *twig->model_id)
        properties[n++] =
            (struct hub_amqp_pair){"com.microsoft:model-id", hub_amqp_text(twig->model_id)};
    return hub_limb_attach(&twig->limbs[place], twig->session, address, properties, n);
}

int hub_twig_fit(struct hub_twig *twig)
{
    bool attaching = false;
    int rc = 0;

    for (unsigned i = 0; i < LIMB_PLACES && rc == 0; i++) {
        struct hub_limb *limb = &twig->limbs[i];

        if (!limb->engine && needs(twig, i))
            rc = attach(twig, i);
        else if (limb->engine && !needs(twig, i) && !lingers(i))
            hub_twig_drop(twig, i);
        attaching = attaching || (limb->engine && !limb->attached);
    }
    if (!attaching)
        twig->attach_due_ms = 0;
    else if (twig->attach_due_ms == 0)
        twig->attach_due_ms = edge_now_ms() + twig->trunk->options.answer_ms;
    return rc;
}

bool hub_twig_listens(const struct hub_twig *twig)
{
    for (unsigned i = 0; i < LIMB_PLACES; i++)
        if (needs(twig, i) && i != LIMB_EVENTS && !twig->limbs[i].attached)
            return false;
    return true;
}
