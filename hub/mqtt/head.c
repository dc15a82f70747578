#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/mqtt/server.h"
#include "hub/mqtt/session.h"
#include "hub/mqtt/user.h"

enum {
    MAX_CLIENTS = 20000,
    MAX_STRANGERS = 1000,
    MAX_IN_FLIGHT = 128,
    MAX_OUT_FLIGHT = 100,
    MAX_QUEUED = 512 * 1024,
    MAX_UNANSWERED = 1024 * 1024,
    CONNECT_MS = 10 * 1000,
    KEEP_ALIVE_S = 1767, /* IoT Hub's longest, keep-alive 0 as well */
    /* a whole message's body and a whole topic, and what is around them */
    PACKET_MAX = EDGE_MESSAGE_MAX + MQTT_STRING_MAX + MQTT_HEADER_MAX + 2 + 2,
};

struct hub_mqtt {
    struct hub_mqtt_clients clients;
    struct hub_mqtt_options options;
    char *host;
    int64_t began_ns; /* wall clock */
};

/* A client that waits for the backend's word. */
struct door {
    struct hub_mqtt_session *session;
    struct hub_mqtt_user user;
};

static void free_door(struct door *door)
{
    hub_mqtt_user_fini(&door->user);
    free(door);
}

static struct hub_claim claim_of(const struct door *door, const char *token)
{
    const struct edge_stream *stream = hub_mqtt_client_stream(door->session->client);

    return (struct hub_claim){
        .who = door->user.who,
        .host = door->user.host,
        .token = token,
        .certificate = edge_stream_certificate(stream),
        .protocol = hub_mqtt_client_ws(door->session->client) ? HUB_MQTT_WS : HUB_MQTT,
        .client = door->user.client,
        .model_id = door->user.model_id,
        .auth_chain = door->user.auth_chain,
        .address = edge_stream_address(stream),
    };
}

static enum mqtt_connack_code connack_of(enum hub_result result)
{
    switch (result) {
    case HUB_OK:
        return MQTT_ACCEPTED;
    case HUB_THROTTLED:
    case HUB_FAILED:
    case HUB_UNAVAILABLE:
    case HUB_TIMEOUT:
        return MQTT_UNAVAILABLE;
    default:
        return MQTT_NOT_AUTHORIZED;
    }
}

static void turn_away(struct hub_mqtt_session *s, enum mqtt_connack_code code, const char *reason)
{
    struct hub_mqtt_client *client = s->client;
    const char *from = edge_stream_address(hub_mqtt_client_stream(client));

    edge_log_about(EDGE_LOG_WARN, from, "mqtt client refused: client=%s from=%s code=%d reason=%s",
                   s->name, from, (int) code, reason);
    s->client = NULL;
    hub_mqtt_client_refuse(client, code);
}

static void accept(struct hub_mqtt_session *s, bool resumed)
{
    const char *from = edge_stream_address(hub_mqtt_client_stream(s->client));

    edge_log_about(EDGE_LOG_INFO, s->name, "mqtt client connected: client=%s from=%s session=%s",
                   s->name, from, resumed ? "resumed" : "new");
    hub_mqtt_client_accept(s->client, resumed);
    if (s->client)
        hub_mqtt_client_expire(s->client, s->until_s);
}

/* What was kept for a client that wants to begin anew is gone for good. */
static void on_forgotten(enum hub_result result, const char *why, void *arg)
{
    struct hub_mqtt_session *s = arg;

    if (s->client && result == HUB_OK) {
        accept(s, false);
    } else if (s->client) {
        s->backend->ops->close(s->session);
        s->session = NULL;
        s->ended = true;
        turn_away(s, MQTT_UNAVAILABLE, why ? why : "");
    }
    hub_mqtt_release(s);
}

static void let_in(const struct door *door, const struct hub_grant *grant)
{
    struct hub_mqtt_session *s = door->session;
    struct hub_claim claim = claim_of(door, NULL);
    bool keep = !hub_mqtt_client_connect(s->client)->clean;
    int rc = hub_mqtt_keep_will(s, hub_mqtt_client_connect(s->client));

    if (rc == 0)
        rc = s->backend->ops->open(s->backend->self, &claim, grant, keep, &hub_mqtt_session_events,
                                   s, &s->features, &s->session);
    if (rc < 0) {
        turn_away(s, MQTT_UNAVAILABLE, edge_strerror(rc));
        return;
    }
    s->until_s = grant->until_s;
    if (rc != HUB_FORGETTING) {
        accept(s, keep && rc == HUB_RESUMED);
        return;
    }
    s->pending++;
    s->backend->ops->subscribe(s->session, 0, 0, on_forgotten, s);
}

static void on_grant(const struct hub_grant *grant, void *arg)
{
    struct door *door = arg;
    struct hub_mqtt_session *s = door->session;

    if (s->client && grant->result == HUB_OK)
        let_in(door, grant);
    else if (s->client)
        turn_away(s, connack_of(grant->result), grant->reason);
    free_door(door);
    hub_mqtt_release(s);
}

/* The password as text. NULL: there is none. */
static char *token_of(const struct mqtt_connect *connect)
{
    if (connect->password.len == 0)
        return NULL;
    return strndup((const char *) connect->password.data, connect->password.len);
}

static bool is_text(struct edge_bytes password)
{
    return password.len == 0 || !memchr(password.data, 0, password.len);
}

static void ask_backend(struct door *door)
{
    struct hub_mqtt_session *s = door->session;
    char *token = token_of(hub_mqtt_client_connect(s->client));
    struct hub_claim claim = claim_of(door, token);

    s->pending++;
    s->backend->ops->authenticate(s->backend->self, &claim, on_grant, door);
    (void) edge_wipe(token);
}

