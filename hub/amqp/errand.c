#include <stdlib.h>
#include <string.h>

#include "hub/amqp/place.h"

struct hub_amqp_errand *hub_amqp_errand_begin(struct hub_amqp_link *link, uint64_t delivery,
                                              const struct hub_amqp_value *id)
{
    struct hub_amqp_errand *errand;

    if (id && id->s.len >= sizeof errand->id_text)
        return NULL;
    errand = calloc(1, sizeof *errand);
    if (!errand)
        return NULL;
    errand->connection = hub_amqp_ref(link->connection);
    errand->link = hub_amqp_link_ref(link);
    errand->delivery = delivery;
    if (id) {
        errand->id = *id;
        if (id->s.len > 0)
            memcpy(errand->id_text, id->s.data, id->s.len);
        errand->id.s.data = (const uint8_t *) errand->id_text;
    }
    return errand;
}

struct hub_amqp_link *hub_amqp_errand_link(const struct hub_amqp_errand *errand)
{
    return errand->link->engine ? errand->link : NULL;
}

void hub_amqp_errand_end(struct hub_amqp_errand *errand)
{
    hub_amqp_link_unref(errand->link);
    hub_amqp_unref(errand->connection);
    free(errand);
}
