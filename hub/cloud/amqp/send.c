#include <errno.h>
#include <proton/condition.h>
#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/link.h>

#include "common/base/clock.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/message.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

enum { ARENA_MAX = 256 * 1024 };

/* Without what says where it comes from, which was not there when it was taken and is not sent. */
static size_t size_of(const struct edge_message *message)
{
    struct edge_message sent = *message;

    sent.sys[EDGE_SYS_ORIGIN_DEVICE] = sent.sys[EDGE_SYS_ORIGIN_MODULE] = NULL;
    return edge_message_size(&sent);
}

static int encode(const struct edge_message *message, struct edge_buf *out)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
    struct hub_amqp_message mapped;
    int rc;

    if (size_of(message) > EDGE_MESSAGE_MAX)
        return EDGE_ELIMIT;
    rc = hub_amqp_to_cloud(message, &arena, &mapped);
    if (rc == 0)
        rc = hub_amqp_message_write(out, &mapped);
    hub_amqp_arena_fini(&arena);
    return rc;
}

void hub_twig_send(struct hub_trunk *trunk, const struct edge_identity *who,
                   const struct edge_message *message, hub_done *done, void *arg)
{
    struct hub_parcel *parcel = hub_parcel_new(PARCEL_SEND, arg);
    struct hub_twig *twig;
    int rc;

    if (!parcel) {
        done(HUB_FAILED, "no memory", arg); /* nor for a later turn */
        return;
    }
    parcel->done.sent = done;
    rc = encode(message, &parcel->encoded);
    if (rc < 0) {
        hub_parcel_fail(trunk, NULL, parcel,
                        rc == EDGE_ELIMIT ? HUB_TOO_LARGE
                        : rc == -ENOMEM   ? HUB_FAILED
                                          : HUB_BAD,
                        edge_strerror(rc));
        return;
    }
    twig = hub_parcel_twig(trunk, who, parcel);
    if (twig && twig->waiting.count >= HUB_TWIG_WAITING_MAX)
        hub_parcel_fail(trunk, twig, parcel, HUB_UNAVAILABLE, "too much waits to be sent");
    else if (twig)
        hub_parcels_add(&twig->waiting, parcel);
}

static void send_one(struct hub_twig *twig, struct hub_parcel *parcel)
{
    parcel->delivery = hub_limb_send(&twig->limbs[LIMB_EVENTS], &parcel->encoded, false);
    parcel->due_ms = edge_now_ms() + twig->trunk->options.answer_ms;
    pn_delivery_set_context(parcel->delivery, parcel);
    twig->trunk->flying_bytes += parcel->encoded.len;
    hub_parcels_add(&twig->flying, parcel);
}

void hub_twig_pump(struct hub_twig *twig)
{
    struct hub_trunk *trunk = twig->trunk;

    while (twig->waiting.first && twig->flying.count < HUB_TWIG_FLYING_MAX &&
           hub_trunk_clear(trunk) && hub_limb_clear(&twig->limbs[LIMB_EVENTS]))
        send_one(twig, hub_parcels_take(&twig->waiting));
    if (twig->waiting.first && !hub_trunk_clear(trunk))
        hub_line_join(&trunk->choked, twig);
}

/* @return false: IoT Hub has not decided yet */
static bool outcome_of(pn_delivery_t *delivery, enum hub_result *ret, const char **why)
{
    pn_condition_t *condition;

    *why = "IoT Hub gives the message back";
    *ret = HUB_UNAVAILABLE;
    switch (pn_delivery_remote_state(delivery)) {
    case PN_ACCEPTED:
        *ret = HUB_OK;
        *why = "";
        return true;
    case PN_REJECTED:
        condition = pn_disposition_condition(pn_delivery_remote(delivery));
        *ret = hub_words_rejected(pn_condition_get_name(condition));
        *why = pn_condition_get_description(condition);
        if (!*why || !**why)
            *why = "IoT Hub rejects the message";
        return true;
    case PN_RELEASED:
    case PN_MODIFIED:
        return true;
    default: /* settled without an outcome: not known to have arrived */
        return pn_delivery_settled(delivery);
    }
}

static bool mends(enum hub_result result)
{
    return result != HUB_BAD && result != HUB_TOO_LARGE;
}

void hub_twig_outcome(struct hub_limb *limb, pn_delivery_t *delivery)
{
    struct hub_parcel *parcel = pn_delivery_get_context(delivery);
    struct hub_twig *twig = limb->twig;
    enum hub_result result;
    const char *why;

    if (!parcel || !outcome_of(delivery, &result, &why))
        return;
    hub_parcels_remove(&twig->flying, parcel);
    twig->used_ms = edge_now_ms();
    if (result == HUB_OK) {
        twig->failures = 0;
        hub_parcel_landed(twig->trunk, parcel);
        parcel->done.sent(HUB_OK, "", parcel->arg);
        hub_parcel_free(twig->trunk, parcel);
    } else {
        hub_parcel_fail(twig->trunk, twig, parcel, result, why);
        if (mends(result))
            hub_parcels_fail(twig, &twig->waiting, HUB_UNAVAILABLE,
                             "a message before it has failed");
    }
    hub_trunk_attend(twig);
}
