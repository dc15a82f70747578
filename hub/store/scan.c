#include "hub/store/scan.h"

#include <errno.h>
#include <stdlib.h>

enum { GONE_ENOUGH = 128 * 1024 }; /* entries; then those that tell nothing are forgotten */

struct local {
    char *name;
    int number; /* -1: not asked for yet */
};
struct names {
    struct local *items;
    size_t size;
};

struct scan {
    struct hub_scan_segment *segments;
    size_t at, hint; /* the segment; where the last message that is gone was */
    const struct hub_scan_found *found;
    uint64_t newest, next;
    struct hub_gone_set gone;
    size_t gone_enough;
    struct names queues, routes; /* of this segment */
    bool passed;                 /* the last put is not wanted */
    bool placed;                 /* it has been given to a queue */
    struct hub_log_record put;
};

int hub_gone_set_add(struct hub_gone_set *set, uint64_t entry)
{
    if (set->count == set->size) {
        size_t size = set->size ? set->size * 2 : 64;
        uint64_t *entries = realloc(set->entries, size * sizeof *entries);

        if (!entries)
            return -ENOMEM;
        set->entries = entries;
        set->size = size;
    }
    set->entries[set->count++] = entry;
    return 0;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *) a;
    uint64_t y = *(const uint64_t *) b;

    return x < y ? -1 : x > y;
}

void hub_gone_set_sort(struct hub_gone_set *set)
{
    if (set->count > 1)
        qsort(set->entries, set->count, sizeof *set->entries, by_number);
}

bool hub_gone_set_has(const struct hub_gone_set *set, uint64_t entry)
{
    return set->count > 0 &&
           bsearch(&entry, set->entries, set->count, sizeof *set->entries, by_number) != NULL;
}

void hub_gone_set_fini(struct hub_gone_set *set)
{
    free(set->entries);
    *set = (struct hub_gone_set){0};
}

/* First: what is gone. */

static struct hub_catalog *catalog_of(struct scan *s, uint64_t message)
{
    if (message > s->newest)
        return NULL;
    for (size_t i = 0; i <= s->at; i++) {
        size_t at = (s->hint + i) % (s->at + 1);
        struct hub_catalog *catalog = &s->segments[at].catalog;

        if (message >= catalog->first && message <= catalog->last) {
            s->hint = at;
            return catalog;
        }
    }
    return NULL;
}

static bool is_live(struct scan *s, uint64_t message)
{
    const struct hub_catalog *catalog = catalog_of(s, message);

    return catalog && hub_live_has(&catalog->live, message);
}

/* Those of messages that are all gone tell nothing more. */
static void forget_dead(struct scan *s)
{
    size_t kept = 0;

    for (size_t i = 0; i < s->gone.count; i++) {
        if (is_live(s, hub_entry_message(s->gone.entries[i])))
            s->gone.entries[kept++] = s->gone.entries[i];
    }
    s->gone.count = kept;
    s->gone_enough = kept * 2 > GONE_ENOUGH ? kept * 2 : GONE_ENOUGH;
}

static int on_gone(struct scan *s, const struct hub_log_record *record)
{
    uint64_t message = hub_entry_message(record->number);

    for (uint64_t i = 0; i < record->count; i++) {
        struct hub_catalog *catalog = catalog_of(s, message + i);

        if (!catalog && record->count > 1 && i == 0 && !catalog_of(s, message + record->count - 1))
            break; /* of segments that are not here any more */
        if (catalog && (record->last || !(record->number & HUB_ENTRY_MASK)))
            (void) hub_live_remove(&catalog->live, message + i);
    }
    if (message + record->count > s->next)
        s->next = message + record->count;
    if (!(record->number & HUB_ENTRY_MASK) || record->last)
        return 0;
    if (s->gone.count >= s->gone_enough)
        forget_dead(s);
    return hub_gone_set_add(&s->gone, record->number);
}

