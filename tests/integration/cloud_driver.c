/* The agent's cloud link alone, for test_cloud_link.py: through its tunnel, with identity and
 * tokens from an edge-securityd on sockets that the test serves. cloud_driver
 * '{"rundir":…,"identity":…,"workload":…,"ca":…,"port":…,"websocket":…,"proxy":…}' Standard input,
 * a JSON object a line: {"report":{…}}, {"close":ms}. Standard output likewise:
 * {"link":true|false,"why":…}, {"desired":{…},"version":n}, {"method":…,"payload":…}, which is
 * answered 200 with the payload. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/cloud/assembly.h"
#include "agent/cloud/tunnel.h"

struct driver {
    struct edge_loop *loop;
    struct agent_cloud *cloud;
    struct edge_poll *input;
    struct edge_buf line;
    unsigned close_ms;
};

static const struct agent_link_ops ops = {
    .device = agent_identity_device,
    .token = agent_identity_token,
    .reprovision = agent_identity_reprovision,
    .dial = agent_tunnel_dial,
    .hang_up = agent_tunnel_hang_up,
    .broken = agent_tunnel_broken,
};

static void say(struct edge_json *event)
{
    EDGE_CLEANUP(edge_free) char *text = edge_json_text(event);

    (void) printf("%s\n", text);
    (void) fflush(stdout);
    edge_json_free(event);
}

static void on_desired(const struct edge_json *desired, int64_t version, void *arg)
{
    struct edge_json *event = edge_json_new_object();

    (void) arg;
    edge_json_set(event, "desired", edge_json_copy(desired));
    edge_json_set_int(event, "version", version);
    say(event);
}

static void on_method(struct agent_cloud_call *call, const char *name,
                      const struct edge_json *payload, void *arg)
{
    struct edge_json *event = edge_json_new_object();

    (void) arg;
    edge_json_set_str(event, "method", name);
    edge_json_set(event, "payload", edge_json_copy(payload));
    say(event);
    agent_cloud_reply(call, 200, payload);
}

static void on_link(bool connected, const char *why, void *arg)
{
    struct edge_json *event = edge_json_new_object();

    (void) arg;
    edge_json_set_bool(event, "link", connected);
    edge_json_set_str(event, "why", why);
    say(event);
}

static void obey(struct driver *d, const char *text, size_t len)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *order = NULL;

    if (edge_json_parse(text, len, &order, NULL) < 0)
        return;
    if (edge_json_has(order, "report"))
        agent_cloud_report(d->cloud, edge_json_get(order, "report"));
    if (edge_json_has(order, "close")) {
        d->close_ms = (unsigned) edge_json_int(edge_json_get(order, "close"), 0);
        edge_loop_stop(d->loop);
    }
}

static void on_input(unsigned events, void *arg)
{
    struct driver *d = arg;
    char data[65536];
    ssize_t n = read(STDIN_FILENO, data, sizeof data);
    char *end;

    (void) events;
    if (n <= 0) {
        edge_poll_want(d->input, 0);
        edge_loop_stop(d->loop);
        return;
    }
    edge_ignore(edge_buf_append(&d->line, data, (size_t) n));
    while (d->line.len > 0 && (end = memchr(d->line.data, '\n', d->line.len)) != NULL) {
        size_t len = (size_t) (end - d->line.data);

        obey(d, d->line.data, len);
        edge_buf_consume(&d->line, len + 1);
    }
}

static const char *text_of(const struct edge_json *options, const char *name)
{
    return edge_json_str(edge_json_get(options, name), NULL);
}

static unsigned number_of(const struct edge_json *options, const char *name)
{
    return (unsigned) edge_json_int(edge_json_get(options, name), 0);
}

static void close_tunnel(void *tunnel)
{
    agent_tunnel_close(tunnel);
}

static int begin(struct driver *d, const struct edge_json *options, struct edge_err *err)
{
    const struct agent_tunnel_config where = {
        .loop = d->loop,
        .rundir = text_of(options, "rundir"),
        .ca_pem_file = text_of(options, "ca"),
        .proxy = text_of(options, "proxy"),
        .websocket = edge_json_bool(edge_json_get(options, "websocket"), false),
        .port = (uint16_t) number_of(options, "port"),
    };
    const struct agent_cloud_config config = {
        .loop = d->loop,
        .daemon = {text_of(options, "identity"), text_of(options, "workload"), NULL},
        .product = "driver/1",
        .on_desired = on_desired,
        .on_method = on_method,
        .on_link = on_link,
        .arg = d,
    };
    struct agent_cloud_parts parts = {
        .link = {.ops = &ops,
                 .pause_min_ms = number_of(options, "pause_min"),
                 .pause_max_ms = number_of(options, "pause_max"),
                 .slow_ms = number_of(options, "pause_max"),
                 .token_s = number_of(options, "token_s"),
                 .answer_ms = number_of(options, "answer")},
        .twin = {.answer_ms = number_of(options, "answer"), .pull_gap_ms = 500},
        .close = close_tunnel,
    };
    struct agent_tunnel *tunnel = NULL;
    int rc = agent_tunnel_open(&where, &tunnel, err);

    if (rc < 0)
        return rc;
    parts.link.via = tunnel;
    return agent_cloud_assemble(&config, &parts, &d->cloud, err);
}

int main(int argc, char **argv)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *options = NULL;
    struct driver d = {.line = EDGE_BUF_INIT(1 << 20)};
    struct edge_err err = {0};

    if (argc != 2 || edge_json_parse(argv[1], strlen(argv[1]), &options, &err) < 0 ||
        edge_loop_create(&d.loop) < 0 || begin(&d, options, &err) < 0 ||
        edge_poll_create(d.loop, STDIN_FILENO, on_input, &d, &d.input) < 0) {
        (void) fprintf(stderr, "cloud_driver: %s\n", err.text);
        return 1;
    }
    edge_poll_want(d.input, EDGE_POLL_READ);
    edge_loop_run(d.loop);
    edge_poll_destroy(d.input);
    agent_cloud_close(d.cloud, d.close_ms);
    edge_buf_fini(&d.line);
    edge_loop_destroy(d.loop);
    return 0;
}
