#include "hub/amqp/sasl.h"

#include <proton/sasl.h>
#include <proton/sasl_plugin.h>
#include <proton/transport.h>
#include <string.h>

#include "common/base/attr.h"
#include "hub/amqp/login.h"

enum { PLAIN_MAX = 4096 + 512 };

static void nothing(pn_transport_t *transport)
{
    (void) transport;
}

static const char *list(pn_transport_t *transport)
{
    (void) transport;
    return "ANONYMOUS MSSBCBS PLAIN EXTERNAL"; /* clients pick the first they know */
}

static bool init_server(pn_transport_t *transport)
{
    pnx_sasl_set_desired_state(transport, SASL_POSTED_MECHANISMS);
    return true;
}

static bool init_client(pn_transport_t *transport)
{
    (void) transport;
    return false;
}

static void answer(pn_transport_t *transport, bool welcome)
{
    if (welcome)
        pnx_sasl_set_succeeded(transport, "", NULL);
    else
        pnx_sasl_set_failed(transport);
    pnx_sasl_set_desired_state(transport, SASL_POSTED_OUTCOME);
}

/* "[authzid] NUL user NUL password" (RFC 4616). */
static void plain(struct hub_amqp_connection *c, const pn_bytes_t *message)
{
    char text[PLAIN_MAX + 1];
    const char *user, *password;

    if (message->size > PLAIN_MAX || message->size < 3) {
        answer(c->driver.transport, false);
        return;
    }
    memcpy(text, message->start, message->size);
    text[message->size] = '\0';
    user = text + strlen(text) + 1;
    password = user < text + message->size ? user + strlen(user) + 1 : NULL;
    if (!password || password > text + message->size ||
        password + strlen(password) != text + message->size) {
        answer(c->driver.transport, false);
    } else {
        c->login = true;
        hub_amqp_login(c, user, password);
    }
    explicit_bzero(text, sizeof text);
}

static void process_init(pn_transport_t *transport, const char *mechanism, const pn_bytes_t *recv)
{
    struct hub_amqp_connection *c = pnx_sasl_get_context(transport);

    if (mechanism && strcmp(mechanism, "PLAIN") == 0)
        plain(c, recv);
    else
        answer(transport,
               mechanism &&
                   (strcmp(mechanism, "ANONYMOUS") == 0 || strcmp(mechanism, "MSSBCBS") == 0 ||
                    (strcmp(mechanism, "EXTERNAL") == 0 && hub_amqp_certificate(c) != NULL)));
}

static void process_response(pn_transport_t *transport, const pn_bytes_t *recv)
{
    (void) recv; /* nothing was asked */
    answer(transport, false);
}

static bool process_mechanisms(pn_transport_t *transport, const char *mechanisms)
{
    (void) transport;
    (void) mechanisms;
    return false;
}

static void process_challenge(pn_transport_t *transport, const pn_bytes_t *recv)
{
    (void) transport;
    (void) recv;
}

static void process_outcome(pn_transport_t *transport, const pn_bytes_t *recv)
{
    (void) transport;
    (void) recv;
}

static bool can_encrypt(pn_transport_t *transport)
{
    (void) transport;
    return false;
}

static ssize_t max_encrypt_size(pn_transport_t *transport)
{
    (void) transport;
    return 0;
}

static ssize_t pass(pn_transport_t *transport, pn_bytes_t in, pn_bytes_t *out)
{
    (void) transport;
    (void) in;
    (void) out;
    return 0;
}

static const pnx_sasl_implementation implementation = {
    .free = nothing,
    .list_mechanisms = list,
    .init_server = init_server,
    .init_client = init_client,
    .prepare_write = nothing,
    .process_init = process_init,
    .process_response = process_response,
    .process_mechanisms = process_mechanisms,
    .process_challenge = process_challenge,
    .process_outcome = process_outcome,
    .can_encrypt = can_encrypt,
    .max_encrypt_size = max_encrypt_size,
    .encode = pass,
    .decode = pass,
};

void hub_amqp_sasl_offer(struct hub_amqp_connection *c)
{
    (void) pn_sasl(c->driver.transport);
    pnx_sasl_set_implementation(c->driver.transport, &implementation, c);
    pn_transport_require_auth(c->driver.transport, false);
}

void hub_amqp_sasl_answer(struct hub_amqp_connection *c, bool welcome)
{
    answer(c->driver.transport, welcome);
}
