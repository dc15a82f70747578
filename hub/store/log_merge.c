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
#include "common/base/map.h"
#include "hub/store/disk.h"
#include "hub/store/segment.h"

enum {
    GROUP = 512 * 1024, /* bytes of a group that is copied */
    PAUSE_MS = 10000,   /* after one that failed */
    TINY_MANY = 32,     /* small segments that are worth a merge without any garbage */
    SLACK = 2,          /* segments of garbage that are left alone */
    ENTRY = 12,         /* about what an entry takes in meta */
};

struct names {
    char **items; /* by number in the old segment */
    size_t size;
    struct edge_map numbers; /* in the new one: (number + 1) as a pointer */
    size_t next;
};

struct merge {
    struct hub_log *log;
    size_t from, count;
    struct hub_segment **run; /* `count` of them */
    bool repairs;
    size_t at;
    struct hub_file_source meta, bodies;
    struct hub_gone_set gone;
    struct names queues, routes;
    struct hub_encoder encoder;
    struct hub_mark *places; /* of the group's messages, in its bodies */
    size_t nplaces, places_size;
    struct hub_segment *to;
    char *path; /* of the new file, once it is whole */
    int fd;
    uint64_t sequence, next_message;
    /* the put that is being read */
    struct hub_log_record put;
    uint64_t body, last;
    struct hub_log_record targets[HUB_STORE_TARGETS_MAX];
    size_t ntargets;
};

static void forget_old_names(struct names *names)
{
    for (size_t i = 0; i < names->size; i++)
        free(names->items[i]);
    free(names->items);
    names->items = NULL;
    names->size = 0;
}

static void free_names(struct names *names)
{
    forget_old_names(names);
    edge_map_fini(&names->numbers);
}

static int learn(struct names *names, const struct hub_log_record *record)
{
    if (record->number >= names->size) {
        size_t size = names->size ? names->size : 16;
        char **items;

        while (size <= record->number)
            size *= 2;
        items = realloc(names->items, size * sizeof *items);
        if (!items)
            return -ENOMEM;
        memset(items + names->size, 0, (size - names->size) * sizeof *items);
        names->items = items;
        names->size = size;
    }
    if (!names->items[record->number])
        names->items[record->number] = strndup((const char *) record->name.data, record->name.len);
    return names->items[record->number] ? 0 : -ENOMEM;
}

/* @return its number in the new segment, told there; -ENOENT: its name is lost */
static int64_t number_of(struct merge *m, struct names *names, uint64_t old,
                         void (*tell)(struct hub_encoder *encoder, uint64_t number,
                                      const char *name))
{
    const char *name = old < names->size ? names->items[old] : NULL;
    uintptr_t number;

    if (!name)
        return -ENOENT;
    number = (uintptr_t) edge_map_get(&names->numbers, name);
    if (number == 0) {
        number = ++names->next;
        if (edge_map_set(&names->numbers, name, (void *) number) < 0)
            return -ENOMEM;
        tell(&m->encoder, number - 1, name);
    }
    return (int64_t) number - 1;
}

/* First: what is gone of messages with several targets, and all names of a segment. */

static bool is_in_run(const struct merge *m, uint64_t message)
{
    for (size_t i = 0; i < m->count; i++) {
        if (message >= m->run[i]->catalog.first && message <= m->run[i]->catalog.last)
            return true;
    }
    return false;
}

static int collect(struct merge *m, const struct hub_log_record *record)
{
    if (record->kind == HUB_RECORD_GONE && (record->number & HUB_ENTRY_MASK) &&
        is_in_run(m, hub_entry_message(record->number)))
        return hub_gone_set_add(&m->gone, record->number);
    return 0;
}

static int learn_any(struct merge *m, const struct hub_log_record *record)
{
    if (record->kind == HUB_RECORD_QUEUE)
        return learn(&m->queues, record);
    return record->kind == HUB_RECORD_ROUTE ? learn(&m->routes, record) : 0;
}

/* Then: copying. */

