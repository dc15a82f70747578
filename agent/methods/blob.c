#include "agent/methods/blob.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/bytes.h"
#include "common/base/encode.h"
#include "common/http/client.h"

enum {
    BLOCK = 1024 * 1024,
    URL_MAX = 8192,
    LIST_MAX = 4 * 1024 * 1024, /* of a block list: 50000 blocks, the service's limit */
    BLOCKS_MAX = 50000,
    TRIES = 3,
    HEADERS_MAX = 6,
    CREATED = 201,
    CONFLICT = 412,
    STALL_S = 60,
    BLOCK_MS = 10 * 60 * 1000, /* for one request */
};

struct methods_blob {
    struct methods_blob_target target;
    bool append;
    struct edge_buf block; /* waits until it is full */
    struct edge_buf list;  /* XML of the blocks sent */
    unsigned nblocks;
    int64_t written; /* of an append blob */
};

/* The parts of a URL, borrowed. */
struct parts {
    size_t scheme; /* with "://" */
    const char *host;
    size_t host_len;
    const char *path;
    size_t path_len;
    const char *query;
};

static int split(const char *sas, struct parts *ret)
{
    *ret = (struct parts){0};
    if (strncasecmp(sas, "https://", 8) == 0)
        ret->scheme = 8;
    else if (strncasecmp(sas, "http://", 7) == 0)
        ret->scheme = 7;
    else
        return EDGE_EINVALID;
    ret->host = sas + ret->scheme;
    ret->host_len = strcspn(ret->host, "/?#@");
    ret->path = ret->host + ret->host_len;
    ret->path_len = strcspn(ret->path, "?#");
    if (ret->host_len == 0 || *ret->path != '/' || ret->path_len < 2 ||
        ret->path[ret->path_len] != '?')
        return EDGE_EINVALID;
    ret->query = ret->path + ret->path_len + 1;
    while (ret->path_len > 0 && ret->path[ret->path_len - 1] == '/')
        ret->path_len--;
    return *ret->query && ret->path_len > 0 && !strchr(ret->query, '#') ? 0 : EDGE_EINVALID;
}

int methods_blob_check(const char *sas, struct edge_err *err)
{
    struct parts parts;

    for (const char *c = sas; *c; c++) {
        if ((unsigned char) *c <= ' ' || (unsigned char) *c >= 0x7f)
            return edge_fail(err, EDGE_EINVALID, "sasUrl holds a character no URL has");
    }
    if (split(sas, &parts) < 0)
        return edge_fail(err, EDGE_EINVALID,
                         "sasUrl is no URL of a container with a shared access signature");
    return 0;
}

static void put_host(struct edge_buf *url, const struct parts *parts, const char *upstream)
{
    static const char word[] = "$upstream";
    size_t n = sizeof word - 1;

    if (!upstream || parts->host_len < n || strncasecmp(parts->host, word, n) != 0) {
        edge_buf_append(url, parts->host, parts->host_len);
        return;
    }
    edge_buf_puts(url, upstream);
    edge_buf_append(url, parts->host + n, parts->host_len - n); /* ":port" */
}

/* @param more  "&comp=…" or ""   The caller wipes and frees it. NULL: no URL, or no memory */
static char *make_url(const struct methods_blob_target *target, const char *more)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf url = EDGE_BUF_INIT(URL_MAX);
    struct parts parts;

    if (split(target->sas, &parts) < 0)
        return NULL;
    edge_buf_append(&url, target->sas, parts.scheme);
    put_host(&url, &parts, target->upstream);
    edge_buf_append(&url, parts.path, parts.path_len);
    for (const char *at = target->name; *at;) {
        size_t n = strcspn(at, "/");

        edge_buf_puts(&url, "/");
        edge_percent_encode(&url, at, n);
        at += at[n] ? n + 1 : n;
    }
    edge_buf_printf(&url, "?%s%s", parts.query, more);
    return edge_buf_take(&url);
}

