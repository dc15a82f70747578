#include <proton/delivery.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/amqp/message.h"
#include "hub/cloud/amqp/trunk.h"

/* ---- lists ---- */

void hub_parcels_init(struct hub_parcels *list)
{
    *list = (struct hub_parcels){.last = &list->first};
}

void hub_parcels_add(struct hub_parcels *list, struct hub_parcel *parcel)
{
    parcel->next = NULL;
    *list->last = parcel;
    list->last = &parcel->next;
    list->count++;
}

bool hub_parcels_remove(struct hub_parcels *list, struct hub_parcel *parcel)
{
    for (struct hub_parcel **at = &list->first; *at; at = &(*at)->next) {
        if (*at != parcel)
            continue;
        *at = parcel->next;
        if (!*at)
            list->last = at;
        list->count--;
        return true;
    }
    return false;
}

struct hub_parcel *hub_parcels_take(struct hub_parcels *list)
{
    struct hub_parcel *parcel = list->first;

    if (parcel)
        hub_parcels_remove(list, parcel);
    return parcel;
}

/* ---- one ---- */

struct hub_parcel *hub_parcel_new(enum hub_parcel_kind kind, void *arg)
{
    struct hub_parcel *parcel = calloc(1, sizeof *parcel);

    if (!parcel)
        return NULL;
    parcel->kind = kind;
    parcel->arg = arg;
    edge_buf_init(&parcel->encoded, HUB_AMQP_MESSAGE_MAX);
    return parcel;
}

void hub_parcel_free(struct hub_trunk *trunk, struct hub_parcel *parcel)
{
    trunk->kept_bytes -= parcel->kept;
    edge_buf_fini(&parcel->encoded);
    free(parcel);
}

static struct hub_twig *turn_back(struct hub_trunk *trunk, struct hub_twig *twig,
                                  struct hub_parcel *parcel, enum hub_result result,
                                  const char *why)
{
    hub_parcel_fail(trunk, twig, parcel, result, why);
    return NULL;
}

struct hub_twig *hub_parcel_twig(struct hub_trunk *trunk, const struct edge_identity *who,
                                 struct hub_parcel *parcel)
{
    struct hub_twig *twig = trunk->up && !trunk->closing ? hub_trunk_need(trunk, who) : NULL;

    if (!trunk->up)
        return turn_back(trunk, NULL, parcel, HUB_UNAVAILABLE,
                         trunk->said[0] ? trunk->said : "there is no connection yet");
    if (!twig || (parcel->kind != PARCEL_WATCH && /* one a session, and nobody asks again */
                  trunk->kept_bytes + parcel->encoded.len > HUB_TRUNK_KEPT_BYTES))
        return turn_back(trunk, twig, parcel, HUB_UNAVAILABLE, "too much is under way");
    if (twig->state == TWIG_PAUSED && twig->refused != HUB_OK)
        return turn_back(trunk, twig, parcel, twig->refused, "IoT Hub does not take this identity");
    if (twig->state == TWIG_PAUSED)
        return turn_back(trunk, twig, parcel, HUB_UNAVAILABLE, "its links are lost");
    if (parcel->kind == PARCEL_SEND && twig->failing > 0)
        return turn_back(trunk, twig, parcel, HUB_UNAVAILABLE, "a message before it has failed");
    twig->used_ms = edge_now_ms();
    parcel->kept = parcel->encoded.len;
    parcel->due_ms = twig->used_ms + trunk->options.answer_ms;
    trunk->kept_bytes += parcel->kept;
    hub_trunk_attend(twig);
    return twig;
}

void hub_parcel_landed(struct hub_trunk *trunk, struct hub_parcel *parcel)
{
    pn_delivery_t *delivery = EDGE_TAKE(parcel->delivery);

    if (!delivery)
        return;
    trunk->flying_bytes -= parcel->encoded.len;
    pn_delivery_set_context(delivery, NULL);
    pn_delivery_settle(delivery);
    if (trunk->flying_bytes < HUB_TRUNK_FLYING_BYTES / 2)
        hub_trunk_unchoke(trunk);
}

/* ---- failure ---- */

void hub_parcel_fail(struct hub_trunk *trunk, struct hub_twig *twig, struct hub_parcel *parcel,
                     enum hub_result result, const char *why)
{
    hub_parcel_landed(trunk, parcel);
    if (twig && parcel->kind == PARCEL_SEND) { /* what comes after it must not overtake it */
        parcel->twig = twig;
        twig->failing++;
    }
    parcel->result = result;
    (void) snprintf(parcel->why, sizeof parcel->why, "%s", why);
    hub_parcels_add(&trunk->failed, parcel);
    edge_timer_arm(trunk->turn, 0);
}

