#include "agent/cloud/tunnel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/net/dial.h"
#include "common/net/listen.h"

enum {
    PORT = 8883,
    PORT_WEBSOCKET = 443,
    QUEUE_MAX = 64 * 1024, /* bytes queued on one side before the other is not read from */
    CA_MAX = 1024 * 1024,
};

/* Two streams, what comes from one going out by the other. It outlives hang_up until libmosquitto's
 * end is at its end and all of it has gone out. */
struct splice {
    struct agent_tunnel *tunnel; /* NULL: let go */
    struct edge_stream *near;    /* libmosquitto */
    struct edge_stream *far;     /* IoT Hub; NULL: it has ended */
};

struct agent_tunnel {
    struct agent_tunnel_config cfg;
    char *path;
    char *ca_pem_file;
    char *proxy;
    struct edge_tls_client *tls; /* NULL until first needed */
    struct edge_listener *listener;
    struct edge_dial *dial;
    struct edge_stream *far; /* dialled, waiting for libmosquitto */
    struct splice *splice;
    void (*done)(int rc, const char *path, const struct edge_err *err, void *arg);
    void *arg;
    char broken[200];
};

/* ---- splice ---- */

static void splice_free(struct splice *s)
{
    if (s->tunnel)
        s->tunnel->splice = NULL;
    edge_stream_close(s->near);
    edge_stream_close(s->far);
    free(s);
}

static void forward(struct edge_stream *from, struct edge_stream *to, struct edge_bytes data)
{
    if (!to)
        return;
    edge_stream_write(to, data.data, data.len);
    if (edge_stream_queued(to) > QUEUE_MAX)
        edge_stream_pause(from, true);
}

static void near_data(struct edge_bytes data, void *arg)
{
    struct splice *s = arg;

    forward(s->near, s->far, data);
}

static void far_data(struct edge_bytes data, void *arg)
{
    struct splice *s = arg;

    if (s->tunnel)
        forward(s->far, s->near, data);
}

static void near_drain(void *arg)
{
    struct splice *s = arg;

    if (s->far)
        edge_stream_pause(s->far, false);
}

static void far_drain(void *arg)
{
    struct splice *s = arg;

    edge_stream_pause(s->near, false);
}

/* libmosquitto has closed: its DISCONNECT may be on its way yet. */
static void near_end(int rc, void *arg)
{
    struct splice *s = arg;

    (void) rc;
    s->far = edge_stream_finish(s->far);
    splice_free(s);
}

/* IoT Hub has closed: libmosquitto reads what is left, then sees the end. */
static void far_end(int rc, void *arg)
{
    struct splice *s = arg;

    if (s->tunnel && rc < 0)
        (void) snprintf(s->tunnel->broken, sizeof s->tunnel->broken,
                        "the connection to IoT Hub broke: %s", edge_strerror(rc));
    s->near = edge_stream_finish(s->near);
    splice_free(s);
}

static const struct edge_stream_handler near_handler = {near_data, near_drain, near_end};
static const struct edge_stream_handler far_handler = {far_data, far_drain, far_end};

/* ---- the unix socket ---- */

static void on_stream(struct edge_stream *near, void *arg)
{
    struct agent_tunnel *tunnel = arg;
    struct splice *s;
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;

    if (!tunnel->far || !edge_stream_peer(near, &pid, &uid, &gid) || pid != getpid() ||
        !(s = calloc(1, sizeof *s))) {
        edge_stream_close(near);
        return;
    }
    *s = (struct splice){tunnel, near, tunnel->far};
    tunnel->far = NULL;
    tunnel->splice = s;
    edge_stream_attach(s->near, &near_handler, s);
    edge_stream_attach(s->far, &far_handler, s);
}

static int listen_on(struct agent_tunnel *tunnel, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *uri = edge_format("unix://%s", tunnel->path);
    const struct edge_listener_options options = {
        .uri = uri, .mode = 0600, .on_stream = on_stream, .arg = tunnel};

    return uri ? edge_listen(tunnel->cfg.loop, &options, &tunnel->listener, err) : -ENOMEM;
}

