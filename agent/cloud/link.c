#include "agent/cloud/link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/cloud/ask.h"
#include "agent/cloud/mqtt.h"
#include "common/base/clock.h"
#include "common/base/encode.h"
#include "common/base/pause.h"
#include "common/loop/pool.h"

#define API_VERSION "2021-04-12"

enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 300 * 1000,
    SLOW_MS = 60 * 1000,
    TOKEN_S = 3600,
    KEEP_ALIVE_S = 230, /* below the 4 minutes after which Azure's load balancers forget a flow */
    ANSWER_MS = 30 * 1000,
    STEADY_MS = 60 * 1000,       /* a connection that has lasted so long is no flapping */
    REPROVISION_MS = 300 * 1000, /* between two wishes to be provisioned anew */
    REFUSALS_QUICK = 3, /* being provisioned anew may help: so many tries without a long pause */
};

enum link_state {
    LINK_WAITING,  /* a pause */
    LINK_ASKING,   /* the worker asks edge-securityd who we are, and for a token */
    LINK_DIALLING, /* the tunnel connects */
    LINK_OPENING,  /* MQTT begins */
    LINK_UP,
    LINK_RENEWING, /* up, while the worker brings the next token */
};

struct agent_link {
    struct agent_link_config cfg;
    enum link_state state;
    char *product;
    struct edge_cancel *cancel;
    struct edge_pool *pool;
    struct edge_timer *timer;  /* the end of a pause, or the time to renew */
    struct edge_timer *reopen; /* outside of the call that asks for it */
    char why[640];             /* of the reopening asked for */
    struct agent_ask *ask;
    struct agent_device device;
    char *token;
    struct agent_mqtt *mqtt;
    unsigned failures;        /* since a connection last served its purpose */
    bool settled;             /* this one does */
    int64_t up_ms;            /* since when this one is up */
    char said[640];           /* what was told last, "" after success */
    unsigned refusals;        /* how often in a row IoT Hub did not take the credentials */
    int64_t reprovisioned_ms; /* 0: never */
};

static void dial(struct agent_link *link);

/* ---- pauses ---- */

static uint64_t pause_ms(const struct agent_link *link)
{
    bool slow = link->refusals >= REFUSALS_QUICK;
    uint64_t least = slow ? link->cfg.slow_ms : link->cfg.pause_min_ms;
    unsigned times = slow ? link->refusals - REFUSALS_QUICK + 1 : link->failures + 2;

    return edge_pause_ms(times, least, link->cfg.pause_max_ms);
}

static void let_go(struct agent_link *link)
{
    edge_timer_disarm(link->timer);
    edge_timer_disarm(link->reopen);
    link->mqtt = agent_mqtt_close(link->mqtt);
    link->cfg.ops->hang_up(link->cfg.via);
}

static void forget_token(struct agent_link *link)
{
    link->token = edge_wipe(link->token);
}