static int flush(struct merge *m)
{
    struct hub_segment *to = m->to;
    uint64_t bodies;
    int rc;

    hub_encoder_end(&m->encoder, to->head.salt, ++m->sequence, m->next_message);
    rc = m->encoder.failed;
    if (rc == 0)
        rc = m->log->files->write(m->fd, m->encoder.out, m->encoder.len, to->end);
    bodies = to->end + m->encoder.bodies_at;
    for (size_t i = 0; rc == 0 && i < m->nplaces; i++)
        hub_catalog_add(&to->catalog, m->places[i].message, bodies + m->places[i].at);
    to->end += m->encoder.len;
    m->nplaces = 0;
    hub_encoder_reset(&m->encoder);
    hub_encoder_begin(&m->encoder);
    return rc;
}

static int add_place(struct merge *m, uint64_t message)
{
    if (m->nplaces == m->places_size) {
        size_t size = m->places_size ? m->places_size * 2 : 256;
        struct hub_mark *places = realloc(m->places, size * sizeof *places);

        if (!places)
            return -ENOMEM;
        m->places = places;
        m->places_size = size;
    }
    m->places[m->nplaces++] = (struct hub_mark){message, (uint32_t) m->encoder.bodies_len};
    return 0;
}

static bool is_live(struct merge *m, uint64_t message)
{
    bool live;

    pthread_mutex_lock(&m->log->lock);
    live = hub_live_has(&m->run[m->at]->catalog.live, message);
    pthread_mutex_unlock(&m->log->lock);
    return live;
}

/* Its targets that are wanted, with the new segment's numbers. */
static int64_t keep_targets(struct merge *m)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->ntargets; i++) {
        struct hub_log_record target = m->targets[i];
        int64_t queue;
        int64_t route;

        if (m->put.several && hub_gone_set_has(&m->gone, target.entry.id))
            continue;
        queue = number_of(m, &m->queues, target.number, hub_encoder_queue);
        if (queue == -ENOENT)
            continue;
        if (queue < 0)
            return queue;
        route = number_of(m, &m->routes, (uint64_t) target.entry.route, hub_encoder_route);
        if (route < 0 && route != -ENOENT)
            return route;
        target.number = (uint64_t) queue;
        target.entry.route = route < 0 ? 0xffff : (int) route; /* one without a name */
        m->targets[kept++] = target;
    }
    return (int64_t) kept;
}

static int copy_put(struct merge *m)
{
    struct hub_source *bodies = &m->bodies.source;
    struct hub_body_head head;
    const uint8_t *in;
    int64_t kept;
    int rc;

    if (m->put.number == 0 || m->put.number <= m->last || !is_live(m, m->put.number))
        return 0;
    in = bodies->view(bodies, m->body, HUB_BODY_HEAD + (size_t) m->put.size);
    if (!in && m->bodies.failed && (bodies->fatal || !m->repairs))
        return m->bodies.failed;
    if (!in || !hub_body_head_read(in, &head) || head.message != m->put.number ||
        head.len != m->put.size || !hub_body_is_whole(in, &head))
        return 0; /* whoever takes it is told */
    kept = keep_targets(m);
    if (kept <= 0)
        return (int) kept;
    rc = add_place(m, head.message);
    if (rc < 0)
        return rc;
    m->last = head.message;
    hub_encoder_put(&m->encoder, &head, in + HUB_BODY_HEAD, (size_t) kept, m->put.several);
    for (size_t i = 0; i < (size_t) kept; i++)
        hub_encoder_target(&m->encoder, &m->targets[i].entry, m->targets[i].number);
    return hub_encoder_size(&m->encoder) >= GROUP ? flush(m) : 0;
}

static int end_put(struct merge *m)
{
    int rc = copy_put(m);

    m->body += m->put.number ? HUB_BODY_HEAD + (uint64_t) m->put.size : 0;
    m->put = (struct hub_log_record){0};
    m->ntargets = 0;
    return rc;
}

/* Of messages in older segments. */
static void copy_gone(struct merge *m, const struct hub_log_record *record)
{
    uint64_t message = hub_entry_message(record->number);
    bool older = false;

    pthread_mutex_lock(&m->log->lock);
    for (size_t i = 0; i < m->from && !older; i++) {
        const struct hub_catalog *catalog = &m->log->segments[i]->catalog;

        older = message <= catalog->last && message + record->count > catalog->first &&
                catalog->first > 0;
    }
    pthread_mutex_unlock(&m->log->lock);
    if (older)
        hub_encoder_gone(&m->encoder, record->number, record->count, record->last);
}

