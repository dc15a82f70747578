/* Appending groups. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "hub/store/segment.h"

enum {
    PART = 2 * 1024 * 1024,   /* a larger group is written in parts */
    STRETCH_FIRST = 4 * 1024, /* names are told again behind so many bytes ... */
    STRETCH = 64 * 1024,      /* ... and these: damage does not cost all of a segment */
    STRETCH_NAMES = 32,       /* ... but not so often that they are much of it */
    SMALL = 64 * 1024,        /* granule of a segment's size */
};

/* Segments. */

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

static void begin_stretch(struct hub_log *log)
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

static int begin_segment(struct hub_log *log, uint64_t need)
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
    begin_stretch(log);
    if (pthread_mutex_trylock(&log->old) == 0) { /* nobody merges meanwhile */
        give_back(log);
        pthread_mutex_unlock(&log->old);
    }
    return 0;
}

/* A group could not be written: nobody knows what the disk made of it. The log goes on in another
 * file, whose head says where this one ends. */
static void abandon(struct hub_log *log)
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

/* Encoding. */

static void touch(struct hub_log_route *route)
{
    if (!route->touched)
        route->next = route->now;
    route->touched = true;
}

static struct hub_log_route *route_of(struct hub_log *log, size_t number)
{
    if (number >= log->nroutes)
        log->nroutes = number + 1;
    touch(&log->routes[number]);
    return &log->routes[number];
}

static void name_route(struct hub_log *log, size_t number)
{
    if (log->routes[number].named == log->stretch)
        return;
    log->routes[number].named = log->stretch;
    log->names_len += strlen(log->options.routes[number]);
    hub_encoder_route(&log->encoder, number, log->options.routes[number]);
}

static int name_queue(struct hub_log *log, const struct hub_group_target *target)
{
    if (target->number >= log->nqueues) {
        size_t size = log->nqueues ? log->nqueues : 64;
        uint64_t *named;

        while (size <= target->number)
            size *= 2;
        named = realloc(log->queues_named, size * sizeof *named);
        if (!named)
            return -ENOMEM;
        memset(named + log->nqueues, 0, (size - log->nqueues) * sizeof *named);
        log->queues_named = named;
        log->nqueues = size;
    }
    if (log->queues_named[target->number] == log->stretch)
        return 0;
    log->queues_named[target->number] = log->stretch;
    log->names_len += strlen(target->name);
    hub_encoder_queue(&log->encoder, target->number, target->name);
    return 0;
}

static int encode_put(struct hub_log *log, const struct hub_group *group, const struct hub_op *op)
{
    const struct hub_group_target *targets = &group->targets[op->first_target];
    struct hub_body_head head = {
        .len = op->body->len, .message = op->body->message, .enqueued_ns = op->body->enqueued_ns};
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < op->ntargets; i++) {
        rc = name_queue(log, &targets[i]);
        route_of(log, (size_t) targets[i].route)->next.in++;
        name_route(log, (size_t) targets[i].route);
    }
    hub_encoder_put(&log->encoder, &head, op->body->data, op->ntargets, op->ntargets > 1);
    for (size_t i = 0; i < op->ntargets; i++) {
        struct hub_entry entry = {
            .id = op->body->message << HUB_ENTRY_SHIFT | (op->ntargets > 1 ? i + 1 : 0),
            .route = targets[i].route,
            .expires_t = targets[i].expires_t,
        };

        hub_encoder_target(&log->encoder, &entry, targets[i].number);
    }
    return rc;
}

