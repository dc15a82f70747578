#include "tests/emulator/dps/dps_mqtt.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/base/log.h"

enum { PENDING_MAX = 4, ID_MAX = 128, TEXT_MAX = 256 };

struct guest {
    const struct dps_registrar *registrar;
    struct hub_mqtt_client *client; /* NULL: gone */
    char *scope;
    char *registration;
    unsigned pending; /* answers of the registrar that will come */
    uint8_t qos;
    bool subscribed;
};

/* A request; its rid goes back byte for byte. */
struct asking {
    struct guest *guest;
    char *rid;
};

static void forget(struct guest *g)
{
    if (g->client || g->pending > 0)
        return;
    free(g->scope);
    free(g->registration);
    free(g);
}

static void drop(struct guest *g, const char *reason)
{
    struct hub_mqtt_client *client = g->client;

    edge_warn("dps client dropped: registration=%s reason=%s", g->registration, reason);
    g->client = NULL;
    hub_mqtt_client_close(client, false);
    forget(g);
}

static struct dps_claim claim_of(const struct guest *g, const char *token)
{
    return (struct dps_claim){
        .scope = g->scope,
        .registration = g->registration,
        .token = token,
        .certificate = edge_stream_certificate(hub_mqtt_client_stream(g->client)),
    };
}

static void send_answer(struct guest *g, const char *rid, const struct dps_answer *answer)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf topic = EDGE_BUF_INIT(MQTT_STRING_MAX);
    struct mqtt_publish publish = {
        .payload = {(const uint8_t *) answer->json, answer->len},
        .qos = g->qos,
    };

    edge_ignore(edge_buf_printf(&topic, "$dps/registrations/res/%d/?$rid=%s", answer->status, rid));
    if (answer->retry_after_s > 0)
        edge_ignore(edge_buf_printf(&topic, "&retry-after=%u", answer->retry_after_s));
    publish.topic = (struct edge_bytes){(const uint8_t *) topic.data, topic.len};
    if (edge_buf_error(&topic) < 0 || hub_mqtt_client_send(g->client, &publish, 0) != 0)
        edge_warn("dps answer lost: registration=%s", g->registration);
}

static void on_answer(const struct dps_answer *answer, void *arg)
{
    struct asking *asking = arg;
    struct guest *g = asking->guest;

    if (g->client && g->subscribed)
        send_answer(g, asking->rid, answer);
    free(asking->rid);
    free(asking);
    g->pending--;
    forget(g);
}

static struct asking *ask(struct guest *g, char *rid)
{
    struct asking *asking = malloc(sizeof *asking);

    if (!asking)
        return NULL;
    *asking = (struct asking){g, rid};
    g->pending++;
    return asking;
}

/* A parameter's text in "a=b&c=d" as it stands; the caller frees it. NULL: absent, empty, too long.
 */
static char *parameter(const char *query, const char *name)
{
    size_t len = strlen(name);

    for (const char *at = query; at; at = strchr(at, '&') ? strchr(at, '&') + 1 : NULL) {
        if (strncmp(at, name, len) != 0 || at[len] != '=')
            continue;
        at += len + 1;
        len = strcspn(at, "&");
        return len > 0 && len <= TEXT_MAX ? strndup(at, len) : NULL;
    }
    return NULL;
}

static char *decoded_parameter(const char *query, const char *name)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf value = EDGE_BUF_INIT(TEXT_MAX);
    EDGE_CLEANUP(edge_free) char *raw = parameter(query, name);

    if (!raw || edge_percent_decode(&value, raw, strlen(raw)) < 0)
        return NULL;
    return edge_buf_take(&value);
}

static const char REGISTER[] = "$dps/registrations/PUT/iotdps-register/?";
static const char STATUS[] = "$dps/registrations/GET/iotdps-get-operationstatus/?";

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* @return false: not a request of ours */
static bool request(struct guest *g, const char *topic, struct edge_bytes body)
{
    bool assign = begins(topic, REGISTER);
    const char *query = strchr(topic, '?');
    struct dps_claim claim = claim_of(g, NULL);
    EDGE_CLEANUP(edge_free) char *operation = NULL;
    struct asking *asking;
    char *rid;

    if (!assign && !begins(topic, STATUS))
        return false;
    rid = parameter(query + 1, "$rid");
    operation = decoded_parameter(query + 1, "operationId");
    asking = rid && (assign || operation) && g->pending < PENDING_MAX ? ask(g, rid) : NULL;
    if (!asking) {
        free(rid);
        return false;
    }
    if (assign)
        g->registrar->ops->assign(g->registrar->self, &claim, (const char *) body.data, body.len,
                                  on_answer, asking);
    else
        g->registrar->ops->status(g->registrar->self, &claim, operation, on_answer, asking);
    return true;
}

