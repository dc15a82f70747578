#include "agent/logs/logs.h"

#include <errno.h>
#include <string.h>

#include "agent/logs/line.h"
#include "agent/logs/names.h"
#include "common/base/file.h"

static void escape(struct edge_buf *out, const char *text, const char *plain)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~";

    for (; *text; text++) {
        if (strchr(letters, *text) || strchr(plain, *text))
            edge_buf_append(out, text, 1);
        else
            edge_buf_printf(out, "%%%02X", (unsigned char) *text);
    }
}

static void pair(struct edge_buf *out, const char *key, const char *value)
{
    edge_buf_printf(out, "&%s=", key);
    escape(out, value, "/");
}

char *agent_logs_uri(const struct agent_log_options *options)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf uri = EDGE_BUF_INIT(8192);
    int64_t size = options->max_size > 0 ? options->max_size : LOG_MAX_SIZE;
    int files = options->max_file > 0 ? options->max_file : LOG_MAX_FILE;

    if (options->none)
        return edge_strdup("");
    edge_buf_puts(&uri, "binary://");
    escape(&uri, options->logger, "/");
    edge_buf_puts(&uri, "?name=" LOG_MODULE_NAME);
    pair(&uri, "dir", options->dir);
    pair(&uri, "id", options->id);
    edge_buf_printf(&uri, "&max-size=%lld&max-file=%d&compress=%d", (long long) size,
                    files < LOG_SLOTS_MAX ? files : LOG_SLOTS_MAX, options->compress ? 1 : 0);
    return edge_buf_take(&uri);
}

void agent_log_time(int64_t at_ns, char text[AGENT_LOG_TIME])
{
    log_line_time(text, at_ns);
}

int agent_logs_remove(const char *dir, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *folder = NULL;

    if (!log_name_ok(id))
        return edge_fail(err, EDGE_EINVALID, "`%s` is not a container id", id);
    folder = edge_format("%s/%s", dir, id);
    if (!folder)
        return edge_fail(err, -ENOMEM, "no memory to remove the logs of %s", id);
    return edge_remove_tree(folder, err);
}
