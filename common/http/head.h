/* common/http/head.h - the head of a request, and bodies in chunks. Pure; any thread.
 * Source: RFC 9110, RFC 9112, RFC 6455; strict where a lenient reading lets two parties disagree.
 */
#ifndef EDGE_HTTP_HEAD_H
#define EDGE_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/bytes.h"

enum {
    HTTP_HEAD_MAX = 16 * 1024,
    HTTP_HEADERS_MAX = 64,
    HTTP_PARAMS_MAX = 32,
};

struct http_pair {
    const char *name;
    const char *value;
};

struct http_head {
    const char *method;
    const char *path;
    struct http_pair params[HTTP_PARAMS_MAX];
    size_t nparams;
    struct http_pair headers[HTTP_HEADERS_MAX];
    size_t nheaders;
    bool http10;
    bool keep_alive;
    bool expects_continue;
    bool chunked;
    int64_t content_length; /* 0 when there is no body, or it comes in chunks */
};

/** Bytes of the head at the start of @p text, its empty line included; 0 when it is not complete.
 * @param from  where to begin looking: what an earlier call has seen */
size_t http_head_end(const char *text, size_t len, size_t from);

/** Take a complete head apart, in place: @p text is changed and @p ret points into it.
 * @return 0, or the HTTP status to refuse it with */
int http_head_parse(char *text, size_t len, struct http_head *ret);

/** Value of the first header @p name, any case, or NULL. */
const char *http_head_header(const struct http_head *head, const char *name);

/** Does a header @p name list @p word, any case, as in "Connection: keep-alive, upgrade"? */
bool http_head_lists(const struct http_head *head, const char *name, const char *word);

/** Does it ask for a WebSocket (RFC 6455 4.2.1) in a way that can be granted? */
bool http_head_wants_websocket(const struct http_head *head);

/** A body in chunks, between two calls. `{0}` at its start. */
struct http_chunks {
    int state;
    int digits;      /* of its size, so far */
    int64_t left;    /* of the chunk */
    size_t overhead; /* bytes of sizes, extensions and trailers */
};

enum { HTTP_CHUNKS_END = 1 };
/** Decode into @p out. @param ret_used  bytes of @p data consumed
 * @return 0: all consumed, more must come · HTTP_CHUNKS_END · EDGE_EINVALID · EDGE_ELIMIT */
int http_chunks_read(struct http_chunks *chunks, const char *data, size_t len, struct edge_buf *out,
                     size_t *ret_used);

#endif
