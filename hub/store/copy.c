#include "hub/store/copy.h"

#include <errno.h>
#include <unistd.h>

#include "common/base/file.h"
#include "hub/store/crc.h"
#include "hub/store/files.h"
#include "hub/store/wire.h"

enum {
    HEAD = 16,
    RECORD = 16,
    BYTES_MAX = 64 * 1024 * 1024,
};
static const uint8_t magic[8] = {'E', 'd', 'H', 'c', 'o', 'p', 'y', '1'};

/* Writing. */

struct writing {
    struct edge_buf *buf;
    uint32_t count;
};

static int append(const struct hub_row *row, void *arg)
{
    struct writing *writing = arg;
    uint8_t head[RECORD];

    (void) hub_put32(head, hub_row_sum(row));
    (void) hub_put32(head + 4, (uint32_t) strlen(row->kind));
    (void) hub_put32(head + 8, (uint32_t) strlen(row->name));
    (void) hub_put32(head + 12, (uint32_t) row->data.len);
    edge_ignore(edge_buf_append(writing->buf, head, sizeof head));
    edge_ignore(edge_buf_append(writing->buf, row->kind, strlen(row->kind)));
    edge_ignore(edge_buf_append(writing->buf, row->name, strlen(row->name)));
    edge_ignore(edge_buf_append(writing->buf, row->data.data, row->data.len));
    writing->count++;
    return edge_buf_error(writing->buf);
}

static void fill_head(struct edge_buf *buf, uint32_t count)
{
    uint8_t *head = (uint8_t *) buf->data;

    memcpy(head, magic, sizeof magic);
    (void) hub_put32(head + 8, hub_crc32c(0, head + HEAD, buf->len - HEAD));
    (void) hub_put32(head + 12, count);
}

static bool is_as(const char *path, const struct edge_buf *buf)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf old = EDGE_BUF_INIT(BYTES_MAX);

    return edge_file_read(path, &old, NULL) == 0 && old.len == buf->len &&
           memcmp(old.data, buf->data, buf->len) == 0;
}

int hub_copy_update(const char *path, struct hub_db *db)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(BYTES_MAX);
    struct writing writing = {.buf = &buf};
    uint8_t head[HEAD] = {0};
    int rc = edge_buf_append(&buf, head, sizeof head);

    if (rc == 0)
        rc = hub_db_each_row(db, append, &writing);
    if (rc == EDGE_ELIMIT)
        edge_ignore(unlink(path)); /* what it says would be old */
    if (rc < 0)
        return rc;
    fill_head(&buf, writing.count);
    return is_as(path, &buf) ? 0 : edge_file_write(path, buf.data, buf.len, 0600, NULL);
}

/* Reading. */

/* The record at @p at. @return bytes it takes, 0: there is none that is whole */
static size_t read_record(const struct edge_buf *buf, size_t at, char *kind, char *name,
                          struct edge_bytes *ret)
{
    const uint8_t *in = (const uint8_t *) buf->data + at;
    size_t left = buf->len - at;
    size_t kind_len;
    size_t name_len;
    struct hub_row row = {kind, name, {0}};

    if (left < RECORD)
        return 0;
    kind_len = hub_get32(in + 4);
    name_len = hub_get32(in + 8);
    ret->len = hub_get32(in + 12);
    if (kind_len > HUB_STORE_NAME_MAX || name_len > HUB_STORE_NAME_MAX ||
        ret->len > HUB_STORE_DOCUMENT_MAX || left - RECORD < kind_len + name_len + ret->len)
        return 0;
    memcpy(kind, in + RECORD, kind_len);
    memcpy(name, in + RECORD + kind_len, name_len);
    kind[kind_len] = name[name_len] = '\0';
    ret->data = in + RECORD + kind_len + name_len;
    row.data = *ret;
    return strlen(kind) == kind_len && strlen(name) == name_len &&
                   hub_row_sum(&row) == hub_get32(in)
               ? RECORD + kind_len + name_len + ret->len
               : 0;
}

static bool is_copy(const struct edge_buf *buf)
{
    return buf->len >= HEAD && memcmp(buf->data, magic, sizeof magic) == 0;
}

static int add_all(const struct edge_buf *buf, struct hub_db *db, uint64_t *ret_added,
                   struct edge_err *err)
{
    char kind[HUB_STORE_NAME_MAX + 1];
    char name[HUB_STORE_NAME_MAX + 1];
    struct edge_bytes data;
    size_t at = HEAD;
    size_t n;
    int rc = hub_db_begin(db, err);

    while (rc == 0 && (n = read_record(buf, at, kind, name, &data)) > 0) {
        const struct hub_row row = {kind, name, data};

        rc = hub_db_add_row(db, &row, ret_added, err);
        at += n;
    }
    return rc == 0 ? hub_db_end(db, err) : rc;
}

/* Only what is not there, or is not given for long, is not there. */
static int read_copy(const char *path, struct edge_buf *buf, struct edge_err *err)
{
    unsigned tries = 0;
    int rc;

    do {
        buf->len = 0;
        rc = edge_file_read(path, buf, err);
    } while (rc == -EIO && hub_files_again(&tries));
    if (rc == -EIO || rc == -ENOENT || rc == EDGE_ELIMIT) {
        buf->len = 0;
        return 0;
    }
    return rc < 0 && rc != -ENOMEM ? EDGE_ESTORE : rc;
}

int hub_copy_restore(const char *path, struct hub_db *db, uint64_t *ret_added, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(BYTES_MAX);
    int rc = read_copy(path, &buf, err);

    *ret_added = 0;
    if (rc < 0 || !is_copy(&buf))
        return rc;
    return add_all(&buf, db, ret_added, err);
}