/* @param again  the reason was told before, but for its details */
static void lost_for(struct agent_link *link, const char *why, bool again)
{
    bool news = !again && strcmp(why, link->said) != 0;

    let_go(link);
    forget_token(link);
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

static void lost(struct agent_link *link, const char *why)
{
    char text[640]; /* it may lie in what is let go */

    (void) snprintf(text, sizeof text, "%s", why);
    lost_for(link, text, false);
}

static void on_reopen(void *arg)
{
    struct agent_link *link = arg;

    lost(link, link->why);
}

void agent_link_reopen(struct agent_link *link, const char *why)
{
    if (!agent_link_connected(link))
        return;
    (void) snprintf(link->why, sizeof link->why, "%s", why);
    edge_timer_arm(link->reopen, 0);
}

/* ---- identity and token ---- */

static void keep_answer(struct agent_link *link, struct agent_ask_answer *answer)
{
    forget_token(link);
    agent_device_fini(&link->device);
    link->device = answer->device;
    link->token = EDGE_TAKE(answer->token);
    answer->device = (struct agent_device){0};
}

/* The next token: DISCONNECT in order, and again with the same session. */
static void renew(struct agent_link *link)
{
    let_go(link);
    link->cfg.on_down(NULL, false, link->cfg.arg);
    dial(link);
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
            dial(link);
    } else if (renewing) { /* the old token lasts a while yet */
        link->state = LINK_UP;
        edge_timer_arm(link->timer, link->cfg.slow_ms);
    } else {
        lost(link, answer->err.text[0] ? answer->err.text : edge_strerror(answer->rc));
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

static void ask(struct agent_link *link, enum link_state state)
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

static void on_timer(void *arg)
{
    struct agent_link *link = arg;

    ask(link, link->state == LINK_UP ? LINK_RENEWING : LINK_ASKING);
}

/* ---- MQTT ---- */

static void on_mqtt_up(void *arg)
{
    struct agent_link *link = arg;

    link->state = LINK_UP;
    link->up_ms = edge_now_ms();
    link->refusals = 0;
    link->said[0] = '\0';
    edge_timer_arm(link->timer, (uint64_t) link->cfg.token_s * 750); /* three quarters of it */
    link->cfg.on_up(link->cfg.arg);
}

static void on_mqtt_message(const char *topic, struct edge_bytes payload, void *arg)
{
    struct agent_link *link = arg;

    link->cfg.on_message(topic, payload, link->cfg.arg);
}

/* The daemon cannot know why, and nor can we: what to look at, in the order of likelihood. */
static void refused(struct agent_link *link, const char *why)
{
    bool again = link->refusals > 0;
    char text[640];
    char now[EDGE_TIME_TEXT];

    link->refusals++;
    edge_time_format(edge_wall_ns(), now);
    (void) snprintf(text, sizeof text,
                    "%.160s. Look at the clock of this device (it says %.19sZ), whether the device "
                    "is enabled in IoT Hub, and whether its key is the right one",
                    why, now);
    lost_for(link, text, again);
}

static void on_mqtt_end(enum agent_mqtt_end end, const char *why, void *arg)
{
    struct agent_link *link = arg;
    const char *broken = link->cfg.ops->broken(link->cfg.via);

    if (end == AGENT_MQTT_REFUSED)
        refused(link, why);
    else if (end == AGENT_MQTT_LOST && *broken)
        lost(link, broken);
    else
        lost(link, why);
}

static char *user_name(const struct agent_link *link, const char *client_id)
{
    struct edge_buf name = EDGE_BUF_INIT(4096);

    edge_ignore(edge_buf_printf(&name, "%s/%s/?api-version=" API_VERSION "&DeviceClientType=",
                                link->device.hub_name, client_id));
    edge_ignore(edge_percent_encode(&name, link->product, strlen(link->product)));
    return edge_buf_take(&name);
}

static int open_mqtt(struct agent_link *link, const char *path, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *client_id = edge_format("%s/$edgeAgent", link->device.device_id);
    EDGE_CLEANUP(edge_free) char *name = client_id ? user_name(link, client_id) : NULL;
    const struct agent_mqtt_config config = {
        .loop = link->cfg.loop,
        .path = path,
        .client_id = client_id,
        .username = name,
        .password = link->token,
        .keep_alive_s = link->cfg.keep_alive_s,
        .answer_ms = link->cfg.answer_ms,
        .on_up = on_mqtt_up,
        .on_message = on_mqtt_message,
        .on_end = on_mqtt_end,
        .arg = link,
    };

    if (!name)
        return edge_fail(err, -ENOMEM, "no memory");
    link->state = LINK_OPENING;
    return agent_mqtt_open(&config, &link->mqtt, err);
}

static void on_dialled(int rc, const char *path, const struct edge_err *err, void *arg)
{
    struct agent_link *link = arg;
    struct edge_err mine = {0};

    if (rc == 0) {
        rc = open_mqtt(link, path, &mine);
        err = &mine;
    }
    forget_token(link); /* sent, or of no use */
    if (rc < 0)
        lost(link, err && err->text[0] ? err->text : edge_strerror(rc));
}

static void dial(struct agent_link *link)
{
    struct edge_err err = {0};
    int rc;

    link->state = LINK_DIALLING;
    rc = link->cfg.ops->dial(link->cfg.via, link->device.hub_name, on_dialled, link, &err);
    if (rc < 0)
        lost(link, err.text[0] ? err.text : edge_strerror(rc));
}

/* ---- open and close ---- */

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
    forget_token(link);
    agent_device_fini(&link->device);
    edge_cancel_unref(link->cancel);
    free(link->product);
    free(link);
    return NULL;
}
