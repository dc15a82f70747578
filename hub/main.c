/* edge-hub: wiring only. What each part does is in its room.
 *
 *   settings, self -> store -> workload: vault, trust, certificate -> auth -> core -> cloud
 *                                            core configured -> serve: ports, "ready" */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/base/file.h"
#include "hub/auth/scope_http.h"
#include "hub/boot.h"
#include "hub/privileges.h"
#include "hub/serve.h"

enum {
    EXIT_SETTINGS = 153,
    DRAIN_MS = 2000, /* for IoT Hub to answer for what it has been sent */
};

struct hub {
    struct hub_setup setup;
    struct hub_self self;
    struct edge_loop *loop;
    struct hub_store *store;
    struct hub_boot boot;
    struct hub_scope_http *scope;
    struct hub_auth *auth;
    struct hub_core *core;
    struct edge_tls_client *tls;
    struct hub_tokens tokens;
    struct hub_cloud *cloud;
    struct hub_serve *serve;
    bool ending;
    int rc; /* why the loop was stopped, when not by a signal */
    struct edge_err err;
};

/* ---- before the loop runs ---- */

/* As process 1 of a container nothing ends us but this. */
static void on_early_signal(int signum)
{
    (void) signum;
    _exit(EXIT_SUCCESS);
}

static void on_drained(void *arg)
{
    struct hub *hub = arg;

    edge_loop_stop(hub->loop);
}

/* What IoT Hub has been sent is settled first, or it would be sent again by the next hub. A second
 * signal ends it at once. */
static void on_signal(int signum, void *arg)
{
    struct hub *hub = arg;

    edge_info("ending: signal=%d", signum);
    if (hub->ending) {
        edge_loop_stop(hub->loop);
        return;
    }
    hub->ending = true;
    if (hub->serve)
        hub_serve_stop(hub->serve);
    hub_core_drain(hub->core, DRAIN_MS, on_drained, hub);
}

static void on_hangup(int signum, void *arg)
{
    struct hub *hub = arg;

    (void) signum;
    if (hub->serve && !hub->ending)
        hub_serve_renew(hub->serve);
}

/* Each client holds a descriptor, and a shell's soft limit is 1024. */
static void allow_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &files);
    }
}

static void on_notice(const char *text, void *arg)
{
    (void) arg;
    edge_warn("store: %s", text);
}

static int open_store(struct hub *hub, struct edge_err *err)
{
    struct hub_store_options options = {
        .loop = hub->loop,
        .dir = hub->setup.storage,
        .commit_delay_us = hub->setup.commit_delay_us,
        .notice = on_notice,
    };

    return hub_store_open(&options, &hub->store, err);
}

/* ---- the hub ---- */

static void on_changed(const struct edge_identity *who, void *arg)
{
    struct hub *hub = arg;

    if (hub->core)
        hub_core_identity_changed(hub->core, who);
}

static int open_auth(struct hub *hub, struct edge_err *err)
{
    struct hub_auth_options options = {
        .loop = hub->loop,
        .store = hub->store,
        .vault = hub->boot.vault,
        .self = &hub->self,
        .trust_pem = hub->boot.trust_pem,
        .refresh_s = hub->setup.scope_refresh_s,
        .refresh_delay_s = hub->setup.scope_delay_s,
        .changed = on_changed,
        .arg = hub,
    };
    int rc = hub_scope_http_open(hub->loop, hub->boot.workload, &hub->self, hub->boot.trust_pem,
                                 &hub->scope, err);

    if (rc < 0)
        return rc;
    options.source = hub_scope_http_source(hub->scope);
    return hub_auth_open(&options, &hub->auth, err);
}

static void on_configured(void *arg)
{
    struct hub *hub = arg;
    struct hub_serve_options options = {
        .loop = hub->loop,
        .core = hub->core,
        .workload = hub->boot.workload,
        .self = &hub->self,
        .setup = &hub->setup,
        .certificate = &hub->boot.certificate,
    };

    if (hub->ending)
        return;
    hub->rc = hub_serve_open(&options, &hub->serve, &hub->err);
    if (hub->rc < 0) {
        edge_loop_stop(hub->loop);
        return;
    }
    edge_info("serving: version=%s device=%s", EDGE_VERSION, hub->self.who.device);
    puts("ready");
    fflush(stdout);
}

