/* The active segment: begun, and abandoned; and the old end, deleted. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "hub/store/log_write.h"

enum {
    STRETCH_FIRST = 4 * 1024, /* names are told again behind so many bytes ... */
    STRETCH = 64 * 1024,      /* ... and these: damage does not cost all of a segment */
    STRETCH_NAMES = 32,       /* ... but not so often that they are much of it */
    SMALL = 64 * 1024,        /* granule of a segment's size */
};

/* From an old file, whose blocks need no bookkeeping of the file system any more, if there is one.
 */
static int open_spare(struct hub_log *log, const char *path, uint64_t size)
{
    int fd = log->files->open(path, O_RDWR | O_CREAT);
    int rc;

    if (fd < 0)
        return fd;
    rc = log->files->reserve(fd, size);
    if (rc < 0) {
        (void) edge_close(fd);
        edge_ignore(log->files->unlink(path));
    }
    return rc < 0 ? rc : fd;
}

static int open_some(struct hub_log *log, const char *path, uint64_t need, uint64_t *ret_size)
{
    uint64_t sizes[] = {log->segment_bytes, HUB_SEGMENT_BYTES_MIN, 0};
    int fd = -ENOSPC;

    need = (need + HUB_SEGMENT_HEAD + SMALL - 1) / SMALL * SMALL;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(sizes) && fd == -ENOSPC; i++) {
        *ret_size = sizes[i] > need ? sizes[i] : need;
        fd = open_spare(log, path, *ret_size);
    }
    return fd;
}

static void fill_head(struct hub_log *log, struct hub_segment_head *head)
{
    const struct hub_segment *before;

    pthread_mutex_lock(&log->lock);
    before = log->count > 0 ? log->segments[log->count - 1] : NULL;
    *head = (struct hub_segment_head){
        .version = HUB_LOG_VERSION,
        .id = log->next_id,
        .last_id = log->next_id,
        .salt = hub_segment_salt(),
        .before_salt = before ? before->head.salt : 0,
        .before_end = before ? before->end : 0,
    };
    pthread_mutex_unlock(&log->lock);
}

static int name_file(struct hub_log *log, int fd, const char *spare, struct hub_segment *segment)
{
    EDGE_CLEANUP(edge_free) char *path = hub_segment_path(log, &segment->head);
    uint8_t head[HUB_SEGMENT_HEAD];
    int rc = path ? 0 : -ENOMEM;

    hub_segment_head_write(&segment->head, head);
    if (rc == 0)
        rc = log->files->write(fd, head, sizeof head, 0);
    if (rc == 0)
        rc = log->files->sync(fd);
    if (rc == 0)
        rc = log->files->rename(spare, path);
    if (rc == 0)
        rc = log->files->sync_folder(log->dir);
    if (rc < 0 && path)
        edge_ignore(log->files->unlink(path));
    return rc;
}

static void set_active(struct hub_log *log, struct hub_segment *segment, int fd)
{
    (void) edge_close(log->fd);
    log->fd = fd;
    pthread_mutex_lock(&log->lock);
    log->active = segment;
    pthread_mutex_unlock(&log->lock);
}

void hub_log_begin_stretch(struct hub_log *log)
{
    log->stretch_len = log->stretch_len * 2 < STRETCH ? log->stretch_len * 2 : STRETCH;
    log->stretch_end = log->active->end + (log->stretch_len > log->names_len * STRETCH_NAMES
                                               ? log->stretch_len
                                               : log->names_len * STRETCH_NAMES);
    log->names_len = 0;
    log->stretch++;
}

/* A hub that was killed has left the rest of its segment reserved. The new one's head says on disk
 * where that ends: what follows is nothing. One that is almost full is used again as it is. */
static void give_back(struct hub_log *log)
{
    EDGE_CLEANUP(edge_free) char *path = NULL;
    EDGE_CLEANUP(edge_close) int fd = -1;
    struct hub_segment *before = log->count > 1 ? log->segments[log->count - 2] : NULL;
    const struct hub_segment_head *head = &log->active->head;

    if (!before || before->head.salt != head->before_salt || before->end != head->before_end ||
        before->size < before->end + log->segment_bytes / 4)
        return;
    path = hub_segment_path(log, &before->head);
    fd = path ? log->files->open(path, O_RDWR) : -1;
    if (fd < 0 || log->files->truncate(fd, before->end) < 0)
        return;
    pthread_mutex_lock(&log->lock);
    before->size = before->end;
    pthread_mutex_unlock(&log->lock);
}

