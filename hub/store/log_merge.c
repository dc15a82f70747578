/* What is wanted of a run of segments, copied into one new segment in their place.
 *
 *   gone, of messages in older segments  --> stays: they are still on disk
 *   gone, of messages in the run         --> goes, with what it speaks of
 *   put, wanted                          --> stays, with the targets that are left */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "hub/store/disk.h"
#include "hub/store/merge.h"

enum { PAUSE_MS = 10000 }; /* after one that failed */

static int write_head(struct hub_merge *m)
{
    uint8_t head[HUB_SEGMENT_HEAD];

    hub_segment_head_write(&m->to->head, head);
    m->to->end = HUB_SEGMENT_HEAD;
    return m->log->files->write(m->fd, head, sizeof head, 0);
}

static int write_file(struct hub_merge *m)
{
    EDGE_CLEANUP(edge_free) char *new = edge_format("%s.new", m->path);
    const struct hub_files *files = m->log->files;
    int rc;

    if (!new)
        return -ENOMEM;
    m->fd = files->open(new, O_RDWR | O_CREAT | O_TRUNC);
    rc = m->fd < 0 ? m->fd : write_head(m);
    hub_encoder_begin(&m->encoder);
    if (rc == 0)
        rc = hub_merge_segments(m, false);
    hub_gone_set_sort(&m->gone);
    if (rc == 0)
        rc = hub_merge_segments(m, true);
    if (rc == 0)
        rc = hub_merge_flush(m);
    if (rc == 0)
        rc = files->sync(m->fd);
    if (rc == 0)
        rc = files->rename(new, m->path);
    if (rc == 0)
        rc = files->sync_folder(m->log->dir);
    m->fd = edge_close(m->fd);
    if (rc < 0) {
        edge_ignore(files->unlink(new));
        edge_ignore(files->unlink(m->path));
    }
    return rc;
}

/* What went while it was copied is not wanted in the new segment either. */
static uint64_t bits_of(const struct hub_merge *m, uint64_t base)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < m->count; i++) {
        const struct hub_catalog *old = &m->run[i]->catalog;

        if (base < old->first / 64 || base > old->last / 64)
            continue;
        bits |= hub_live_bits(&old->live, base);
    }
    return bits;
}

static void swap(struct hub_merge *m)
{
    struct hub_log *log = m->log;
    struct hub_live *live = &m->to->catalog.live;

    pthread_mutex_lock(&log->lock);
    live->count = 0;
    for (size_t i = 0; i < live->nwords; i++) {
        live->words[i].bits &= bits_of(m, live->words[i].base);
        live->count += (uint64_t) __builtin_popcountll(live->words[i].bits);
    }
    for (size_t i = 0; i < m->count; i++)
        m->to->catalog.live_bytes += m->run[i]->catalog.live_bytes;
    log->segments[m->from] = m->to;
    memmove(log->segments + m->from + 1, log->segments + m->from + m->count,
            (log->count - m->from - m->count) * sizeof *log->segments);
    log->count -= m->count - 1;
    log->hint = 0;
    pthread_mutex_unlock(&log->lock);
    m->to = NULL;
}

static int remove_old(struct hub_merge *m, char **ret_aside)
{
    int rc = 0;

    for (size_t i = 0; i < m->count; i++) {
        EDGE_CLEANUP(edge_free) char *path = hub_segment_path(m->log, &m->run[i]->head);

        if (!path)
            return -ENOMEM;
        if (ret_aside)
            rc = hub_disk_set_aside(path, "segment-", ret_aside, NULL);
        else
            edge_ignore(m->log->files->unlink(path)); /* in vain: the next open does it */
        hub_segment_destroy(m->run[i]);
    }
    edge_ignore(m->log->files->sync_folder(m->log->dir));
    return rc;
}

static int prepare(struct hub_merge *m)
{
    const struct hub_segment_head *first;
    const struct hub_segment_head *last;
    uint32_t generation = 0;

    m->run = calloc(m->count, sizeof(struct hub_segment *));
    m->to = hub_segment_create();
    if (!m->run || !m->to)
        return -ENOMEM;
    pthread_mutex_lock(&m->log->lock);
    for (size_t i = 0; i < m->count; i++) {
        m->run[i] = m->log->segments[m->from + i];
        m->run[i]->merging = true;
        if (m->run[i]->head.generation > generation)
            generation = m->run[i]->head.generation;
    }
    pthread_mutex_unlock(&m->log->lock);
    first = &m->run[0]->head;
    last = &m->run[m->count - 1]->head;
    m->to->head = (struct hub_segment_head){
        .version = HUB_LOG_VERSION,
        .generation = generation + 1,
        .id = first->id,
        .last_id = last->last_id,
        .salt = hub_segment_salt(),
        .before_salt = first->before_salt,
        .before_end = first->before_end,
    };
    m->path = hub_segment_path(m->log, &m->to->head);
    return m->path ? 0 : -ENOMEM;
}

static void finish(struct hub_merge *m)
{
    pthread_mutex_lock(&m->log->lock);
    for (size_t i = 0; m->run && m->to && i < m->count && m->run[i]; i++)
        m->run[i]->merging = false;
    pthread_mutex_unlock(&m->log->lock);
    hub_gone_set_fini(&m->gone);
    hub_merge_forget_names(&m->queues);
    hub_merge_forget_names(&m->routes);
    hub_encoder_fini(&m->encoder);
    hub_segment_destroy(m->to);
    free(m->places);
    free(m->path);
    free(m->run);
    free(m);
}

int hub_log_merge_run(struct hub_log *log, size_t from, size_t count, char **ret_aside)
{
    struct hub_merge *m = calloc(1, sizeof *m);
    int rc;

    if (!m)
        return -ENOMEM;
    *m = (struct hub_merge){
        .log = log, .from = from, .count = count, .fd = -1, .repairs = ret_aside != NULL};
    rc = prepare(m);
    if (rc == 0)
        rc = write_file(m);
    if (rc == 0) {
        m->to->size = m->to->end;
        swap(m);
        rc = remove_old(m, ret_aside);
    }
    finish(m);
    return rc;
}

bool hub_log_wants_merge(struct hub_log *log)
{
    size_t from;
    bool wants;

    pthread_mutex_lock(&log->lock);
    wants = edge_now_ms() >= log->merge_after_ms && hub_merge_choose(log, &from) > 0;
    pthread_mutex_unlock(&log->lock);
    return wants;
}

void hub_log_merge(struct hub_log *log)
{
    size_t from = 0;
    size_t count;

    pthread_mutex_lock(&log->old);
    pthread_mutex_lock(&log->lock);
    count = hub_merge_choose(log, &from);
    pthread_mutex_unlock(&log->lock);
    if (count > 0 && hub_log_merge_run(log, from, count, NULL) < 0) {
        pthread_mutex_lock(&log->lock);
        log->merge_after_ms = edge_now_ms() + PAUSE_MS;
        pthread_mutex_unlock(&log->lock);
    }
    pthread_mutex_unlock(&log->old);
}
