#include "hub/amqp/login.h"

#include <string.h>

#include "hub/amqp/address.h"
#include "hub/amqp/grants.h"
#include "hub/amqp/person.h"
#include "hub/amqp/wire.h"

#define UNKNOWN                                                                                    \
    "PLAIN's user is not <device>[/modules/<module>]@sas.<first label of the IoT Hub's name>"

static void on_proved(const struct hub_grant *grant, void *arg)
{
    struct hub_amqp_connection *c = arg;

    if (grant->result == HUB_OK || grant->result == HUB_REFUSED || grant->result == HUB_NOT_FOUND ||
        grant->result == HUB_BAD)
        hub_amqp_login_done(c, grant->result == HUB_OK);
    else
        hub_amqp_drop(c, HUB_AMQP_AGAIN, grant->reason);
    hub_amqp_unref(c);
}

void hub_amqp_login(struct hub_amqp_connection *c, const char *user, const char *password)
{
    const struct hub_amqp_options *o = &c->server->options;
    char audience[HUB_AMQP_AUDIENCE_SIZE] = "";
    struct edge_identity who;
    struct edge_err err = {0};
    int64_t until_s = 0;
    int rc = HUB_AMQP_NOT_MINE;

    if (o->nodes && o->nodes->plain)
        rc = o->nodes->plain(c, user, password, audience, &until_s, &err, o->arg);
    if (rc == HUB_AMQP_NOT_MINE && hub_amqp_user(user, c->server->host, &who)) {
        hub_amqp_person_prove(c, &who, password, NULL, on_proved, hub_amqp_ref(c));
        return;
    }
    if (rc == 0)
        rc = hub_amqp_grant(c, audience, until_s);
    if (rc != 0)
        hub_amqp_say_turned_away(c->address, err.text[0] ? err.text : UNKNOWN);
    hub_amqp_login_done(c, rc == 0);
}
