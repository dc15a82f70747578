#include "agent/cloudside/cloudside.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/cloud/cloud.h"
#include "agent/cloud/reported.h"
#include "agent/cloudside/calls.h"
#include "agent/cloudside/grants.h"
#include "common/base/bytes.h"
#include "common/base/clock.h"
#include "common/base/log.h"

enum {
    MERGE_MS = 200,    /* changes within are looked at once */
    GOODBYE_MS = 2000, /* for what waits to be told at the end */
};

struct agent_cloudside {
    struct edge_loop *loop;
    const struct agent_config *config;
    char *identity_socket;
    char *workload_socket;
    struct agent_identity_daemon daemon;
    struct agent_identity_ops identities;
    struct agent_supervisor *sup; /* from start to stop */
    struct agent_source *source;
    struct agent_cloud *cloud;
    struct side_calls calls;
    struct side_figures *figures; /* NULL: not wanted, or its port is taken */
    struct edge_watch *watch; /* of edge-securityd's socket: it comes anew with each of its lives */
    struct edge_timer *timer; /* until the next look at what is to be told */
    struct agent_outcome outcome;
    int64_t started_ns;
};

/* ---- made and let go ---- */

static int fill(struct agent_cloudside *side, const struct agent_config *config)
{
    const char *uri = config->listen.identity_uri;

    side->config = config;
    side->identity_socket = strdup(uri + (strncmp(uri, "unix://", 7) == 0 ? 7 : 0));
    side->workload_socket = edge_format("%s/workload/edgeAgent/workload.sock", config->rundir);
    side->daemon = (struct agent_identity_daemon){side->identity_socket, side->workload_socket,
                                                  edge_cancel_create()};
    side->identities = agent_grants(&side->daemon);
    side->started_ns = edge_wall_ns();
    agent_outcome_init(&side->outcome);
    return side->identity_socket && side->workload_socket && side->daemon.cancel ? 0 : -ENOMEM;
}

int agent_cloudside_create(struct edge_loop *loop, const struct agent_config *config,
                           struct agent_cloudside **ret, struct edge_err *err)
{
    struct agent_cloudside *side = calloc(1, sizeof *side);

    if (!side || fill(side, config) < 0) {
        agent_cloudside_destroy(side);
        return edge_fail(err, -ENOMEM, "no memory for the cloud's side");
    }
    side->loop = loop;
    *ret = side;
    return 0;
}

struct agent_cloudside *agent_cloudside_destroy(struct agent_cloudside *side)
{
    if (!side)
        return NULL;
    edge_cancel_unref(side->daemon.cancel);
    free(side->identity_socket);
    free(side->workload_socket);
    free(side);
    return NULL;
}

const struct agent_identity_ops *agent_cloudside_identities(const struct agent_cloudside *side)
{
    return &side->identities;
}

/* ---- to the cloud ---- */

static struct edge_json *make_reported(struct agent_cloudside *side, const struct edge_json *list)
{
    const struct agent_desired *desired = agent_supervisor_desired(side->sup);
    const struct edge_json *agent = desired ? desired->edge_agent : NULL;
    const struct agent_reported_facts facts = {
        .desired = desired,
        .list = list,
        .last_version = side->outcome.version,
        .code = side->outcome.code,
        .description = side->outcome.text,
        .agent_image = edge_json_str(
            edge_json_get_nocase(edge_json_get_nocase(agent, "settings"), "image"), NULL),
        .agent_started_ns = side->started_ns,
    };

    return agent_reported_make(&facts);
}

static void update_outcome(struct agent_cloudside *side, const struct edge_json *list)
{
    const char *text;
    int code = agent_source_status(side->source, &text);
    const struct agent_outcome_facts facts = {
        .code = code,
        .text = text,
        .version = agent_source_version(side->source),
        .trouble = agent_supervisor_trouble(side->sup),
        .list = list,
    };

    if (agent_outcome_update(&side->outcome, &facts))
        edge_info("deployment code=%d version=%lld%s%s", side->outcome.code,
                  (long long) side->outcome.version, *side->outcome.text ? ": " : "",
                  side->outcome.text);
}

static void report(void *arg)
{
    struct agent_cloudside *side = arg;
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = agent_supervisor_list(side->sup);
    EDGE_CLEANUP(edge_json_free) struct edge_json *reported = NULL;

    if (!list)
        return; /* no memory now: the next change tries again */
    update_outcome(side, list);
    side_figures_device(side->figures, agent_cloud_device(side->cloud));
    side_figures_list(side->figures, list);
    reported = make_reported(side, list);
    if (reported)
        agent_cloud_report(side->cloud, reported);
}

