#include <stdio.h>
#include <string.h>

#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

/* ---- requests ---- */

static const struct {
    const char *operation, *resource;
} requests[] = {
    [PARCEL_GET] = {"GET", NULL},
    [PARCEL_PATCH] = {"PATCH", "/properties/reported"},
    [PARCEL_WATCH] = {"PUT", "/notifications/twin/properties/desired"},
};

static int encode(struct hub_trunk *trunk, struct hub_parcel *parcel, const char *body, size_t len)
{
    const struct hub_amqp_pair annotations[] = {
        {"operation", hub_amqp_text(requests[parcel->kind].operation)},
        {"resource", hub_amqp_text(requests[parcel->kind].resource)},
    };
    struct hub_amqp_message message = {
        .annotations = annotations,
        .nannotations = requests[parcel->kind].resource ? 2 : 1,
        .body = HUB_AMQP_BODY_DATA,
        .data = {(const uint8_t *) body, len},
    };

    hub_trunk_id(trunk, parcel->id);
    message.correlation_id = hub_amqp_text(parcel->id);
    return hub_amqp_message_write(&parcel->encoded, &message);
}

static void begin(struct hub_trunk *trunk, const struct edge_identity *who,
                  struct hub_parcel *parcel, const char *body, size_t len)
{
    int rc = encode(trunk, parcel, body, len);
    struct hub_twig *twig;

    if (rc < 0) {
        hub_parcel_fail(trunk, NULL, parcel, rc == EDGE_ELIMIT ? HUB_TOO_LARGE : HUB_FAILED,
                        edge_strerror(rc));
        return;
    }
    twig = hub_parcel_twig(trunk, who, parcel);
    if (twig && twig->asks.count >= HUB_TWIG_ASKS_MAX)
        hub_parcel_fail(trunk, twig, parcel, HUB_THROTTLED, "too many twin requests under way");
    else if (twig)
        hub_parcels_add(&twig->asks, parcel);
}

void hub_twig_get(struct hub_trunk *trunk, const struct edge_identity *who, hub_twin_done *done,
                  void *arg)
{
    struct hub_parcel *parcel = hub_parcel_new(PARCEL_GET, arg);

    if (!parcel) {
        done(HUB_FAILED, "no memory", NULL, 0, arg); /* nor for a later turn */
        return;
    }
    parcel->done.got = done;
    begin(trunk, who, parcel, "", 0);
}

void hub_twig_patch(struct hub_trunk *trunk, const struct edge_identity *who, const char *patch,
                    size_t len, hub_version_done *done, void *arg)
{
    struct hub_parcel *parcel = hub_parcel_new(PARCEL_PATCH, arg);

    if (!parcel) {
        done(HUB_FAILED, "no memory", 0, arg);
        return;
    }
    parcel->done.patched = done;
    begin(trunk, who, parcel, patch, len);
}

void hub_twig_reply(struct hub_trunk *trunk, const struct edge_identity *who, const char *rid,
                    int status, struct edge_bytes payload)
{
    struct hub_twig *known = hub_trunk_find(trunk, who);
    struct hub_parcel *parcel = known ? hub_parcel_new(PARCEL_REPLY, NULL) : NULL;
    const struct hub_amqp_pair property = {"IoThub-status", {.kind = HUB_AMQP_INT, .i = status}};
    const struct hub_amqp_message message = {.correlation_id = hub_words_id(rid),
                                             .properties = &property,
                                             .nproperties = 1,
                                             .body = HUB_AMQP_BODY_DATA,
                                             .data = payload};
    struct hub_twig *twig = NULL;

    if (!parcel)
        return; /* the caller of the method sees a timeout */
    if (known->replies.count >= HUB_TWIG_REPLIES_MAX ||
        hub_amqp_message_write(&parcel->encoded, &message) < 0) {
        hub_parcel_free(trunk, parcel);
        return;
    }
    twig = hub_parcel_twig(trunk, who, parcel);
    if (twig)
        hub_parcels_add(&twig->replies, parcel);
}

/* ---- under way ---- */

