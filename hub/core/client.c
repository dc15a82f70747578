/* Clients: found, made, forgotten; what the upstream keeps in place for them. */
#include <stdlib.h>

#include "common/base/clock.h"
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
    if (client->core->ending || client->session || client->wished || client->kept ||
        client->saving > 0 || client->inputs || client->outbox || client->twin || client->calls ||
        client->c2d)
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

/* Of what the upstream has been told: what stays for a while, although nobody wants it now. A
 * cloud-to-device message would be held by who is not there. */
static unsigned lingering(struct hub_client *client, unsigned wanted)
{
    struct hub_core *core = client->core;
    unsigned kept = client->wished & ~wanted & (EDGE_FEATURE_DESIRED | EDGE_FEATURE_METHODS);
    int64_t now = edge_now_ms();

    if (kept == 0) {
        client->linger_ms = 0;
    } else if (client->linger_ms == 0) {
        client->linger_ms = now + core->options.settings.linger_ms;
        if (!edge_timer_armed(core->linger))
            edge_timer_arm(core->linger, core->options.settings.linger_ms);
    } else if (now >= client->linger_ms) {
        client->linger_ms = 0;
        return 0;
    }
    return kept;
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

    if (!upstream || client->core->ending)
        return;
    wish.features |= lingering(client, wish.features);
    if (wish.features == client->wished && !(client->renamed && wish.features))
        return;
    client->wished = wish.features;
    client->renamed = false;
    upstream->ops->want(upstream->self, &client->who, &wish);
}

void hub_clients_on_linger(void *arg)
{
    struct hub_core *core = arg;
    int64_t now = edge_now_ms(), first_ms = INT64_MAX;
    struct hub_client *next;

    if (core->ending)
        return;
    for (struct hub_client *client = core->first; client; client = next) {
        next = client->next;
        if (client->linger_ms == 0)
            continue;
        hub_client_wish(client);
        if (client->linger_ms == 0)
            (void) hub_client_tidy(client);
        else if (client->linger_ms < first_ms)
            first_ms = client->linger_ms;
    }
    if (first_ms != INT64_MAX)
        edge_timer_arm(core->linger, first_ms > now ? (uint64_t) (first_ms - now) : 0);
}

bool hub_client_listens(const struct hub_client *client, unsigned features)
{
    return client->session && (client->features & features) == features;
}
