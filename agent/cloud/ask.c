#include "agent/cloud/ask.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/bytes.h"

/* Lives until the worker's end, also when whoever asked goes first. */
struct agent_ask {
    struct agent_ask_config cfg;
    bool reprovision;
    bool left; /* the loop's alone, the worker does not look */
    struct agent_ask_answer answer;
};

static void work(void *arg)
{
    struct agent_ask *ask = arg;
    const struct agent_link_ops *ops = ask->cfg.ops;
    const struct agent_identity_daemon *daemon = &ask->cfg.daemon;
    struct agent_ask_answer *answer = &ask->answer;
    struct edge_err ignored;

    if (ask->reprovision)
        edge_ignore(ops->reprovision(daemon, &ignored));
    answer->rc = ops->device(daemon, &answer->device, &answer->err);
    if (answer->rc == 0)
        answer->rc =
            ops->token(daemon, &answer->device, ask->cfg.token_s, &answer->token, &answer->err);
}

static void done(void *arg)
{
    struct agent_ask *ask = arg;

    if (!ask->left)
        ask->cfg.done(&ask->answer, ask->cfg.arg);
    (void) edge_wipe(ask->answer.token);
    agent_device_fini(&ask->answer.device);
    free(ask);
}

struct agent_ask *agent_ask_prepare(const struct agent_ask_config *config)
{
    struct agent_ask *ask = calloc(1, sizeof *ask);

    if (ask)
        ask->cfg = *config;
    return ask;
}

void agent_ask_start(struct agent_ask *ask, bool reprovision)
{
    ask->reprovision = reprovision;
    edge_pool_submit(ask->cfg.pool, work, done, ask);
}

struct agent_ask *agent_ask_leave(struct agent_ask *ask)
{
    if (ask)
        ask->left = true;
    return NULL;
}
