/* edge-agent: wiring only. What each part does is in its room. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>

#include "agent/cloudside/cloudside.h"
#include "agent/config/args.h"
#include "agent/config/config.h"
#include "agent/manage/manage.h"
#include "agent/source/source.h"
#include "agent/supervisor/supervisor.h"
#include "common/base/cancel.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"

enum { PARALLEL_LAYERS = 3, EXIT_CONFIG = 2, LOCK_TRIES = 100, LOCK_PAUSE_MS = 20 };

struct agent {
    struct agent_config *config;
    struct edge_loop *loop;
    struct agent_state *state;
    struct agent_ctrd *ctrd;
    struct agent_images *images;
    struct agent_network *net;
    struct agent_runtime rt;
    struct agent_cloudside *cloud; /* NULL: deployments come from a file */
    struct agent_supervisor *sup;
    struct agent_source *source;
    struct agent_manage *manage;
    char *log_dir;
    char *db;
    char *logger;
    char *edgectl;
    char *cgroup;
    int lock;
    int exit_code;
};

static void say_warning(const char *text, void *arg)
{
    (void) arg;
    edge_warn("%s", text);
}

/* ---- the management API's view ---- */

static struct edge_json *api_list(void *arg)
{
    return agent_supervisor_list(((struct agent *) arg)->sup);
}

static int api_act(const char *module, const char *verb, void *arg, struct edge_err *err)
{
    return agent_supervisor_act(((struct agent *) arg)->sup, module, verb, err);
}

/* What a deployment must and must not have, by where it comes from. */
static struct agent_desired_rules rules(const struct agent *a)
{
    if (a->cloud)
        return (struct agent_desired_rules){.reserved = AGENT_WORKLOAD_TARGET};
    return (struct agent_desired_rules){.system_modules_optional = true};
}

static int api_plan(struct edge_bytes text, struct edge_json **ret, void *arg, struct edge_err *err)
{
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = NULL;
    struct agent *a = arg;
    const struct agent_desired_rules checks = rules(a);
    int rc = agent_desired_parse((const char *) text.data, text.len, &checks, &desired, err);

    return rc < 0 ? rc : agent_supervisor_plan(a->sup, desired, ret, err);
}

static int api_apply(struct edge_bytes text, void *arg, struct edge_err *err)
{
    return agent_source_apply(((struct agent *) arg)->source, (const char *) text.data, text.len,
                              err);
}

static int api_log_id(const char *module, char **ret, void *arg, struct edge_err *err)
{
    const char *id = agent_supervisor_container_id(((struct agent *) arg)->sup, module);

    if (!id)
        return edge_fail(err, -ENOENT, "no module named %s", module);
    *ret = strdup(id);
    return *ret ? 0 : -ENOMEM;
}

static struct edge_json *api_systeminfo(void *arg)
{
    struct agent *a = arg;
    struct edge_json *info = edge_json_new_object();
    struct edge_json *deployment = info ? edge_json_need_object(info, "deployment") : NULL;
    const char *text;
    int code = agent_source_status(a->source, &text);

    if (!deployment)
        return edge_json_free(info);
    if (a->cloud) {
        code = agent_cloudside_outcome(a->cloud)->code;
        text = agent_cloudside_outcome(a->cloud)->text;
    }
    edge_ignore(edge_json_set_str(info, "version", EDGE_VERSION));
    edge_ignore(edge_json_set_str(info, "hostname", a->config->hostname));
    edge_ignore(edge_json_set_int(deployment, "code", code));
    edge_ignore(edge_json_set_str(deployment, "description", text));
    return info;
}

static int open_manage(struct agent *a, struct edge_err *err)
{
    const struct agent_manage_ops ops = {
        .list = api_list,
        .act = api_act,
        .plan = api_plan,
        .apply = api_apply,
        .log_id = api_log_id,
        .systeminfo = api_systeminfo,
        .arg = a,
    };

    return agent_manage_open(a->loop, a->config->listen.management_uri, a->log_dir, &ops,
                             &a->manage, err);
}

/* ---- begin and end ---- */

