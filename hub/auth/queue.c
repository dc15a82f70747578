/* Claims that wait for an answer of IoT Hub. */
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/auth/internal.h"

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
        auth_claim_free(copy);
        return NULL;
    }
    return copy;
}

void auth_claim_free(struct auth_claim *claim)
{
    (void) edge_wipe(claim->token);
    free(claim->certificate.chain_pem);
    free(claim);
}

static size_t bytes_of(const struct hub_claim *claim)
{
    return sizeof(struct auth_claim) + (claim->token ? strlen(claim->token) : 0) +
           (claim->certificate ? strlen(claim->certificate->chain_pem) : 0);
}

static void arm(struct auth_queue *queue, int64_t due_ms)
{
    int64_t left = due_ms - edge_now_ms();

    queue->due_ms = due_ms;
    edge_timer_arm(queue->timer, left > 0 ? (uint64_t) left : 0);
}

static void rearm(struct auth_queue *queue)
{
    int64_t due_ms = INT64_MAX;

    for (const struct auth_claim *claim = queue->first; claim; claim = claim->next)
        due_ms = claim->until_ms < due_ms ? claim->until_ms : due_ms;
    if (queue->first)
        arm(queue, due_ms);
    else
        edge_timer_disarm(queue->timer);
}

void auth_queue_again(struct auth_queue *queue, struct auth_claim *claim,
                      const struct auth_ask *ask)
{
    bool first = !queue->first;

    claim->ask = ask;
    claim->until_ms = edge_now_ms() + (ask ? AUTH_WAIT_MS : AUTH_WAIT_ALL_MS);
    claim->next = NULL;
    if (first)
        queue->end = &queue->first;
    *queue->end = claim;
    queue->end = &claim->next;
    queue->count++;
    queue->bytes += claim->bytes;
    if (first || claim->until_ms < queue->due_ms)
        arm(queue, claim->until_ms);
}

bool auth_queue_put(struct auth_queue *queue, const struct hub_claim *claim,
                    const struct auth_ask *ask, hub_grant_done *done, void *arg)
{
    size_t bytes = bytes_of(claim);
    struct auth_claim *copy;

    if (queue->count >= AUTH_WAITS_MAX || queue->bytes + bytes > AUTH_WAIT_BYTES)
        return false;
    copy = claim_copy(claim, done, arg);
    if (!copy)
        return false;
    copy->bytes = bytes;
    auth_queue_again(queue, copy, ask);
    return true;
}

struct auth_claim *auth_queue_take(struct auth_queue *queue,
                                   bool (*pick)(struct auth_claim *claim, const void *arg),
                                   const void *arg)
{
    struct auth_claim *taken = NULL, **taken_end = &taken;
    struct auth_claim **link = &queue->first;

    while (*link) {
        struct auth_claim *claim = *link;

        if (!pick(claim, arg)) {
            link = &claim->next;
            continue;
        }
        *link = claim->next;
        claim->next = NULL;
        *taken_end = claim;
        taken_end = &claim->next;
        queue->count--;
        queue->bytes -= claim->bytes;
    }
    queue->end = link;
    if (taken)
        rearm(queue);
    return taken;
}
