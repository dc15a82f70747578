/* Are the identities still those that the cloud knows? */
#include <stdlib.h>

#include "agent/supervisor/identity.h"
#include "common/base/log.h"

struct review {
    struct agent_supervisor *sup;
    struct agent_grant *list;
    size_t len;
    int rc;
    struct edge_err err;
};

static void review_work(void *arg)
{
    struct review *r = arg;
    const struct agent_identity_ops *ops = r->sup->cfg.identities;

    r->rc = ops->list(&r->list, &r->len, ops->arg, &r->err);
}

static bool is_listed(const struct review *r, const struct agent_grant *grant)
{
    EDGE_CLEANUP(edge_free) char *text = agent_grant_text(grant);

    for (size_t n = 0; text && n < r->len; n++) {
        if (agent_grant_fits(&r->list[n], text))
            return true;
    }
    return !text;
}

static void review_done(void *arg)
{
    struct review *r = arg;
    struct agent_supervisor *sup = r->sup;

    if (!sup->ending) {
        sup->reviewing = false;
        if (r->rc < 0)
            edge_warn("identities cannot be compared with the cloud's: %s", r->err.text);
        for (struct sup_identity *i = sup->identities; r->rc == 0 && i; i = i->next)
            i->stale = i->stale || (i->held && !is_listed(r, &i->grant));
        if (r->rc == 0)
            sup_identities_retry(sup); /* who hands them out can be reached */
        sup_kick(sup);
    }
    for (size_t n = 0; n < r->len; n++)
        agent_grant_fini(&r->list[n]);
    free(r->list);
    free(r);
}

void agent_supervisor_review_identities(struct agent_supervisor *sup)
{
    struct review *r =
        sup->cfg.identities && !sup->reviewing && !sup->ending ? calloc(1, sizeof *r) : NULL;

    if (!r)
        return;
    r->sup = sup;
    sup->reviewing = true;
    edge_pool_submit(sup->identity_pool, review_work, review_done, r);
}

void agent_supervisor_renew_identities(struct agent_supervisor *sup)
{
    if (!sup->cfg.identities || sup->ending)
        return;
    for (struct sup_identity *i = sup->identities; i; i = i->next)
        i->stale = true;
    sup_identities_retry(sup);
    sup_kick(sup);
}