static void on_publish(const struct mqtt_publish *publish, hub_mqtt_ticket ticket, void *arg)
{
    struct guest *g = arg;
    EDGE_CLEANUP(edge_free)
    char *topic = strndup((const char *) publish->topic.data, publish->topic.len);

    hub_mqtt_client_done(g->client, ticket, 0);
    if (!topic || !request(g, topic, publish->payload))
        drop(g, "not a request of device provisioning");
}

static void on_subscribe(const struct mqtt_packet *packet, hub_mqtt_ticket ticket, void *arg)
{
    static const char filter_text[] = "$dps/registrations/res/#";
    struct guest *g = arg;
    struct edge_bytes rest = packet->filters;
    struct edge_bytes filter;
    uint64_t granted = 0;
    bool on = packet->type == MQTT_SUBSCRIBE;
    uint8_t qos = 0;

    for (unsigned n = 0; mqtt_next_filter(&rest, &filter, on ? &qos : NULL); n++) {
        if (filter.len != strlen(filter_text) ||
            memcmp(filter.data, filter_text, filter.len) != 0) {
            drop(g, "subscription to an unknown topic");
            return;
        }
        g->subscribed = on;
        g->qos = qos > 0;
        granted |= (uint64_t) g->qos << n;
    }
    hub_mqtt_client_done(g->client, ticket, granted);
}

static void on_acked(uint64_t tag, void *arg)
{
    (void) tag;
    (void) arg;
}

static void on_room(void *arg)
{
    (void) arg;
}

static void on_end(enum hub_mqtt_end why, const struct edge_err *err, void *arg)
{
    struct guest *g = arg;
    struct hub_mqtt_client *client = g->client;

    (void) err;
    g->client = NULL;
    hub_mqtt_client_close(client, why != HUB_MQTT_LEFT && why != HUB_MQTT_BROKEN);
    forget(g);
}

static const struct hub_mqtt_client_ops ops = {on_publish, on_subscribe, on_acked, on_room, on_end};

/* "<scope>/registrations/<id>/…" with an api-version behind it. */
static bool parse_user(struct edge_bytes user, struct guest *g)
{
    static const char middle[] = "/registrations/";
    EDGE_CLEANUP(edge_free)
    char *text = user.len > 0 ? strndup((const char *) user.data, user.len) : NULL;
    char *id = text ? strstr(text, middle) : NULL;
    char *end;

    if (!id || id == text || memchr(text, '/', (size_t) (id - text)))
        return false;
    *id = '\0';
    id += strlen(middle);
    end = strchr(id, '/');
    if (!end || end == id || end - id > ID_MAX || !strstr(end, "api-version="))
        return false;
    *end = '\0';
    g->scope = strdup(text);
    g->registration = strdup(id);
    return g->scope && g->registration;
}

static void refuse(struct guest *g, enum mqtt_connack_code code, const char *reason)
{
    struct hub_mqtt_client *client = g->client;

    edge_warn("dps client refused: registration=%s code=%d reason=%s", g->registration, (int) code,
              reason);
    g->client = NULL;
    hub_mqtt_client_refuse(client, code);
    forget(g);
}

static void decide(struct guest *g, const struct mqtt_connect *connect)
{
    EDGE_CLEANUP(edge_wipe) char *token = NULL;
    struct dps_claim claim;
    struct edge_err err = {0};
    int64_t until_s = INT64_MAX;
    int rc;

    if (connect->client_id.len != strlen(g->registration) ||
        memcmp(connect->client_id.data, g->registration, connect->client_id.len) != 0) {
        refuse(g, MQTT_NOT_AUTHORIZED, "its client id is not its user name's");
        return;
    }
    if (connect->password.len > 0)
        token = strndup((const char *) connect->password.data, connect->password.len);
    claim = claim_of(g, token);
    rc = g->registrar->ops->authenticate(g->registrar->self, &claim, &until_s, &err);
    if (rc < 0) {
        refuse(g, rc == EDGE_EAUTH ? MQTT_NOT_AUTHORIZED : MQTT_UNAVAILABLE, err.text);
        return;
    }
    hub_mqtt_client_accept(g->client, false);
    hub_mqtt_client_expire(g->client, until_s);
}

bool dps_mqtt_offer(struct hub_mqtt_client *client, void *registrar)
{
    const struct mqtt_connect *connect = hub_mqtt_client_connect(client);
    struct guest *g = calloc(1, sizeof *g);

    if (!g)
        return false;
    if (!parse_user(connect->user, g)) {
        forget(g);
        return false;
    }
    g->registrar = registrar;
    g->client = client;
    hub_mqtt_client_take(client, &ops, g);
    decide(g, connect);
    return true;
}
