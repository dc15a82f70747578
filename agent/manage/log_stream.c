/* One answer to GET …/logs. Reading is blocking work for the pool: a turn reads a bounded piece,
 * the loop sends it, and so on. At the end of what there is a follower looks again after a while:
 * a change notice for every write would cost more than a look now and then. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/manage/internal.h"
#include "common/base/clock.h"

enum {
    TURN_BYTES = 64 * 1024,
    FRAMES_MAX = 256 * 1024, /* a turn, and the longest line over it */
    FIRST_LOOK_MS = 100,
    SLOWEST_LOOK_MS = 1000,
    FRAME_HEAD = 8,
};

struct log_stream {
    struct edge_pool *pool; /* both NULL once the client has gone */
    struct edge_exchange *x;
    struct edge_timer *look; /* loop thread */
    unsigned look_ms;
    bool streaming; /* the answer has begun */
    bool full;      /* the client has enough for now */

    bool busy; /* the rest belongs to the pool while set */
    char *dir;
    char *id;
    struct agent_log_query query;
    bool timestamps;
    struct agent_log_reader *reader;
    bool within[2]; /* a line of stdout, stderr: its beginning has been sent */
    struct edge_buf frames;
    int rc; /* of the turn: 0 there is more, AGENT_LOG_END, or negative */
    struct edge_err err;
};

static void free_stream(struct log_stream *s)
{
    agent_log_reader_close(s->reader);
    edge_timer_destroy(s->look);
    edge_buf_fini(&s->frames);
    free(s->dir);
    free(s->id);
    free(s);
}

/* As container engines frame it: stream, three zeros, length in four bytes, text. */
static void put_frame(struct log_stream *s, const struct agent_log_line *line)
{
    char stamp[AGENT_LOG_TIME + 1] = {0};
    size_t stamp_len;
    size_t len;
    unsigned char head[FRAME_HEAD] = {line->from_stderr ? 2 : 1};

    if (s->timestamps && !s->within[line->from_stderr]) {
        agent_log_time(line->at_ns, stamp);
        stamp[strlen(stamp)] = ' ';
    }
    stamp_len = strnlen(stamp, sizeof stamp);
    len = stamp_len + line->len;
    for (int i = 0; i < 4; i++)
        head[4 + i] = (unsigned char) (len >> (24 - 8 * i));
    s->within[line->from_stderr] = line->len > 0 && line->text[line->len - 1] != '\n';
    s->rc = edge_buf_append(&s->frames, head, sizeof head);
    if (s->rc == 0)
        s->rc = edge_buf_append(&s->frames, stamp, stamp_len);
    if (s->rc == 0)
        s->rc = edge_buf_append(&s->frames, line->text, line->len);
}

/* Pool thread. */
static void read_turn(void *arg)
{
    struct log_stream *s = arg;
    struct agent_log_line line;

    s->rc = 0;
    if (!s->reader)
        s->rc = agent_log_reader_open(s->dir, s->id, &s->query, &s->reader, &s->err);
    while (s->rc == 0 && s->frames.len < TURN_BYTES) {
        s->rc = agent_log_reader_next(s->reader, &line, &s->err);
        if (s->rc == 0)
            put_frame(s, &line);
    }
}

static void turn_done(void *arg);

static void take_turn(struct log_stream *s)
{
    s->busy = true;
    edge_pool_submit(s->pool, read_turn, turn_done, s);
}

static void on_ready(void *arg)
{
    struct log_stream *s = arg;

    if (!s->full)
        return;
    s->full = false;
    if (!s->busy && !edge_timer_armed(s->look))
        take_turn(s);
}

static void on_look(void *arg)
{
    struct log_stream *s = arg;

    if (!s->full)
        take_turn(s);
}

static void on_gone(void *arg)
{
    struct log_stream *s = arg;

    s->x = NULL;
    s->pool = NULL;
    edge_timer_disarm(s->look);
    if (!s->busy)
        free_stream(s);
}

static void begin_answer(struct log_stream *s)
{
    if (s->streaming)
        return;
    s->streaming = true;
    edge_exchange_stream(s->x, HTTP_OK, "text/plain", on_ready, s);
}

static void send_frames(struct log_stream *s)
{
    if (s->frames.len == 0)
        return;
    s->full = !edge_exchange_write(s->x, s->frames.data, s->frames.len);
    edge_buf_fini(&s->frames);
    s->look_ms = FIRST_LOOK_MS;
}

/* A reader that fails in the middle says so where the reader of the log will see it. */
static void end_answer(struct log_stream *s)
{
    if (s->rc < 0 && s->rc != -ENOENT) {
        const char *text = *s->err.text ? s->err.text : edge_strerror(s->rc);

        if (!s->streaming) {
            manage_fail(s->x, HTTP_ERROR, text);
            free_stream(s);
            return;
        }
        s->timestamps = false;
        put_frame(s, &(struct agent_log_line){text, strlen(text), true, 0});
        put_frame(s, &(struct agent_log_line){"\n", 1, true, 0});
    }
    begin_answer(s);
    send_frames(s);
    edge_exchange_end(s->x);
    free_stream(s);
}

/* At the end of what there is: will nothing more be asked for? */
static bool complete(const struct log_stream *s)
{
    return !s->query.follow || s->query.until_ns < edge_wall_ns();
}

static void turn_done(void *arg)
{
    struct log_stream *s = arg;

    s->busy = false;
    if (!s->x) {
        free_stream(s);
        return;
    }
    if (s->rc < 0 || (s->rc == AGENT_LOG_END && complete(s))) {
        end_answer(s);
        return;
    }
    begin_answer(s);
    send_frames(s);
    if (s->rc == AGENT_LOG_END) {
        edge_timer_arm(s->look, s->look_ms);
        s->look_ms = s->look_ms * 2 < SLOWEST_LOOK_MS ? s->look_ms * 2 : SLOWEST_LOOK_MS;
    } else if (!s->full) {
        take_turn(s);
    }
}

static int start(struct agent_manage *manage, struct edge_exchange *x, const char *module,
                 struct log_stream *s, struct edge_err *err)
{
    int rc = manage_log_query(x, &s->query, err);

    if (rc == 0)
        rc = manage_flag(x, "timestamps", &s->timestamps, err);
    if (rc == 0)
        rc = manage->ops.log_id(module, &s->id, manage->ops.arg, err);
    if (rc < 0)
        return rc;
    s->dir = edge_strdup(manage->log_dir);
    s->look = edge_timer_create(manage->loop, on_look, s);
    return s->dir && s->look ? 0 : edge_fail(err, -ENOMEM, "out of memory");
}

void manage_logs(struct agent_manage *manage, struct edge_exchange *x, const char *module)
{
    struct log_stream *s = calloc(1, sizeof *s);
    struct edge_err err = {0};
    int rc = s ? start(manage, x, module, s, &err) : -ENOMEM;

    if (rc < 0) {
        int status = rc == EDGE_EINVALID ? HTTP_BAD_REQUEST : HTTP_ERROR;

        manage_fail(x, rc == -ENOENT ? HTTP_NOT_FOUND : status,
                    *err.text ? err.text : edge_strerror(rc));
        if (s)
            free_stream(s);
        return;
    }
    edge_buf_init(&s->frames, FRAMES_MAX);
    s->pool = manage->pool;
    s->x = x;
    s->look_ms = FIRST_LOOK_MS;
    edge_exchange_on_gone(x, on_gone, s);
    take_turn(s);
}