static int open_core(struct hub *hub, struct edge_err *err)
{
    struct hub_core_options options = {
        .loop = hub->loop,
        .store = hub->store,
        .vault = hub->boot.vault,
        .auth = hub->auth,
        .self = &hub->self,
        .settings = hub->setup.core,
        .configured = on_configured,
        .arg = hub,
    };

    return hub_core_create(&options, &hub->core, err);
}

static void get_token(void *self,
                      void (*done)(int rc, const char *token, int64_t until_s,
                                   const struct edge_err *err, void *arg),
                      void *arg)
{
    struct hub *hub = self;

    hub_workload_token(hub->boot.workload, done, arg);
}

static const char *get_chain(void *self, const struct edge_identity *who)
{
    struct hub *hub = self;

    return hub_auth_chain(hub->auth, who);
}

static int open_cloud(struct hub *hub, struct edge_err *err)
{
    struct edge_tls_client_options tls = {.ca_pem = hub->boot.trust_pem};
    struct hub_cloud_options options = {
        .loop = hub->loop,
        .protocol = hub->setup.upstream,
        .host = hub->self.upstream,
        .hub_name = hub->self.hub_name,
        .self = hub->self.who,
        .proxy = hub->setup.proxy,
        .rundir = hub->setup.storage,
        .tokens = &hub->tokens,
        .events = *hub_core_events(),
        .arg = hub->core,
    };
    int rc = edge_tls_client_create(&tls, &hub->tls, err);

    hub->tokens = (struct hub_tokens){.get = get_token, .chain = get_chain, .self = hub};
    options.tls = hub->tls;
    if (rc == 0)
        rc = hub_cloud_open(&options, &hub->cloud, err);
    if (rc == 0)
        hub_core_start(hub->core, hub_cloud_upstream(hub->cloud));
    return rc;
}

static int run(struct hub *hub, struct edge_err *err)
{
    int rc = edge_loop_create(&hub->loop);

    allow_files();
    if (rc == 0)
        rc = open_store(hub, err);
    if (rc == 0)
        rc = hub_boot(hub->loop, hub->store, &hub->self, &hub->boot, err);
    if (rc == 0)
        rc = open_auth(hub, err);
    if (rc == 0)
        rc = open_core(hub, err);
    if (rc == 0)
        rc = open_cloud(hub, err);
    if (rc == 0)
        rc = edge_loop_on_signal(hub->loop, SIGTERM, on_signal, hub);
    if (rc == 0)
        rc = edge_loop_on_signal(hub->loop, SIGINT, on_signal, hub);
    if (rc == 0)
        rc = edge_loop_on_signal(hub->loop, SIGHUP, on_hangup, hub);
    if (rc < 0)
        return rc;
    edge_loop_run(hub->loop);
    if (hub->rc < 0)
        *err = hub->err;
    return hub->rc;
}

/* Clients are dropped first, so that they come back to the next hub at once. */
static void close_all(struct hub *hub)
{
    if (hub->serve)
        hub_serve_stop(hub->serve);
    hub_core_destroy(hub->core);
    hub->core = NULL;
    hub_serve_close(hub->serve);
    hub_cloud_close(hub->cloud);
    edge_tls_client_destroy(hub->tls);
    hub_auth_close(hub->auth);
    hub_scope_http_close(hub->scope);
    hub_boot_fini(&hub->boot);
    hub_store_close(hub->store);
    edge_loop_destroy(hub->loop);
}

static int say(const struct edge_err *err, int rc)
{
    fprintf(stderr, "edge-hub: %s\n", *err->text ? err->text : edge_strerror(rc));
    return rc;
}

int main(int argc, char **argv)
{
    struct hub hub = {0};
    struct edge_err err = {0};
    int rc;

    (void) signal(SIGTERM, on_early_signal);
    (void) signal(SIGPIPE, SIG_IGN);
    rc = hub_setup_read(argc, argv, hub_env, &hub.setup, &err);
    if (rc == 0)
        rc = hub_self_read(hub_env, &hub.self, &err);
    if (rc != 0) {
        hub_setup_fini(&hub.setup);
        hub_self_fini(&hub.self);
        return rc == HUB_SETUP_DONE ? EXIT_SUCCESS : (say(&err, rc), EXIT_SETTINGS);
    }
    edge_log_set_level(hub.setup.log);
    rc = hub_become(hub.setup.user, hub.setup.storage, &err);
    if (rc == 0)
        rc = run(&hub, &err);
    close_all(&hub);
    hub_self_fini(&hub.self);
    hub_setup_fini(&hub.setup);
    return rc < 0 ? (say(&err, rc), EXIT_FAILURE) : EXIT_SUCCESS;
}