struct request {
    const char *more; /* of the query */
    struct edge_http_header headers[HEADERS_MAX];
    size_t nheaders;
    struct edge_bytes body;
};

static void add_header(struct request *r, const char *name, const char *value)
{
    if (value)
        r->headers[r->nheaders++] = (struct edge_http_header){name, value};
}

static int refused(const struct methods_blob *blob, const struct edge_http_response *response,
                   struct edge_err *err)
{
    const char *why = edge_http_response_header(response, "x-ms-error-code");
    struct parts parts;
    int rc;

    (void) split(blob->target.sas, &parts);
    rc = edge_fail(err, EDGE_EREMOTE, "upload to %.*s: status %d%s%.80s", (int) parts.host_len,
                   parts.host, response->status, why ? " " : "", why ? why : "");
    if (err)
        err->status = response->status;
    return rc;
}

static bool worth_another(int status)
{
    return status >= 500 || status == 408 || status == 429;
}

enum { AGAIN = 1 };

/* @return 0, AGAIN with the reason in @p err, or negative for good */
static int try_once(struct methods_blob *blob, const struct request *r, const char *url,
                    bool retried, struct edge_err *err)
{
    EDGE_CLEANUP(edge_http_response_fini) struct edge_http_response response = {0};
    const struct edge_http_request request = {
        .method = "PUT",
        .url = url,
        .headers = r->headers,
        .nheaders = r->nheaders,
        .body = r->body,
        .ca_file = blob->target.ca_file,
        .stall_s = STALL_S,
        .total_ms = BLOCK_MS,
        .cancel = blob->target.cancel,
    };
    int rc = edge_http_request(&request, &response, err);

    if (rc == EDGE_EUNAVAILABLE)
        return AGAIN;
    if (rc < 0)
        return rc;
    if (response.status == CREATED)
        return 0;
    if (blob->append && retried && response.status == CONFLICT)
        return 0; /* the block is there: only the answer was lost */
    rc = refused(blob, &response, err);
    return worth_another(response.status) ? AGAIN : rc;
}

static int send(struct methods_blob *blob, struct request *r, struct edge_err *err)
{
    int pause = blob->target.retry_ms > 0 ? blob->target.retry_ms : 5000;
    char *url = make_url(&blob->target, r->more);
    int rc = AGAIN;

    if (!url)
        return -ENOMEM;
    add_header(r, "x-ms-version", "2020-10-02");
    for (int i = 0; i < TRIES && rc == AGAIN; i++) {
        if (i > 0 && edge_cancel_sleep(blob->target.cancel, pause << (i - 1)))
            rc = -ECANCELED;
        else
            rc = try_once(blob, r, url, i > 0, err);
    }
    (void) edge_wipe(url);
    return rc == AGAIN ? EDGE_EUNAVAILABLE : rc;
}

static void describe(const struct methods_blob *blob, struct request *r)
{
    add_header(r, "x-ms-blob-content-type", blob->target.type);
    add_header(r, "x-ms-blob-content-encoding", blob->target.encoding);
}

static const struct edge_bytes nothing = {(const uint8_t *) "", 0};

static struct edge_bytes bytes_of(const struct edge_buf *buf)
{
    return buf->len > 0 ? (struct edge_bytes){(const uint8_t *) buf->data, buf->len} : nothing;
}

static int put_whole(struct methods_blob *blob, const char *kind, struct edge_bytes body,
                     struct edge_err *err)
{
    struct request r = {.more = "", .body = body};

    add_header(&r, "x-ms-blob-type", kind);
    describe(blob, &r);
    return send(blob, &r, err);
}

