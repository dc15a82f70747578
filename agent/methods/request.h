/* agent/methods/request.h - what a direct method asks for: payload to checked request. Pure; any
 * thread. Names of members compare without case, scalars are read loosely, as .NET does. */
#ifndef AGENT_METHODS_REQUEST_H
#define AGENT_METHODS_REQUEST_H

#include "agent/methods/pattern.h"
#include "common/json/json.h"

enum { METHODS_ITEMS_MAX = 64, METHODS_URL_MAX = 4096 };

/** Major version 1, or @p err says otherwise.
 * @return 0, EDGE_EINVALID (no object, none named), EDGE_ESCHEMA (another one) */
EDGE_MUST_CHECK int methods_request_schema(const struct edge_json *payload, struct edge_err *err);
/** The text of a member that may not be blank; borrowed. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int methods_request_text(const struct edge_json *payload, const char *name,
                                         const char **ret, struct edge_err *err);
/** Members "since" and "until"; absent ones leave all. @return 0, EDGE_EINVALID, -ENOMEM */
EDGE_MUST_CHECK int methods_request_window(const struct edge_json *object, int64_t now_ns,
                                           int64_t *since_ns, int64_t *until_ns,
                                           struct edge_err *err);

struct methods_item {
    struct methods_pattern *id;    /* NULL: all modules */
    struct methods_pattern *regex; /* NULL: all lines */
    int64_t tail;                  /* -1: all */
    int64_t since_ns, until_ns;    /* EDGE_TIME_NEVER, INT64_MAX */
    int level;                     /* exactly this one; -1: all */
    bool timestamps;
    bool tail_last; /* tail, since and until: lines are counted behind all other filters */
};

struct methods_logs_request {
    struct methods_item *items;
    size_t nitems;
    bool gzip;
    bool json;
};

/** items, encoding, contentType. @p ret is for methods_logs_request_fini in any case.
 * @return 0, EDGE_EINVALID, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int methods_logs_request_parse(const struct edge_json *payload, int64_t now_ns,
                                               struct methods_logs_request *ret,
                                               struct edge_err *err);
void methods_logs_request_fini(struct methods_logs_request *request);
/** The first item for @p module. @return 1 with @p ret, 0: none, or EDGE_ELIMIT */
EDGE_MUST_CHECK int methods_logs_request_find(const struct methods_logs_request *request,
                                              const char *module, const struct methods_item **ret,
                                              struct edge_err *err);

#endif
