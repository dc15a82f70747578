/* Reading ahead of a consumer, on the reading thread.
 *
 *   take finds nothing in memory --> up to BATCH messages are asked for --> ahead --> take ...
 *                                         ^                                   |
 *                                         '------ half of them are gone ------'
 */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/internal.h"

enum {
    BATCH = 128,
    BATCH_BYTES = 256 * 1024,
    FAILURES_MAX = 60, /* a second each: then the one message that cannot be read is given up */
};

struct hub_read {
    struct hub_store *store;
    struct hub_queue *queue; /* NULL: not wanted any more */
    size_t count, bytes;
    int rc;
    uint64_t messages[BATCH];
    struct hub_body *bodies[BATCH];
};

static void drop_first(struct hub_queue *queue)
{
    struct hub_body *body = queue->ahead[queue->ahead_first++];

    queue->store->ahead_bytes -= body->len;
    hub_body_unref(body);
    if (queue->ahead_first == queue->nahead) {
        queue->ahead_first = queue->nahead = queue->ahead_size = 0;
        queue->ahead = edge_free(queue->ahead);
    }
}

void hub_ahead_drop(struct hub_queue *queue)
{
    while (queue->ahead_first < queue->nahead)
        drop_first(queue);
    if (queue->reading) {
        queue->reading->queue = NULL;
        queue->reading = NULL;
    }
    queue->read_to = (struct hub_index_mark){0};
}

static bool has_room(const struct hub_store *store, const struct hub_read *read,
                     const struct hub_entry *entry)
{
    return read->count == 0 || (read->count < BATCH && read->bytes + entry->size <= BATCH_BYTES &&
                                store->ahead_bytes + read->bytes + entry->size <= store->ahead_max);
}

static void add(struct hub_read *read, const struct hub_entry *entry)
{
    uint64_t message = hub_entry_message(entry->id);

    if (read->count > 0 && read->messages[read->count - 1] == message)
        return; /* twice in one queue */
    read->messages[read->count++] = message;
    read->bytes += entry->size;
}

static void collect_index(struct hub_queue *queue, struct hub_read *read)
{
    struct hub_index_mark mark = queue->read_to;
    struct hub_entry entry;

    if (mark.number <= queue->index.head.number) /* what it points to may be gone */
        mark = hub_index_head(&queue->index);
    queue->read_to = mark;
    while (hub_index_next(&queue->index, &mark, &entry)) {
        if (hub_recent_find(&queue->store->recent, hub_entry_message(entry.id)) ||
            !has_room(queue->store, read, &entry))
            break;
        add(read, &entry);
        queue->read_to = mark;
    }
}

static void work(void *arg)
{
    struct hub_read *read = arg;

    read->rc = hub_log_read(read->store->log, read->messages, read->bodies, read->count);
}

static void discard(struct hub_read *read)
{
    for (size_t i = 0; i < read->count; i++)
        hub_body_unref(read->bodies[i]);
    free(read);
}

static int keep(struct hub_queue *queue, struct hub_read *read)
{
    size_t have = queue->nahead - queue->ahead_first;

    if (have + read->count > queue->ahead_size) {
        struct hub_body **ahead = malloc((have + read->count) * sizeof(struct hub_body *));

        if (!ahead)
            return -ENOMEM;
        if (have > 0)
            memcpy(ahead, queue->ahead + queue->ahead_first, have * sizeof *ahead);
        free(queue->ahead);
        queue->ahead = ahead;
        queue->ahead_size = have + read->count;
    } else if (have > 0) {
        memmove(queue->ahead, queue->ahead + queue->ahead_first, have * sizeof *queue->ahead);
    }
    queue->ahead_first = 0;
    queue->nahead = have;
    for (size_t i = 0; i < read->count; i++) {
        queue->ahead[queue->nahead++] = read->bodies[i];
        queue->store->ahead_bytes += read->bodies[i]->len;
    }
    read->count = 0;
    return 0;
}

/* A disk that gives errors may be well again in a second. One that gives nothing else for a minute
 * costs this one message, not the whole queue. */
static void failed(struct hub_queue *queue, struct hub_read *read)
{
    queue->read_to = (struct hub_index_mark){0};
    if (read->rc < 0 && ++queue->failures >= FAILURES_MAX) {
        read->bodies[0] = hub_body_create(read->messages[0], (struct edge_bytes){0});
        if (read->bodies[0]) {
            read->bodies[0]->broken = true;
            read->count = 1;
            if (keep(queue, read) == 0)
                queue->failures = 0;
            hub_queue_wake(queue);
            return;
        }
    }
    hub_queue_retry(queue);
    hub_queue_wake(queue); /* to be told that it fails */
}

static void done(void *arg)
{
    struct hub_read *read = arg;
    struct hub_queue *queue = read->queue;
    struct hub_store *store = read->store;

    store->ahead_bytes -= read->bytes;
    if (queue)
        queue->reading = NULL;
    if (queue && !store->closed) {
        if (read->rc < 0 || keep(queue, read) < 0) {
            failed(queue, read);
        } else {
            queue->failures = 0;
            hub_queue_wake(queue);
        }
        hub_store_run_wakes(store);
    }
    discard(read);
}

static void ask(struct hub_queue *queue, bool from_first)
{
    struct hub_read *read = calloc(1, sizeof *read);

    if (!read) {
        hub_queue_retry(queue);
        return;
    }
    read->store = queue->store;
    read->queue = queue;
    for (size_t i = queue->again; from_first && i < queue->ntaken; i++) {
        if (!has_room(queue->store, read, &queue->taken[i].entry))
            break;
        add(read, &queue->taken[i].entry);
    }
    if (queue->again == queue->ntaken || read->count == queue->ntaken - queue->again)
        collect_index(queue, read);
    if (read->count == 0) {
        free(read);
        return;
    }
    queue->reading = read;
    queue->store->ahead_bytes += read->bytes; /* until it is known what it takes */
    edge_pool_submit(queue->store->pool, work, done, read);
}

static bool wants_more(const struct hub_queue *queue)
{
    return !queue->reading && queue->again == queue->ntaken &&
           queue->nahead - queue->ahead_first <= BATCH / 2 && queue->read_to.number > 0 &&
           queue->read_to.number < queue->index.head.number + queue->index.count &&
           queue->store->ahead_bytes < queue->store->ahead_max;
}

struct hub_body *hub_ahead_find(struct hub_queue *queue, const struct hub_entry *entry)
{
    uint64_t message = hub_entry_message(entry->id);
    struct hub_body *body = hub_recent_find(&queue->store->recent, message);

    while (queue->ahead_first < queue->nahead &&
           queue->ahead[queue->ahead_first]->message < message)
        drop_first(queue);
    if (!body && queue->ahead_first < queue->nahead &&
        queue->ahead[queue->ahead_first]->message == message)
        body = queue->ahead[queue->ahead_first];
    if (body && wants_more(queue))
        ask(queue, false);
    if (!body && !queue->reading && !queue->retry) {
        hub_ahead_drop(queue);
        ask(queue, true);
    }
    return body;
}
