#include "common/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void *edge_free(void *memory)
{
    free(memory);
    return NULL;
}

int edge_close(int fd)
{
    if (fd >= 0)
        close(fd);
    return -1;
}

/* A foreign text may hold line breaks; a log line and a twin value may not. */
static void one_line(char *text)
{
    for (char *c = text; *c; c++) {
        if ((unsigned char) *c < 0x20 || *c == 0x7f)
            *c = ' ';
    }
}

int edge_fail(struct edge_err *err, int code, const char *fmt, ...)
{
    va_list args;

    if (!err)
        return code;
    err->code = code;
    err->status = 0;
    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    one_line(err->text);
    return code;
}

static void append(struct edge_err *err, const char *text)
{
    size_t used = strlen(err->text);
    size_t room = sizeof err->text - used - 1;
    size_t len = strnlen(text, room);

    memcpy(err->text + used, text, len);
    err->text[used + len] = '\0';
}

int edge_wrap(struct edge_err *err, int code, const char *fmt, ...)
{
    char inner[sizeof err->text];
    va_list args;

    if (!err)
        return code;
    memcpy(inner, err->text, sizeof inner);
    va_start(args, fmt);
    (void) vsnprintf(err->text, sizeof err->text, fmt, args);
    va_end(args);
    append(err, ": ");
    append(err, inner[0] ? inner : edge_strerror(code));
    err->code = code;
    one_line(err->text);
    return code;
}

static const char *own_text(int code)
{
    switch (code) {
    case EDGE_EINVALID:
        return "invalid";
    case EDGE_ESCHEMA:
        return "unsupported schema version";
    case EDGE_EEMPTY:
        return "empty";
    case EDGE_ELIMIT:
        return "limit exceeded";
    case EDGE_EUNAVAILABLE:
        return "not reachable";
    case EDGE_EAUTH:
        return "not authorised";
    case EDGE_EDIGEST:
        return "digest mismatch";
    case EDGE_EPROTOCOL:
        return "protocol error";
    case EDGE_EREMOTE:
        return "remote error";
    case EDGE_ESTORE:
        return "store error";
    case EDGE_ECONFLICT:
        return "conflict";
    case EDGE_EUNSUPPORTED:
        return "not supported";
    case EDGE_ECHILD:
        return "helper program failed";
    default:
        return NULL;
    }
}

const char *edge_strerror(int code)
{
    const char *text = own_text(code);

    if (text)
        return text;
    return code == 0 ? "success" : strerror(code < 0 ? -code : code);
}