int hub_log_begin_segment(struct hub_log *log, uint64_t need)
{
    EDGE_CLEANUP(edge_free) char *spare = hub_log_path(log, "spare.log");
    EDGE_CLEANUP(hub_segment_destroy) struct hub_segment *segment = hub_segment_create();
    EDGE_CLEANUP(edge_close) int fd = -1;
    int rc;

    if (!spare || !segment)
        return -ENOMEM;
    fd = open_some(log, spare, need, &segment->size);
    if (fd < 0)
        return fd;
    fill_head(log, &segment->head);
    segment->end = HUB_SEGMENT_HEAD;
    rc = name_file(log, fd, spare, segment);
    if (rc == 0)
        rc = hub_log_add(log, segment);
    if (rc < 0)
        return rc;
    set_active(log, segment, fd);
    segment = NULL;
    fd = -1;
    log->next_id++;
    log->sequence = 0;
    log->stretch_len = STRETCH_FIRST / 2;
    hub_log_begin_stretch(log);
    if (pthread_mutex_trylock(&log->old) == 0) { /* nobody merges meanwhile */
        give_back(log);
        pthread_mutex_unlock(&log->old);
    }
    return 0;
}

/* A group could not be written: nobody knows what the disk made of it. The log goes on in another
 * file, whose head says where this one ends. */
void hub_log_abandon(struct hub_log *log)
{
    struct hub_segment *segment = log->active;

    if (!segment)
        return;
    edge_ignore(log->files->truncate(log->fd, segment->end));
    edge_ignore(log->files->sync(log->fd));
    pthread_mutex_lock(&log->lock);
    segment->size = segment->end;
    pthread_mutex_unlock(&log->lock);
    set_active(log, NULL, -1);
}

/* The old end. */

/* A later one has all of the ledger, unless its first group did not reach the disk. */
static bool is_last_with_groups(const struct hub_log *log)
{
    for (size_t i = 1; i < log->count; i++) {
        if (log->segments[i]->end > HUB_SEGMENT_HEAD)
            return false;
    }
    return true;
}

static struct hub_segment *find_dead(struct hub_log *log)
{
    struct hub_segment *segment = NULL;

    pthread_mutex_lock(&log->lock);
    if (log->count > 1 && log->segments[0]->catalog.live.count == 0 &&
        log->segments[0] != log->active && !is_last_with_groups(log))
        segment = log->segments[0];
    pthread_mutex_unlock(&log->lock);
    return segment;
}

static void forget_first(struct hub_log *log)
{
    pthread_mutex_lock(&log->lock);
    hub_segment_destroy(log->segments[0]);
    memmove(log->segments, log->segments + 1, --log->count * sizeof *log->segments);
    log->hint = 0;
    pthread_mutex_unlock(&log->lock);
}

static bool is_there(const struct hub_log *log, const char *path)
{
    EDGE_CLEANUP(edge_close) int fd = log->files->open(path, O_RDONLY);

    return fd >= 0;
}

/* One that is as large as a new one becomes the next one. */
static int discard(struct hub_log *log, const struct hub_segment *segment)
{
    EDGE_CLEANUP(edge_free) char *path = hub_segment_path(log, &segment->head);
    EDGE_CLEANUP(edge_free) char *spare = hub_log_path(log, "spare.log");

    if (!path || !spare)
        return -ENOMEM;
    if (segment->size == log->segment_bytes && !is_there(log, spare))
        return log->files->rename(path, spare);
    return log->files->unlink(path);
}

void hub_log_trim(struct hub_log *log)
{
    struct hub_segment *segment;

    if (pthread_mutex_trylock(&log->old) != 0)
        return;
    /* One by one, and not before: what is gone must be told as long as it is there. */
    while ((segment = find_dead(log)) != NULL && discard(log, segment) == 0) {
        forget_first(log);
        if (log->files->sync_folder(log->dir) < 0)
            break;
    }
    pthread_mutex_unlock(&log->old);
}