static void watch(struct hub_twig *twig)
{
    struct hub_parcel *parcel = hub_parcel_new(PARCEL_WATCH, NULL);

    if (!parcel || encode(twig->trunk, parcel, "", 0) < 0) {
        if (parcel)
            hub_parcel_free(twig->trunk, parcel);
        hub_twig_fail(twig, HUB_UNAVAILABLE, "no memory");
        return;
    }
    if (hub_parcel_twig(twig->trunk, &twig->who, parcel)) {
        twig->watch = WATCH_ASKED;
        hub_parcels_add(&twig->asks, parcel);
    }
}

void hub_twig_ask(struct hub_twig *twig)
{
    struct hub_limb *ask = &twig->limbs[LIMB_TWIN_ASK], *reply = &twig->limbs[LIMB_CALL_REPLY];

    if ((twig->wanted & EDGE_FEATURE_DESIRED) && twig->watch == WATCH_OFF &&
        twig->limbs[LIMB_TWIN_TELL].attached)
        watch(twig);
    for (struct hub_parcel *p = twig->asks.first; p && hub_limb_clear(ask); p = p->next) {
        if (p->asked || !twig->limbs[LIMB_TWIN_TELL].attached)
            continue;
        p->asked = true;
        (void) hub_limb_send(ask, &p->encoded, true);
    }
    while (twig->replies.first && hub_limb_clear(reply)) {
        struct hub_parcel *parcel = hub_parcels_take(&twig->replies);

        (void) hub_limb_send(reply, &parcel->encoded, true);
        hub_parcel_free(twig->trunk, parcel);
    }
    if ((twig->asks.first || twig->replies.first) && hub_engine_full(twig->trunk->engine))
        hub_line_join(&twig->trunk->choked, twig);
}

/* ---- answers ---- */

static struct hub_parcel *find(const struct hub_twig *twig, const char *id)
{
    for (struct hub_parcel *p = twig->asks.first; p; p = p->next)
        if (p->asked && strcmp(p->id, id) == 0)
            return p;
    return NULL;
}

static void watching(struct hub_twig *twig, enum hub_result result, const char *why)
{
    if (result == HUB_OK)
        twig->watch = WATCH_ON;
    else
        hub_twig_fail(
            twig, result == HUB_REFUSED || result == HUB_NOT_FOUND ? result : HUB_UNAVAILABLE, why);
}

static void finish(struct hub_twig *twig, struct hub_parcel *parcel,
                   const struct hub_words_answer *answer)
{
    enum hub_result result = hub_words_status(answer->status);
    char why[80] = "";

    if (result == HUB_OK && parcel->kind == PARCEL_GET && answer->body.len == 0)
        result = HUB_FAILED;
    if (result != HUB_OK)
        (void) snprintf(why, sizeof why, "IoT Hub answers a twin request with %d",
                        (int) answer->status);
    if (parcel->kind == PARCEL_WATCH)
        watching(twig, result, why);
    else if (parcel->kind == PARCEL_PATCH)
        parcel->done.patched(result, why, result == HUB_OK ? answer->version : 0, parcel->arg);
    else if (result == HUB_OK)
        parcel->done.got(result, why, (const char *) answer->body.data, answer->body.len,
                         parcel->arg);
    else
        parcel->done.got(result, why, NULL, 0, parcel->arg);
    hub_parcel_free(twig->trunk, parcel);
}

void hub_twig_told(struct hub_limb *limb, const struct hub_amqp_message *message,
                   pn_delivery_t *delivery)
{
    const struct hub_cloud_options *options = &limb->trunk->options;
    struct hub_twig *twig = limb->twig;
    struct hub_words_answer answer;
    struct hub_parcel *parcel;

    hub_words_answer(message, &answer);
    hub_limb_settle(limb, delivery, HUB_ACCEPTED, 0);
    parcel = answer.id[0] ? find(twig, answer.id) : NULL;
    if (parcel) {
        hub_parcels_remove(&twig->asks, parcel);
        finish(twig, parcel, &answer);
        hub_trunk_attend(twig);
    } else if (message->correlation_id.kind == HUB_AMQP_NULL && answer.body.len > 0 &&
               (twig->wanted & EDGE_FEATURE_DESIRED)) {
        options->events.desired(&twig->who, (const char *) answer.body.data, answer.body.len,
                                options->arg);
    }
}
