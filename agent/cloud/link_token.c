#include "agent/cloud/link_state.h"
#include "common/base/clock.h"

enum { REPROVISION_MS = 300 * 1000 }; /* between two wishes to be provisioned anew */

static void keep_answer(struct agent_link *link, struct agent_ask_answer *answer)
{
    link_forget_token(link);
    agent_device_fini(&link->device);
    link->device = answer->device;
    link->token = EDGE_TAKE(answer->token);
    answer->device = (struct agent_device){0};
}

/* The next token: DISCONNECT in order, and again with the same session. */
static void renew(struct agent_link *link)
{
    link_let_go(link);
    link->cfg.on_down(NULL, false, link->cfg.arg);
    link_dial(link);
}

static void on_answer(struct agent_ask_answer *answer, void *arg)
{
    struct agent_link *link = arg;
    bool renewing = link->state == LINK_RENEWING;

    link->ask = NULL;
    if (answer->rc == 0) {
        keep_answer(link, answer);
        if (renewing)
            renew(link);
        else
            link_dial(link);
    } else if (renewing) { /* the old token lasts a while yet */
        link->state = LINK_UP;
        edge_timer_arm(link->timer, link->cfg.slow_ms);
    } else {
        link_lost(link, answer->err.text[0] ? answer->err.text : edge_strerror(answer->rc));
    }
}

static bool may_reprovision(struct agent_link *link)
{
    int64_t now = edge_now_ms();

    if (link->refusals == 0 ||
        (link->reprovisioned_ms > 0 && now - link->reprovisioned_ms < REPROVISION_MS))
        return false;
    link->reprovisioned_ms = now;
    return true;
}

void link_ask(struct agent_link *link, enum link_state state)
{
    const struct agent_ask_config config = {
        .pool = link->pool,
        .ops = link->cfg.ops,
        .daemon = link->cfg.daemon,
        .token_s = link->cfg.token_s,
        .done = on_answer,
        .arg = link,
    };
    struct agent_ask *ask = agent_ask_prepare(&config);

    if (!ask) {
        edge_timer_arm(link->timer, link->cfg.slow_ms);
        return;
    }
    link->ask = ask;
    link->state = state;
    agent_ask_start(ask, may_reprovision(link));
}