static int append_block(struct methods_blob *blob, struct edge_err *err)
{
    struct request r = {.more = "&comp=appendblock", .body = bytes_of(&blob->block)};
    char at[24];
    int rc;

    (void) snprintf(at, sizeof at, "%lld", (long long) blob->written);
    add_header(&r, "x-ms-blob-condition-appendpos", at); /* never twice */
    rc = send(blob, &r, err);
    blob->written += (int64_t) blob->block.len;
    return rc;
}

static int put_block(struct methods_blob *blob, struct edge_err *err)
{
    struct request r = {.body = bytes_of(&blob->block)};
    EDGE_CLEANUP(edge_free) char *id = NULL;
    char number[16];
    char more[64];

    if (blob->nblocks >= BLOCKS_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the blob has more than %d blocks", BLOCKS_MAX);
    (void) snprintf(number, sizeof number, "%06u", blob->nblocks++); /* base64 needs no padding */
    id = edge_base64(number, strlen(number));
    if (!id)
        return -ENOMEM;
    edge_buf_printf(&blob->list, "<Latest>%s</Latest>", id);
    (void) snprintf(more, sizeof more, "&comp=block&blockid=%s", id);
    r.more = more;
    return send(blob, &r, err);
}

static int flush(struct methods_blob *blob, struct edge_err *err)
{
    int rc = blob->block.len == 0 ? 0
             : blob->append       ? append_block(blob, err)
                                  : put_block(blob, err);

    edge_buf_consume(&blob->block, blob->block.len);
    return rc;
}

int methods_blob_put(const void *data, size_t len, void *arg, struct edge_err *err)
{
    struct methods_blob *blob = arg;
    const char *at = data;
    int rc = 0;

    while (rc == 0 && len > 0) {
        size_t room = BLOCK - blob->block.len;
        size_t n = len < room ? len : room;

        rc = edge_buf_append(&blob->block, at, n);
        at += n;
        len -= n;
        if (rc == 0 && blob->block.len == BLOCK)
            rc = flush(blob, err);
    }
    return rc;
}

static int put_list(struct methods_blob *blob, struct edge_err *err)
{
    struct request r = {.more = "&comp=blocklist"};
    int rc = flush(blob, err);

    if (rc < 0)
        return rc;
    edge_buf_puts(&blob->list, "</BlockList>");
    if (edge_buf_error(&blob->list) < 0)
        return -ENOMEM;
    r.body = bytes_of(&blob->list);
    describe(blob, &r);
    return send(blob, &r, err);
}

int methods_blob_finish(struct methods_blob *blob, struct edge_err *err)
{
    if (blob->append)
        return flush(blob, err);
    return blob->nblocks == 0 ? put_whole(blob, "BlockBlob", bytes_of(&blob->block), err)
                              : put_list(blob, err);
}

static struct methods_blob *create(const struct methods_blob_target *target, bool append)
{
    struct methods_blob *blob = calloc(1, sizeof *blob);

    if (!blob)
        return NULL;
    blob->target = *target;
    blob->append = append;
    edge_buf_init(&blob->block, BLOCK);
    edge_buf_init(&blob->list, LIST_MAX);
    edge_buf_puts(&blob->list, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
    return blob;
}

int methods_blob_append(const struct methods_blob_target *target, struct methods_blob **ret,
                        struct edge_err *err)
{
    EDGE_CLEANUP(methods_blob_destroy) struct methods_blob *blob = create(target, true);
    int rc = blob ? put_whole(blob, "AppendBlob", nothing, err) : -ENOMEM;

    if (rc == 0)
        *ret = EDGE_TAKE(blob);
    return rc;
}

int methods_blob_block(const struct methods_blob_target *target, struct methods_blob **ret,
                       struct edge_err *err)
{
    (void) err;
    *ret = create(target, false);
    return *ret ? 0 : -ENOMEM;
}

struct methods_blob *methods_blob_destroy(struct methods_blob *blob)
{
    if (!blob)
        return NULL;
    edge_buf_fini(&blob->block);
    edge_buf_fini(&blob->list);
    free(blob);
    return NULL;
}
