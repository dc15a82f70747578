/* agent/security/api/api.h - what the two HTTP APIs share: routes, answers, work on a pool. Loop
 * thread but for the work itself. Source: agent.md 5.1. */
#ifndef AGENT_SECURITY_API_API_H
#define AGENT_SECURITY_API_API_H

#include "common/http/server.h"
#include "common/json/json.h"
#include "common/loop/pool.h"

enum { SEC_API_PARTS = 6 };

enum sec_api_status {
    HTTP_OK = 200,
    HTTP_CREATED = 201,
    HTTP_NO_CONTENT = 204,
    HTTP_BAD_REQUEST = 400,
    HTTP_FORBIDDEN = 403,
    HTTP_NOT_FOUND = 404,
    HTTP_NOT_ALLOWED = 405,
    HTTP_CONFLICT = 409,
    HTTP_UNSUPPORTED_TYPE = 415,
    HTTP_UNPROCESSABLE = 422,
    HTTP_THROTTLED = 429,
    HTTP_ERROR = 500,
    HTTP_UNAVAILABLE = 503,
};

/** One request, taken apart; everything is owned but the exchange. */
struct sec_request {
    struct edge_exchange *exchange;   /* NULL once the client has gone; not for the work */
    const char *parts[SEC_API_PARTS]; /* of the path, NULL behind the last */
    struct edge_json *body;           /* an object, of POST and PUT; else NULL */
    void *server;                     /* of sec_api_handle */
    char *path_;
    const struct sec_route *route_;
    int status_;
    struct edge_json *reply_;
};

struct sec_route {
    const char *path[SEC_API_PARTS]; /* "*" stands for any part */
    const char *method;
    const char *since; /* least api-version, or NULL */
    bool body;         /* a JSON object must come along */
    /* Either leads to sec_reply or sec_refuse. */
    void (*work)(struct sec_request *r);  /* on the pool; or NULL */
    void (*reply)(struct sec_request *r); /* at once, on the loop */
};

struct sec_api {
    const struct sec_route *routes;
    size_t nroutes;
    bool versions; /* api-version must be given, and be one of IoT Edge's */
    /** On the loop: may this client do that? The pool that the work belongs to, or NULL after
     * having refused. */
    struct edge_pool *(*admit)(struct sec_request *r, struct edge_exchange *x);
};

/** Take a request of a server: answers it now or later. @param server  for sec_request.server */
void sec_api_handle(const struct sec_api *api, struct edge_exchange *x, void *server);

/** The answer, once; @p body becomes ours and may be NULL. */
void sec_reply(struct sec_request *r, int status, struct edge_json *body);
/** {"message":"…"} with the status that @p rc stands for. */
void sec_refuse(struct sec_request *r, int rc, const struct edge_err *err);
/** {"message":"…"}. */
void sec_refuse_text(struct sec_request *r, int status, const char *text);
/** The same, on the loop before any work. */
void sec_api_fail(struct edge_exchange *x, int status, const char *text);

/** The text of a member, or NULL after having refused with 422. */
const char *sec_need_text(struct sec_request *r, const char *member);
/** A member in base64 to bytes; the same. @return false after having refused */
bool sec_need_bytes(struct sec_request *r, const char *member, struct edge_buf *ret);

#endif
