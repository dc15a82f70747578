/* The headers of an answer, kept as "name NUL value NUL" one after another. */
#include <ctype.h>
#include <stdlib.h>
#include <strings.h>

#include "common/http/transfer.h"

void edge_http_response_fini(struct edge_http_response *response)
{
    edge_buf_wipe(&response->body); /* it may be a token, or a key */
    edge_buf_wipe(&response->head_);
}

void edge_http_response_reset(struct edge_http_response *response)
{
    edge_http_response_fini(response);
    response->status = 0;
    response->stopped = false;
    response->fault = EDGE_HTTP_FAULT_NONE;
}

static size_t trimmed_len(const char *text, size_t len)
{
    while (len > 0 && isspace((unsigned char) text[len - 1]))
        len--;
    return len;
}

int edge_http_response_line(struct edge_http_response *response, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    const char *value;
    size_t value_len;
    int rc;

    if (!colon || colon == line || memchr(line, '\0', len))
        return 0;
    value = colon + 1;
    value_len = len - (size_t) (value - line);
    while (value_len > 0 && (*value == ' ' || *value == '\t')) {
        value++;
        value_len--;
    }
    rc = edge_buf_append(&response->head_, line, (size_t) (colon - line));
    if (rc == 0)
        rc = edge_buf_append(&response->head_, "", 1);
    if (rc == 0)
        rc = edge_buf_append(&response->head_, value, trimmed_len(value, value_len));
    return rc == 0 ? edge_buf_append(&response->head_, "", 1) : rc;
}

const char *edge_http_response_header_next(const struct edge_http_response *response,
                                           const char *name, const char *previous)
{
    const char *at = response->head_.data;
    const char *end = at ? at + response->head_.len : NULL;

    if (previous)
        at = previous + strlen(previous) + 1;
    while (at && at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const char *edge_http_response_header(const struct edge_http_response *response, const char *name)
{
    return edge_http_response_header_next(response, name, NULL);
}