static int look_for_gone(struct scan *s, const struct hub_walk_group *group)
{
    struct hub_scan_segment *segment = &s->segments[s->at];
    uint64_t body = group->bodies;
    struct hub_decoder decoder;
    struct hub_log_record record;
    int rc = 0;

    if (group->head.next_message > s->next)
        s->next = group->head.next_message;
    hub_decoder_init(&decoder, group->meta);
    while (rc == 0 && hub_decoder_next(&decoder, &record) == 1) {
        if (record.kind == HUB_RECORD_GONE)
            rc = on_gone(s, &record);
        if (record.kind != HUB_RECORD_PUT)
            continue;
        if (record.number > s->newest) {
            hub_catalog_add(&segment->catalog, record.number, body);
            s->newest = record.number;
        }
        body += HUB_BODY_HEAD + (uint64_t) record.size;
    }
    return rc;
}

/* Then: the rest. */

static void forget_names(struct names *names)
{
    for (size_t i = 0; i < names->size; i++)
        free(names->items[i].name);
    free(names->items);
    *names = (struct names){0};
}

static int learn(struct names *names, const struct hub_log_record *record)
{
    struct local *item;

    if (record->number >= names->size) {
        size_t size = names->size ? names->size : 16;
        struct local *items;

        while (size <= record->number)
            size *= 2;
        items = realloc(names->items, size * sizeof *items);
        if (!items)
            return -ENOMEM;
        for (size_t i = names->size; i < size; i++)
            items[i] = (struct local){.number = -1};
        names->items = items;
        names->size = size;
    }
    item = &names->items[record->number];
    if (item->name)
        return 0; /* a name is told more than once */
    item->name = strndup((const char *) record->name.data, record->name.len);
    return item->name ? 0 : -ENOMEM;
}

static int learn_any(struct scan *s, const struct hub_log_record *record)
{
    if (record->kind == HUB_RECORD_QUEUE)
        return learn(&s->queues, record);
    return record->kind == HUB_RECORD_ROUTE ? learn(&s->routes, record) : 0;
}

enum { LOST = 1 };

static int number_of(struct names *names, uint64_t local, int (*ask)(const char *name, void *arg),
                     void *arg, int *ret)
{
    struct local *item = local < names->size ? &names->items[local] : NULL;

    if (!item || !item->name)
        return LOST;
    if (item->number < 0)
        item->number = ask(item->name, arg);
    *ret = item->number;
    return item->number < 0 ? item->number : 0;
}

static int route_of(struct scan *s, uint64_t local, int *ret)
{
    int rc = number_of(&s->routes, local, s->found->route, s->found->arg, ret);

    if (rc != LOST)
        return rc;
    *ret = s->found->route("(lost name)", s->found->arg);
    return *ret < 0 ? *ret : 0;
}

static int on_ledger(struct scan *s, const struct hub_log_record *record)
{
    int route;
    int rc = number_of(&s->routes, record->number, s->found->route, s->found->arg, &route);

    if (rc == 0 && s->found->ledger)
        s->found->ledger(route, &record->ledger, s->found->arg);
    return rc < 0 ? rc : 0;
}

/* Nobody wants it, or nobody knows whose it was. */
static void end_put(struct scan *s)
{
    struct hub_catalog *catalog = &s->segments[s->at].catalog;

    if (!s->passed && s->put.number > 0) {
        if (s->placed)
            catalog->live_bytes += s->put.size;
        else
            (void) hub_live_remove(&catalog->live, s->put.number);
    }
    s->put = (struct hub_log_record){0};
}

static void on_put(struct scan *s, const struct hub_log_record *record)
{
    end_put(s);
    s->passed = record->number <= s->newest ||
                !hub_live_has(&s->segments[s->at].catalog.live, record->number);
    s->placed = false;
    s->put = *record;
    if (record->number > s->newest)
        s->newest = record->number;
}

