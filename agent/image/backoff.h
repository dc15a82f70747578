/* agent/image/backoff.h - how often and how slowly to try again. One object per thing tried, one
 * thread; blocking. */
#ifndef AGENT_IMAGE_BACKOFF_H
#define AGENT_IMAGE_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/cancel.h"

enum { AGENT_BACKOFF_TRIES = 5, AGENT_BACKOFF_FIRST_MS = 250, AGENT_BACKOFF_ASKED_MS = 30000 };

struct agent_backoff {
    int tries; /* 0 at first, and again after each progress */
};

/** Wait before the next try: longer each time, with jitter; as long as the server asked for, within
 * bounds. @param asked_ms  Retry-After, negative when not said
 * @return false when there have been enough tries or @p cancel has fired */
bool agent_backoff_again(struct agent_backoff *backoff, int64_t asked_ms,
                         struct edge_cancel *cancel);

#endif
