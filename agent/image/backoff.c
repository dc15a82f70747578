#include "agent/image/backoff.h"

#include "common/base/pause.h"

/* @p ms, more or less a quarter: many devices must not come back all at once. */
static int jittered(int ms)
{
    unsigned span = (unsigned) ms / 2 + 1;

    return ms - ms / 4 + (int) edge_random_below(span);
}

bool agent_backoff_again(struct agent_backoff *backoff, int64_t asked_ms,
                         struct edge_cancel *cancel)
{
    int ms;

    if (backoff->tries >= AGENT_BACKOFF_TRIES || edge_cancelled(cancel))
        return false;
    ms = AGENT_BACKOFF_FIRST_MS << backoff->tries;
    if (asked_ms > ms)
        ms = (int) (asked_ms < AGENT_BACKOFF_ASKED_MS ? asked_ms : AGENT_BACKOFF_ASKED_MS);
    backoff->tries++;
    return !edge_cancel_sleep(cancel, jittered(ms));
}
