#include "hub/amqp/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/amqp/connection.h"
#include "hub/amqp/message.h"
#include "hub/amqp/turn.h"

enum { STRANGERS_MAX = 200 }; /* their engines are large */

static unsigned or_default(unsigned value, unsigned fallback)
{
    return value ? value : fallback;
}

int hub_amqp_create(struct edge_loop *loop, const struct hub_amqp_options *options,
                    struct hub_amqp **ret)
{
    struct hub_amqp *amqp = calloc(1, sizeof *amqp);

    if (!amqp)
        return -ENOMEM;
    amqp->loop = loop;
    amqp->options = *options;
    amqp->options.max_clients = or_default(options->max_clients, 20000);
    amqp->options.max_links = or_default(options->max_links, 1000);
    amqp->options.max_sessions = or_default(options->max_sessions, 1024);
    amqp->options.max_identities = or_default(options->max_identities, 1000);
    amqp->options.connect_ms = or_default(options->connect_ms, 10 * 1000);
    amqp->options.idle_ms = or_default(options->idle_ms, 120 * 1000);
    amqp->host = edge_strdup(options->host);
    amqp->turn = edge_timer_create(loop, hub_amqp_turn, amqp);
    edge_buf_init(&amqp->encoded, HUB_AMQP_MESSAGE_MAX);
    if (!amqp->host || !amqp->turn) {
        hub_amqp_destroy(amqp);
        return -ENOMEM;
    }
    amqp->options.host = amqp->host;
    *ret = amqp;
    return 0;
}

/* Whoever is not looked at, either. */
static bool is_stranger(const struct hub_amqp_connection *c)
{
    return !c->welcome && c->proofs == 0;
}

/* Whoever has been here longest without having shown a token makes room. */
static void make_room(struct hub_amqp *amqp)
{
    struct hub_amqp_connection *oldest = NULL;
    unsigned strangers = 0;

    for (struct hub_amqp_connection *c = amqp->connections; c; c = c->next) {
        strangers += is_stranger(c);
        oldest = is_stranger(c) ? c : oldest;
    }
    if (strangers < STRANGERS_MAX)
        return;
    hub_amqp_drop(oldest, HUB_AMQP_UNPROVED, "and others wait");
}

void hub_amqp_accept(struct hub_amqp *amqp, struct edge_stream *stream, bool ws)
{
    char why[48];

    if (amqp->clients >= STRANGERS_MAX)
        make_room(amqp);
    if (amqp->clients >= amqp->options.max_clients) {
        (void) snprintf(why, sizeof why, "%u clients are the limit", amqp->options.max_clients);
        hub_amqp_say_turned_away(edge_stream_address(stream), why);
        edge_stream_close(stream);
        return;
    }
    if (!hub_amqp_connection_create(amqp, stream, ws))
        edge_log_about(EDGE_LOG_WARN, NULL, "amqp client refused: reason=out of memory");
}

unsigned hub_amqp_clients(const struct hub_amqp *amqp)
{
    return amqp->clients;
}

struct hub_amqp *hub_amqp_destroy(struct hub_amqp *amqp)
{
    if (!amqp)
        return NULL;
    while (amqp->connections)
        hub_amqp_drop(amqp->connections, HUB_AMQP_CLOSING, NULL);
    hub_amqp_turn(amqp);
    edge_timer_destroy(amqp->turn);
    edge_buf_fini(&amqp->encoded);
    free(amqp->host);
    free(amqp);
    return NULL;
}
