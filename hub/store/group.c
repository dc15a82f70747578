#include "hub/store/group.h"

#include <errno.h>
#include <stdlib.h>

enum { KEPT_OPS = 4096, KEPT_GONE = 8192 }; /* of an idle group's memory */

struct hub_group *hub_group_create(struct hub_store *store)
{
    struct hub_group *group = calloc(1, sizeof *group);

    if (group) {
        group->store = store;
        group->due_ns = INT64_MAX;
    }
    return group;
}

static int enlarge(void *array, size_t *size, size_t want, size_t item)
{
    size_t larger = *size ? *size : 16;
    void *old;
    void *new;

    if (want <= *size)
        return 0;
    while (larger < want)
        larger *= 2;
    memcpy(&old, array, sizeof old);
    new = realloc(old, larger * item);
    if (!new)
        return -ENOMEM;
    memcpy(array, &new, sizeof new);
    *size = larger;
    return 0;
}

int hub_group_reserve(struct hub_group *group, size_t ops, size_t targets)
{
    int rc = enlarge(&group->ops, &group->ops_size, group->nops + ops, sizeof *group->ops);

    return rc < 0 ? rc
                  : enlarge(&group->targets, &group->targets_size, group->ntargets + targets,
                            sizeof *group->targets);
}

struct hub_op *hub_group_add(struct hub_group *group)
{
    struct hub_op *op = &group->ops[group->nops++];

    *op = (struct hub_op){.first_target = group->ntargets};
    return op;
}

struct hub_group_target *hub_group_add_target(struct hub_group *group)
{
    return &group->targets[group->ntargets++];
}

void hub_group_gone(struct hub_group *group, const struct hub_gone *gone)
{
    if (enlarge(&group->gone, &group->gone_size, group->ngone + 1, sizeof *group->gone) < 0)
        abort();
    group->gone[group->ngone++] = *gone;
}

struct hub_ledger *hub_group_change(struct hub_group *group, int route)
{
    size_t size = group->nchange;

    if ((size_t) route >= size) {
        if (enlarge(&group->change, &size, (size_t) route + 1, sizeof *group->change) < 0)
            abort();
        memset(group->change + group->nchange, 0, (size - group->nchange) * sizeof *group->change);
        group->nchange = size;
    }
    return &group->change[route];
}

bool hub_group_empty(const struct hub_group *group)
{
    return group->due_ns == INT64_MAX;
}

static void free_op(struct hub_op *op)
{
    hub_body_unref(op->body);
    free(op->key);
    free(op->owned);
}

void hub_group_clear(struct hub_group *group)
{
    for (size_t i = 0; i < group->nops; i++)
        free_op(&group->ops[i]);
    if (group->ops_size > KEPT_OPS || group->targets_size > KEPT_OPS) {
        free(group->ops);
        free(group->targets);
        group->ops = NULL;
        group->targets = NULL;
        group->ops_size = group->targets_size = 0;
    }
    if (group->gone_size > KEPT_GONE) {
        free(group->gone);
        group->gone = NULL;
        group->gone_size = 0;
    }
    if (group->nchange > 0)
        memset(group->change, 0, group->nchange * sizeof *group->change);
    group->nops = group->ntargets = group->ngone = 0;
    group->bytes = 0;
    group->due_ns = INT64_MAX;
    group->probe = group->quiet = group->copy = group->wrote = group->damaged = group->merge =
        false;
    group->rc = 0;
    group->rows = group->next_message = 0;
    group->trouble[0] = '\0';
}

struct hub_group *hub_group_destroy(struct hub_group *group)
{
    if (group) {
        hub_group_clear(group);
        free(group->ops);
        free(group->targets);
        free(group->gone);
        free(group->change);
        free(group);
    }
    return NULL;
}

static void carry_change(struct hub_group *group, const struct hub_group *from)
{
    for (size_t route = 0; route < from->nchange; route++) {
        const struct hub_ledger *old = &from->change[route];
        struct hub_ledger *change = hub_group_change(group, (int) route);

        change->delivered += old->delivered;
        change->expired += old->expired;
        for (size_t why = 0; why < HUB_DROP_MAX; why++)
            change->dropped[why] += old->dropped[why];
    }
}

/* Nobody waits for it, so nobody would set it again. */
static bool is_carried(const struct hub_op *op)
{
    return op->kind == HUB_OP_SET && !op->done && op->rc < 0;
}

void hub_group_carry_documents(struct hub_group *group, struct hub_group *from)
{
    size_t count = 0;
    size_t at = 0;

    for (size_t i = 0; i < from->nops; i++)
        count += is_carried(&from->ops[i]) ? 1 : 0;
    if (count == 0)
        return;
    if (hub_group_reserve(group, count, 0) < 0)
        abort();
    memmove(group->ops + count, group->ops, group->nops * sizeof *group->ops);
    group->nops += count;
    for (size_t i = 0; i < from->nops; i++) {
        if (is_carried(&from->ops[i])) {
            group->bytes += from->ops[i].len;
            from->bytes -= from->ops[i].len;
            group->ops[at++] = from->ops[i];
            from->ops[i] = (struct hub_op){.kind = HUB_OP_SET};
        }
    }
}

void hub_group_carry(struct hub_group *group, const struct hub_group *from)
{
    for (size_t i = 0; i < from->ngone; i++)
        hub_group_gone(group, &from->gone[i]);
    carry_change(group, from);
}