/* Who tidies up /run may have taken it away. */
static int need_socket(struct agent_tunnel *tunnel, struct edge_err *err)
{
    if (access(tunnel->path, F_OK) == 0)
        return 0;
    tunnel->listener = edge_listener_close(tunnel->listener);
    return listen_on(tunnel, err);
}

/* ---- dialling ---- */

static int need_tls(struct agent_tunnel *tunnel, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf pem = EDGE_BUF_INIT(CA_MAX);
    struct edge_tls_client_options options = {0};
    int rc;

    if (tunnel->tls)
        return 0;
    if (tunnel->ca_pem_file) {
        rc = edge_file_read(tunnel->ca_pem_file, &pem, err);
        if (rc < 0)
            return edge_wrap(err, rc, "CA of the cloud");
        options.ca_pem = pem.data;
    }
    return edge_tls_client_create(&options, &tunnel->tls, err);
}

static void on_dialled(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    struct agent_tunnel *tunnel = arg;

    tunnel->dial = NULL;
    tunnel->far = stream;
    tunnel->done(rc, tunnel->path, err, tunnel->arg);
}

int agent_tunnel_dial(void *arg, const char *host,
                      void (*done)(int rc, const char *path, const struct edge_err *err, void *arg),
                      void *done_arg, struct edge_err *err)
{
    struct agent_tunnel *tunnel = arg;
    uint16_t port = tunnel->cfg.websocket ? PORT_WEBSOCKET : PORT;
    struct edge_dial_options options = {
        .host = host,
        .port = tunnel->cfg.port ? tunnel->cfg.port : port,
        .done = on_dialled,
        .arg = tunnel,
    };
    int rc = need_socket(tunnel, err);

    if (rc == 0)
        rc = need_tls(tunnel, err);
    if (rc < 0)
        return rc;
    options.tls = tunnel->tls;
    if (tunnel->cfg.websocket) {
        options.proxy = tunnel->proxy;
        options.ws_path = "/$iothub/websocket";
        options.ws_protocol = "mqtt";
    }
    tunnel->done = done;
    tunnel->arg = done_arg;
    tunnel->broken[0] = '\0';
    return edge_dial_open(tunnel->cfg.loop, &options, &tunnel->dial, err);
}

void agent_tunnel_hang_up(void *arg)
{
    struct agent_tunnel *tunnel = arg;

    tunnel->dial = edge_dial_cancel(tunnel->dial);
    tunnel->far = edge_stream_close(tunnel->far);
    if (tunnel->splice) {
        tunnel->splice->tunnel = NULL;
        tunnel->splice = NULL;
    }
}

const char *agent_tunnel_broken(void *arg)
{
    const struct agent_tunnel *tunnel = arg;

    return tunnel->broken;
}

/* ---- open and close ---- */

int agent_tunnel_open(const struct agent_tunnel_config *config, struct agent_tunnel **ret,
                      struct edge_err *err)
{
    struct agent_tunnel *tunnel = calloc(1, sizeof *tunnel);
    int rc;

    if (!tunnel)
        return edge_fail(err, -ENOMEM, "cloud tunnel: no memory");
    tunnel->cfg = *config;
    tunnel->path = edge_format("%s/cloud.sock", config->rundir);
    tunnel->ca_pem_file = edge_strdup(config->ca_pem_file);
    tunnel->proxy = edge_strdup(config->proxy);
    rc = tunnel->path && (!config->ca_pem_file || tunnel->ca_pem_file) &&
                 (!config->proxy || tunnel->proxy)
             ? listen_on(tunnel, err)
             : -ENOMEM;
    if (rc < 0) {
        agent_tunnel_close(tunnel);
        return edge_wrap(err, rc, "cloud tunnel");
    }
    *ret = tunnel;
    return 0;
}

struct agent_tunnel *agent_tunnel_close(struct agent_tunnel *tunnel)
{
    if (!tunnel)
        return NULL;
    agent_tunnel_hang_up(tunnel);
    edge_listener_close(tunnel->listener);
    edge_tls_client_destroy(tunnel->tls);
    (void) edge_wipe(tunnel->proxy); /* may hold a password */
    free(tunnel->ca_pem_file);
    free(tunnel->path);
    free(tunnel);
    return NULL;
}
