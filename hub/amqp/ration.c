#include "hub/amqp/ration.h"

#include <proton/link.h>

#include "common/base/pause.h"
#include "hub/amqp/turn.h"

static const struct edge_pauses pauses = {500, 16 * 1000};

void hub_amqp_ration_answer(struct hub_amqp_link *link, uint64_t delivery, bool taken)
{
    if (!taken) {
        link->refused = link->connection->next_delivery;
    } else if (link->refused && delivery > link->refused) {
        link->refused = 0;
        link->connection->ration_ms = 0;
    }
}

static void on_over(void *arg)
{
    struct hub_amqp_connection *c = arg;

    for (struct hub_amqp_link *link = c->links; link; link = link->next) {
        if (link->refused && pn_link_credit(link->engine) <= 0)
            pn_link_flow(link->engine, 1 - pn_link_credit(link->engine));
    }
    hub_amqp_flush_soon(c);
}

void hub_amqp_ration_empty(struct hub_amqp_connection *c)
{
    if (!c->ration)
        c->ration = edge_timer_create(c->server->loop, on_over, c);
    if (!c->ration)
        on_over(c); /* no memory, no pause */
    if (!c->ration || edge_timer_armed(c->ration))
        return;
    c->ration_ms = edge_pause_longer(c->ration_ms, &pauses);
    edge_timer_arm(c->ration, edge_pause_jittered(c->ration_ms)); /* others are refused, too */
}
