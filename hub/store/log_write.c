/* Appending groups. */
#include "hub/store/log_write.h"

#include <errno.h>
#include <stdio.h>

/* It is on disk. */

static void catalog_puts(struct hub_log *log, const struct hub_group *group, size_t from, size_t to)
{
    struct hub_segment *segment = log->active;
    uint64_t at = segment->end + log->encoder.len;

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
    log->active->end += hub_encoder_size(&log->encoder);
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
    int rc = hub_encoder_write(&log->encoder, log->files, log->fd, log->active->end);

    if (rc == 0)
        rc = log->files->sync(log->fd);
    if (rc < 0)
        hub_log_abandon(log);
    return rc;
}

static int write_part(struct hub_log *log, struct hub_group *group, size_t from, size_t *ret_to)
{
    int rc = log->active ? 0 : hub_log_begin_segment(log, 0);

    if (rc == 0)
        rc = hub_log_encode(log, group, from, ret_to);
    if (rc == 0 && log->active->end + hub_encoder_size(&log->encoder) > log->active->size) {
        rc = hub_log_begin_segment(log, hub_encoder_size(&log->encoder) *
                                            2); /* with more names, the ledger */
        if (rc == 0)
            rc = hub_log_encode(log, group, from, ret_to);
    }
    if (rc == 0)
        rc = append(log);
    else if (log->active)
        hub_log_begin_stretch(log); /* the names were not written */
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