static int by_entry(const void *a, const void *b)
{
    const struct hub_gone *x = a;
    const struct hub_gone *y = b;

    return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static void sort(struct hub_gone *gone, size_t count)
{
    size_t i = 1;

    while (i < count && gone[i - 1].entry < gone[i].entry)
        i++;
    if (i < count)
        qsort(gone, count, sizeof *gone, by_entry);
}

/* Messages of one queue each that follow each other are one record. */
static size_t run_length(const struct hub_gone *gone, size_t count)
{
    size_t n = 1;

    if (gone[0].entry & HUB_ENTRY_MASK)
        return 1;
    while (n < count && n < HUB_GONE_RUN_MAX &&
           gone[n].entry == gone[0].entry + ((uint64_t) n << HUB_ENTRY_SHIFT))
        n++;
    return n;
}

static void encode_gone(struct hub_log *log, struct hub_group *group)
{
    size_t n;

    sort(group->gone, group->ngone);
    for (size_t i = 0; i < group->ngone; i += n) {
        n = run_length(group->gone + i, group->ngone - i);
        hub_encoder_gone(&log->encoder, group->gone[i].entry, n, group->gone[i].last);
    }
}

/* `in` comes with the puts, part by part. */
static void apply_change(struct hub_log *log, const struct hub_group *group)
{
    static const struct hub_ledger none;

    for (size_t i = 0; i < group->nchange; i++) {
        const struct hub_ledger *change = &group->change[i];
        struct hub_ledger *next;

        if (memcmp(change, &none, sizeof none) == 0)
            continue;
        next = &route_of(log, i)->next;
        next->in += change->dropped[HUB_DROP_NO_ROUTE];
        next->delivered += change->delivered;
        next->expired += change->expired;
        for (size_t why = 0; why < HUB_DROP_MAX; why++)
            next->dropped[why] += change->dropped[why];
    }
}

static void encode_ledger(struct hub_log *log)
{
    bool all = log->active->end == HUB_SEGMENT_HEAD;

    for (size_t i = 0; i < log->nroutes; i++) {
        struct hub_log_route *route = &log->routes[i];

        if ((!all && !route->touched) || !log->options.routes[i])
            continue;
        name_route(log, i);
        hub_encoder_ledger(&log->encoder, i, route->touched ? &route->next : &route->now);
    }
}

/* Ops from @p from on, and with the first of them what is gone. @p ret_to: the first that is left
 * for another part. */
static int encode(struct hub_log *log, struct hub_group *group, size_t from, size_t *ret_to)
{
    struct hub_encoder *encoder = &log->encoder;
    size_t i = from;
    int rc = 0;

    if (log->active->end >= log->stretch_end)
        begin_stretch(log);
    for (size_t r = 0; r < log->nroutes; r++)
        log->routes[r].touched = false;
    hub_encoder_reset(encoder);
    hub_encoder_begin(encoder);
    encode_gone(log, group);
    apply_change(log, group);
    for (; rc == 0 && i < group->nops && hub_encoder_size(encoder) < PART; i++) {
        if (group->ops[i].kind == HUB_OP_PUT)
            rc = encode_put(log, group, &group->ops[i]);
    }
    encode_ledger(log);
    hub_encoder_end(encoder, log->active->head.salt, log->sequence + 1, log->next_message);
    *ret_to = i;
    return rc < 0 ? rc : encoder->failed;
}

/* It is on disk. */

static void catalog_puts(struct hub_log *log, const struct hub_group *group, size_t from, size_t to)
{
    struct hub_segment *segment = log->active;
    uint64_t at = segment->end + log->encoder.bodies_at;

    for (size_t i = from; i < to; i++) {
        if (group->ops[i].kind != HUB_OP_PUT)
            continue;
        hub_catalog_add(&segment->catalog, group->ops[i].body->message, at);
        segment->catalog.live_bytes += group->ops[i].body->len;
        at += HUB_BODY_HEAD + (uint64_t) group->ops[i].body->len;
    }
}

static void catalog_gone(struct hub_log *log, const struct hub_group *group)
{
    for (size_t i = 0; i < group->ngone; i++) {
        const struct hub_gone *gone = &group->gone[i];
        uint64_t message = hub_entry_message(gone->entry);
        struct hub_segment *segment = gone->last ? hub_log_find(log, message) : NULL;

        if (segment && hub_live_remove(&segment->catalog.live, message))
            segment->catalog.live_bytes -= gone->size;
    }
}

static void written(struct hub_log *log, struct hub_group *group, size_t from, size_t to)
{
    pthread_mutex_lock(&log->lock);
    catalog_puts(log, group, from, to);
    catalog_gone(log, group);
    log->active->end += log->encoder.len;
    pthread_mutex_unlock(&log->lock);
    for (size_t i = from; i < to; i++)
        group->rows += group->ops[i].kind == HUB_OP_PUT ? 1 : 0;
    for (size_t i = 0; i < log->nroutes; i++) {
        if (log->routes[i].touched)
            log->routes[i].now = log->routes[i].next;
    }
    log->sequence++;
    group->ngone = 0;
    if (group->nchange > 0)
        memset(group->change, 0, group->nchange * sizeof *group->change);
}

static int append(struct hub_log *log)
{
    int rc = log->files->write(log->fd, log->encoder.out, log->encoder.len, log->active->end);

    if (rc == 0)
        rc = log->files->sync(log->fd);
    if (rc < 0)
        abandon(log);
    return rc;
}

static int write_part(struct hub_log *log, struct hub_group *group, size_t from, size_t *ret_to)
{
    int rc = log->active ? 0 : begin_segment(log, 0);

    if (rc == 0)
        rc = encode(log, group, from, ret_to);
    if (rc == 0 && log->active->end + log->encoder.len > log->active->size) {
        rc = begin_segment(log, log->encoder.len * 2); /* with more names, the ledger */
        if (rc == 0)
            rc = encode(log, group, from, ret_to);
    }
    if (rc == 0)
        rc = append(log);
    else if (log->active)
        begin_stretch(log); /* the names were not written */
    if (rc == 0)
        written(log, group, from, *ret_to);
    hub_encoder_reset(&log->encoder);
    return rc;
}

static bool is_of_log(const struct hub_group *group)
{
    static const struct hub_ledger none;

    for (size_t i = 0; i < group->nops; i++) {
        if (group->ops[i].kind == HUB_OP_PUT)
            return true;
    }
    for (size_t i = 0; i < group->nchange; i++) {
        if (memcmp(&group->change[i], &none, sizeof none) != 0)
            return true;
    }
    return group->ngone > 0 || group->probe;
}

int hub_log_commit(struct hub_log *log, struct hub_group *group)
{
    size_t at = 0;
    size_t to = 0;
    int rc = 0;

    if (!is_of_log(group))
        return 0;
    if (group->next_message > log->next_message)
        log->next_message = group->next_message;
    do {
        rc = write_part(log, group, at, &to);
        at = rc == 0 ? to : at;
    } while (rc == 0 && at < group->nops);
    rc = rc == 0 || rc == -ENOSPC || rc == -ENOMEM ? rc : EDGE_ESTORE;
    if (rc < 0)
        (void) snprintf(group->trouble, sizeof group->trouble, "cannot write to %.100s: %s",
                        log->dir, edge_strerror(rc));
    for (size_t i = 0; i < group->nops; i++) {
        if (group->ops[i].kind == HUB_OP_PUT)
            group->ops[i].rc = i < at ? 0 : rc;
    }
    return rc;
}

/* The old end. */

static struct hub_segment *find_dead(struct hub_log *log)
{
    struct hub_segment *segment = NULL;

    pthread_mutex_lock(&log->lock);
    if (log->count > 1 && log->segments[0]->catalog.live.count == 0 &&
        log->segments[0] != log->active)
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
