#include "agent/security/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/security/boot/boot.h"
#include "agent/security/identity_api/identity_api.h"
#include "agent/security/notify/notify.h"
#include "agent/security/watchdog/watchdog.h"
#include "common/base/file.h"
#include "common/base/log.h"

enum {
    TICK_MS = 60000, /* the one regular wake-up: a word to systemd, a look at the agent */
    END_MS = 40000,  /* for the agent to end */
    WORKERS = 2,
};

struct daemon {
    const struct agent_config *config;
    struct edge_loop *loop;
    struct edge_cancel *cancel;
    struct edge_pool *workers; /* signatures, certificates, the agent's health */
    struct edge_pool *writer;  /* all that asks IoT Hub */
    struct edge_pool *asker;   /* DPS */
    struct sec_cloud_https cloud;
    struct sec_keys *keys;
    struct sec_certs *certs;
    struct sec_self *self;
    struct sec_workload *workload;
    struct sec_boot *boot;
    struct sec_identity_api *api;
    struct sec_watchdog *watchdog;
    struct edge_timer *tick;
    char *provisioning;
    char *agent_lock;
    int launcher;
    int lock;
    int exit_code;
    bool ending;
};

/* ---- questions of the rooms ---- */

/* The agent that we have started and no other; without one, who has our own user id. */
static bool is_agent(pid_t pid, uid_t uid, void *arg)
{
    const struct daemon *d = arg;
    pid_t agent = d->watchdog ? sec_watchdog_agent(d->watchdog) : 0;

    return uid == geteuid() && (!agent || pid == agent);
}

static const char *reason(void *arg)
{
    const struct daemon *d = arg;

    return d->boot ? sec_boot_reason(d->boot) : "the daemon is starting";
}

static void reprovision(bool asked, void *arg)
{
    const struct daemon *d = arg;

    if (d->boot)
        sec_boot_again(d->boot, asked);
}

static void on_ready(bool other, void *arg)
{
    const struct daemon *d = arg;
    struct sec_self_names names;

    if (sec_self_names(d->self, &names))
        sec_notify("STATUS=provisioned as %s at %s", names.device, names.hub);
    if (other && d->watchdog)
        sec_watchdog_restart(d->watchdog);
}

static void on_warning(const char *text)
{
    edge_warn("%s", text);
}

/* ---- the end ---- */

static void finish(void *arg)
{
    edge_loop_stop(((struct daemon *) arg)->loop);
}

static void on_launcher_lost(void *arg)
{
    struct daemon *d = arg;

    edge_error("the agent's launcher is gone: starting again");
    d->exit_code = SEC_EXIT_FAILED;
    finish(d);
}

static void on_term(int signum, void *arg)
{
    struct daemon *d = arg;

    if (d->ending) {
        finish(d);
        return;
    }
    edge_info("ending on signal %d; modules run on", signum);
    sec_notify("STOPPING=1");
    d->ending = true;
    edge_cancel_fire(d->cancel);
    if (!d->watchdog) {
        finish(d);
        return;
    }
    edge_timer_arm(d->tick, END_MS);
    sec_watchdog_end(d->watchdog);
}

static void on_tick(void *arg)
{
    struct daemon *d = arg;

    if (d->ending) {
        finish(d);
        return;
    }
    sec_notify("WATCHDOG=1");
    if (d->watchdog)
        sec_watchdog_look(d->watchdog);
    edge_timer_arm(d->tick, TICK_MS);
}

/* ---- the beginning ---- */

static int lock_home(struct daemon *d, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/securityd.lock", d->config->homedir);

    d->lock = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (d->lock < 0)
        return edge_fail(err, -errno, "cannot open %s: %s", path ? path : "a lock",
                         strerror(errno));
    if (flock(d->lock, LOCK_EX | LOCK_NB) < 0)
        return edge_fail(err, EDGE_ECONFLICT, "another edge-securityd works in %s: end it first",
                         d->config->homedir);
    return 0;
}

static int open_loop(struct daemon *d, struct edge_err *err)
{
    int rc = edge_loop_create(&d->loop);

    if (rc == 0)
        rc = edge_loop_on_signal(d->loop, SIGTERM, on_term, d);
    if (rc == 0)
        rc = edge_loop_on_signal(d->loop, SIGINT, on_term, d);
    if (rc == 0)
        rc = edge_pool_create(d->loop, "workers", WORKERS, &d->workers);
    if (rc == 0)
        rc = edge_pool_create(d->loop, "writer", 1, &d->writer);
    if (rc == 0)
        rc = edge_pool_create(d->loop, "asker", 1, &d->asker);
    d->cancel = edge_cancel_create();
    d->tick = d->loop ? edge_timer_create(d->loop, on_tick, d) : NULL;
    if (rc == 0 && (!d->cancel || !d->tick))
        rc = -ENOMEM;
    return rc < 0 ? edge_fail(err, rc, "cannot make the event loop: %s", edge_strerror(rc)) : 0;
}

