/* Link, twin and methods of one agent on one loop. */
#include "agent/cloud/cloud.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/cloud/assembly.h"
#include "agent/cloud/methods.h"
#include "agent/cloud/twin.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/iothub/incoming.h"

struct agent_cloud {
    struct agent_cloud_config cfg;
    struct agent_cloud_parts parts;
    struct agent_link *link;
    struct agent_twin *twin;
    struct agent_calls *calls;
    struct edge_timer *timer; /* of the twin */
    bool told_up;
    bool closing; /* the loop runs for what is still to be sent; nobody is told anything */
};

/* Let the twin do what is due, and come again when more is. */
static void turn(struct agent_cloud *cloud)
{
    int64_t now = edge_now_ms();
    int64_t due;

    agent_twin_turn(cloud->twin, now);
    due = agent_twin_due(cloud->twin);
    if (due == INT64_MAX)
        edge_timer_disarm(cloud->timer);
    else
        edge_timer_arm(cloud->timer, due > now ? (uint64_t) (due - now) : 0);
    if (cloud->closing && agent_twin_settled(cloud->twin))
        edge_loop_stop(cloud->cfg.loop);
}

static void on_timer(void *arg)
{
    turn(arg);
}

/* ---- what the twin asks for ---- */

static int publish(const char *topic, const char *payload, size_t len, void *arg)
{
    struct agent_cloud *cloud = arg;

    return agent_link_publish(cloud->link, topic, payload, len);
}

static void twin_desired(const struct edge_json *desired, int64_t version, void *arg)
{
    struct agent_cloud *cloud = arg;

    if (!cloud->closing)
        cloud->cfg.on_desired(desired, version, cloud->cfg.arg);
}

static void twin_answered(void *arg)
{
    struct agent_cloud *cloud = arg;

    agent_link_settled(cloud->link);
}

static void twin_reopen(const char *why, void *arg)
{
    struct agent_cloud *cloud = arg;

    agent_link_reopen(cloud->link, why);
}

static void twin_note(const char *text, void *arg)
{
    (void) arg;
    edge_warn("cloud: %s", text);
}

/* ---- what the link tells ---- */

static void link_up(void *arg)
{
    struct agent_cloud *cloud = arg;

    if (!cloud->told_up && !cloud->closing) {
        cloud->told_up = true;
        edge_info("cloud: connected");
        cloud->cfg.on_link(true, "", cloud->cfg.arg);
    }
    agent_twin_up(cloud->twin, edge_now_ms());
    turn(cloud);
}

static void link_down(const char *why, bool news, void *arg)
{
    struct agent_cloud *cloud = arg;

    agent_twin_down(cloud->twin);
    turn(cloud);
    if (!why || !news || cloud->closing)
        return;
    cloud->told_up = false;
    edge_warn("cloud: not connected, trying on: %s", why);
    cloud->cfg.on_link(false, why, cloud->cfg.arg);
}

static void link_message(const char *topic, struct edge_bytes payload, void *arg)
{
    struct agent_cloud *cloud = arg;
    struct edge_incoming in;

    edge_incoming_read(topic, &in);
    switch (in.kind) {
    case EDGE_INCOMING_ANSWER:
        agent_twin_answer(cloud->twin, in.status, in.rid, in.version, payload, edge_now_ms());
        break;
    case EDGE_INCOMING_DESIRED:
        agent_twin_patch(cloud->twin, in.version, payload, edge_now_ms());
        break;
    case EDGE_INCOMING_METHOD:
        if (!cloud->closing)
            agent_calls_take(cloud->calls, &in, payload);
        break;
    case EDGE_INCOMING_C2D: /* modules have none */
    case EDGE_INCOMING_UNKNOWN:
        edge_debug("cloud: passed over topic=%.100s", topic);
        break;
    }
    turn(cloud);
}

/* ---- the room's face ---- */

static int create_parts(struct agent_cloud *cloud, struct edge_err *err)
{
    struct agent_twin_config twin = cloud->parts.twin;
    const struct agent_calls_ops calls = {publish, cloud->cfg.on_method};
    struct agent_link_config link = cloud->parts.link;
    int rc;

    twin.ops =
        (struct agent_twin_ops){publish, twin_desired, twin_answered, twin_reopen, twin_note};
    twin.arg = cloud;
    twin.refresh_ms = (int64_t) cloud->cfg.refresh_s * 1000;
    twin.seed = (uint32_t) edge_wall_ns();
    rc = agent_twin_create(&twin, &cloud->twin);
    if (rc == 0)
        rc = agent_calls_create(&calls, cloud, cloud->cfg.arg, &cloud->calls);
    cloud->timer = edge_timer_create(cloud->cfg.loop, on_timer, cloud);
    if (rc < 0 || !cloud->timer)
        return edge_fail(err, -ENOMEM, "cloud: no memory");
    link.loop = cloud->cfg.loop;
    link.daemon = cloud->cfg.daemon;
    link.product = cloud->cfg.product;
    link.on_up = link_up;
    link.on_down = link_down;
    link.on_message = link_message;
    link.arg = cloud;
    return agent_link_open(&link, &cloud->link, err);
}

int agent_cloud_assemble(const struct agent_cloud_config *config,
                         const struct agent_cloud_parts *parts, struct agent_cloud **ret,
                         struct edge_err *err)
{
    struct agent_cloud *cloud = calloc(1, sizeof *cloud);
    int rc;

    if (!cloud)
        return edge_fail(err, -ENOMEM, "cloud: no memory");
    cloud->cfg = *config;
    cloud->parts = *parts;
    rc = create_parts(cloud, err);
    if (rc < 0) {
        cloud->parts.close = NULL; /* still the caller's */
        agent_cloud_close(cloud, 0);
        return rc;
    }
    *ret = cloud;
    return 0;
}

void agent_cloud_report(struct agent_cloud *cloud, const struct edge_json *reported)
{
    agent_twin_report(cloud->twin, reported);
    turn(cloud);
}

bool agent_cloud_connected(const struct agent_cloud *cloud)
{
    return agent_link_connected(cloud->link);
}

const struct agent_device *agent_cloud_device(const struct agent_cloud *cloud)
{
    return agent_link_device(cloud->link);
}

static void on_late(void *arg)
{
    struct agent_cloud *cloud = arg;

    edge_loop_stop(cloud->cfg.loop);
}

static void send_rest(struct agent_cloud *cloud, unsigned ms)
{
    struct edge_timer *late = edge_timer_create(cloud->cfg.loop, on_late, cloud);

    if (!late)
        return;
    cloud->closing = true;
    edge_timer_arm(late, ms);
    agent_twin_hurry(cloud->twin);
    edge_timer_arm(cloud->timer, 0);
    edge_loop_run(cloud->cfg.loop);
    edge_timer_destroy(late);
}

struct agent_cloud *agent_cloud_close(struct agent_cloud *cloud, unsigned ms)
{
    if (!cloud)
        return NULL;
    if (ms > 0 && agent_cloud_connected(cloud) && !agent_twin_settled(cloud->twin))
        send_rest(cloud, ms);
    cloud->closing = true;
    agent_link_close(cloud->link);
    agent_calls_destroy(cloud->calls);
    agent_twin_destroy(cloud->twin);
    edge_timer_destroy(cloud->timer);
    if (cloud->parts.close)
        cloud->parts.close(cloud->parts.link.via);
    free(cloud);
    return NULL;
}
