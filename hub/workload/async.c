/* The same without blocking: on a pool, and one token for all who ask. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/workload/internal.h"

enum { FRESH_S = 1800, LIFE_S = 3600 };

struct token_wait {
    void (*done)(int rc, const char *token, int64_t until_s, const struct edge_err *err, void *arg);
    void *arg;
    bool due;
    struct token_wait *next;
};

/* Something on the pool. Its workload waits for work that runs; what is done then finds NULL. */
struct workload_job {
    struct hub_workload *workload;
    struct workload_job *next;
    int rc;
    struct edge_err err;
    char *token;
    int64_t until_s;
    struct hub_certificate certificate;
    void (*renewed)(int rc, struct hub_certificate *certificate, const struct edge_err *err,
                    void *arg);
    void *arg;
};

static struct workload_job *job_new(struct hub_workload *w)
{
    struct workload_job *job = calloc(1, sizeof *job);

    if (!job)
        abort(); /* its asker would wait for ever */
    job->workload = w;
    job->next = w->jobs;
    w->jobs = job;
    return job;
}

static void job_free(struct workload_job *job)
{
    if (job->workload) {
        struct workload_job **link = &job->workload->jobs;

        while (*link != job)
            link = &(*link)->next;
        *link = job->next;
    }
    (void) edge_wipe(job->token);
    hub_certificate_fini(&job->certificate);
    free(job);
}

/* ---- tokens ---- */

/* A token from a clock that has been set back meanwhile is as good as none. */
static bool is_fresh(const struct hub_workload *w)
{
    int64_t left = w->until_s - edge_wall_ns() / 1000000000;

    return w->token && left > FRESH_S && left <= LIFE_S;
}

/* Who asks from within a callback waits for another answer; who is forgotten there waits for none.
 */
static void answer_all(struct hub_workload *w, int rc, const struct edge_err *err)
{
    for (struct token_wait *wait = w->waits; wait; wait = wait->next)
        wait->due = true;
    while (w->waits && w->waits->due) {
        struct token_wait *wait = w->waits;

        w->waits = wait->next;
        wait->done(rc, rc < 0 ? NULL : w->token, rc < 0 ? 0 : w->until_s, err, wait->arg);
        free(wait);
    }
}

static void sign_work(void *arg)
{
    struct workload_job *job = arg;

    job->rc = workload_sign(job->workload, &job->token, &job->until_s, &job->err);
}

static void sign_done(void *arg)
{
    struct workload_job *job = arg;
    struct hub_workload *w = job->workload;

    if (w) {
        w->asking = false;
        if (job->rc == 0) {
            (void) edge_wipe(w->token);
            w->token = EDGE_TAKE(job->token);
            w->until_s = job->until_s;
        }
        answer_all(w, job->rc, &job->err);
    }
    job_free(job);
}

static void answer_later(void *arg)
{
    static const struct edge_err none;

    answer_all(arg, 0, &none);
}

void hub_workload_token(struct hub_workload *w,
                        void (*done)(int rc, const char *token, int64_t until_s,
                                     const struct edge_err *err, void *arg),
                        void *arg)
{
    struct token_wait *wait = malloc(sizeof *wait);
    struct token_wait **end = &w->waits;

    if (!wait)
        abort();
    *wait = (struct token_wait){.done = done, .arg = arg};
    while (*end)
        end = &(*end)->next;
    *end = wait;
    if (w->asking)
        return;
    if (is_fresh(w)) {
        edge_timer_arm(w->later, 0);
        return;
    }
    w->asking = true;
    edge_pool_submit(w->pool, sign_work, sign_done, job_new(w));
}

/* ---- certificates ---- */

static void renew_work(void *arg)
{
    struct workload_job *job = arg;

    job->rc = hub_workload_certificate(job->workload, &job->certificate, &job->err);
}

static void renew_done(void *arg)
{
    struct workload_job *job = arg;

    if (job->workload && job->renewed)
        job->renewed(job->rc, &job->certificate, &job->err, job->arg);
    job_free(job);
}

void hub_workload_renew(struct hub_workload *w,
                        void (*done)(int rc, struct hub_certificate *certificate,
                                     const struct edge_err *err, void *arg),
                        void *arg)
{
    struct workload_job *job = job_new(w);

    job->renewed = done;
    job->arg = arg;
    edge_pool_submit(w->pool, renew_work, renew_done, job);
}

/* ---- life ---- */

void hub_workload_forget(struct hub_workload *w, const void *arg)
{
    struct token_wait **link = &w->waits;

    while (*link) {
        struct token_wait *wait = *link;

        if (wait->arg == arg) {
            *link = wait->next;
            free(wait);
        } else {
            link = &wait->next;
        }
    }
    for (struct workload_job *job = w->jobs; job; job = job->next) {
        if (job->renewed && job->arg == arg)
            job->renewed = NULL;
    }
}

int workload_async_init(struct hub_workload *w)
{
    w->later = edge_timer_create(w->loop, answer_later, w);
    return w->later ? 0 : -ENOMEM;
}

void workload_async_fini(struct hub_workload *w)
{
    for (struct workload_job *job = w->jobs; job; job = job->next)
        job->workload = NULL;
    while (w->waits) {
        struct token_wait *wait = w->waits;

        w->waits = wait->next;
        free(wait);
    }
    edge_timer_destroy(w->later);
}