static int open_keys(struct daemon *d, struct edge_err *err)
{
    const struct agent_config *c = d->config;
    EDGE_CLEANUP(edge_free) char *keys = edge_format("%s/keys", c->homedir);
    EDGE_CLEANUP(edge_free) char *certs = edge_format("%s/certs", c->homedir);
    EDGE_CLEANUP(edge_free) char *identities = edge_format("%s/identities", c->homedir);
    const struct sec_certs_options options = {
        .dir = certs,
        .name = c->hostname,
        .days = c->certificates.lifetime_days,
        .ca_cert = c->certificates.device_ca_cert,
        .ca_pk = c->certificates.device_ca_pk,
        .trusted_file = c->certificates.trusted_ca_certs,
    };
    int rc = keys && certs && identities ? 0 : -ENOMEM;

    if (rc == 0)
        rc = sec_keys_open(keys, c->keys.pkcs11, &d->keys, err);
    if (rc == 0)
        rc = sec_certs_open(&options, &d->certs, err);
    if (rc == 0)
        rc = sec_self_create(&d->cloud.base, d->keys, identities, &d->self);
    return rc;
}

static int open_apis(struct daemon *d, struct edge_err *err)
{
    const struct sec_workload_options workload = {
        .loop = d->loop,
        .pool = d->workers,
        .rundir = d->config->rundir,
        .self = d->self,
        .keys = d->keys,
        .certs = d->certs,
        .is_agent = is_agent,
        .arg = d,
    };
    struct sec_identity_api_options api = {
        .loop = d->loop,
        .writer = d->writer,
        .uri = d->config->listen.identity_uri,
        .hostname = d->config->hostname,
        .self = d->self,
        .is_agent = is_agent,
        .reason = reason,
        .reprovision = reprovision,
        .arg = d,
    };
    int rc = sec_workload_open(&workload, on_warning, &d->workload, err);

    api.workload = d->workload;
    return rc < 0 ? rc : sec_identity_api_open(&api, &d->api, err);
}

static int open_boot(struct daemon *d)
{
    const struct sec_boot_options boot = {
        .loop = d->loop,
        .writer = d->writer,
        .asker = d->asker,
        .self = d->self,
        .config = &d->config->provisioning,
        .cloud = &d->cloud.base,
        .cache = d->provisioning,
        .ready = on_ready,
        .arg = d,
    };

    return sec_boot_open(&boot, &d->boot);
}

static int open_watchdog(struct daemon *d)
{
    const char *uri = d->config->listen.management_uri;
    const struct sec_watchdog_options watchdog = {
        .loop = d->loop,
        .pool = d->workers,
        .launcher = d->launcher,
        .lock = d->agent_lock,
        .socket = strncmp(uri, "unix://", 7) == 0 ? uri + 7 : uri,
        .lost = on_launcher_lost,
        .ended = finish,
        .arg = d,
    };

    return d->launcher < 0 ? 0 : sec_watchdog_open(&watchdog, &d->watchdog);
}

static int begin(struct daemon *d, struct edge_err *err)
{
    int rc;

    d->provisioning = edge_format("%s/provisioning.json", d->config->homedir);
    d->agent_lock = edge_format("%s/agent.lock", d->config->homedir);
    if (!d->provisioning || !d->agent_lock)
        return -ENOMEM;
    rc = lock_home(d, err);
    if (rc == 0)
        rc = open_loop(d, err);
    if (rc < 0)
        return rc;
    sec_cloud_https_init(&d->cloud, d->config->cloud.trusted_ca, d->cancel);
    rc = open_keys(d, err);
    if (rc == 0)
        rc = open_apis(d, err);
    if (rc == 0)
        rc = open_boot(d);
    if (rc == 0)
        rc = open_watchdog(d);
    return rc;
}

/* Work first, then what it works with; what it still has to tell is heard by the loop's end. */
static void end(struct daemon *d)
{
    if (d->cancel)
        edge_cancel_fire(d->cancel);
    edge_pool_destroy(d->asker);
    edge_pool_destroy(d->writer);
    edge_pool_destroy(d->workers);
    sec_watchdog_close(d->watchdog);
    sec_boot_close(d->boot);
    sec_identity_api_close(d->api);
    sec_workload_close(d->workload);
    edge_timer_destroy(d->tick);
    edge_loop_destroy(d->loop);
    sec_self_destroy(d->self);
    sec_certs_close(d->certs);
    sec_keys_close(d->keys);
    edge_cancel_unref(d->cancel);
    edge_close(d->lock);
    free(d->provisioning);
    free(d->agent_lock);
}

/* What no new start will mend. */
static bool is_setting(int rc)
{
    return rc == EDGE_EINVALID || rc == EDGE_EAUTH;
}

int sec_daemon_run(const struct agent_config *config, int launcher)
{
    struct daemon d = {.config = config, .launcher = launcher, .lock = -1};
    struct edge_err err = {0};
    int rc = begin(&d, &err);

    if (rc < 0) {
        edge_error("cannot begin: %s", *err.text ? err.text : edge_strerror(rc));
        d.exit_code = is_setting(rc) ? SEC_EXIT_SETTINGS : SEC_EXIT_FAILED;
    } else {
        edge_info("edge-securityd " EDGE_VERSION " serves rundir=%s", config->rundir);
        sec_notify("READY=1\nSTATUS=being provisioned");
        edge_timer_arm(d.tick, TICK_MS);
        edge_loop_run(d.loop);
    }
    end(&d);
    return d.exit_code;
}
