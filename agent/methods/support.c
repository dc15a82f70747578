/* UploadSupportBundle: everything somebody who helps wants to see, in one zip. It is made in a
 * temporary file without a name, then uploaded. Worker thread. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "agent/methods/bundle.h"
#include "agent/methods/internal.h"
#include "common/base/file.h"
#include "common/base/spawn.h"

enum { PROGRAM_OUTPUT = 16 * 1024 * 1024, PROGRAM_MS = 60000, PIECE = 64 * 1024 };

static int open_temp(const char *dir, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/edge-bundle-XXXXXX", dir);
    int fd = path ? mkostemp(path, O_CLOEXEC) : -1;

    if (fd < 0)
        return edge_fail(err, path ? -errno : -ENOMEM, "%s: %s", dir,
                         edge_strerror(path ? -errno : -ENOMEM));
    (void) unlink(path);
    return fd;
}

static int put_file(const void *data, size_t len, void *arg, struct edge_err *err)
{
    int rc = edge_write_all(*(const int *) arg, data, len);

    return rc < 0 ? edge_fail(err, rc, "temporary file: %s", edge_strerror(rc)) : 0;
}

static int add_logs(struct methods_job *job, struct methods_bundle *zip,
                    const struct methods_module *module, struct edge_err *err)
{
    const struct methods_item item = {
        .tail = -1,
        .level = -1,
        .since_ns = job->since_ns,
        .until_ns = job->until_ns,
        .timestamps = true,
    };
    EDGE_CLEANUP(edge_free) char *entry = edge_format("logs/%s_log.txt", module->name);
    EDGE_CLEANUP(edge_close) int fd = open_temp(job->config->temp_dir, err);
    const struct methods_sink to = {put_file, &fd};
    int rc = fd < 0 ? fd : entry ? 0 : -ENOMEM;

    if (rc == 0)
        rc = methods_collect(&job->source, module->name, module->log_id, &item, false, &to, err);
    return rc < 0 ? rc : methods_bundle_file(zip, entry, fd, job->wall_ns, err);
}

static int add_json(struct methods_job *job, struct methods_bundle *zip, const char *entry,
                    const struct edge_json *value, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(value);

    if (!text)
        return -ENOMEM;
    return methods_bundle_text(zip, entry, text, strlen(text), job->wall_ns, err);
}

static bool wanted(const struct methods_job *job, const char *module)
{
    return !job->runtime_only || strcasecmp(module, "edgeAgent") == 0 ||
           strcasecmp(module, "edgeHub") == 0;
}

static int add_modules(struct methods_job *job, struct methods_bundle *zip, struct edge_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < job->nmodules; i++) {
        if (wanted(job, job->modules[i].name))
            rc = add_logs(job, zip, &job->modules[i], err);
    }
    for (size_t i = 0; rc == 0 && i < edge_json_len(job->inspect); i++) {
        const struct edge_json *module = edge_json_at(job->inspect, i);
        const char *name = edge_json_str(edge_json_get(module, "name"), "");
        EDGE_CLEANUP(edge_free) char *entry = edge_format("inspect/%s.json", name);

        if (wanted(job, name))
            rc = entry ? add_json(job, zip, entry, module, err) : -ENOMEM;
    }
    return rc;
}

/* A program that is not there or fails leaves its complaint in the bundle. */
static int add_programs(struct methods_job *job, struct methods_bundle *zip, struct edge_err *err)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && job->config->programs && job->config->programs[i].entry; i++) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf output = EDGE_BUF_INIT(PROGRAM_OUTPUT);
        const struct edge_spawn spawn = {.argv = job->config->programs[i].argv,
                                         .timeout_ms = PROGRAM_MS,
                                         .cancel = job->source.cancel};
        struct edge_err why = {0};
        int status = 0;

        if (edge_cancelled(job->source.cancel))
            return -ECANCELED;
        if (edge_spawn_run(&spawn, &output, &output, &status, &why) < 0)
            edge_buf_printf(&output, "%s\n", why.text);
        rc = methods_bundle_text(zip, job->config->programs[i].entry,
                                 output.data ? output.data : "", output.len, job->wall_ns, err);
    }
    return rc;
}

static int make(struct methods_job *job, int fd, struct edge_err *err)
{
    EDGE_CLEANUP(methods_bundle_destroy) struct methods_bundle *zip = NULL;
    int rc = methods_bundle_create(fd, &zip, err);

    if (rc == 0)
        rc = add_json(job, zip, "systeminfo.json", job->systeminfo, err);
    if (rc == 0)
        rc = add_modules(job, zip, err);
    if (rc == 0)
        rc = add_programs(job, zip, err);
    return rc < 0 ? rc : methods_bundle_finish(zip, err);
}

static int send_file(struct methods_job *job, int fd, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *name = methods_blob_name(job, "support-bundle", ".zip");
    EDGE_CLEANUP(edge_free) char *piece = malloc(PIECE);
    EDGE_CLEANUP(methods_blob_destroy) struct methods_blob *blob = NULL;
    const struct methods_blob_target target = {
        .sas = job->sas,
        .name = name,
        .type = "application/zip",
        .encoding = "zip",
        .upstream = job->config->upstream,
        .ca_file = job->config->ca_file,
        .retry_ms = job->config->retry_ms,
        .cancel = job->source.cancel,
    };
    int rc = name && piece ? methods_blob_block(&target, &blob, err) : -ENOMEM;
    ssize_t n = 1;

    if (rc == 0 && lseek(fd, 0, SEEK_SET) < 0)
        rc = -errno;
    while (rc == 0 && n > 0) {
        n = read(fd, piece, PIECE);
        rc = n < 0 ? -errno : methods_blob_put(piece, (size_t) n, blob, err);
    }
    return rc < 0 ? rc : methods_blob_finish(blob, err);
}

int methods_upload_bundle(struct methods_job *job, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = open_temp(job->config->temp_dir, err);
    int rc = fd < 0 ? fd : make(job, fd, err);

    return rc < 0 ? rc : send_file(job, fd, err);
}
