#include <stdlib.h>
#include <string.h>

#include "hub/amqp/place.h"

enum { ID_MAX = 256 };

struct hub_amqp_errand *hub_amqp_errand_begin(struct hub_amqp_link *link, uint64_t delivery,
                                              const struct hub_amqp_value *id)
{
    size_t len = id ? id->s.len : 0;
    struct hub_amqp_errand *errand = len <= ID_MAX ? malloc(sizeof *errand + len) : NULL;

    if (!errand)
        return NULL;
    *errand = (struct hub_amqp_errand){.connection = hub_amqp_ref(link->connection),
                                       .link = hub_amqp_link_ref(link),
                                       .delivery = delivery};
    if (id)
        errand->id = *id;
    if (len > 0)
        memcpy(errand->id_text, id->s.data, len);
    errand->id.s.data = (const uint8_t *) errand->id_text;
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
    free(errand->why);
    free(errand);
}
