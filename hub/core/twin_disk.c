/* Twins in memory and on disk: read when somebody asks, let go when nobody has for long. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "hub/core/seal.h"
#include "hub/core/twins.h"

#define KIND "twin"

struct hub_twin_wait *hub_twin_wait(struct hub_twin *twin)
{
    struct hub_twin_wait *wait = malloc(sizeof *wait);

    if (wait)
        *wait = (struct hub_twin_wait){hub_life_hold(twin->client->core), twin};
    return wait;
}

struct hub_twin *hub_twin_waited(struct hub_twin_wait *wait)
{
    struct hub_twin *twin = hub_life_release(wait->life) ? wait->twin : NULL;

    free(wait);
    return twin;
}

/* @return NULL: unreadable, or no memory */
static struct hub_twin_state *open_document(const struct hub_core *core, const char *name,
                                            struct edge_bytes data)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf plain = EDGE_BUF_INIT(HUB_STORE_DOCUMENT_MAX);
    struct hub_twin_state *state = NULL;
    int rc = hub_document_open(core, KIND, name, data, &plain);

    if (rc == 0)
        rc = hub_twin_state_read((struct edge_bytes){(uint8_t *) plain.data, plain.len}, &state);
    if (rc < 0)
        edge_warn("stored twin cannot be read, it begins anew: client=%s reason=%s", name,
                  edge_strerror(rc));
    return state;
}

static void put(struct hub_twin *twin, struct hub_twin_state *state)
{
    struct hub_twins *twins = twin->client->core->twins;

    twin->state = state;
    twins->loaded++;
    hub_ring_add(&twins->recent, &twin->recent);
}

void hub_twin_touch(struct hub_twin *twin)
{
    hub_never(&twin->recent);
    hub_ring_add(&twin->client->core->twins->recent, &twin->recent);
}

void hub_twin_unload(struct hub_twin *twin)
{
    if (!twin->state)
        return;
    twin->state = hub_twin_state_free(twin->state);
    hub_never(&twin->recent);
    twin->client->core->twins->loaded--;
}

/* Too many in memory: those not used for longest go. */
static void evict(struct hub_twins *twins)
{
    struct hub_task *next;

    for (struct hub_task *at = twins->recent.next;
         at != &twins->recent && twins->loaded > HUB_TWINS_LOADED; at = next) {
        struct hub_twin *twin = EDGE_CONTAINER_OF(at, struct hub_twin, recent);

        next = at->next;
        if (twin->request != HUB_TWIN_IDLE || twin->unsaved || twin->asking.first)
            continue;
        hub_twin_unload(twin);
        hub_twin_tidy(twin);
    }
}

static void on_document(int rc, struct edge_bytes data, void *arg)
{
    struct hub_twin *twin = hub_twin_waited(arg);
    struct hub_twin_state *state = NULL;
    struct hub_core *core;

    if (!twin)
        return;
    core = twin->client->core;
    twin->loading = false;
    if (rc == 0 && data.data)
        state = open_document(core, twin->client->name, data);
    if (rc == 0 && !state)
        state = hub_twin_state_create();
    if (state)
        put(twin, state);
    else
        hub_twin_put_off(twin);
    hub_twin_loaded(twin, state ? HUB_OK : HUB_FAILED);
    hub_twin_turn(twin);
    hub_twin_tidy(twin);
    evict(core->twins);
}

int hub_twin_load(struct hub_twin *twin)
{
    struct hub_twin_wait *wait = hub_twin_wait(twin);
    int rc = wait ? hub_store_get(twin->client->core->options.store, KIND, twin->client->name,
                                  on_document, wait)
                  : -ENOMEM;

    if (rc == 0)
        twin->loading = true;
    else if (wait)
        (void) hub_twin_waited(wait);
    return rc;
}

int hub_twin_save(struct hub_twin *twin, hub_stored_done *done, void *arg)
{
    EDGE_CLEANUP(edge_free) char *text = hub_twin_state_write(twin->state);
    const struct hub_client *client = twin->client;
    int rc = text ? hub_document_set(client->core, KIND, client->name, text, done, arg) : -ENOMEM;

    twin->unsaved = rc < 0;
    if (rc < 0)
        edge_error("twin cannot be written: client=%s reason=%s", client->name, edge_strerror(rc));
    return rc;
}

void hub_twins_forget(struct hub_core *core, const struct edge_identity *who)
{
    struct hub_client *client = hub_client_find(core, who);
    struct hub_twin *twin = client ? client->twin : NULL;
    char name[2 * EDGE_ID_MAX + 2];

    if (twin &&
        (twin->loading || twin->request != HUB_TWIN_IDLE || twin->ops.first || twin->asking.first))
        return;
    edge_identity_format(who, name, sizeof name);
    if (hub_store_set(core->options.store, KIND, name, (struct edge_bytes){NULL, 0}, NULL, NULL) <
        0)
        edge_warn("stored twin is not deleted, out of memory: client=%s", name);
    if (!twin)
        return;
    hub_never(&twin->due);
    twin->get_at = twin->push_at = HUB_TWIN_NEVER;
    hub_twin_unload(twin);
    hub_twin_tidy(twin);
}

struct reading {
    struct hub_core *core;
    int rc;
};

static void on_stored(const char *name, struct edge_bytes data, void *arg)
{
    struct reading *reading = arg;
    struct hub_core *core = reading->core;
    EDGE_CLEANUP(hub_twin_state_free)
    struct hub_twin_state *state = open_document(core, name, data);
    struct edge_identity who;
    struct hub_client *client;
    struct hub_twin *twin;

    if (!state || state->npending == 0 || edge_identity_parse(name, strlen(name), &who) < 0)
        return;
    client = hub_client_need(core, &who);
    twin = client ? hub_twin_need(client) : NULL;
    if (twin)
        hub_twin_push_at(twin, 0);
    else
        reading->rc = -ENOMEM;
}

int hub_twins_load(struct hub_core *core, struct edge_err *err)
{
    struct reading reading = {core, 0};
    struct hub_twins *twins = calloc(1, sizeof *twins);
    int rc;

    if (!twins)
        return edge_fail(err, -ENOMEM, "no memory for twins");
    core->twins = twins;
    twins->core = core;
    hub_ring_init(&twins->recent);
    hub_ring_init(&twins->due);
    twins->timer = edge_timer_create(core->options.loop, hub_twins_look, twins);
    if (!twins->timer)
        return edge_fail(err, -ENOMEM, "no memory for twins");
    rc = hub_store_each(core->options.store, KIND, on_stored, &reading);
    if (rc == 0)
        rc = reading.rc;
    return rc < 0 ? edge_wrap(err, rc, "stored twins") : 0;
}

void hub_twins_destroy(struct hub_core *core)
{
    if (!core->twins)
        return;
    edge_timer_destroy(core->twins->timer);
    free(core->twins);
    core->twins = NULL;
}
