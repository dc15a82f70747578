#include "common/http/head.h"

#include <string.h>
#include <strings.h>

enum {
    BAD_REQUEST = 400,
    TOO_MANY_HEADERS = 431,
    NOT_IMPLEMENTED = 501,
    BAD_VERSION = 505,
};

size_t http_head_end(const char *text, size_t len, size_t from)
{
    const char *at = text + (from > 3 ? from - 3 : 0);

    while ((at = memchr(at, '\r', (size_t) (text + len - at))) != NULL) {
        if (text + len - at < 4)
            return 0;
        if (memcmp(at, "\r\n\r\n", 4) == 0)
            return (size_t) (at - text) + 4;
        at++;
    }
    return 0;
}

/* Letters, digits and what else RFC 9110 lets a method or header name hold. */
static bool is_token(const char *text)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    const char *c;

    for (c = text; *c; c++) {
        bool letter = (*c | 0x20) >= 'a' && (*c | 0x20) <= 'z';

        if (!letter && !(*c >= '0' && *c <= '9') && !strchr(others, *c))
            return false;
    }
    return c > text;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char) (c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decode %xx, and + as a blank in queries, in place. @return false when malformed or with a NUL */
static bool decode(char *text, bool plus)
{
    char *out = text;

    for (; *text; text++) {
        char c = *text;

        if (c == '%') {
            int high = digit(text[1]);
            int low = high < 0 ? -1 : digit(text[2]);

            if (low < 0 || high + low == 0)
                return false;
            c = (char) (high << 4 | low);
            text += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        *out++ = c;
    }
    *out = '\0';
    return true;
}

static int take_params(char *query, struct http_head *head)
{
    char *rest = query;
    char *param;

    while ((param = strsep(&rest, "&")) != NULL) {
        char *value = strchr(param, '=');

        if (*param == '\0')
            continue;
        if (head->nparams == HTTP_PARAMS_MAX)
            return BAD_REQUEST;
        if (value)
            *value++ = '\0';
        if (!decode(param, true) || (value && !decode(value, true)))
            return BAD_REQUEST;
        head->params[head->nparams++] = (struct http_pair){param, value ? value : ""};
    }
    return 0;
}

/* "/path?query", or the same after "http://host". */
static int take_target(char *target, struct http_head *head)
{
    char *query;

    if (strncasecmp(target, "http://", 7) == 0) {
        target = strchr(target + 7, '/');
        if (!target)
            return BAD_REQUEST;
    }
    if (*target != '/' || strchr(target, '#'))
        return BAD_REQUEST;
    query = strchr(target, '?');
    if (query)
        *query++ = '\0';
    if (!decode(target, false))
        return BAD_REQUEST;
    head->path = target;
    return query ? take_params(query, head) : 0;
}

static int take_request_line(char *line, struct http_head *head)
{
    char *target = strchr(line, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;

    if (!version)
        return BAD_REQUEST;
    *target++ = '\0';
    *version++ = '\0';
    if (!is_token(line))
        return BAD_REQUEST;
    if (strcmp(version, "HTTP/1.0") == 0)
        head->http10 = true;
    else if (strcmp(version, "HTTP/1.1") != 0)
        return strncmp(version, "HTTP/", 5) == 0 ? BAD_VERSION : BAD_REQUEST;
    head->method = line;
    head->keep_alive = !head->http10;
    return take_target(target, head);
}

static bool bad_value(const char *value)
{
    for (; *value; value++) {
        if (((unsigned char) *value < 0x20 && *value != '\t') || *value == 0x7f)
            return true;
    }
    return false;
}

static int take_header(char *line, struct http_head *head)
{
    char *value = strchr(line, ':');
    size_t len;

    if (!value)
        return BAD_REQUEST;
    *value++ = '\0';
    if (!is_token(line)) /* also a folded line, and a blank before the colon */
        return BAD_REQUEST;
    value += strspn(value, " \t");
    len = strlen(value);
    while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        value[--len] = '\0';
    if (bad_value(value))
        return BAD_REQUEST;
    if (head->nheaders == HTTP_HEADERS_MAX)
        return TOO_MANY_HEADERS;
    head->headers[head->nheaders++] = (struct http_pair){line, value};
    return 0;
}

/* Cut the next line off @p rest. @return NULL at the end or for a line end that is not CR LF */
static char *next_line(char **rest, const char *end)
{
    char *line = *rest;
    char *stop = memchr(line, '\n', (size_t) (end - line));

    if (!stop || stop == line || stop[-1] != '\r')
        return NULL;
    stop[-1] = '\0';
    *rest = stop + 1;
    return strchr(line, '\r') ? NULL : line;
}

const char *http_head_header(const struct http_head *head, const char *name)
{
    for (size_t i = 0; i < head->nheaders; i++) {
        if (strcasecmp(head->headers[i].name, name) == 0)
            return head->headers[i].value;
    }
    return NULL;
}

static int take_length(const char *text, int64_t *ret)
{
    size_t len = strlen(text);
    int64_t value = 0;

    if (len == 0 || len > 15 || strspn(text, "0123456789") != len)
        return BAD_REQUEST;
    for (; *text; text++)
        value = value * 10 + (*text - '0');
    *ret = value;
    return 0;
}

/* "Connection: keep-alive, upgrade": is @p word among the words? */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    while (*list) {
        size_t n;

        list += strspn(list, ", \t");
        n = strcspn(list, ", \t");
        if (n == len && strncasecmp(list, word, len) == 0)
            return true;
        list += n;
    }
    return false;
}

bool http_head_lists(const struct http_head *head, const char *name, const char *word)
{
    for (size_t i = 0; i < head->nheaders; i++) {
        if (strcasecmp(head->headers[i].name, name) == 0 && has_word(head->headers[i].value, word))
            return true;
    }
    return false;
}

/* 16 bytes in base64; what they are is the client's affair. */
static bool is_websocket_key(const char *key)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                   "0123456789+/";

    return key && strlen(key) == 24 && strspn(key, alphabet) == 22 && strcmp(key + 22, "==") == 0;
}

bool http_head_wants_websocket(const struct http_head *head)
{
    const char *version = http_head_header(head, "Sec-WebSocket-Version");

    return !head->http10 && strcmp(head->method, "GET") == 0 && !head->chunked &&
           head->content_length == 0 && http_head_lists(head, "Connection", "upgrade") &&
           http_head_lists(head, "Upgrade", "websocket") && version && strcmp(version, "13") == 0 &&
           is_websocket_key(http_head_header(head, "Sec-WebSocket-Key"));
}

/* What the headers say about the body and the connection. */
static int look_at(const struct http_pair *header, struct http_head *head, bool *has_length)
{
    if (strcasecmp(header->name, "Content-Length") == 0) {
        if (*has_length)
            return BAD_REQUEST;
        *has_length = true;
        return take_length(header->value, &head->content_length);
    }
    if (strcasecmp(header->name, "Transfer-Encoding") == 0) {
        if (head->chunked || head->http10)
            return BAD_REQUEST;
        head->chunked = true;
        return strcasecmp(header->value, "chunked") == 0 ? 0 : NOT_IMPLEMENTED;
    }
    if (strcasecmp(header->name, "Connection") == 0) {
        if (has_word(header->value, "close"))
            head->keep_alive = false;
        else if (head->http10 && has_word(header->value, "keep-alive"))
            head->keep_alive = true;
    }
    if (strcasecmp(header->name, "Expect") == 0)
        head->expects_continue = !head->http10 && strcasecmp(header->value, "100-continue") == 0;
    return 0;
}

static int look_at_all(struct http_head *head)
{
    bool has_length = false;
    int rc = 0;

    for (size_t i = 0; i < head->nheaders && rc == 0; i++)
        rc = look_at(&head->headers[i], head, &has_length);
    if (rc == 0 && has_length && head->chunked)
        return BAD_REQUEST;
    return rc;
}

int http_head_parse(char *text, size_t len, struct http_head *ret)
{
    const char *end = text + len;
    char *line;
    int rc;

    memset(ret, 0, sizeof *ret);
    if (len < 4 || memchr(text, '\0', len))
        return BAD_REQUEST;
    line = next_line(&text, end);
    rc = line ? take_request_line(line, ret) : BAD_REQUEST;
    while (rc == 0) {
        line = next_line(&text, end);
        if (!line)
            return BAD_REQUEST;
        if (*line == '\0')
            return text == end ? look_at_all(ret) : BAD_REQUEST;
        rc = take_header(line, ret);
    }
    return rc;
}
