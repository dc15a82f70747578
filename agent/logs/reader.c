#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/logs/cursor.h"
#include "agent/logs/logs.h"
#include "agent/logs/names.h"
#include "agent/logs/tail.h"

struct agent_log_reader {
    char *folder;
    struct agent_log_query query;
    struct log_window window;
    struct log_listing listing;
    size_t index;  /* of the file being read */
    bool last;     /* that file has been rotated: its end is final */
    bool over;     /* past the end asked for */
    uint64_t skip; /* lines of the window to pass over */
    struct log_cursor cursor;
    char *text;
};

static int begin_file(struct agent_log_reader *reader, size_t index, int64_t offset)
{
    reader->index = index;
    reader->last = false;
    return log_cursor_begin(&reader->cursor, &reader->listing.items[index], offset);
}

/* Take the files that are there and go to where the query begins. */
static int begin(struct agent_log_reader *reader, struct edge_err *err)
{
    struct log_start start = {0};
    int rc = log_listing_open(reader->folder, LOG_MODULE_NAME, &reader->listing, err);

    if (rc < 0 || reader->listing.len == 0)
        return rc;
    if (reader->query.tail >= 0)
        rc =
            log_tail_find(&reader->listing, &reader->window, (uint64_t) reader->query.tail, &start);
    if (rc == 0)
        rc = begin_file(reader, start.index, start.offset);
    if (rc < 0)
        return edge_fail(err, rc, "cannot read the logs in %s: %s", reader->folder,
                         edge_strerror(rc));
    reader->skip = start.skip;
    return 0;
}

int agent_log_reader_open(const char *dir, const char *id, const struct agent_log_query *query,
                          struct agent_log_reader **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_log_reader_close) struct agent_log_reader *reader = NULL;
    int rc;

    if (!log_name_ok(id))
        return edge_fail(err, EDGE_EINVALID, "`%s` is not a container id", id);
    reader = calloc(1, sizeof *reader);
    if (!reader)
        return edge_fail(err, -ENOMEM, "no memory to read logs");
    reader->query = *query;
    reader->window = (struct log_window){query->since_ns, query->until_ns};
    reader->folder = edge_format("%s/%s", dir, id);
    reader->text = malloc(LOG_CURSOR_ROOM);
    if (!reader->folder || !reader->text)
        return edge_fail(err, -ENOMEM, "no memory to read logs");
    rc = begin(reader, err);
    if (rc < 0)
        return rc;
    if (reader->listing.len == 0 && !query->follow)
        return edge_fail(err, -ENOENT, "nothing has been logged in %s", reader->folder);
    *ret = EDGE_TAKE(reader);
    return 0;
}

struct agent_log_reader *agent_log_reader_close(struct agent_log_reader *reader)
{
    if (!reader)
        return NULL;
    log_cursor_fini(&reader->cursor);
    log_listing_close(&reader->listing);
    free(reader->text);
    free(reader->folder);
    free(reader);
    return NULL;
}

/* The file after the one with @p mark; the oldest when that one is gone. */
static size_t after(const struct log_listing *listing, const char *mark)
{
    for (size_t i = 0; i < listing->len; i++) {
        char other[LOG_GZIP_MARK];

        log_source_mark(&listing->items[i], other);
        if (strcmp(mark, other) == 0)
            return i + 1;
    }
    return 0;
}

/* The file has been rotated away and read to its end: go on with the one after it. */
static int follow_on(struct agent_log_reader *reader, struct edge_err *err)
{
    struct log_listing now;
    char mark[LOG_GZIP_MARK];
    size_t next;
    int rc = log_listing_open(reader->folder, LOG_MODULE_NAME, &now, err);

    if (rc < 0)
        return rc;
    log_source_mark(&reader->listing.items[reader->index], mark);
    next = after(&now, mark);
    if (next >= now.len) { /* the new file is not there yet */
        log_listing_close(&now);
        return AGENT_LOG_END;
    }
    log_listing_close(&reader->listing);
    reader->listing = now;
    rc = begin_file(reader, next, 0);
    return rc < 0 ? edge_fail(err, rc, "no memory to read logs") : 0;
}

/* The end of the newest file we know. @return 0 to read on, AGENT_LOG_END, or negative */
static int at_end(struct agent_log_reader *reader, struct edge_err *err)
{
    const struct log_source *source = &reader->listing.items[reader->index];
    EDGE_CLEANUP(edge_free)
    char *path = edge_format("%s/%s.log", reader->folder, LOG_MODULE_NAME);
    struct stat named;
    struct stat opened;

    if (!path || fstat(source->fd, &opened) < 0)
        return edge_fail(err, -ENOMEM, "no memory to read logs");
    if (reader->last)
        return follow_on(reader, err);
    if (lstat(path, &named) < 0)
        return AGENT_LOG_END; /* between two steps of a rotation */
    if (named.st_ino != opened.st_ino || named.st_dev != opened.st_dev) {
        reader->last = true; /* what was written before the rotation comes first */
        return 0;
    }
    if (opened.st_size < reader->cursor.offset) /* emptied in place */
        return begin_file(reader, reader->index, 0);
    return AGENT_LOG_END;
}

static int more(struct agent_log_reader *reader, struct edge_err *err)
{
    if (reader->index + 1 < reader->listing.len) {
        int rc = begin_file(reader, reader->index + 1, 0);

        return rc < 0 ? edge_fail(err, rc, "no memory to read logs") : 0;
    }
    return reader->query.follow ? at_end(reader, err) : AGENT_LOG_END;
}

/* @return 0 when the line is one to show */
static int take(struct agent_log_reader *reader, const char *json, size_t len,
                struct agent_log_line *ret)
{
    struct log_line line;

    if (log_line_read(json, len, reader->text, &line) < 0)
        return EDGE_EINVALID;
    if (line.at_ns > reader->window.until_ns)
        reader->over = reader->query.follow;
    if (!log_window_has(&reader->window, line.at_ns))
        return EDGE_EINVALID;
    if (reader->skip > 0) {
        reader->skip--;
        return EDGE_EINVALID;
    }
    *ret = (struct agent_log_line){reader->text, line.len, line.from_stderr, line.at_ns};
    return 0;
}

int agent_log_reader_next(struct agent_log_reader *reader, struct agent_log_line *ret,
                          struct edge_err *err)
{
    const char *json;
    size_t len;
    int rc = 0;

    if (reader->listing.len == 0) { /* followed before the first line */
        rc = reader->query.follow ? begin(reader, err) : AGENT_LOG_END;
        if (rc != 0 || reader->listing.len == 0)
            return rc < 0 ? rc : AGENT_LOG_END;
    }
    while (rc == 0 && !reader->over) {
        if (log_cursor_line(&reader->cursor, &json, &len) == LOG_CURSOR_END)
            rc = more(reader, err);
        else if (take(reader, json, len, ret) == 0)
            return 0;
    }
    return rc < 0 ? rc : AGENT_LOG_END;
}
