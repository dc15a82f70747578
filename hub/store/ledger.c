/* What came and where it went, by route. */
#include <errno.h>
#include <stdlib.h>

#include "hub/store/internal.h"

int hub_store_route(struct hub_store *store, const char *name)
{
    char *copy;

    if (strlen(name) > HUB_STORE_NAME_MAX)
        return EDGE_ELIMIT;
    for (size_t i = 0; i < store->nroutes; i++) {
        if (store->routes[i] && strcmp(store->routes[i], name) == 0)
            return (int) i;
    }
    if (store->nroutes == HUB_ROUTES_MAX)
        return EDGE_ELIMIT;
    copy = edge_strdup(name);
    if (!copy)
        return -ENOMEM;
    store->routes[store->nroutes] = copy;
    return (int) store->nroutes++;
}

void hub_store_each_route(struct hub_store *store,
                          void (*fn)(const char *name, const struct hub_ledger *ledger, void *arg),
                          void *arg)
{
    for (size_t i = 0; i < store->nroutes; i++) {
        if (store->routes[i])
            fn(store->routes[i], &store->ledger[i], arg);
    }
}

struct audit {
    struct hub_store *store;
    void (*done)(int rc, const char *text, void *arg);
    void *arg;
    uint64_t commits; /* seen before it began */
    int rc;
    struct edge_err err;
};

static void work(void *arg)
{
    struct audit *audit = arg;

    if (audit->store->audited != audit->commits)
        audit->rc = hub_log_audit(audit->store->log, &audit->err);
}

static void finished(void *arg)
{
    struct audit *audit = arg;

    if (audit->rc == 0)
        audit->store->audited = audit->commits;
    audit->done(audit->rc, audit->rc == 0 ? "" : audit->err.text, audit->arg);
    free(audit);
}

int hub_store_check(struct hub_store *store, void (*done)(int rc, const char *text, void *arg),
                    void *arg)
{
    struct audit *audit = calloc(1, sizeof *audit);

    if (!audit)
        return -ENOMEM;
    *audit =
        (struct audit){.store = store, .done = done, .arg = arg, .commits = store->commits + 1};
    edge_pool_submit(store->pool, work, finished, audit);
    return 0;
}

void hub_store_figures(const struct hub_store *store, struct hub_store_figures *ret)
{
    *ret = (struct hub_store_figures){
        .pending = store->pending,
        .pending_bytes = store->pending_bytes,
        .max_bytes = store->max_bytes,
        .disk_free = store->disk_free,
        .commits = store->commits,
        .rows = store->rows,
        .full = store->full,
        .damaged = store->damaged,
    };
}
