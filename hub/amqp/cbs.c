#include <proton/link.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/encode.h"
#include "common/base/log.h"
#include "common/iothub/sas.h"
#include "hub/amqp/grants.h"
#include "hub/amqp/person.h"
#include "hub/amqp/place.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"
#include "hub/core/answer.h"

enum { CREDIT = 50 };

static const char *const types[] = {"servicebus.windows.net:sastoken",
                                    "azure-devices.net:sastoken"};

/* By which the answer goes: best one of the session of the request. */
static struct hub_amqp_link *reply_link(const struct hub_amqp_connection *c,
                                        const struct hub_amqp_link *request)
{
    for (struct hub_amqp_link *link = c->cbs; request && link; link = link->next_reply) {
        if (pn_link_session(link->engine) == pn_link_session(request->engine))
            return link;
    }
    return c->cbs;
}

static void respond(struct hub_amqp_errand *errand, int status, const char *text)
{
    struct hub_amqp_connection *c = errand->connection;
    struct hub_amqp_link *to = reply_link(c, hub_amqp_errand_link(errand));
    struct hub_amqp_pair properties[] = {
        {"status-code", {.kind = HUB_AMQP_INT, .i = status}},
        {"status-description", hub_amqp_text(text)},
    };
    struct hub_amqp_message message = {.correlation_id = errand->id,
                                       .properties = properties,
                                       .nproperties = EDGE_ARRAY_LEN(properties),
                                       .body = HUB_AMQP_BODY_VALUE};

    if (to && hub_amqp_post(to, 0, &message, true) < 0)
        hub_amqp_drop(c, HUB_AMQP_DEAF, "the answers of $cbs");
    hub_amqp_errand_end(errand);
}

static void on_proved(const struct hub_grant *grant, void *arg)
{
    struct hub_amqp_errand *errand = arg;

    switch (grant->result) {
    case HUB_OK:
        respond(errand, 200, "OK");
        return;
    case HUB_FAILED: /* the SDKs take any answer as final, and come back when there is none */
    case HUB_UNAVAILABLE:
    case HUB_TIMEOUT:
    case HUB_THROTTLED:
    case HUB_GONE:
        hub_amqp_drop(errand->connection, HUB_AMQP_AGAIN, grant->reason);
        hub_amqp_errand_end(errand);
        return;
    default:
        respond(errand, hub_status(grant->result), grant->reason);
    }
}

/* The audience, decoded once when it is encoded. The caller frees it; NULL: malformed. */
static char *audience_of(const struct hub_amqp_value *name)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(HUB_AMQP_AUDIENCE_SIZE - 1);
    const char *at;

    if (!name || name->kind != HUB_AMQP_STRING || name->s.len == 0 ||
        name->s.len > 3 * HUB_AMQP_AUDIENCE_SIZE || memchr(name->s.data, 0, name->s.len))
        return NULL;
    at = (const char *) name->s.data;
    if (edge_percent_decode(&text, at, name->s.len) < 0)
        return NULL;
    return edge_buf_take(&text);
}

/* Whose token it is: as its audience says, or the token itself. */
static bool identity_of(const char *audience, const char *token, struct edge_identity *ret)
{
    struct edge_sas sas;
    bool found = hub_amqp_audience(audience, ret);

    if (found)
        return true;
    if (edge_sas_parse(token, strlen(token), &sas, NULL) == 0)
        found = hub_amqp_audience(sas.resource, ret);
    edge_sas_fini(&sas);
    return found;
}

static void ask_nodes(struct hub_amqp_errand *errand, const char *audience, const char *token)
{
    struct hub_amqp_connection *c = errand->connection;
    const struct hub_amqp_options *o = &c->server->options;
    struct edge_err err = {0};
    int64_t until_s = 0;
    int rc = HUB_AMQP_NOT_MINE;

    if (o->nodes && o->nodes->token)
        rc = o->nodes->token(c, audience, token, &until_s, &err, o->arg);
    if (rc == 0)
        rc = hub_amqp_grant(c, audience, until_s);
    if (rc == 0) {
        respond(errand, 200, "OK");
        return;
    }
    edge_log_about(EDGE_LOG_INFO, c->address, "amqp token refused: audience=%s from=%s reason=%s",
                   audience, c->address, err.text);
    respond(errand, 401, err.text[0] ? err.text : "the audience is not known here");
}

static void put_token(struct hub_amqp_errand *errand, const struct hub_amqp_message *message)
{
    EDGE_CLEANUP(edge_free)
    char *audience = audience_of(hub_amqp_find(message->properties, message->nproperties, "name"));
    EDGE_CLEANUP(edge_wipe)
    char *token = edge_format("%.*s", (int) message->data.len, (const char *) message->data.data);
    struct edge_identity who;

    if (!audience || !token) {
        respond(errand, 400, "name is the token's audience");
        return;
    }
    if (identity_of(audience, token, &who))
        hub_amqp_person_prove(errand->connection, &who, token, NULL, on_proved, errand);
    else
        ask_nodes(errand, audience, token);
}

/* @return NULL, or what is wrong with the request */
static const char *check(const struct hub_amqp_message *message)
{
    const struct hub_amqp_value *type =
        hub_amqp_find(message->properties, message->nproperties, "type");

    if (!hub_amqp_is(hub_amqp_find(message->properties, message->nproperties, "operation"),
                     "put-token"))
        return "the operation is put-token";
    if (!hub_amqp_is(type, types[0]) && !hub_amqp_is(type, types[1]))
        return "the type is servicebus.windows.net:sastoken";
    if (message->data.len == 0 || message->data.len > EDGE_SAS_MAX ||
        memchr(message->data.data, 0, message->data.len))
        return "the body is the token";
    return NULL;
}

static void on_message(struct hub_amqp_link *link, uint64_t delivery,
                       const struct hub_amqp_message *message, void *arg)
{
    struct hub_amqp_errand *errand = hub_amqp_errand_begin(link, delivery, &message->message_id);
    const char *wrong = check(message);

    (void) arg;
    if (!errand) {
        hub_amqp_settle(link, delivery, HUB_AMQP_REJECTED, "amqp:invalid-field",
                        "the message-id is too long");
        return;
    }
    hub_amqp_settle(link, delivery, HUB_AMQP_ACCEPTED, NULL, NULL);
    if (wrong)
        respond(errand, 400, wrong);
    else
        put_token(errand, message);
}

static void on_detached(struct hub_amqp_link *link, void *arg)
{
    struct hub_amqp_link **at = &link->connection->cbs;

    (void) arg;
    while (*at && *at != link)
        at = &(*at)->next_reply;
    if (*at)
        *at = link->next_reply;
}

static const struct hub_amqp_link_ops ops = {.message = on_message, .detached = on_detached};

int hub_amqp_cbs_attach(struct hub_amqp_link *link, const struct hub_amqp_attach *attach)
{
    struct hub_amqp_connection *c = link->connection;
    bool welcome = c->welcome;

    if (strcasecmp(attach->address, "$cbs") != 0)
        return HUB_AMQP_NOT_MINE;
    if (!attach->client_sends) {
        link->next_reply = c->cbs;
        c->cbs = link;
    }
    hub_amqp_take(link, &ops, NULL, CREDIT);
    c->welcome = welcome; /* anybody may ask here */
    return 0;
}
