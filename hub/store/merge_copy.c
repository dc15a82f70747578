/* Record by record from the old segments into the new one. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/merge.h"

enum { GROUP = 512 * 1024 }; /* bytes of a group that is copied */

static void forget_old_names(struct hub_merge_names *names)
{
    for (size_t i = 0; i < names->size; i++)
        free(names->items[i]);
    free(names->items);
    names->items = NULL;
    names->size = 0;
}

void hub_merge_forget_names(struct hub_merge_names *names)
{
    forget_old_names(names);
    edge_map_fini(&names->numbers);
}

static int learn(struct hub_merge_names *names, const struct hub_log_record *record)
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
static int64_t number_of(struct hub_merge *m, struct hub_merge_names *names, uint64_t old,
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

static bool is_in_run(const struct hub_merge *m, uint64_t message)
{
    for (size_t i = 0; i < m->count; i++) {
        if (message >= m->run[i]->catalog.first && message <= m->run[i]->catalog.last)
            return true;
    }
    return false;
}

static int collect(struct hub_merge *m, const struct hub_log_record *record)
{
    if (record->kind == HUB_RECORD_GONE && (record->number & HUB_ENTRY_MASK) &&
        is_in_run(m, hub_entry_message(record->number)))
        return hub_gone_set_add(&m->gone, record->number);
    return 0;
}

static int learn_any(struct hub_merge *m, const struct hub_log_record *record)
{
    if (record->kind == HUB_RECORD_QUEUE)
        return learn(&m->queues, record);
    return record->kind == HUB_RECORD_ROUTE ? learn(&m->routes, record) : 0;
}

/* Then: copying. */

int hub_merge_flush(struct hub_merge *m)
{
    struct hub_segment *to = m->to;
    uint64_t bodies;
    int rc;

    hub_encoder_end(&m->encoder, to->head.salt, ++m->sequence, m->next_message);
    rc = hub_encoder_write(&m->encoder, m->log->files, m->fd, to->end);
    bodies = to->end + m->encoder.len;
    for (size_t i = 0; rc == 0 && i < m->nplaces; i++)
        hub_catalog_add(&to->catalog, m->places[i].message, bodies + m->places[i].at);
    to->end += hub_encoder_size(&m->encoder);
    m->nplaces = 0;
    hub_encoder_reset(&m->encoder);
    hub_encoder_begin(&m->encoder);
    return rc;
}

static int add_place(struct hub_merge *m, uint64_t message)
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

static bool is_live(struct hub_merge *m, uint64_t message)
{
    bool live;

    pthread_mutex_lock(&m->log->lock);
    live = hub_live_has(&m->run[m->at]->catalog.live, message);
    pthread_mutex_unlock(&m->log->lock);
    return live;
}

/* Its targets that are wanted, with the new segment's numbers. */
static int64_t keep_targets(struct hub_merge *m)
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

static int copy_put(struct hub_merge *m)
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
    return hub_encoder_size(&m->encoder) >= GROUP ? hub_merge_flush(m) : 0;
}

static int end_put(struct hub_merge *m)
{
    int rc = copy_put(m);

    m->body += m->put.number ? HUB_BODY_HEAD + (uint64_t) m->put.size : 0;
    m->put = (struct hub_log_record){0};
    m->ntargets = 0;
    return rc;
}

/* Of messages in older segments. */
static void copy_gone(struct hub_merge *m, const struct hub_log_record *record)
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

static int copy_ledger(struct hub_merge *m, const struct hub_log_record *record)
{
    int64_t route = number_of(m, &m->routes, record->number, hub_encoder_route);

    if (route < 0)
        return route == -ENOENT ? 0 : (int) route;
    hub_encoder_ledger(&m->encoder, (uint64_t) route, &record->ledger);
    return 0;
}

static int copy(struct hub_merge *m, const struct hub_log_record *record)
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

static int each_record(struct hub_merge *m,
                       int (*fn)(struct hub_merge *m, const struct hub_log_record *record))
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

static int open_old(struct hub_merge *m)
{
    const struct hub_segment *old = m->run[m->at];
    char *path = hub_segment_path(m->log, &old->head);
    char *again = edge_strdup(path);

    hub_file_source_init(&m->meta, m->log->files, path, old->end);
    hub_file_source_init(&m->bodies, m->log->files, again, old->end);
    return path && again ? 0 : -ENOMEM;
}

static void close_old(struct hub_merge *m)
{
    hub_file_source_fini(&m->meta);
    hub_file_source_fini(&m->bodies);
}

int hub_merge_segments(struct hub_merge *m, bool copying)
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
