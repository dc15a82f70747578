#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hub/cloud/mqtt/line.h"
#include "hub/cloud/mqtt/login.h"

/* ---- token ---- */

struct hub_token_ask {
    struct hub_line *line; /* NULL: nobody waits any more */
};

static void on_token(int rc, const char *token, int64_t until_s, const struct edge_err *err,
                     void *arg)
{
    struct hub_token_ask *ask = arg;
    struct hub_line *line = ask->line;

    free(ask);
    if (!line)
        return;
    line->ask = NULL;
    line->token = rc == 0 ? edge_strdup(token) : NULL;
    line->until_s = until_s;
    if (line->token)
        hub_line_step(line, LINE_EV_TOKEN);
    else
        hub_line_no_token(line, rc == 0             ? "no memory"
                                : err && *err->text ? err->text
                                                    : edge_strerror(rc));
}

void hub_line_forget_token(struct hub_line *line)
{
    if (line->ask)
        line->ask->line = NULL;
    line->ask = NULL;
    line->token = edge_wipe(line->token);
}

void hub_line_ask_token(struct hub_line *line)
{
    const struct hub_tokens *tokens = &line->lines->tokens;
    struct hub_token_ask *ask = calloc(1, sizeof *ask);

    if (!ask) {
        hub_line_lost(line, HUB_UNAVAILABLE, "no memory");
        return;
    }
    ask->line = line;
    line->ask = ask;
    tokens->get(tokens->self, on_token, ask);
}

/* ---- connection ---- */

static const char *chain_of(const struct hub_line *line)
{
    const struct hub_tokens *tokens = &line->lines->tokens;

    return tokens->chain(tokens->self, &line->who);
}

void hub_line_disconnect(struct hub_line *line, bool goodbye)
{
    line->dial = edge_dial_cancel(line->dial);
    line->wire = hub_wire_close(line->wire, goodbye);
    line->on = line->granted = 0;
    line->nlocks = 0;
    line->again_ms = 0;
    line->epoch++;
}

static void on_up(bool session_present, void *arg)
{
    struct hub_line *line = arg;

    hub_line_subscribe_all(line, session_present);
    hub_line_step(line, LINE_EV_UP);
}

static void on_acked(void *tag, void *arg)
{
    hub_line_acked(arg, tag);
}

static void on_granted(unsigned feature, void *arg)
{
    hub_line_granted(arg, feature);
}

static void on_room(void *arg)
{
    hub_line_pump(arg);
}

static void on_publish(const struct mqtt_publish *publish, void *arg)
{
    hub_line_take(arg, publish);
}

static void on_end(enum hub_wire_end why, const char *text, void *arg)
{
    struct hub_line *line = arg;

    if (why == HUB_WIRE_REFUSED)
        hub_line_refused(line, HUB_REFUSED, text);
    else
        hub_line_lost(line, HUB_UNAVAILABLE, text);
}

static int open_wire(struct hub_line *line, struct edge_stream *stream, const char *user)
{
    static const struct hub_wire_ops ops = {on_up,   on_acked,   on_granted,
                                            on_room, on_publish, on_end};
    struct hub_lines *lines = line->lines;
    const struct mqtt_connect connect = {
        .client_id = {(const uint8_t *) line->name, strlen(line->name)},
        .user = {(const uint8_t *) user, strlen(user)},
        .password = {(const uint8_t *) line->token, strlen(line->token)},
        .keep_alive = (uint16_t) (line == lines->self ? lines->self_keep_s : lines->keep_s),
        .clean = line->clean,
    };
    const struct hub_wire_options options = {
        .loop = lines->options.loop,
        .connect = &connect,
        .answer_ms = lines->options.answer_ms,
        .ops = &ops,
        .arg = line,
    };

    return hub_wire_open(&options, stream, &line->wire);
}

static void on_stream(struct edge_stream *stream, int rc, const struct edge_err *err, void *arg)
{
    struct hub_line *line = arg;
    bool self = line == line->lines->self;
    const char *chain = self ? NULL : chain_of(line);
    EDGE_CLEANUP(edge_free) char *user = NULL;

    line->dial = NULL;
    if (!stream) {
        hub_line_lost(line, HUB_UNAVAILABLE, *err->text ? err->text : edge_strerror(rc));
        return;
    }
    user = hub_login_user(&(struct hub_login){.hub_name = line->lines->options.hub_name,
                                              .who = &line->who,
                                              .client = line->client ? line->client : "",
                                              .model_id = line->model_id ? line->model_id : "",
                                              .chain = chain});
    line->clean = !(line->wanted & EDGE_FEATURE_C2D);
    if (!user || (!chain && !self)) {
        edge_stream_close(stream);
        rc = user ? EDGE_EUNAVAILABLE : EDGE_ELIMIT;
    } else {
        rc = open_wire(line, stream, user);
    }
    line->token = edge_wipe(line->token);
    if (rc < 0)
        hub_line_lost(line, HUB_UNAVAILABLE, edge_strerror(rc));
    else
        hub_line_step(line, LINE_EV_STREAM);
}

void hub_line_dial(struct hub_line *line)
{
    const struct hub_cloud_options *options = &line->lines->options;
    bool ws = options->protocol == HUB_CLOUD_MQTT_WS;
    const struct edge_dial_options dial = {
        .host = options->host,
        .port = options->port,
        .proxy = ws ? options->proxy : NULL,
        .tls = options->tls,
        .ws_path = ws ? "/$iothub/websocket?iothub-no-client-cert=true" : NULL,
        .ws_protocol = "mqtt",
        .timeout_ms = options->answer_ms,
        .done = on_stream,
        .arg = line,
    };
    struct edge_err err = {0};
    int rc;

    if (line != line->lines->self && !chain_of(line)) {
        hub_line_refused(line, HUB_NOT_FOUND,
                         "it is not in the scope of this device, as far as is known");
        return;
    }
    rc = edge_dial_open(options->loop, &dial, &line->dial, &err);
    if (rc < 0)
        hub_line_lost(line, HUB_UNAVAILABLE, *err.text ? err.text : edge_strerror(rc));
}
