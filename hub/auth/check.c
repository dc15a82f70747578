/* Claims: decided from what is known; where the cloud may know more, after asking it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    grant(HUB_OK, proof->kind == HUB_PROOF_KEY ? proof->until_s : INT64_MAX, "", done, arg);
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

static struct auth_claim *claim_copy(const struct hub_claim *claim, hub_grant_done *done, void *arg)
{
    struct auth_claim *copy = calloc(1, sizeof *copy);

    if (!copy)
        return NULL;
    *copy = (struct auth_claim){.claim = {.who = claim->who}, .done = done, .arg = arg};
    copy->token = edge_strdup(claim->token);
    copy->claim.token = copy->token;
    if (claim->certificate) {
        copy->certificate = *claim->certificate;
        copy->certificate.chain_pem = edge_strdup(claim->certificate->chain_pem);
        copy->claim.certificate = &copy->certificate;
    }
    if ((claim->token && !copy->token) || (claim->certificate && !copy->certificate.chain_pem)) {
        copy->done = NULL;
        return auth_claims_free(copy, HUB_GONE);
    }
    return copy;
}

struct auth_claim *auth_claims_free(struct auth_claim *claims, enum hub_result told)
{
    while (claims) {
        struct auth_claim *claim = claims;

        claims = claim->next;
        if (claim->done)
            grant(told, 0, "the hub ends", claim->done, claim->arg);
        (void) edge_wipe(claim->token);
        free(claim->certificate.chain_pem);
        free(claim);
    }
    return NULL;
}

void auth_decide(struct hub_auth *auth, struct auth_claim *claims)
{
    for (struct auth_claim *c = claims; c; c = c->next) {
        struct hub_proof proof;
        struct edge_err why = {0};
        enum hub_verdict verdict = judge(auth, &c->claim, &proof, &why);
        hub_grant_done *done = c->done;

        c->done = NULL;
        auth->nwaits--;
        if (verdict == HUB_PROVEN)
            accept(auth, &c->claim, &proof, done, c->arg);
        else
            refuse(auth, &c->claim, verdict, why.text, done, c->arg);
    }
    auth_claims_free(claims, HUB_GONE);
}

/* @return false: nothing will come, decide now */
static bool wait_for_answer(struct hub_auth *auth, const struct hub_claim *claim,
                            hub_grant_done *done, void *arg)
{
    struct auth_claim *copy, **end;
    struct auth_ask *ask;

    if (auth->nwaits >= AUTH_WAITS_MAX || !auth_may_ask(auth, &claim->who))
        return false;
    copy = claim_copy(claim, done, arg);
    ask = copy ? auth_ask(auth, &claim->who) : NULL;
    if (!ask) {
        if (copy)
            copy->done = NULL;
        auth_claims_free(copy, HUB_GONE);
        return false;
    }
    for (end = &ask->claims; *end;)
        end = &(*end)->next;
    *end = copy;
    auth->nwaits++;
    return true;
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
