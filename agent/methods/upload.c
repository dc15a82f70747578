/* UploadModuleLogs: one blob a module. Worker thread. */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "agent/methods/internal.h"
#include "common/base/bytes.h"

char *methods_blob_name(const struct methods_job *job, const char *what, const char *ending)
{
    time_t seconds = (time_t) (job->wall_ns / 1000000000);
    char stamp[32] = "";
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        (void) strftime(stamp, sizeof stamp, "%Y-%m-%d--%H-%M-%S", &tm);
    return edge_format("%s/%s/%s-%s%s", job->config->hub, job->config->device, what, stamp, ending);
}

static const char *ending(const struct methods_logs_request *logs)
{
    if (logs->json)
        return logs->gzip ? ".json.gz" : ".json";
    return logs->gzip ? ".log.gz" : ".log";
}

int methods_read_module(struct methods_job *job, const struct methods_module *module,
                        const struct methods_item *item, const struct methods_sink *sink,
                        struct edge_err *err)
{
    EDGE_CLEANUP(methods_gzip_destroy) struct methods_gzip *gzip = NULL;
    struct methods_sink packed;
    int rc;

    if (!job->logs.gzip)
        return methods_collect(&job->source, module->name, module->log_id, item, job->logs.json,
                               sink, err);
    gzip = methods_gzip_create(sink);
    if (!gzip)
        return -ENOMEM;
    packed = (struct methods_sink){methods_gzip_put, gzip};
    rc = methods_collect(&job->source, module->name, module->log_id, item, job->logs.json, &packed,
                         err);
    return rc < 0 ? rc : methods_gzip_finish(gzip, err);
}

static int upload(struct methods_job *job, const struct methods_module *module,
                  const struct methods_item *item, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    char *name = methods_blob_name(job, module->name, ending(&job->logs));
    EDGE_CLEANUP(methods_blob_destroy) struct methods_blob *blob = NULL;
    const struct methods_blob_target target = {
        .sas = job->sas,
        .name = name,
        .type = job->logs.json ? "application/json" : "text/plain",
        .encoding = job->logs.gzip ? "gzip" : NULL,
        .upstream = job->config->upstream,
        .ca_file = job->config->ca_file,
        .retry_ms = job->config->retry_ms,
        .cancel = job->source.cancel,
    };
    int rc;

    if (!name)
        return -ENOMEM;
    rc = job->logs.json ? methods_blob_block(&target, &blob, err)
                        : methods_blob_append(&target, &blob, err);
    if (rc == 0) {
        const struct methods_sink sink = {methods_blob_put, blob};

        rc = methods_read_module(job, module, item, &sink, err);
    }
    return rc < 0 ? rc : methods_blob_finish(blob, err);
}

/* A module that fails does not keep the others from being uploaded, but the task has failed. */
int methods_upload_logs(struct methods_job *job, struct edge_err *err)
{
    int failed = 0;

    for (size_t i = 0; i < job->nmodules && failed != -ECANCELED; i++) {
        const struct methods_module *module = &job->modules[i];
        const struct methods_item *item = NULL;
        struct edge_err one = {0};
        int rc = methods_logs_request_find(&job->logs, module->name, &item, &one);

        if (rc == 1)
            rc = upload(job, module, item, &one);
        if (rc < 0 && failed == 0) {
            *err = one;
            failed = edge_wrap(err, rc, "%s", module->name);
        }
    }
    return failed;
}