static int copy_ledger(struct merge *m, const struct hub_log_record *record)
{
    int64_t route = number_of(m, &m->routes, record->number, hub_encoder_route);

    if (route < 0)
        return route == -ENOENT ? 0 : (int) route;
    hub_encoder_ledger(&m->encoder, (uint64_t) route, &record->ledger);
    return 0;
}

static int copy(struct merge *m, const struct hub_log_record *record)
{
    int rc;

    if (record->kind == HUB_RECORD_TARGET) {
        m->targets[m->ntargets++] = *record;
        return 0;
    }
    rc = end_put(m);
    if (rc == 0 && record->kind == HUB_RECORD_PUT)
        m->put = *record;
    if (rc == 0 && record->kind == HUB_RECORD_GONE)
        copy_gone(m, record);
    if (rc == 0 && record->kind == HUB_RECORD_LEDGER)
        rc = copy_ledger(m, record);
    return rc;
}

static int each_record(struct merge *m,
                       int (*fn)(struct merge *m, const struct hub_log_record *record))
{
    struct hub_walk walk;
    struct hub_walk_group group;
    int rc = 0;

    hub_walk_init(&walk, &m->meta.source, m->run[m->at]->head.salt, m->run[m->at]->end);
    while (rc == 0 && hub_walk_next(&walk, &group) == 1) {
        struct hub_decoder decoder;
        struct hub_log_record record;

        m->body = group.bodies;
        if (group.head.next_message > m->next_message)
            m->next_message = group.head.next_message;
        hub_decoder_init(&decoder, group.meta);
        while (rc == 0 && hub_decoder_next(&decoder, &record) == 1)
            rc = fn(m, &record);
        if (rc == 0)
            rc = end_put(m);
    }
    if (rc == 0 && m->meta.source.fatal)
        return m->meta.source.fatal;
    /* What cannot be read now may be read later: only a repair leaves it out. */
    return rc == 0 && !m->repairs && (walk.damaged || walk.at < m->run[m->at]->end) ? -EIO : rc;
}

static int open_old(struct merge *m)
{
    const struct hub_segment *old = m->run[m->at];
    char *path = hub_segment_path(m->log, &old->head);
    char *again = edge_strdup(path);

    hub_file_source_init(&m->meta, m->log->files, path, old->end);
    hub_file_source_init(&m->bodies, m->log->files, again, old->end);
    return path && again ? 0 : -ENOMEM;
}

static void close_old(struct merge *m)
{
    hub_file_source_fini(&m->meta);
    hub_file_source_fini(&m->bodies);
}

static int each_segment(struct merge *m, bool copying)
{
    int rc = 0;

    for (m->at = 0; rc == 0 && m->at < m->count; m->at++) {
        rc = open_old(m);
        if (rc == 0 && !copying)
            rc = each_record(m, collect);
        if (rc == 0 && copying)
            rc = each_record(m, learn_any);
        if (rc == 0 && copying)
            rc = each_record(m, copy);
        close_old(m);
        forget_old_names(&m->queues);
        forget_old_names(&m->routes);
    }
    return rc;
}

static int write_head(struct merge *m)
{
    uint8_t head[HUB_SEGMENT_HEAD];

    hub_segment_head_write(&m->to->head, head);
    m->to->end = HUB_SEGMENT_HEAD;
    return m->log->files->write(m->fd, head, sizeof head, 0);
}

static int write_file(struct merge *m)
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
        rc = each_segment(m, false);
    hub_gone_set_sort(&m->gone);
    if (rc == 0)
        rc = each_segment(m, true);
    if (rc == 0)
        rc = flush(m);
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
static uint64_t bits_of(const struct merge *m, uint64_t base)
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

static void swap(struct merge *m)
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

static int remove_old(struct merge *m, char **ret_aside)
{
    int rc = 0;

    for (size_t i = 0; i < m->count; i++) {
        EDGE_CLEANUP(edge_free) char *path = hub_segment_path(m->log, &m->run[i]->head);

        if (!path)
            return -ENOMEM;
        if (ret_aside)
            rc = hub_disk_set_aside(path, ret_aside, NULL);
        else
            edge_ignore(m->log->files->unlink(path)); /* in vain: the next open does it */
        hub_segment_destroy(m->run[i]);
    }
    edge_ignore(m->log->files->sync_folder(m->log->dir));
    return rc;
}

