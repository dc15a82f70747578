#include "hub/amqp/ration.h"

#include <proton/link.h>
#include <sys/random.h>

enum { FIRST_MS = 500, MOST_MS = 16 * 1000 };

void hub_amqp_ration_answer(struct hub_amqp_link *link, uint64_t delivery, bool taken)
{
    if (!taken) {
        link->refused = link->connection->next_delivery;
    } else if (link->refused && delivery > link->refused) {
        link->refused = 0;
        link->connection->ration_ms = 0;
    }
}

/* Half of it for certain and half by chance: others are refused at the same time. */
static uint64_t jittered(unsigned ms)
{
    uint32_t chance = 0;

    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) < 0)
        chance = 0;
    return ms / 2 + chance % (ms / 2 + 1);
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
    c->ration_ms = c->ration_ms == 0            ? FIRST_MS
                   : c->ration_ms < MOST_MS / 2 ? 2 * c->ration_ms
                                                : MOST_MS;
    edge_timer_arm(c->ration, jittered(c->ration_ms));
}