static void on_change(void *arg)
{
    struct agent *a = arg;

    if (a->manage)
        agent_manage_changed(a->manage);
    if (a->cloud)
        agent_cloudside_changed(a->cloud);
}

static void on_desired(struct agent_desired *desired, void *arg)
{
    struct agent *a = arg;

    agent_supervisor_apply(a->sup, desired);
    if (a->cloud)
        agent_cloudside_changed(a->cloud);
}

static void on_term(int signum, void *arg)
{
    struct agent *a = arg;

    edge_info("ending on signal %d; modules run on", signum);
    edge_loop_stop(a->loop);
}

/* Two agents on one state would undo each other's work. A helper program that a killed agent was
 * about to start has the lock until it begins: that is waited for. */
static int lock_home(struct agent *a, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/agent.lock", a->config->homedir);
    int tries = LOCK_TRIES;

    a->lock = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (a->lock < 0)
        return edge_fail(err, -errno, "cannot open %s: %s", path, strerror(errno));
    while (flock(a->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return edge_fail(err, -errno, "cannot lock %s: %s", path, strerror(errno));
        if (--tries == 0)
            return edge_fail(err, EDGE_ECONFLICT, "another edge-agent works in %s: end it first",
                             a->config->homedir);
        (void) edge_cancel_sleep(NULL, LOCK_PAUSE_MS);
    }
    return 0;
}

static int open_state(struct agent *a, struct edge_err *err)
{
    int rc = edge_mkdirs(a->config->homedir, 0755, err);

    if (rc == 0)
        rc = edge_mkdirs(a->config->rundir, 0755, err);
    if (rc == 0)
        rc = edge_mkdirs(a->log_dir, 0750, err);
    if (rc == 0)
        rc = lock_home(a, err);
    if (rc < 0)
        return rc;
    rc = agent_state_open(a->db, &a->state, err);
    if (rc == AGENT_STATE_SET_ASIDE) {
        edge_error("%s", err->text);
        rc = 0;
    }
    return rc;
}

static int open_rooms(struct agent *a, struct edge_err *err)
{
    const struct agent_config *c = a->config;
    struct agent_network_config net = {c->network.name, c->network.subnet, c->rundir,
                                       c->network.cni_bin};
    struct agent_images_config images = {.registries = c->registries,
                                         .nregistries = c->nregistries,
                                         .parallel_layers = PARALLEL_LAYERS};
    int rc = agent_ctrd_open(c->containerd.uri, c->containerd.ns, &a->ctrd, err);

    if (rc == 0)
        rc = agent_images_open(a->ctrd, &images, &a->images, err);
    if (rc == 0)
        rc = agent_network_open(&net, &a->net, err);
    a->rt = (struct agent_runtime){
        .ctrd = a->ctrd,
        .images = a->images,
        .homedir = c->homedir,
        .rundir = c->rundir,
        .logger = a->logger,
        .cgroup = a->cgroup,
        .around = {.hostname = c->hostname,
                   .log_level = c->agent.log_level,
                   .upstream = c->agent.upstream_protocol},
    };
    return rc;
}

static int open_supervision(struct agent *a, struct edge_err *err)
{
    const struct agent_config *c = a->config;
    struct agent_supervisor_config sup = {
        .loop = a->loop,
        .rt = &a->rt,
        .net = a->net,
        .state = a->state,
        .identities = a->cloud ? agent_cloudside_identities(a->cloud) : NULL,
        .rules = {c->agent.max_restart_count, c->agent.cool_off_unit_s,
                  c->agent.intensive_care_minutes},
        .on_change = on_change,
        .arg = a,
    };
    struct agent_source_config source = {
        .loop = a->loop,
        .state = a->state,
        .path = a->cloud ? NULL : c->provisioning.deployment,
        .rules = rules(a),
        .on_desired = on_desired,
        .arg = a,
    };
    const struct agent_cloudside_methods methods = {
        .ops = {api_list, api_act, api_log_id, api_systeminfo, a}, .edgectl = a->edgectl};
    int rc = agent_supervisor_create(&sup, &a->sup, err);

    if (rc == 0)
        rc = agent_source_open(&source, &a->source, err);
    if (rc == 0 && a->cloud)
        rc = agent_cloudside_start(a->cloud, a->sup, a->source, &methods, err);
    if (rc == 0)
        rc = open_manage(a, err);
    return rc;
}

static int begin(struct agent *a, struct edge_err *err)
{
    int rc = edge_loop_create(&a->loop);

    if (rc < 0)
        return edge_fail(err, rc, "cannot make the event loop: %s", edge_strerror(rc));
    if (edge_loop_on_signal(a->loop, SIGTERM, on_term, a) < 0 ||
        edge_loop_on_signal(a->loop, SIGINT, on_term, a) < 0)
        return edge_fail(err, EDGE_EREMOTE, "cannot handle signals");
    rc = open_state(a, err);
    if (rc == 0 && strcmp(a->config->provisioning.source, "file") != 0)
        rc = agent_cloudside_create(a->loop, a->config, &a->cloud, err);
    if (rc == 0)
        rc = open_rooms(a, err);
    if (rc == 0)
        rc = open_supervision(a, err);
    return rc;
}

static void end(struct agent *a)
{
    agent_cloudside_stop(a->cloud);
    a->manage = agent_manage_close(a->manage);
    a->source = agent_source_close(a->source);
    a->sup = agent_supervisor_destroy(a->sup);
    a->loop = edge_loop_destroy(a->loop);
    a->cloud = agent_cloudside_destroy(a->cloud);
    agent_network_close(a->net);
    agent_images_close(a->images);
    agent_ctrd_close(a->ctrd);
    agent_state_close(a->state);
    edge_close(a->lock);
    agent_config_free(a->config);
    free(a->log_dir);
    free(a->db);
    free(a->logger);
    free(a->edgectl);
    free(a->cgroup);
}

static int load(struct agent *a, const char *path, struct edge_err *err)
{
    enum edge_log_level level;
    int rc = agent_config_load(path, say_warning, NULL, &a->config, err);

    if (rc < 0)
        return rc;
    if (edge_log_parse_level(a->config->agent.log_level, &level) == 0)
        edge_log_set_level(level);
    a->log_dir = edge_format("%s/logs", a->config->homedir);
    a->db = edge_format("%s/agent.db", a->config->homedir);
    a->cgroup = edge_format("/%s", a->config->containerd.ns);
    a->logger = edge_beside("edge-logger");
    a->edgectl = edge_beside("edgectl");
    return a->log_dir && a->db && a->cgroup && a->logger && a->edgectl ? 0 : -ENOMEM;
}

static const char usage[] =
    "usage: edge-agent [--config FILE]\n"
    "\n"
    "Makes the deployment true with containerd and supervises its modules.\n"
    "\n"
    "  --config FILE   default " AGENT_CONFIG_PATH "\n"
    "  --version\n"
    "  --help\n"
    "\n"
    "Ends on SIGTERM; modules run on. Exit codes: 0 ended on a signal, 1 failed,\n"
    "2 bad arguments or configuration.\n";

int main(int argc, char **argv)
{
    const char *path = AGENT_CONFIG_PATH;
    struct agent agent = {.lock = -1};
    struct edge_err err = {0};
    int rc = agent_args_read(argc, argv, "edge-agent", usage, &path);

    if (rc != 0)
        return rc == AGENT_ARGS_DONE ? 0 : EXIT_CONFIG;
    (void) signal(SIGPIPE, SIG_IGN);
    rc = load(&agent, path, &err);
    if (rc < 0) {
        edge_error("%s", *err.text ? err.text : edge_strerror(rc));
        end(&agent);
        return EXIT_CONFIG;
    }
    rc = begin(&agent, &err);
    if (rc < 0) {
        edge_error("cannot begin: %s", *err.text ? err.text : edge_strerror(rc));
    } else {
        edge_info("edge-agent " EDGE_VERSION " serves namespace=%s", agent.config->containerd.ns);
        edge_loop_run(agent.loop);
    }
    end(&agent);
    return rc < 0 ? 1 : 0;
}
