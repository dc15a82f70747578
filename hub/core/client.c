/* Clients: found, made, forgotten; what the upstream keeps in place for them. */
#include <stdlib.h>

#include "hub/core/wanted.h"

struct hub_client *hub_client_find(struct hub_core *core, const struct edge_identity *who)
{
    char name[2 * EDGE_ID_MAX + 2];

    edge_identity_format(who, name, sizeof name);
    return edge_map_get(&core->clients, name);
}

struct hub_client *hub_client_need(struct hub_core *core, const struct edge_identity *who)
{
    struct hub_client *client = hub_client_find(core, who);

    if (client)
        return client;
    client = calloc(1, sizeof *client);
    if (!client)
        return NULL;
    client->core = core;
    client->who = *who;
    edge_identity_format(who, client->name, sizeof client->name);
    if (edge_map_set(&core->clients, client->name, client) < 0) {
        free(client);
        return NULL;
    }
    client->next = core->first;
    if (client->next)
        client->next->prev = client;
    core->first = client;
    return client;
}

static void forget(struct hub_client *client)
{
    struct hub_core *core = client->core;

    (void) edge_map_remove(&core->clients, client->name);
    if (client->prev)
        client->prev->next = client->next;
    else
        core->first = client->next;
    if (client->next)
        client->next->prev = client->prev;
    hub_wanted_clear(client);
    free(client->product);
    free(client->model_id);
    free(client);
}

bool hub_client_tidy(struct hub_client *client)
{
    if (client->core->ending || client->session || client->kept || client->saving > 0 ||
        client->inputs || client->outbox || client->twin || client->calls || client->c2d)
        return false;
    forget(client);
    return true;
}

void hub_clients_free(struct hub_core *core)
{
    while (core->first) {
        hub_inputs_free(core->first);
        hub_outbox_free(core->first);
        hub_twins_free(core->first);
        forget(core->first);
    }
    edge_map_fini(&core->clients);
}

void hub_client_wish(struct hub_client *client)
{
    const unsigned ours = EDGE_FEATURE_C2D | EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS;
    const struct hub_upstream *upstream = client->core->upstream;
    struct hub_wish wish = {
        .features = client->session ? client->features & ours : 0,
        .client = client->product ? client->product : "",
        .model_id = client->model_id ? client->model_id : "",
    };

    if (!upstream || client->core->ending || wish.features == client->wished)
        return;
    client->wished = wish.features;
    upstream->ops->want(upstream->self, &client->who, &wish);
}

bool hub_client_listens(const struct hub_client *client, unsigned features)
{
    return client->session && (client->features & features) == features;
}
