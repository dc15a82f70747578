/* agent/methods/internal.h - what the files of this room share: calls, and jobs on a worker. */
#ifndef AGENT_METHODS_INTERNAL_H
#define AGENT_METHODS_INTERNAL_H

#include "agent/methods/blob.h"
#include "agent/methods/collect.h"
#include "agent/methods/methods.h"
#include "agent/methods/tasks.h"
#include "common/loop/pool.h"

typedef void methods_done(int status, const struct edge_json *payload, void *arg);

/** Who is to be answered. */
struct methods_call {
    methods_done *done;
    void *arg;
};

struct methods_module {
    char *name;
    char *log_id;
};

/** Blocking work for a call or a task: filled on the loop thread, then its worker's, then the
 * loop's again. */
struct methods_job {
    struct agent_methods *methods;             /* loop thread; NULL once they have gone */
    struct methods_job *next;                  /* loop thread */
    const struct agent_methods_config *config; /* what of it is a constant; outlives the job */
    struct methods_call call;                  /* done is NULL: nobody waits */
    char task[37];                             /* id of the task it is, or "" */
    int (*work)(struct methods_job *job, struct edge_err *err); /* worker */

    struct methods_source source;
    struct methods_logs_request logs;
    struct methods_module *modules;
    size_t nmodules;
    char *sas;                  /* where to upload, wiped with the job */
    int64_t since_ns, until_ns; /* of a support bundle */
    bool runtime_only;
    struct edge_json *inspect;    /* of a support bundle: all modules */
    struct edge_json *systeminfo; /* likewise */
    int64_t wall_ns;              /* when it was asked for: part of blob names */

    int rc; /* what came of it */
    struct edge_err err;
    struct edge_json *answer;
};

struct agent_methods {
    struct agent_methods_config config;
    struct edge_pool *readers;
    struct edge_pool *uploaders;
    struct edge_cancel *cancel;
    struct methods_job *jobs;
    struct methods_tasks tasks;
};

enum { METHODS_OK = 200, METHODS_BAD_REQUEST = 400, METHODS_TOO_MANY = 429, METHODS_FAILED = 500 };
/** Answer with a message: 400 for what is wrong with a request, 429 for too much, else 500. */
void methods_fail(const struct methods_call *call, int rc, const struct edge_err *err);

/* jobs.c */
EDGE_MUST_CHECK int methods_job_create(struct agent_methods *m, struct methods_job **ret);
/** Of one that has not been started. */
void methods_job_free(struct methods_job *job);
/** Its work, then its answer or the task's end. */
void methods_job_start(struct agent_methods *m, struct methods_job *job, struct edge_pool *pool);
/** How many are waited for. */
unsigned methods_jobs_calls(const struct agent_methods *m);
/** Answer who waits; the pools free the jobs later. */
void methods_jobs_let_go(struct agent_methods *m);

/** A module's log as the request wants it, packed or not, into @p sink. @return as methods_collect
 */
int methods_read_module(struct methods_job *job, const struct methods_module *module,
                        const struct methods_item *item, const struct methods_sink *sink,
                        struct edge_err *err);
/** "<hub>/<device>/<what>-2024-01-31--23-59-59<ending>". The caller frees it. */
char *methods_blob_name(const struct methods_job *job, const char *what, const char *ending);

/* fetch.c, upload.c, support.c: what workers do, job->work. */
int methods_fetch(struct methods_job *job, struct edge_err *err);
int methods_upload_logs(struct methods_job *job, struct edge_err *err);
int methods_upload_bundle(struct methods_job *job, struct edge_err *err);

#endif
