/* agent/cloud/ask.h - who this device is, and a token for it: edge-securityd is asked on a worker,
 * the answer comes on the loop. Loop thread. */
#ifndef AGENT_CLOUD_ASK_H
#define AGENT_CLOUD_ASK_H

#include "agent/cloud/link.h"
#include "common/loop/pool.h"

struct agent_ask;

/** Whoever gets it may take device and token out of it, and leaves them empty. */
struct agent_ask_answer {
    int rc; /* negative: err says why */
    struct agent_device device;
    char *token;
    struct edge_err err;
};

struct agent_ask_config {
    struct edge_pool *pool;
    const struct agent_link_ops *ops;
    struct agent_identity_daemon daemon;
    int64_t token_s;
    void (*done)(struct agent_ask_answer *answer, void *arg);
    void *arg;
};

/** NULL without memory. agent_ask_start follows. */
struct agent_ask *agent_ask_prepare(const struct agent_ask_config *config);
/** Later, once: done, unless it was left before. @param reprovision  edge-securityd is asked for
 * that first */
void agent_ask_start(struct agent_ask *ask, bool reprovision);
/** Nobody waits any more; it ends by itself. NULL does nothing. @return NULL */
struct agent_ask *agent_ask_leave(struct agent_ask *ask);

#endif