void agent_cloudside_changed(struct agent_cloudside *side)
{
    if (side->timer && !edge_timer_armed(side->timer))
        edge_timer_arm(side->timer, MERGE_MS);
}

const struct agent_outcome *agent_cloudside_outcome(struct agent_cloudside *side)
{
    return &side->outcome;
}

/* ---- from the cloud ---- */

static void on_desired(const struct edge_json *desired, int64_t version, void *arg)
{
    struct agent_cloudside *side = arg;

    edge_ignore(agent_source_twin(side->source, desired, version)); /* its status tells */
    agent_cloudside_changed(side);
}

static void on_method(struct agent_cloud_call *call, const char *name,
                      const struct edge_json *payload, void *arg)
{
    struct agent_cloudside *side = arg;

    side_calls_answer(&side->calls, agent_cloud_device(side->cloud), call, name, payload);
}

/* What happened in the cloud while it was away may concern identities, too. */
static void on_link(bool connected, const char *why, void *arg)
{
    struct agent_cloudside *side = arg;

    (void) why; /* the link has told it */
    side_figures_synced(side->figures, connected);
    if (!connected)
        return;
    agent_supervisor_review_identities(side->sup);
    agent_cloudside_changed(side);
}

static void on_daemon(void *arg)
{
    agent_supervisor_renew_identities(((struct agent_cloudside *) arg)->sup);
}

static int open_link(struct agent_cloudside *side, struct edge_err *err)
{
    const struct agent_config *c = side->config;
    const struct agent_cloud_config link = {
        .loop = side->loop,
        .daemon = side->daemon,
        .upstream = c->agent.upstream_websocket ? AGENT_UPSTREAM_MQTT_WS : AGENT_UPSTREAM_MQTT,
        .proxy = c->agent.https_proxy,
        .ca_pem_file = c->cloud.trusted_ca,
        .rundir = c->rundir,
        .product = "EdgeAgent/" EDGE_VERSION,
        .on_desired = on_desired,
        .on_method = on_method,
        .on_link = on_link,
        .arg = side,
    };

    return agent_cloud_open(&link, &side->cloud, err);
}

int agent_cloudside_start(struct agent_cloudside *side, struct agent_supervisor *sup,
                          struct agent_source *source,
                          const struct agent_cloudside_methods *methods, struct edge_err *err)
{
    int rc;

    side->sup = sup;
    side->source = source;
    side->figures = side_figures_open(side->loop, side->config);
    side->calls = (struct side_calls){.loop = side->loop,
                                      .config = side->config,
                                      .ops = methods->ops,
                                      .edgectl = methods->edgectl,
                                      .figures = side->figures};
    side->timer = edge_timer_create(side->loop, report, side);
    if (!side->timer)
        return edge_fail(err, -ENOMEM, "no memory for the cloud's side");
    rc = edge_watch_create(side->loop, side->identity_socket, on_daemon, side, &side->watch);
    if (rc < 0)
        return edge_fail(err, rc, "cannot watch %s: %s", side->identity_socket, edge_strerror(rc));
    rc = open_link(side, err);
    if (rc == 0)
        agent_cloudside_changed(side);
    return rc;
}

/* ---- the end ---- */

/* Who looks at the cloud alone shall not take what runs now for what runs later. */
static void say_goodbye(struct agent_cloudside *side)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = agent_supervisor_list(side->sup);
    EDGE_CLEANUP(edge_json_free) struct edge_json *reported = NULL;

    if (!list || !agent_cloud_connected(side->cloud))
        return;
    agent_outcome_end(&side->outcome);
    reported = make_reported(side, list);
    if (reported)
        agent_cloud_report(side->cloud, reported);
}

void agent_cloudside_stop(struct agent_cloudside *side)
{
    if (!side)
        return;
    edge_cancel_fire(side->daemon.cancel);
    side_calls_end(&side->calls); /* what is being answered is answered while there is a link */
    side->timer = edge_timer_destroy(side->timer);
    if (side->cloud)
        say_goodbye(side);
    side->cloud = agent_cloud_close(side->cloud, GOODBYE_MS);
    side->watch = edge_watch_destroy(side->watch);
    side->figures = side_figures_close(side->figures);
    side->sup = NULL;
    side->source = NULL;
}