static int on_target(struct scan *s, const struct hub_log_record *record)
{
    struct hub_entry entry = record->entry;
    int queue;
    int rc;

    if (s->passed || (s->put.several && hub_gone_set_has(&s->gone, entry.id)))
        return 0;
    rc = number_of(&s->queues, record->number, s->found->queue, s->found->arg, &queue);
    if (rc == 0)
        rc = route_of(s, (uint64_t) entry.route, &entry.route);
    if (rc == 0)
        rc = s->found->entry(&entry, (uint32_t) queue, s->found->arg);
    if (rc == 0)
        s->placed = true;
    return rc < 0 ? rc : 0;
}

static int on_record(struct scan *s, const struct hub_log_record *record)
{
    switch (record->kind) {
    case HUB_RECORD_QUEUE:
    case HUB_RECORD_ROUTE:
        return learn_any(s, record);
    case HUB_RECORD_LEDGER:
        return on_ledger(s, record);
    case HUB_RECORD_PUT:
        on_put(s, record);
        return 0;
    case HUB_RECORD_TARGET:
        return on_target(s, record);
    case HUB_RECORD_GONE:
        break;
    }
    return 0;
}

static int look_for_waiting(struct scan *s, const struct hub_walk_group *group)
{
    struct hub_decoder decoder;
    struct hub_log_record record;
    int rc = 0;

    hub_decoder_init(&decoder, group->meta);
    while (rc == 0 && hub_decoder_next(&decoder, &record) == 1)
        rc = on_record(s, &record);
    end_put(s);
    return rc;
}

static int look_for_names(struct scan *s, const struct hub_walk_group *group)
{
    struct hub_decoder decoder;
    struct hub_log_record record;
    int rc = 0;

    hub_decoder_init(&decoder, group->meta);
    while (rc == 0 && hub_decoder_next(&decoder, &record) == 1)
        rc = learn_any(s, &record);
    return rc;
}

static int each_group(struct scan *s, int (*fn)(struct scan *s, const struct hub_walk_group *group))
{
    struct hub_scan_segment *segment = &s->segments[s->at];
    struct hub_walk walk;
    struct hub_walk_group group;
    int rc = 0;

    hub_walk_init(&walk, segment->source, segment->salt, segment->limit);
    while (rc == 0 && hub_walk_next(&walk, &group) == 1)
        rc = fn(s, &group);
    if (segment->source->fatal)
        rc = segment->source->fatal;
    segment->end = walk.at;
    segment->damaged = segment->damaged || walk.damaged || walk.at < segment->told;
    if (segment->source->rest)
        segment->source->rest(segment->source);
    return rc;
}

int hub_scan_gone(struct hub_scan_segment *segments, size_t count, struct hub_gone_set *ret_gone,
                  uint64_t *ret_next_message)
{
    struct scan s = {.segments = segments, .gone_enough = GONE_ENOUGH};
    int rc = 0;

    for (s.at = 0; rc == 0 && s.at < count; s.at++)
        rc = each_group(&s, look_for_gone);
    if (rc < 0) {
        hub_gone_set_fini(&s.gone);
        return rc;
    }
    hub_gone_set_sort(&s.gone);
    *ret_gone = s.gone;
    *ret_next_message = s.newest >= s.next ? s.newest + 1 : s.next;
    return 0;
}

int hub_scan_waiting(struct hub_scan_segment *segments, size_t count,
                     const struct hub_gone_set *gone, const struct hub_scan_found *found)
{
    struct scan s = {.segments = segments, .found = found, .gone = *gone};
    int rc = 0;

    for (s.at = 0; rc == 0 && s.at < count; s.at++) {
        if (segments[s.at].damaged) /* a name may be told behind its first use */
            rc = each_group(&s, look_for_names);
        if (rc == 0)
            rc = each_group(&s, look_for_waiting);
        forget_names(&s.queues);
        forget_names(&s.routes);
    }
    return rc;
}
