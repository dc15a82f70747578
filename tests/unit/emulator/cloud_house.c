#include "tests/unit/emulator/cloud_house.h"

#include <stdio.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000 };

static void on_watchdog(void *arg)
{
    (void) arg;
    fail_msg("nothing happened for %d ms", PATIENCE_MS);
}

static void start(struct house *h)
{
    struct edge_err err = {0};
    struct cloud_options options = {.loop = h->loop, .hostname = "hub.test", .dps = true};

    if (store_open(h->loop, h->path, &h->store, &err) < 0)
        fail_msg("%s", err.text);
    options.store = h->store;
    if (cloud_create(&options, &h->cloud, &err) < 0)
        fail_msg("%s", err.text);
}

int house_open(void **state)
{
    struct house *h = calloc(1, sizeof *h);

    assert_non_null(h);
    strcpy(h->folder, "/tmp/cloud-XXXXXX");
    assert_non_null(mkdtemp(h->folder));
    snprintf(h->path, sizeof h->path, "%s/state.db", h->folder);
    assert_int_equal(edge_loop_create(&h->loop), 0);
    h->watchdog = edge_timer_create(h->loop, on_watchdog, h);
    assert_non_null(h->watchdog);
    start(h);
    *state = h;
    return 0;
}

int house_close(void **state)
{
    struct house *h = *state;

    cloud_destroy(h->cloud);
    store_close(h->store);
    edge_timer_destroy(h->watchdog);
    edge_loop_destroy(h->loop);
    unlink(h->path);
    rmdir(h->folder);
    free(h);
    return 0;
}

void house_restart(struct house *h)
{
    cloud_destroy(h->cloud);
    store_close(h->store);
    start(h);
}

/* Told outside of a run, the loop would stop at the next. */
void house_stir(struct house *h)
{
    if (h->running)
        edge_loop_stop(h->loop);
}

void house_until(struct house *h, const bool *done)
{
    edge_timer_arm(h->watchdog, PATIENCE_MS);
    h->running = true;
    while (!*done)
        edge_loop_run(h->loop);
    h->running = false;
    edge_timer_disarm(h->watchdog);
}

struct turn {
    struct cloud_wait wait;
    struct house *h;
    bool done;
};

static void on_turn(int rc, struct cloud_wait *wait)
{
    struct turn *turn = EDGE_CONTAINER_OF(wait, struct turn, wait);

    assert_int_equal(rc, 0);
    turn->done = true;
    house_stir(turn->h);
}

/* What one turn brings about is done in the next. */
void house_settle(struct house *h)
{
    for (int i = 0; i < 3; i++) {
        struct turn turn = {.h = h};

        cloud_wait(h->cloud, &turn.wait, on_turn);
        house_until(h, &turn.done);
    }
}

void house_identity(struct house *h, const char *device, const char *module, bool edge)
{
    static const char form[] =
        "{\"capabilities\":{\"iotEdge\":%s},\"authentication\":{\"symmetricKey\":{\"primaryKey\":"
        "\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\",\"secondaryKey\":"
        "\"a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s=\"}}}";
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    struct edge_err err = {0};
    char text[512];

    snprintf(text, sizeof text, form, edge ? "true" : "false");
    assert_int_equal(edge_json_parse(text, strlen(text), &wanted, NULL), 0);
    if (cloud_identity_put(h->cloud, device, module, wanted, NULL, &made, &err) != 0)
        fail_msg("%s", err.text);
}

/* A guest */

static void on_deliver(const struct edge_message *message, uint64_t lock, void *arg)
{
    struct guest *g = arg;

    g->messages++;
    g->lock = lock;
    g->delivery_count = message->delivery_count;
    snprintf(g->text, sizeof g->text, "%.*s", (int) message->len, (const char *) message->body);
    house_stir(g->h);
}

static void on_desired(const char *patch, size_t len, int64_t version, void *arg)
{
    struct guest *g = arg;

    g->patches++;
    g->version = version;
    snprintf(g->text, sizeof g->text, "%.*s", (int) len, patch);
    house_stir(g->h);
}

static void on_method(const char *rid, const char *name, struct edge_bytes payload, void *arg)
{
    struct guest *g = arg;

    g->method = true;
    snprintf(g->rid, sizeof g->rid, "%s", rid);
    snprintf(g->name, sizeof g->name, "%s", name);
    snprintf(g->text, sizeof g->text, "%.*s", (int) payload.len, (const char *) payload.data);
    house_stir(g->h);
}

static void on_closed(enum hub_result why, void *arg)
{
    struct guest *g = arg;

    g->closed = true;
    g->why = why;
    g->session = NULL;
    house_stir(g->h);
}

static const struct hub_events events = {
    .deliver = on_deliver,
    .desired = on_desired,
    .method = on_method,
    .closed = on_closed,
};

void guest_open(struct guest *g, struct house *h, const char *device, const char *module, bool keep,
                enum hub_protocol protocol)
{
    const struct hub_backend *backend = cloud_backend(h->cloud);
    struct hub_claim claim = {.token = "t", .protocol = protocol, .client = "", .model_id = ""};
    struct hub_grant grant = {.result = HUB_OK, .until_s = INT64_MAX};
    int rc;

    memset(g, 0, sizeof *g);
    g->h = h;
    strcpy(claim.who.device, device);
    strcpy(claim.who.module, module);
    rc = backend->ops->open(backend->self, &claim, &grant, keep, &events, g, &g->features,
                            &g->session);
    assert_true(rc >= 0);
    g->resumed = rc == HUB_RESUMED;
}

void guest_close(struct guest *g)
{
    cloud_backend(g->h->cloud)->ops->close(g->session);
    g->session = NULL;
}

static void on_done(enum hub_result result, const char *why, void *arg)
{
    struct guest *g = arg;

    (void) why;
    g->done = true;
    g->result = result;
    house_stir(g->h);
}

void guest_subscribe(struct guest *g, unsigned features)
{
    g->done = false;
    cloud_backend(g->h->cloud)->ops->subscribe(g->session, features, 0, on_done, g);
    guest_expect(g, HUB_OK);
}

void guest_send(struct guest *g, const char *body)
{
    struct edge_message message = {0};

    assert_int_equal(edge_message_set_body(&message, body, strlen(body)), 0);
    g->done = false;
    cloud_backend(g->h->cloud)->ops->send(g->session, &message, on_done, g);
    edge_message_fini(&message);
}

void guest_expect(struct guest *g, enum hub_result result)
{
    house_until(g->h, &g->done);
    assert_int_equal(g->result, result);
}
