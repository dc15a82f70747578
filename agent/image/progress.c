#include "agent/image/progress.h"

#include "common/base/clock.h"

enum { TELL_MS = 250 };

void agent_progress_init(struct agent_progress *progress, const struct agent_pull *pull)
{
    *progress = (struct agent_progress){.pull = pull};
    pthread_mutex_init(&progress->lock, NULL);
}

void agent_progress_fini(struct agent_progress *progress)
{
    pthread_mutex_destroy(&progress->lock);
}

/* With the lock held, so that the listener sees the counts in order. */
static void tell(struct agent_progress *progress, bool at_once)
{
    struct agent_pull_progress told = progress->now;
    int64_t now_ms = edge_now_ms();

    if (!progress->pull->on_progress || (!at_once && now_ms - progress->told_ms < TELL_MS))
        return;
    if (told.done_bytes < progress->told_bytes)
        told.done_bytes = progress->told_bytes;
    progress->told_bytes = told.done_bytes;
    progress->told_ms = now_ms;
    progress->pull->on_progress(&told, progress->pull->arg);
}

void agent_progress_total(struct agent_progress *progress, int64_t bytes)
{
    pthread_mutex_lock(&progress->lock);
    progress->now.total_bytes = bytes;
    progress->now.done_bytes = 0; /* blobs that are here count themselves again */
    tell(progress, true);
    pthread_mutex_unlock(&progress->lock);
}

void agent_progress_blob(struct agent_progress *progress, int64_t have, int64_t *counted)
{
    pthread_mutex_lock(&progress->lock);
    progress->now.done_bytes += have - *counted;
    *counted = have;
    tell(progress, false);
    pthread_mutex_unlock(&progress->lock);
}

void agent_progress_unpacking(struct agent_progress *progress)
{
    pthread_mutex_lock(&progress->lock);
    progress->now.unpacking = true;
    tell(progress, true);
    pthread_mutex_unlock(&progress->lock);
}
