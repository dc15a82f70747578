/* hub/workload/internal.h - inside the room. */
#ifndef HUB_WORKLOAD_INTERNAL_H
#define HUB_WORKLOAD_INTERNAL_H

#include "common/base/cancel.h"
#include "common/loop/pool.h"
#include "common/workload/workload.h"
#include "hub/workload/workload.h"

struct token_wait;
struct workload_job;

struct hub_workload {
    struct edge_loop *loop;
    const struct hub_self *self;
    struct edge_cancel *cancel;
    char *resource;     /* of our tokens */
    const char *socket; /* of workload_uri; NULL: connection string */
    /* Loop thread. */
    struct edge_pool *pool;
    struct edge_timer *later; /* answers a call that found what it wants, from a turn of its own */
    struct workload_job *jobs;
    struct token_wait *waits;
    char *token;
    int64_t until_s;
    bool asking;
};

struct edge_workload workload_api(const struct hub_workload *w);
/** The decoded key of the connection string; wiped by the caller. @return 0, EDGE_EINVALID, … */
EDGE_MUST_CHECK int workload_key(const struct hub_workload *w, struct edge_buf *ret);
/** A fresh token, blocking. */
EDGE_MUST_CHECK int workload_sign(const struct hub_workload *w, char **ret, int64_t *ret_until_s,
                                  struct edge_err *err);

static inline struct edge_bytes workload_bytes(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) (buf->data ? buf->data : ""), buf->len};
}

/* async.c: what open begins and close ends. */
EDGE_MUST_CHECK int workload_async_init(struct hub_workload *w);
void workload_async_fini(struct hub_workload *w);

#endif
