/* agent/image/progress.h - how far one pull is, added up over its threads and told at most a few
 * times a second. Any thread. */
#ifndef AGENT_IMAGE_PROGRESS_H
#define AGENT_IMAGE_PROGRESS_H

#include <pthread.h>

#include "agent/image/images.h"

struct agent_progress {
    pthread_mutex_t lock;
    const struct agent_pull *pull;
    struct agent_pull_progress now; /* done_bytes goes back when a blob is begun again */
    int64_t told_bytes;             /* what is told never does */
    int64_t told_ms;
};

void agent_progress_init(struct agent_progress *progress, const struct agent_pull *pull);
void agent_progress_fini(struct agent_progress *progress);
void agent_progress_total(struct agent_progress *progress, int64_t bytes);
/** A blob has @p have bytes now; @p counted is what it told last, 0 at first. */
void agent_progress_blob(struct agent_progress *progress, int64_t have, int64_t *counted);
void agent_progress_unpacking(struct agent_progress *progress);

#endif
