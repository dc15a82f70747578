#include "agent/methods/collect.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/logs/logs.h"
#include "agent/methods/entry.h"

/* A written line that waits whether it belongs to the last ones. */
struct kept {
    struct kept *next;
    size_t len;
    char text[];
};

struct collection {
    struct methods_source *source;
    const struct methods_item *item;
    const struct methods_sink *to;
    const char *module;
    bool json;
    bool any;       /* something has been passed on */
    bool within[2]; /* a line of stdout, stderr: its beginning has been written */
    struct kept *first;
    struct kept **end;
    int64_t nkept;
    size_t kept_bytes;
};

/* The limit is for reading: an upload has its own. */
static int put(struct collection *c, const char *text, size_t len, struct edge_err *err)
{
    int64_t began_ms = edge_now_ms();
    int rc = methods_put(c->to, text, len, err);

    c->source->deadline_ms += edge_now_ms() - began_ms;
    return rc;
}

static int pass_on(struct collection *c, const char *text, size_t len, struct edge_err *err)
{
    int rc = c->json && c->any ? put(c, ",", 1, err) : 0;

    c->any = true;
    return rc < 0 ? rc : put(c, text, len, err);
}

static size_t cost(const struct kept *line)
{
    return sizeof *line + line->len;
}

static void drop_first(struct collection *c)
{
    struct kept *first = c->first;

    c->first = first->next;
    if (!c->first)
        c->end = &c->first;
    c->kept_bytes -= cost(first);
    c->nkept--;
    free(first);
}

static int keep(struct collection *c, const char *text, size_t len, struct edge_err *err)
{
    struct kept *line = malloc(sizeof *line + len);

    if (!line)
        return -ENOMEM;
    *line = (struct kept){.len = len};
    memcpy(line->text, text, len);
    *c->end = line;
    c->end = &line->next;
    c->nkept++;
    c->kept_bytes += cost(line);
    while (c->nkept > c->item->tail)
        drop_first(c);
    if (c->kept_bytes > METHODS_KEPT_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the last %lld lines of %s are too large",
                         (long long) c->item->tail, c->module);
    return 0;
}

static int write_out(struct collection *c, const char *text, size_t len, struct edge_err *err)
{
    return c->item->tail_last ? keep(c, text, len, err) : pass_on(c, text, len, err);
}

static int write_json(struct collection *c, const struct agent_log_line *line,
                      const struct methods_entry *entry, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *object = edge_json_new_object();
    char stamp[EDGE_TIME_TEXT];
    EDGE_CLEANUP(edge_free) char *text = NULL;

    edge_time_format(line->at_ns, stamp);
    edge_ignore(edge_json_set_str(object, "iothub", c->source->hub));
    edge_ignore(edge_json_set_str(object, "device", c->source->device));
    edge_ignore(edge_json_set_str(object, "id", c->module));
    edge_ignore(edge_json_set_str(object, "stream", line->from_stderr ? "stderr" : "stdout"));
    edge_ignore(edge_json_set_int(object, "loglevel", entry->level));
    edge_ignore(edge_json_set(object, "text", edge_json_new_str_len(entry->text, entry->len)));
    edge_ignore(edge_json_set_str(object, "timestamp", stamp));
    text = edge_json_text(object);
    return text ? write_out(c, text, strlen(text), err) : -ENOMEM;
}

static int write_text(struct collection *c, const struct agent_log_line *line, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini)
    struct edge_buf out = EDGE_BUF_INIT(line->len + AGENT_LOG_TIME + 1);
    char stamp[AGENT_LOG_TIME];

    if (c->item->timestamps && !c->within[line->from_stderr]) {
        agent_log_time(line->at_ns, stamp);
        edge_buf_printf(&out, "%s ", stamp);
    }
    c->within[line->from_stderr] = line->len > 0 && line->text[line->len - 1] != '\n';
    edge_buf_append(&out, line->text, line->len);
    return edge_buf_error(&out) < 0 ? -ENOMEM : write_out(c, out.data, out.len, err);
}

/* @return 1 it is wanted, 0 it is not, or negative */
static int passes(const struct methods_item *item, const struct methods_entry *entry,
                  struct edge_err *err)
{
    if (item->level >= 0 && item->level != entry->level)
        return 0;
    return item->regex ? methods_pattern_match(item->regex, entry->text, entry->len, err) : 1;
}

static int take_line(struct collection *c, const struct agent_log_line *line, struct edge_err *err)
{
    struct methods_entry entry;
    int rc;

    if (edge_cancelled(c->source->cancel))
        return -ECANCELED;
    if (edge_now_ms() > c->source->deadline_ms)
        return edge_fail(err, -ETIMEDOUT, "reading the log of %s takes too long", c->module);
    methods_entry_parse(line->text, line->len, &entry);
    rc = passes(c->item, &entry, err);
    if (rc <= 0)
        return rc;
    return c->json ? write_json(c, line, &entry, err) : write_text(c, line, err);
}

static int read_all(struct collection *c, const char *log_id, struct edge_err *err)
{
    EDGE_CLEANUP(agent_log_reader_close) struct agent_log_reader *reader = NULL;
    const struct agent_log_query query = {
        .tail = c->item->tail_last ? -1 : c->item->tail,
        .since_ns = c->item->since_ns,
        .until_ns = c->item->until_ns,
    };
    struct agent_log_line line;
    int rc = agent_log_reader_open(c->source->log_dir, log_id, &query, &reader, err);

    if (rc == -ENOENT)
        return 0;
    while (rc == 0) {
        rc = agent_log_reader_next(reader, &line, err);
        if (rc == 0)
            rc = take_line(c, &line, err);
    }
    return rc == AGENT_LOG_END ? 0 : rc;
}

int methods_collect(struct methods_source *source, const char *module, const char *log_id,
                    const struct methods_item *item, bool json, const struct methods_sink *to,
                    struct edge_err *err)
{
    struct collection c = {
        .source = source, .item = item, .to = to, .module = module, .json = json};
    int rc = json ? methods_put(to, "[", 1, err) : 0;

    c.end = &c.first;
    if (rc == 0)
        rc = read_all(&c, log_id, err);
    for (struct kept *line = c.first; rc == 0 && line; line = line->next)
        rc = pass_on(&c, line->text, line->len, err);
    while (c.first)
        drop_first(&c);
    return rc == 0 && json ? methods_put(to, "]", 1, err) : rc;
}
