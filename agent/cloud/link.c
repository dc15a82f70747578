#include "agent/cloud/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud/link_state.h"
#include "common/base/clock.h"
#include "common/base/pause.h"
#include "common/loop/pool.h"

enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 300 * 1000,
    SLOW_MS = 60 * 1000,
    TOKEN_S = 3600,
    KEEP_ALIVE_S = 230, /* below the 4 minutes after which Azure's load balancers forget a flow */
    ANSWER_MS = 30 * 1000,
    STEADY_MS = 60 * 1000, /* a connection that has lasted so long is no flapping */
    REFUSALS_QUICK = 3,    /* being provisioned anew may help: so many tries without a long pause */
};

/* ---- pauses ---- */

static uint64_t pause_ms(const struct agent_link *link)
{
    bool slow = link->refusals >= REFUSALS_QUICK;
    uint64_t least = slow ? link->cfg.slow_ms : link->cfg.pause_min_ms;
    unsigned times = slow ? link->refusals - REFUSALS_QUICK + 1 : link->failures + 2;

    return edge_pause_ms(times, least, link->cfg.pause_max_ms);
}

void link_let_go(struct agent_link *link)
{
    edge_timer_disarm(link->timer);
    edge_timer_disarm(link->reopen);
    link->mqtt = agent_mqtt_close(link->mqtt);
    link->cfg.ops->hang_up(link->cfg.via);
}

void link_forget_token(struct agent_link *link)
{
    link->token = edge_wipe(link->token);
}

void link_lost_for(struct agent_link *link, const char *why, bool again)
{
    bool news = !again && strcmp(why, link->said) != 0;

    link_let_go(link);
    link_forget_token(link);
    link->ask = agent_ask_leave(link->ask); /* a token for a connection that is gone */
    if (link->settled && edge_now_ms() - link->up_ms >= STEADY_MS)
        link->failures = 0;
    link->settled = false;
    link->state = LINK_WAITING;
    edge_timer_arm(link->timer, pause_ms(link));
    link->failures++;
    (void) snprintf(link->said, sizeof link->said, "%s", why);
    link->cfg.on_down(link->said, news, link->cfg.arg);
}

void link_lost(struct agent_link *link, const char *why)
{
    char text[640]; /* it may lie in what is let go */

    (void) snprintf(text, sizeof text, "%s", why);
    link_lost_for(link, text, false);
}

static void on_reopen(void *arg)
{
    struct agent_link *link = arg;

    link_lost(link, link->why);
}

void agent_link_reopen(struct agent_link *link, const char *why)
{
    if (!agent_link_connected(link))
        return;
    (void) snprintf(link->why, sizeof link->why, "%s", why);
    edge_timer_arm(link->reopen, 0);
}

/* ---- open and close ---- */

static void on_timer(void *arg)
{
    struct agent_link *link = arg;

    link_ask(link, link->state == LINK_UP ? LINK_RENEWING : LINK_ASKING);
}

static void set_times(struct agent_link_config *cfg)
{
    const struct {
        unsigned *value;
        unsigned otherwise;
    } times[] = {
        {&cfg->pause_min_ms, PAUSE_MIN_MS}, {&cfg->pause_max_ms, PAUSE_MAX_MS},
        {&cfg->slow_ms, SLOW_MS},           {&cfg->token_s, TOKEN_S},
        {&cfg->keep_alive_s, KEEP_ALIVE_S}, {&cfg->answer_ms, ANSWER_MS},
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(times); i++)
        if (*times[i].value == 0)
            *times[i].value = times[i].otherwise;
}

int agent_link_open(const struct agent_link_config *config, struct agent_link **ret,
                    struct edge_err *err)
{
    struct agent_link *link = calloc(1, sizeof *link);
    int rc = -ENOMEM;

    if (!link)
        return edge_fail(err, -ENOMEM, "cloud link: no memory");
    link->cfg = *config;
    set_times(&link->cfg);
    link->product = edge_strdup(config->product ? config->product : "");
    link->cancel = edge_cancel_create();
    link->cfg.daemon.cancel = link->cancel;
    link->timer = edge_timer_create(config->loop, on_timer, link);
    link->reopen = edge_timer_create(config->loop, on_reopen, link);
    if (link->product && link->cancel && link->timer && link->reopen)
        rc = edge_pool_create(config->loop, "cloud", 1, &link->pool);
    if (rc < 0) {
        agent_link_close(link);
        return edge_fail(err, rc, "cloud link: %s", edge_strerror(rc));
    }
    edge_timer_arm(link->timer, 0);
    *ret = link;
    return 0;
}

int agent_link_publish(struct agent_link *link, const char *topic, const void *data, size_t len)
{
    return link->mqtt ? agent_mqtt_publish(link->mqtt, topic, data, len) : EDGE_EUNAVAILABLE;
}

void agent_link_settled(struct agent_link *link)
{
    link->settled = true;
}

const struct agent_device *agent_link_device(const struct agent_link *link)
{
    return link->device.hub_name ? &link->device : NULL;
}

bool agent_link_connected(const struct agent_link *link)
{
    return link->state == LINK_UP || link->state == LINK_RENEWING;
}

struct agent_link *agent_link_close(struct agent_link *link)
{
    if (!link)
        return NULL;
    link->mqtt = agent_mqtt_close(link->mqtt);
    link->cfg.ops->hang_up(link->cfg.via);
    link->ask = agent_ask_leave(link->ask);
    edge_cancel_fire(link->cancel);
    edge_pool_destroy(link->pool);
    edge_timer_destroy(link->timer);
    edge_timer_destroy(link->reopen);
    link_forget_token(link);
    agent_device_fini(&link->device);
    edge_cancel_unref(link->cancel);
    free(link->product);
    free(link);
    return NULL;
}
