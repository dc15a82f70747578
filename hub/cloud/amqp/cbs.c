#include <proton/delivery.h>
#include <proton/disposition.h>
#include <proton/session.h>
#include <string.h>

#include "hub/amqp/message.h"
#include "hub/amqp/value.h"
#include "hub/cloud/amqp/trunk.h"
#include "hub/cloud/amqp/words.h"

enum { CREDIT = 10, TOKEN_MESSAGE_MAX = 16 * 1024 };

static void send_token(struct hub_trunk *trunk, const char *audience)
{
    const struct hub_amqp_pair properties[] = {
        {"operation", hub_amqp_text("put-token")},
        {"type", hub_amqp_text("servicebus.windows.net:sastoken")},
        {"name", hub_amqp_text(audience)},
    };
    const struct hub_amqp_message message = {
        .message_id = hub_amqp_text(trunk->put_id),
        .to = "$cbs",
        .reply_to = "cbs",
        .properties = properties,
        .nproperties = EDGE_ARRAY_LEN(properties),
        .body = HUB_AMQP_BODY_VALUE,
        .value = hub_amqp_text(trunk->token),
    };
    struct edge_buf encoded = EDGE_BUF_INIT(TOKEN_MESSAGE_MAX);

    if (hub_amqp_message_write(&encoded, &message) == 0)
        (void) hub_limb_send(&trunk->cbs_ask, &encoded, false);
    edge_buf_wipe(&encoded);
}

void hub_cbs_put(struct hub_trunk *trunk)
{
    EDGE_CLEANUP(edge_free) char *audience = NULL;

    if (!trunk->token || trunk->put_id[0] || !hub_limb_clear(&trunk->cbs_ask) ||
        !trunk->cbs_tell.attached)
        return;
    audience = edge_identity_resource(&trunk->options.self, trunk->options.hub_name);
    if (!audience)
        return; /* the answer is missed in time */
    hub_trunk_id(trunk, trunk->put_id);
    send_token(trunk, audience);
    trunk->token = edge_wipe(trunk->token);
}

static void on_ready(struct hub_limb *limb)
{
    hub_cbs_put(limb->trunk);
}

static void on_updated(struct hub_limb *limb, pn_delivery_t *delivery)
{
    uint64_t state = pn_delivery_remote_state(delivery);

    pn_delivery_settle(delivery);
    if (state == PN_REJECTED)
        hub_trunk_lost(limb->trunk, "IoT Hub rejects the request to take a token");
}

static void on_message(struct hub_limb *limb, const struct hub_amqp_message *message,
                       pn_delivery_t *delivery)
{
    struct hub_trunk *trunk = limb->trunk;
    const struct hub_amqp_value *text =
        hub_amqp_find(message->properties, message->nproperties, "status-description");
    struct hub_words_answer answer;
    EDGE_CLEANUP(edge_free) char *why = NULL;

    hub_words_answer(message, &answer);
    hub_limb_settle(limb, delivery, HUB_ACCEPTED, 0);
    if (!trunk->put_id[0] || strcmp(answer.id, trunk->put_id) != 0)
        return;
    trunk->put_id[0] = '\0';
    if (hub_words_status(answer.status) == HUB_OK) {
        hub_trunk_proved(trunk);
        return;
    }
    why = edge_format("IoT Hub does not take the token: %d %.*s", (int) answer.status,
                      text && text->s.len < 300 ? (int) text->s.len : 0,
                      text && text->s.data ? (const char *) text->s.data : "");
    hub_trunk_lost(trunk, why ? why : "IoT Hub does not take the token");
}

static void on_ended(struct hub_limb *limb, const char *condition, const char *why)
{
    (void) condition;
    hub_trunk_lost(limb->trunk, why);
}

static const struct hub_limb_kind asks = {
    .sends = true, .ready = on_ready, .updated = on_updated, .ended = on_ended};
static const struct hub_limb_kind tells = {
    .window = CREDIT, .ready = on_ready, .message = on_message, .ended = on_ended};

int hub_cbs_open(struct hub_trunk *trunk)
{
    pn_connection_t *connection = hub_engine_connection(trunk->engine);
    int rc;

    trunk->put_id[0] = '\0';
    trunk->session = pn_session(connection);
    pn_session_open(trunk->session);
    trunk->cbs_ask = (struct hub_limb){.trunk = trunk, .kind = &asks};
    trunk->cbs_tell = (struct hub_limb){.trunk = trunk, .kind = &tells};
    rc = hub_limb_attach(&trunk->cbs_ask, trunk->session, "$cbs", NULL, 0);
    return rc < 0 ? rc : hub_limb_attach(&trunk->cbs_tell, trunk->session, "$cbs", NULL, 0);
}
