#include "agent/image/backoff.h"

#include "common/base/pause.h"

/* As long as the server asks for, and not all devices at once. */
static uint64_t asked_pause(int64_t asked_ms)
{
    uint64_t ms =
        (uint64_t) (asked_ms < AGENT_BACKOFF_ASKED_MS ? asked_ms : AGENT_BACKOFF_ASKED_MS);

    return ms + edge_random_below(ms / 4 + 1);
}

bool agent_backoff_again(struct agent_backoff *backoff, int64_t asked_ms,
                         struct edge_cancel *cancel)
{
    uint64_t ms, asked = asked_ms > 0 ? asked_pause(asked_ms) : 0;

    if (backoff->tries >= AGENT_BACKOFF_TRIES || edge_cancelled(cancel))
        return false;
    ms = edge_pause_jittered((unsigned) AGENT_BACKOFF_FIRST_MS << backoff->tries);
    backoff->tries++;
    return !edge_cancel_sleep(cancel, (int) (asked > ms ? asked : ms));
}
