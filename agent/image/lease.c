/* Leases keep what a pull has brought from being collected until the image record does. Their ids
 * tell when they were made: containerd's list does not. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "agent/image/internal.h"
#include "common/base/clock.h"

#define ID_PREFIX "edge-pull-"

static int64_t now_s(void)
{
    return edge_wall_ns() / 1000000000;
}

/* Seconds since the lease was made; -1 when its id does not tell or the clock has gone back. */
static int64_t age_of(const char *id)
{
    int64_t age;
    char *end;

    if (strncmp(id, ID_PREFIX, strlen(ID_PREFIX)) != 0)
        return -1;
    age = now_s() - strtoll(id + strlen(ID_PREFIX), &end, 10);
    return *end == '-' && age >= 0 ? age : -1;
}

static char *new_id(void)
{
    uint32_t random = 0;

    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint32_t) edge_now_ms();
    return edge_format(ID_PREFIX "%lld-%08x", (long long) now_s(), random);
}

static int make(struct agent_run *run, struct edge_err *err)
{
    const struct agent_ctrd_call call = {.cancel = run->stop};
    const struct agent_ctrd_label labels[] = {
        {AGENT_KIND_LABEL, AGENT_KIND_PULL},
        {AGENT_PULL_LABEL, run->ref.name},
    };
    int rc = agent_ctrd_lease_create(run->images->ctrd, &call, run->lease, AGENT_LEASE_S, labels,
                                     EDGE_ARRAY_LEN(labels), err);

    return rc == -EEXIST ? 0 : rc;
}

int agent_lease_renew(struct agent_run *run, struct edge_err *err)
{
    return make(run, err);
}

bool agent_lease_lost(struct agent_run *run)
{
    const struct agent_ctrd_call call = {.cancel = run->stop};
    char **ids = NULL;
    bool lost = true;

    if (agent_ctrd_lease_list(run->images->ctrd, &call, AGENT_PULL_LABEL, run->ref.name, &ids,
                              NULL) < 0)
        return false; /* not known */
    for (char **id = ids; *id; id++)
        lost = lost && strcmp(*id, run->lease) != 0;
    agent_ctrd_strv_free(ids);
    return lost;
}

/* The youngest of an earlier attempt's, unless it is about to expire. */
static const char *usable(char **ids)
{
    const char *best = NULL;

    for (char **id = ids; *id; id++) {
        int64_t age = age_of(*id);

        if (age >= 0 && age < AGENT_LEASE_S / 2 && (!best || age < age_of(best)))
            best = *id;
    }
    return best;
}

int agent_lease_need(struct agent_run *run, struct edge_err *err)
{
    const struct agent_ctrd_call call = {.cancel = run->stop};
    const char *old;
    int rc = agent_ctrd_lease_list(run->images->ctrd, &call, AGENT_PULL_LABEL, run->ref.name,
                                   &run->old_leases, err);

    if (rc < 0)
        return rc;
    old = usable(run->old_leases);
    run->lease = old ? edge_strdup(old) : new_id();
    if (!run->lease)
        return edge_fail(err, -ENOMEM, "no memory for a lease");
    rc = agent_flight_enter(&run->images->flights, "lease", run->lease, run->stop,
                            &run->lease_flight);
    if (rc < 0)
        return edge_fail(err, rc, "lease %s: %s", run->lease, edge_strerror(rc));
    return old ? 0 : make(run, err);
}

/* Failing this costs disk space until the next sweep, no more; so it is not told. */
void agent_lease_release(struct agent_run *run)
{
    for (char **id = run->old_leases; id && *id; id++)
        edge_ignore(agent_ctrd_lease_delete(run->images->ctrd, NULL, *id, NULL));
    edge_ignore(agent_ctrd_lease_delete(run->images->ctrd, NULL, run->lease, NULL));
}

static bool is_left(struct agent_images *images, const char *id, int keep_s)
{
    int64_t age = age_of(id);

    return (age < 0 || age >= keep_s) && !agent_flight_busy(&images->flights, "lease", id);
}

/* Ingests of ours when no lease is left that would keep them: of a containerd that has lost its
 * leases, or that has not collected yet. */
static int drop_ingests(struct agent_images *images, struct edge_err *err)
{
    char **refs = NULL;
    int rc = agent_ctrd_ingest_list(images->ctrd, NULL, AGENT_INGEST "sha256:", &refs, err);

    if (rc < 0)
        return rc;
    for (char **ref = refs; *ref && rc == 0; ref++) {
        if (!agent_flight_busy(&images->flights, "blob", *ref + strlen(AGENT_INGEST)))
            rc = agent_ctrd_ingest_abort(images->ctrd, NULL, *ref, err);
    }
    agent_ctrd_strv_free(refs);
    return rc;
}

static int sweep(struct agent_images *images, char **ids, int keep_s, struct edge_err *err)
{
    const struct agent_ctrd_call call = {.timeout_ms = AGENT_DISK_TIMEOUT_MS};
    const char *last = NULL;
    bool kept = false;
    int rc = 0;

    for (char **id = ids; *id && rc == 0; id++) {
        if (!is_left(images, *id, keep_s)) {
            kept = true;
            continue;
        }
        if (last)
            rc = agent_ctrd_lease_delete(images->ctrd, NULL, last, err);
        last = *id;
    }
    if (rc == 0 && last) /* one collection for all of them */
        rc = agent_ctrd_lease_delete_sync(images->ctrd, &call, last, err);
    return rc == 0 && !kept ? drop_ingests(images, err) : rc;
}

int agent_lease_sweep(struct agent_images *images, int keep_s, struct edge_err *err)
{
    char **ids = NULL;
    int rc =
        agent_ctrd_lease_list(images->ctrd, NULL, AGENT_KIND_LABEL, AGENT_KIND_PULL, &ids, err);

    if (rc < 0)
        return rc;
    rc = sweep(images, ids, keep_s, err);
    agent_ctrd_strv_free(ids);
    return rc;
}
