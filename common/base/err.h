/* common/base/err.h - how failure travels: a negative code up, a text for the person who reads it.
 * Pure; any thread.
 *
 * Every function that can fail returns 0 (done), a negative code (unexpected: return it unchanged),
 * or a positive outcome that its header documents. Codes are negative errno, which libuv shares,
 * and the values below, which start clear of libuv's own. */
#ifndef EDGE_BASE_ERR_H
#define EDGE_BASE_ERR_H

#include <stddef.h>

#include "common/base/attr.h"

enum edge_error_code {
    EDGE_EINVALID = -5000,     /* a document, argument or message breaks its rules */
    EDGE_ESCHEMA = -5001,      /* schemaVersion is malformed or unsupported */
    EDGE_EEMPTY = -5002,       /* the document holds nothing */
    EDGE_ELIMIT = -5003,       /* larger, deeper or more than we accept */
    EDGE_EUNAVAILABLE = -5004, /* the other side cannot be reached now; try again */
    EDGE_EAUTH = -5005,        /* refused: credentials missing or wrong */
    EDGE_EDIGEST = -5006,      /* content does not match its digest or size */
    EDGE_EPROTOCOL = -5007,    /* the other side broke the protocol */
    EDGE_EREMOTE = -5008,      /* the other side reported an error of its own */
    EDGE_ESTORE = -5009,       /* the store on disk cannot be read or written */
    EDGE_ECONFLICT = -5010,    /* two things want the same name, port or path */
    EDGE_EUNSUPPORTED = -5011, /* understood, but not offered */
    EDGE_ECHILD = -5012,       /* a helper program failed */
};

/** Where a person will read the reason. Lives on the caller's stack; `{0}` is no error. */
struct edge_err {
    int code;       /* what was returned, negative */
    int status;     /* the foreign status behind it (gRPC, HTTP, exit code), 0 when there is none */
    char text[640]; /* one line, no secrets; cut at the end when longer */
};

/** Fill @p err (may be NULL) and return @p code, so that `return edge_fail(...)` reads well. */
int edge_fail(struct edge_err *err, int code, const char *fmt, ...) EDGE_PRINTF(3, 4);

/** Put "context: " before the text already there (before edge_strerror's when there is none);
 * return
 * @p code, which is what brought us here. */
int edge_wrap(struct edge_err *err, int code, const char *fmt, ...) EDGE_PRINTF(3, 4);

/** A short text for any code of this project, of libuv or of errno; never NULL. */
const char *edge_strerror(int code);

#endif
