/* Claims: decided from what is known; where the cloud may know more, after asking it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/auth/internal.h"

static void grant(enum hub_result result, int64_t until_s, const char *reason, hub_grant_done *done,
                  void *arg)
{
    struct hub_grant grant = {.result = result, .until_s = until_s};

    (void) snprintf(grant.reason, sizeof grant.reason, "%s", reason);
    done(&grant, arg);
}

static enum hub_verdict judge(const struct hub_auth *auth, const struct hub_claim *claim,
                              struct hub_proof *ret, struct edge_err *why)
{
    return hub_prove(&auth->house, hub_cache_entry(&auth->cache, &claim->who, false),
                     hub_cache_entry(&auth->cache, &claim->who, true), claim, auth_now_s(), ret,
                     why);
}

/* For hub_auth_again. Without memory the next look at the client ends it, which is safe. */
static void remember(struct hub_auth *auth, const struct hub_claim *claim,
                     const struct hub_proof *proof)
{
    struct hub_record *record = hub_cache_find(&auth->cache, &claim->who);

    if (!record->proof)
        record->proof = malloc(sizeof *record->proof);
    if (record->proof)
        *record->proof = *proof;
}

static void accept(struct hub_auth *auth, const struct hub_claim *claim,
                   const struct hub_proof *proof, hub_grant_done *done, void *arg)
{
    remember(auth, claim, proof);
    grant(HUB_OK, proof->until_s, "", done, arg);
}

/* Only the cloud can tell who somebody is of whom it has said nothing. */
static void refuse(struct hub_auth *auth, const struct hub_claim *claim, enum hub_verdict verdict,
                   const char *reason, hub_grant_done *done, void *arg)
{
    bool unknown = verdict == HUB_DOUBTFUL && !hub_cache_find(&auth->cache, &claim->who);

    if (unknown)
        grant(HUB_UNAVAILABLE, 0, "the identity is not known here, and IoT Hub cannot be asked now",
              done, arg);
    else
        grant(HUB_REFUSED, 0, reason, done, arg);
}

/* ---- waiting ---- */

enum way { DECIDE, ASK, LIST };

/* Whom a claim had best wait for. While the first list of all is on its way nobody is asked for
 * alone: a crowd would only hold it up. */
static enum way way_of(struct hub_auth *auth, const struct edge_identity *who)
{
    bool unknown = !hub_cache_find(&auth->cache, who);

    if (unknown && auth->full && auth->complete_ms == 0)
        return LIST;
    if (auth_may_ask(auth, who))
        return ASK;
    return unknown && auth->full ? LIST : DECIDE;
}

/* @return false: nothing will come, decide now */
static bool wait_for_answer(struct hub_auth *auth, const struct hub_claim *claim,
                            hub_grant_done *done, void *arg)
{
    enum way way = way_of(auth, &claim->who);
    const struct auth_ask *ask = way == ASK ? auth_ask(auth, &claim->who) : NULL;

    if (way == DECIDE || (way == ASK && !ask))
        return false;
    return auth_queue_put(&auth->queue, claim, ask, done, arg);
}

static bool asks_alone(struct hub_auth *auth, struct auth_claim *c)
{
    const struct auth_ask *ask = NULL;

    if (!c->ask && auth_may_ask(auth, &c->claim.who))
        ask = auth_ask(auth, &c->claim.who);
    if (ask)
        auth_queue_again(&auth->queue, c, ask);
    return ask != NULL;
}

/* Those that have been taken from the queue. Whom the list has not told of is asked for alone. */
static void decide(struct hub_auth *auth, struct auth_claim *claims)
{
    while (claims) {
        struct auth_claim *c = claims;
        struct hub_proof proof;
        struct edge_err why = {0};
        enum hub_verdict verdict = judge(auth, &c->claim, &proof, &why);

        claims = c->next;
        if (verdict == HUB_DOUBTFUL && asks_alone(auth, c))
            continue;
        if (verdict == HUB_PROVEN)
            accept(auth, &c->claim, &proof, c->done, c->arg);
        else
            refuse(auth, &c->claim, verdict, why.text, c->done, c->arg);
        auth_claim_free(c);
    }
}

static bool waits_for(struct auth_claim *claim, const void *ask)
{
    return claim->ask == ask;
}

void auth_decide(struct hub_auth *auth, const struct auth_ask *ask)
{
    decide(auth, auth_queue_take(&auth->queue, waits_for, ask));
}

void auth_decide_rest(struct hub_auth *auth)
{
    auth_decide(auth, NULL);
}

/* What does not prove it now may be followed by what does: its device. */
static bool is_proven(struct auth_claim *claim, const void *arg)
{
    const struct hub_auth *auth = arg;
    struct hub_proof proof;

    if (claim->ask || claim->looked || !hub_cache_entry(&auth->cache, &claim->claim.who, false))
        return false;
    claim->looked = true;
    return judge(auth, &claim->claim, &proof, NULL) == HUB_PROVEN;
}

void auth_decide_listed(struct hub_auth *auth)
{
    decide(auth, auth_queue_take(&auth->queue, is_proven, auth));
}

static bool is_over(struct auth_claim *claim, const void *now_ms)
{
    return claim->until_ms <= *(const int64_t *) now_ms;
}

void auth_overdue(void *arg)
{
    struct hub_auth *auth = arg;
    int64_t now_ms = edge_now_ms();

    decide(auth, auth_queue_take(&auth->queue, is_over, &now_ms));
}

static bool is_anybody(struct auth_claim *claim, const void *arg)
{
    (void) arg;
    return claim != NULL;
}

void auth_send_away(struct hub_auth *auth)
{
    struct auth_claim *claims = auth_queue_take(&auth->queue, is_anybody, NULL);

    while (claims) {
        struct auth_claim *c = claims;

        claims = c->next;
        grant(HUB_GONE, 0, "the hub ends", c->done, c->arg);
        auth_claim_free(c);
    }
}

/* ---- the door ---- */

/* Devices of ours speak for themselves; other edges, which speak for theirs, are not served. */
static bool speaks_for_itself(const struct hub_claim *claim)
{
    char who[2 * EDGE_ID_MAX + 2];

    if (!claim->auth_chain || !*claim->auth_chain)
        return true;
    edge_identity_format(&claim->who, who, sizeof who);
    return strcmp(claim->auth_chain, who) == 0;
}

void hub_auth_check(struct hub_auth *auth, const struct hub_claim *claim, hub_grant_done *done,
                    void *arg)
{
    struct hub_proof proof;
    struct edge_err why = {0};
    enum hub_verdict verdict;

    if (!speaks_for_itself(claim)) {
        grant(HUB_REFUSED, 0, "nested edge devices (auth-chain) are not served by this hub", done,
              arg);
        return;
    }
    verdict = judge(auth, claim, &proof, &why);
    if (verdict == HUB_PROVEN)
        accept(auth, claim, &proof, done, arg);
    else if (verdict == HUB_WRONG || !wait_for_answer(auth, claim, done, arg))
        refuse(auth, claim, verdict, why.text, done, arg);
}
