/* agent/security/identities/backoff.h - when the cloud may be asked again. Pure; one thread.
 * Source: agent.md 7.5 (429: 60, 120, 180, 300 s plus jitter; other failures 3 s). */
#ifndef AGENT_SECURITY_IDENTITIES_BACKOFF_H
#define AGENT_SECURITY_IDENTITIES_BACKOFF_H

#include <stdint.h>

struct sec_backoff {
    unsigned throttled; /* answers 429 in a row */
    unsigned failed;    /* other failures in a row */
    int64_t until_ms;   /* of edge_now_ms */
};

/** Milliseconds until the cloud may be asked; 0: now. */
int64_t sec_backoff_left(const struct sec_backoff *b, int64_t now_ms);
void sec_backoff_passed(struct sec_backoff *b);
/** @param status  of the answer, 0: none came   @param retry_after_s  as the cloud asks, 0: not
 * @param random  any number: spreads a fleet by up to a quarter */
void sec_backoff_failed(struct sec_backoff *b, int status, int retry_after_s, uint32_t random,
                        int64_t now_ms);

#endif