static int prepare(struct merge *m)
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

static void finish(struct merge *m)
{
    pthread_mutex_lock(&m->log->lock);
    for (size_t i = 0; m->run && m->to && i < m->count && m->run[i]; i++)
        m->run[i]->merging = false;
    pthread_mutex_unlock(&m->log->lock);
    hub_gone_set_fini(&m->gone);
    free_names(&m->queues);
    free_names(&m->routes);
    hub_encoder_fini(&m->encoder);
    hub_segment_destroy(m->to);
    free(m->places);
    free(m->path);
    free(m->run);
    free(m);
}

int hub_log_merge_run(struct hub_log *log, size_t from, size_t count, char **ret_aside)
{
    struct merge *m = calloc(1, sizeof *m);
    int rc;

    if (!m)
        return -ENOMEM;
    *m = (struct merge){
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

/* When. */

static uint64_t cost(const struct hub_segment *segment)
{
    return segment->catalog.live_bytes + segment->catalog.live.count * (HUB_BODY_HEAD + ENTRY);
}

/* Neighbours from @p from on whose wanted messages fit into one segment. */
static size_t run_from(const struct hub_log *log, size_t from, size_t end, uint64_t *ret_bytes,
                       uint64_t *ret_live)
{
    size_t i = from;

    *ret_bytes = *ret_live = 0;
    for (; i < end && i - from < 64 && !log->segments[i]->merging; i++) {
        uint64_t live = cost(log->segments[i]);

        if (i > from && *ret_live + live > log->segment_bytes / 4 * 3)
            break;
        *ret_live += live;
        *ret_bytes += log->segments[i]->end;
    }
    return i - from;
}

/* What is gone soon anyway is not worth a copy: the log may be twice what is wanted, and a little
 * more. */
static bool is_fat(const struct hub_log *log, size_t from, size_t end)
{
    uint64_t bytes = 0;
    uint64_t live = 0;

    for (size_t i = from; i < end; i++) {
        bytes += log->segments[i]->end;
        live += cost(log->segments[i]);
    }
    return bytes > live * 2 + log->segment_bytes * SLACK;
}

/* With the lock. Those at the old end of which nothing is wanted are deleted as they are. */
static size_t choose(const struct hub_log *log, size_t *ret_from)
{
    size_t end = log->count > 0 && log->segments[log->count - 1] == log->active ? log->count - 1
                                                                                : log->count;
    size_t from = 0;
    bool fat;

    while (from < end && log->segments[from]->catalog.live.count == 0)
        from++;
    fat = is_fat(log, from, end);
    for (size_t i = from; (fat || end - from >= TINY_MANY) && i < end; i++) {
        uint64_t bytes;
        uint64_t live;
        size_t n = run_from(log, i, end, &bytes, &live);
        bool saves = fat && bytes > live * 2 && bytes - live > log->segment_bytes / 2;

        *ret_from = i;
        if (n > 0 && (saves || n >= TINY_MANY))
            return n;
    }
    return 0;
}

bool hub_log_wants_merge(struct hub_log *log)
{
    size_t from;
    bool wants;

    pthread_mutex_lock(&log->lock);
    wants = edge_now_ms() >= log->merge_after_ms && choose(log, &from) > 0;
    pthread_mutex_unlock(&log->lock);
    return wants;
}

void hub_log_merge(struct hub_log *log)
{
    size_t from = 0;
    size_t count;

    pthread_mutex_lock(&log->old);
    pthread_mutex_lock(&log->lock);
    count = choose(log, &from);
    pthread_mutex_unlock(&log->lock);
    if (count > 0 && hub_log_merge_run(log, from, count, NULL) < 0) {
        pthread_mutex_lock(&log->lock);
        log->merge_after_ms = edge_now_ms() + PAUSE_MS;
        pthread_mutex_unlock(&log->lock);
    }
    pthread_mutex_unlock(&log->old);
}