static bool same_id(const struct mqtt_connect *connect, const char *name)
{
    return connect->client_id.len == strlen(name) &&
           memcmp(connect->client_id.data, name, connect->client_id.len) == 0;
}

/* From here on the session is the client's user. @return it, or NULL without memory */
static struct door *begin(struct hub_mqtt *mqtt, struct hub_mqtt_client *client,
                          struct hub_mqtt_user *user)
{
    struct hub_mqtt_session *s = calloc(1, sizeof *s);
    struct door *door = calloc(1, sizeof *door);

    if (!s || !door) {
        free(s);
        free(door);
        return NULL;
    }
    s->backend = mqtt->options.backend;
    s->client = client;
    s->began_ns = mqtt->began_ns;
    s->who = user->who;
    edge_identity_format(&s->who, s->name, sizeof s->name);
    hub_mqtt_client_take(client, &hub_mqtt_session_ops, s);
    door->session = s;
    door->user = *user;
    *user = (struct hub_mqtt_user){0};
    return door;
}

/* Not for us: somebody else's, or refused. */
static void elsewhere(struct hub_mqtt *mqtt, struct hub_mqtt_client *client,
                      enum mqtt_connack_code code, const char *reason)
{
    const char *from;

    if (mqtt->options.other && mqtt->options.other(client, mqtt->options.arg))
        return;
    from = edge_stream_address(hub_mqtt_client_stream(client));
    edge_log_about(EDGE_LOG_WARN, from, "mqtt client refused: from=%s code=%d reason=%s", from,
                   (int) code, reason);
    hub_mqtt_client_refuse(client, code);
}

static void on_connect(struct hub_mqtt_client *client, void *arg)
{
    EDGE_CLEANUP(hub_mqtt_user_fini) struct hub_mqtt_user user;
    struct hub_mqtt *mqtt = arg;
    const struct mqtt_connect *connect = hub_mqtt_client_connect(client);
    const char *wrong = NULL;
    struct edge_err err;
    struct door *door;
    int rc = hub_mqtt_user_parse(connect->user, &user, &err);

    if (rc == EDGE_EINVALID) {
        elsewhere(mqtt, client, MQTT_UNAVAILABLE, err.text); /* IoT Edge's code for it, too */
        return;
    }
    if (rc == 0 && mqtt->host && strcasecmp(user.host, mqtt->host) != 0) {
        elsewhere(mqtt, client, MQTT_NOT_AUTHORIZED, "its user name is for another hub");
        return;
    }
    door = rc == 0 ? begin(mqtt, client, &user) : NULL;
    if (!door) {
        hub_mqtt_client_refuse(client, MQTT_UNAVAILABLE);
        return;
    }
    if (!same_id(connect, door->session->name))
        wrong = "its client id is not its user name's";
    else if (!is_text(connect->password))
        wrong = "a NUL in its password";
    if (!wrong) {
        ask_backend(door);
        return;
    }
    turn_away(door->session, MQTT_NOT_AUTHORIZED, wrong);
    hub_mqtt_forget(door->session);
    free_door(door);
}

int hub_mqtt_create(struct edge_loop *loop, const struct hub_mqtt_options *options,
                    struct hub_mqtt **ret)
{
    struct hub_mqtt *mqtt = calloc(1, sizeof *mqtt);

    if (!mqtt)
        return -ENOMEM;
    mqtt->options = *options;
    mqtt->began_ns = edge_wall_ns();
    mqtt->host = edge_strdup(options->host);
    if (options->host && !mqtt->host) {
        free(mqtt);
        return -ENOMEM;
    }
    if (mqtt->options.max_clients == 0)
        mqtt->options.max_clients = MAX_CLIENTS;
    mqtt->clients = (struct hub_mqtt_clients){
        .loop = loop,
        .limits = {.packet = PACKET_MAX,
                   .queued = options->max_queued ? options->max_queued : MAX_QUEUED,
                   .unanswered = MAX_UNANSWERED,
                   .in_flight = options->max_in_flight ? options->max_in_flight : MAX_IN_FLIGHT,
                   .out_flight = MAX_OUT_FLIGHT,
                   .connect_ms = options->connect_ms ? options->connect_ms : CONNECT_MS,
                   .strangers = MAX_STRANGERS,
                   .keep_alive_s = KEEP_ALIVE_S},
        .connect = on_connect,
        .arg = mqtt,
    };
    *ret = mqtt;
    return 0;
}

void hub_mqtt_accept(struct hub_mqtt *mqtt, struct edge_stream *stream, bool ws)
{
    if (mqtt->clients.count >= mqtt->options.max_clients) {
        edge_log_about(EDGE_LOG_WARN, edge_stream_address(stream),
                       "mqtt client refused: from=%s reason=%u clients are the limit",
                       edge_stream_address(stream), mqtt->options.max_clients);
        edge_stream_close(stream);
        return;
    }
    if (hub_mqtt_client_open(&mqtt->clients, stream, ws) < 0)
        edge_log_about(EDGE_LOG_WARN, NULL, "mqtt client refused: reason=out of memory");
}

unsigned hub_mqtt_clients(const struct hub_mqtt *mqtt)
{
    return mqtt->clients.count;
}

struct hub_mqtt *hub_mqtt_destroy(struct hub_mqtt *mqtt)
{
    if (!mqtt)
        return NULL;
    hub_mqtt_clients_close(&mqtt->clients);
    free(mqtt->host);
    free(mqtt);
    return NULL;
}