void hub_parcels_fail(struct hub_twig *twig, struct hub_parcels *list, enum hub_result result,
                      const char *why)
{
    struct hub_parcel *parcel;

    while ((parcel = hub_parcels_take(list)) != NULL)
        hub_parcel_fail(twig->trunk, twig, parcel, result, why);
}

void hub_parcels_fail_all(struct hub_twig *twig, enum hub_result result, const char *why)
{
    hub_parcels_fail(twig, &twig->flying, result, why);
    hub_parcels_fail(twig, &twig->waiting, result, why);
    hub_parcels_fail(twig, &twig->asks, result, why);
    hub_parcels_fail(twig, &twig->replies, result, why);
    edge_timer_disarm(twig->clock);
}

static void tell(struct hub_parcel *parcel)
{
    switch (parcel->kind) {
    case PARCEL_SEND:
        parcel->done.sent(parcel->result, parcel->why, parcel->arg);
        break;
    case PARCEL_GET:
        parcel->done.got(parcel->result, parcel->why, NULL, 0, parcel->arg);
        break;
    case PARCEL_PATCH:
        parcel->done.patched(parcel->result, parcel->why, 0, parcel->arg);
        break;
    case PARCEL_WATCH:
    case PARCEL_REPLY:
        break;
    }
}

void hub_parcels_tell(struct hub_trunk *trunk)
{
    struct hub_parcel *parcel = trunk->failed.first, *next;

    hub_parcels_init(&trunk->failed); /* what fails meanwhile has its turn later */
    for (; parcel; parcel = next) {
        next = parcel->next;
        if (trunk->closing)
            parcel->result = HUB_GONE;
        tell(parcel);
        if (parcel->twig)
            parcel->twig->failing--;
        hub_parcel_free(trunk, parcel);
    }
}

/* ---- time ---- */

static bool is_due(const struct hub_parcels *list, int64_t now)
{
    return list->first && list->first->due_ms <= now;
}

/* Lists are in the order of time, because all have the same. */
static int64_t earliest(const struct hub_parcels *list, int64_t due)
{
    return list->first && list->first->due_ms < due ? list->first->due_ms : due;
}

void hub_parcels_clock(struct hub_twig *twig)
{
    int64_t now = edge_now_ms();
    int64_t due = twig->attach_due_ms ? twig->attach_due_ms : INT64_MAX;

    due = earliest(&twig->waiting, due);
    due = earliest(&twig->flying, due);
    due = earliest(&twig->asks, due);
    due = earliest(&twig->replies, due);
    if (due == INT64_MAX)
        edge_timer_disarm(twig->clock);
    else
        edge_timer_arm(twig->clock, due > now ? (uint64_t) (due - now) : 0);
}

/* A message without credit takes along what is behind it; so does one without an answer. */
static void fail_first(struct hub_twig *twig, struct hub_parcels *list, const char *why)
{
    hub_parcel_fail(twig->trunk, twig, hub_parcels_take(list), HUB_TIMEOUT, why);
}

/* Among the first of the list. */
static bool watch_is_due(const struct hub_twig *twig, int64_t now)
{
    for (const struct hub_parcel *p = twig->asks.first; p && p->due_ms <= now; p = p->next)
        if (p->kind == PARCEL_WATCH)
            return true;
    return false;
}

void hub_parcels_overdue(struct hub_twig *twig)
{
    int64_t now = edge_now_ms();
    bool deaf = is_due(&twig->flying, now);
    bool unwatched = watch_is_due(twig, now);
    bool unlinked = twig->attach_due_ms > 0 && twig->attach_due_ms <= now;
    bool hungry = is_due(&twig->waiting, now);
    bool any = deaf || unlinked || hungry || is_due(&twig->asks, now);

    if (deaf)
        fail_first(twig, &twig->flying, "IoT Hub does not answer");
    if (hungry) {
        fail_first(twig, &twig->waiting, "IoT Hub takes no more messages for now");
        hub_parcels_fail(twig, &twig->waiting, HUB_UNAVAILABLE, "a message before it has failed");
    }
    while (is_due(&twig->asks, now))
        fail_first(twig, &twig->asks, "IoT Hub does not answer");
    while (is_due(&twig->replies, now))
        fail_first(twig, &twig->replies, "");
    if (deaf || unlinked || unwatched) /* what is behind would come twice, or never */
        hub_twig_fail(twig, HUB_UNAVAILABLE, "IoT Hub does not answer");
    if (any)
        hub_trunk_probe(twig->trunk);
    hub_trunk_attend(twig); /* who has nothing left to do is let go */
}
