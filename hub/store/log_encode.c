/* A group of ops as bytes. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/log_write.h"

enum { PART = 2 * 1024 * 1024 }; /* a larger group is written in parts */

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

int hub_log_encode(struct hub_log *log, struct hub_group *group, size_t from, size_t *ret_to)
{
    struct hub_encoder *encoder = &log->encoder;
    size_t i = from;
    int rc = 0;

    if (log->active->end >= log->stretch_end)
        hub_log_begin_stretch(log);
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
