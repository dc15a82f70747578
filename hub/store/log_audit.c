/* Does every route add up, and do the queues hold what the ledger says is pending? From the disk.
 */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/segment.h"

struct audit {
    char *names[HUB_ROUTES_MAX];
    struct hub_ledger ledger[HUB_ROUTES_MAX];
    size_t nroutes;
};

static int on_route(const char *name, void *arg)
{
    struct audit *audit = arg;

    for (size_t i = 0; i < audit->nroutes; i++) {
        if (strcmp(audit->names[i], name) == 0)
            return (int) i;
    }
    if (audit->nroutes == HUB_ROUTES_MAX)
        return EDGE_ELIMIT;
    audit->names[audit->nroutes] = edge_strdup(name);
    return audit->names[audit->nroutes] ? (int) audit->nroutes++ : -ENOMEM;
}

static int on_queue(const char *name, void *arg)
{
    (void) name;
    (void) arg;
    return 0;
}

static int on_entry(const struct hub_entry *entry, uint32_t queue, void *arg)
{
    struct audit *audit = arg;

    (void) queue;
    audit->ledger[entry->route].pending++;
    return 0;
}

static void on_ledger(int route, const struct hub_ledger *ledger, void *arg)
{
    struct hub_ledger *mine = &((struct audit *) arg)->ledger[route];
    uint64_t pending = mine->pending;

    *mine = *ledger;
    mine->pending = pending;
}

static int compare(const struct audit *audit, struct edge_err *err)
{
    for (size_t i = 0; i < audit->nroutes; i++) {
        const struct hub_ledger *l = &audit->ledger[i];
        uint64_t out = l->delivered + l->expired;

        for (size_t why = 0; why < HUB_DROP_MAX; why++)
            out += l->dropped[why];
        if (l->in != out + l->pending)
            return edge_fail(err, EDGE_ESTORE,
                             "route \"%s\" does not add up: %llu came, %llu went, %llu wait",
                             audit->names[i], (unsigned long long) l->in, (unsigned long long) out,
                             (unsigned long long) l->pending);
    }
    return 0;
}

/* What there is now; nothing old changes meanwhile. */
static int snapshot(struct hub_log *log, struct hub_file_source **ret_files,
                    struct hub_scan_segment **ret_segments, size_t *ret_count)
{
    int rc = 0;

    pthread_mutex_lock(&log->lock);
    *ret_count = log->count;
    *ret_files = calloc(log->count + 1, sizeof **ret_files);
    *ret_segments = calloc(log->count + 1, sizeof **ret_segments);
    for (size_t i = 0; i < log->count && *ret_files && *ret_segments; i++) {
        const struct hub_segment *segment = log->segments[i];
        char *path = hub_segment_path(log, &segment->head);

        rc = path ? rc : -ENOMEM;
        hub_file_source_init(&(*ret_files)[i], log->files, path, segment->end);
        (*ret_segments)[i] = (struct hub_scan_segment){
            .source = &(*ret_files)[i].source,
            .salt = segment->head.salt,
            .limit = segment->end,
        };
    }
    pthread_mutex_unlock(&log->lock);
    return *ret_files && *ret_segments ? rc : -ENOMEM;
}

static int scan(struct hub_scan_segment *segments, size_t count, struct audit *audit)
{
    const struct hub_scan_found found = {on_route, on_queue, on_entry, on_ledger, audit};
    struct hub_gone_set gone = {0};
    uint64_t next;
    int rc = hub_scan_gone(segments, count, &gone, &next);

    if (rc == 0)
        rc = hub_scan_waiting(segments, count, &gone, &found);
    hub_gone_set_fini(&gone);
    return rc;
}

int hub_log_audit(struct hub_log *log, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) struct audit *audit = calloc(1, sizeof *audit);
    struct hub_file_source *files = NULL;
    struct hub_scan_segment *segments = NULL;
    size_t count = 0;
    int rc;

    if (!audit)
        return -ENOMEM;
    pthread_mutex_lock(&log->old);
    rc = snapshot(log, &files, &segments, &count);
    if (rc == 0)
        rc = scan(segments, count, audit);
    pthread_mutex_unlock(&log->old);
    if (rc == 0)
        rc = compare(audit, err);
    else
        edge_fail(err, EDGE_ESTORE, "cannot read the messages in %s", log->dir);
    for (size_t i = 0; i < count; i++) {
        if (files)
            hub_file_source_fini(&files[i]);
        if (segments)
            hub_catalog_fini(&segments[i].catalog);
    }
    free(files);
    free(segments);
    for (size_t i = 0; i < audit->nroutes; i++)
        free(audit->names[i]);
    return rc == 0 || rc == -ENOMEM ? rc : EDGE_ESTORE;
}
