#include "common/iothub/topic.h"
#include "hub/amqp/mapping.h"
#include "hub/amqp/place.h"

enum { ARENA_MAX = 256 * 1024 };

static void give_back(struct hub_amqp_person *person, uint64_t lock, enum hub_outcome outcome)
{
    if (person->session)
        hub_amqp_backend(person->connection)->settle(person->session, lock, outcome);
}

static struct hub_amqp_link *link_of(const struct hub_amqp_person *person)
{
    struct hub_amqp_place *place =
        person->places[person->who.module[0] ? HUB_AMQP_LINK_INPUTS : HUB_AMQP_LINK_C2D];

    return place ? place->link : NULL; /* one that is not answered yet keeps it */
}

void hub_amqp_deliver(struct hub_amqp_person *person, const struct edge_message *message,
                      uint64_t lock)
{
    struct hub_amqp_arena arena = HUB_AMQP_ARENA_INIT(ARENA_MAX);
    struct hub_amqp_link *link = link_of(person);
    struct hub_amqp_message mapped;
    int rc = EDGE_EUNAVAILABLE;

    if (link)
        rc = hub_amqp_to_client(message, &arena, &mapped);
    if (link && rc == 0)
        rc = hub_amqp_post(link, lock, &mapped, false);
    if (rc == EDGE_EINVALID)
        give_back(person, lock, HUB_REJECTED); /* it will never fit */
    else if (rc < 0)
        give_back(person, lock, HUB_RELEASED);
    hub_amqp_arena_fini(&arena);
    if (!link || hub_amqp_credit(link) == 0)
        hub_amqp_pause(person, true);
}

static void on_credit(struct hub_amqp_link *link, unsigned credit, void *arg)
{
    struct hub_amqp_place *place = arg;

    (void) link;
    (void) credit;
    hub_amqp_pause(place->person, false);
}

static void on_settled(struct hub_amqp_link *link, uint64_t tag, enum hub_amqp_outcome outcome,
                       void *arg)
{
    static const enum hub_outcome outcomes[] = {[HUB_AMQP_ACCEPTED] = HUB_ACCEPTED,
                                                [HUB_AMQP_REJECTED] = HUB_REJECTED,
                                                [HUB_AMQP_RELEASED] = HUB_RELEASED,
                                                [HUB_AMQP_MODIFIED] = HUB_MODIFIED};
    struct hub_amqp_place *place = arg;

    (void) link;
    give_back(place->person, tag, outcomes[outcome]);
}

const struct hub_amqp_place_kind hub_amqp_c2d = {
    .feature = EDGE_FEATURE_C2D,
    .ops = {.credit = on_credit, .settled = on_settled, .detached = hub_amqp_place_left},
};
const struct hub_amqp_place_kind hub_amqp_inputs = {
    .feature = EDGE_FEATURE_INPUTS,
    .ops = {.credit = on_credit, .settled = on_settled, .detached = hub_amqp_place_left},
};
