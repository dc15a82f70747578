#include <errno.h>
#include <stdio.h>

#include "agent/cloud/link_state.h"
#include "common/base/clock.h"
#include "common/base/encode.h"

#define API_VERSION "2021-04-12"

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
    link_lost_for(link, text, again);
}

static void on_mqtt_end(enum agent_mqtt_end end, const char *why, void *arg)
{
    struct agent_link *link = arg;
    const char *broken = link->cfg.ops->broken(link->cfg.via);

    if (end == AGENT_MQTT_REFUSED)
        refused(link, why);
    else if (end == AGENT_MQTT_LOST && *broken)
        link_lost(link, broken);
    else
        link_lost(link, why);
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
    link_forget_token(link); /* sent, or of no use */
    if (rc < 0)
        link_lost(link, err && err->text[0] ? err->text : edge_strerror(rc));
}

void link_dial(struct agent_link *link)
{
    struct edge_err err = {0};
    int rc;

    link->state = LINK_DIALLING;
    rc = link->cfg.ops->dial(link->cfg.via, link->device.hub_name, on_dialled, link, &err);
    if (rc < 0)
        link_lost(link, err.text[0] ? err.text : edge_strerror(rc));
}
