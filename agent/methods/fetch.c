/* GetModuleLogs: the lines themselves in the answer. Worker thread. */
#include <errno.h>
#include <string.h>

#include "agent/methods/internal.h"
#include "common/base/encode.h"

static int too_large(struct edge_err *err)
{
    return edge_fail(err, EDGE_ELIMIT,
                     "The payload is too large: more than %d bytes of logs. Ask for fewer lines "
                     "with tail, since or a filter, use gzip, or UploadModuleLogs",
                     AGENT_METHODS_ANSWER);
}

static int put_bytes(const void *data, size_t len, void *arg, struct edge_err *err)
{
    struct edge_buf *buf = arg;
    int rc = edge_buf_append(buf, data, len);

    return rc == EDGE_ELIMIT ? too_large(err) : rc;
}

static int add_module(struct methods_job *job, const struct methods_module *module,
                      const struct methods_item *item, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(AGENT_METHODS_ANSWER);
    EDGE_CLEANUP(edge_free) char *base64 = NULL;
    struct edge_json *entry;
    const struct methods_sink sink = {put_bytes, &out};
    int rc = methods_read_module(job, module, item, &sink, err);

    if (rc < 0)
        return rc;
    entry = edge_json_new_object();
    rc = edge_json_set_str(entry, "id", module->name);
    if (job->logs.gzip)
        base64 = edge_base64(out.data, out.len);
    if (rc == 0)
        rc = job->logs.gzip
                 ? edge_json_set_str(entry, "payloadBytes", base64)
                 : edge_json_set(entry, "payload",
                                 edge_json_new_str_len(out.data ? out.data : "", out.len));
    if (rc < 0) {
        edge_json_free(entry);
        return rc;
    }
    return edge_json_append(job->answer, entry);
}

int methods_fetch(struct methods_job *job, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = 0;

    job->answer = edge_json_new_array();
    for (size_t i = 0; rc == 0 && i < job->nmodules; i++) {
        const struct methods_item *item = NULL;

        rc = methods_logs_request_find(&job->logs, job->modules[i].name, &item, err);
        if (rc == 1)
            rc = add_module(job, &job->modules[i], item, err);
        if (rc == 0 && item) {
            edge_free(text);
            text = edge_json_text(job->answer);
            if (!text)
                rc = -ENOMEM;
            else if (strlen(text) > AGENT_METHODS_ANSWER)
                rc = too_large(err);
        }
    }
    return rc;
}
