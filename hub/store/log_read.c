/* Reading bodies, by their messages' numbers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "hub/store/segment.h"

enum { NEAR = 64, TRIES = 3 };

/* Where in which file to look. */
struct place {
    char *path;
    uint64_t salt, at, end;
};

static bool locate(struct hub_log *log, uint64_t message, struct place *ret)
{
    struct hub_segment *segment;
    const struct hub_mark *mark = NULL;

    pthread_mutex_lock(&log->lock);
    segment = hub_log_find(log, message);
    if (segment)
        mark = hub_catalog_find(&segment->catalog, message);
    if (mark) {
        *ret = (struct place){
            .path = hub_segment_path(log, &segment->head),
            .salt = segment->head.salt,
            .at = mark->at,
            .end = segment->end,
        };
    }
    pthread_mutex_unlock(&log->lock);
    return mark != NULL;
}

struct reader {
    struct hub_file_source file;
    uint64_t salt, at, end;
};

static const uint8_t *view(struct reader *reader, uint64_t at, size_t len)
{
    if (at + len > reader->end)
        return NULL;
    return reader->file.source.view(&reader->file.source, at, len);
}

/* The next body at or behind reader->at; NULL: what is there is not ours. */
static const uint8_t *next_body(struct reader *reader, struct hub_body_head *ret)
{
    const uint8_t *in;
    struct hub_group_head group;

    for (;;) {
        in = view(reader, reader->at, HUB_BODY_HEAD);
        if (in && hub_body_head_read(in, ret))
            return view(reader, reader->at, HUB_BODY_HEAD + (size_t) ret->len);
        in = view(reader, reader->at, HUB_GROUP_HEAD);
        if (!in || hub_group_head_read(in, reader->salt, &group) < 0)
            return NULL;
        reader->at += HUB_GROUP_HEAD + (uint64_t) group.meta_len;
    }
}

static struct hub_body *broken(uint64_t message)
{
    struct hub_body *body = hub_body_create(message, (struct edge_bytes){0});

    if (body)
        body->broken = true;
    return body;
}

static struct hub_body *body_of(const uint8_t *in, const struct hub_body_head *head)
{
    struct hub_body *body;

    if (!hub_body_is_whole(in, head))
        return broken(head->message);
    body = hub_body_create(head->message, (struct edge_bytes){in + HUB_BODY_HEAD, head->len});
    if (body)
        body->enqueued_ns = head->enqueued_ns;
    return body;
}

/* From where the reader is on, as many as come. @return how many, 0: not even the first */
static size_t read_on(struct reader *reader, const uint64_t *messages, struct hub_body **bodies,
                      size_t count)
{
    struct hub_body_head head;
    const uint8_t *in;
    size_t i = 0;

    while (i < count && (in = next_body(reader, &head)) != NULL && head.message <= messages[i]) {
        reader->at += HUB_BODY_HEAD + (uint64_t) head.len;
        if (head.message != messages[i])
            continue;
        bodies[i] = body_of(in, &head);
        if (!bodies[i]) {
            reader->file.failed = -ENOMEM;
            break;
        }
        i++;
        if (i < count && messages[i] - messages[i - 1] > NEAR)
            break;
    }
    return i;
}

/* A broken body hides those between it and the next mark: where they are is in the groups' meta. */
static bool find_exactly(struct reader *reader, uint64_t message)
{
    struct hub_walk walk;
    struct hub_walk_group group;

    hub_walk_init(&walk, &reader->file.source, reader->salt, reader->end);
    while (hub_walk_next(&walk, &group) == 1) {
        struct hub_decoder decoder;
        struct hub_log_record record;

        reader->at = group.bodies;
        hub_decoder_init(&decoder, group.meta);
        while (hub_decoder_next(&decoder, &record) == 1) {
            if (record.kind != HUB_RECORD_PUT)
                continue;
            if (record.number == message)
                return true;
            reader->at += HUB_BODY_HEAD + (uint64_t) record.size;
        }
    }
    return false;
}

/* To where @p message may be. @return 1, 0: it is nowhere, -ENOMEM */
static int seek(struct hub_log *log, struct reader *reader, uint64_t message)
{
    struct place place = {0};

    if (!locate(log, message, &place))
        return 0;
    if (!place.path)
        return -ENOMEM;
    if (reader->salt == place.salt) {
        free(place.path);
        reader->file.source.size = place.end; /* it may have grown */
    } else {
        hub_file_source_fini(&reader->file);
        hub_file_source_init(&reader->file, log->files, place.path, place.end);
        reader->salt = place.salt;
    }
    reader->at = place.at;
    reader->end = place.end;
    return 1;
}

/* A segment that has just been replaced is looked for once more. */
static int read_some(struct hub_log *log, struct reader *reader, const uint64_t *messages,
                     struct hub_body **bodies, size_t count, size_t *ret_read)
{
    int rc = seek(log, reader, messages[0]);

    *ret_read = 0;
    for (int i = 0; rc == 1 && i < TRIES; i++) {
        *ret_read = read_on(reader, messages, bodies, count);
        if (*ret_read > 0 || reader->file.failed != -ENOENT)
            break;
        reader->salt = 0;
        rc = seek(log, reader, messages[0]);
    }
    if (rc <= 0 || *ret_read > 0)
        return rc < 0 ? rc : 0;
    if (!reader->file.failed && find_exactly(reader, messages[0]))
        *ret_read = read_on(reader, messages, bodies, count);
    return *ret_read > 0 ? 0 : reader->file.failed;
}

static int read_all(struct hub_log *log, struct reader *reader, const uint64_t *messages,
                    struct hub_body **bodies, size_t count)
{
    size_t i = 0;

    while (i < count) {
        size_t n;
        int rc = read_some(log, reader, messages + i, bodies + i, count - i, &n);

        if (rc < 0 && rc != -ENOENT)
            return rc;
        i += n;
        if (n > 0)
            continue;
        bodies[i] = broken(messages[i]);
        if (!bodies[i])
            return -ENOMEM;
        i++;
    }
    return 0;
}

int hub_log_read(struct hub_log *log, const uint64_t *messages, struct hub_body **bodies,
                 size_t count)
{
    struct reader reader = {.file = {.fd = -1}};
    int rc = read_all(log, &reader, messages, bodies, count);

    hub_file_source_fini(&reader.file);
    for (size_t i = 0; rc < 0 && i < count; i++)
        bodies[i] = hub_body_unref(bodies[i]);
    return rc == 0 || rc == -ENOMEM ? rc : EDGE_ESTORE;
}
