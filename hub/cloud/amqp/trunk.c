#include "hub/cloud/amqp/trunk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "hub/amqp/value.h"

enum {
    PAUSE_MIN_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
    ANSWER_MS = 20 * 1000,
    IDLE_MS = 20 * 1000,
    PORT = 5671,
    PORT_WEBSOCKET = 443,
    UUID = 16,
};

/* ---- ids ---- */

void hub_trunk_id(struct hub_trunk *trunk, char text[37])
{
    uint8_t bytes[UUID];
    uint64_t id = ++trunk->next_id;

    memcpy(bytes, trunk->random, sizeof trunk->random);
    for (unsigned i = 0; i < sizeof id; i++)
        bytes[UUID - 1 - i] = (uint8_t) (id >> 8 * i);
    bytes[6] = (bytes[6] & 0x0f) | 0x40; /* as a random UUID looks */
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    hub_amqp_uuid_format(bytes, text);
}

bool hub_trunk_is_self(const struct hub_twig *twig)
{
    return edge_identity_equal(&twig->who, &twig->trunk->options.self);
}

/* ---- twigs ---- */

struct hub_twig *hub_trunk_find(const struct hub_trunk *trunk, const struct edge_identity *who)
{
    char name[2 * EDGE_ID_MAX + 2];

    edge_identity_format(who, name, sizeof name);
    return edge_map_get(&trunk->map, name);
}

struct hub_twig *hub_trunk_need(struct hub_trunk *trunk, const struct edge_identity *who)
{
    struct hub_twig *twig = hub_trunk_find(trunk, who);

    if (twig || trunk->map.count >= HUB_TWIGS_MAX)
        return twig;
    twig = hub_twig_create(trunk, who);
    if (twig && edge_map_set(&trunk->map, twig->name, twig) < 0) {
        hub_twig_free(twig);
        return NULL;
    }
    if (twig) {
        twig->link = &trunk->all;
        twig->next = trunk->all;
        if (twig->next)
            twig->next->link = &twig->next;
        trunk->all = twig;
    }
    return twig;
}

static void forget(struct hub_twig *twig)
{
    edge_map_remove(&twig->trunk->map, twig->name);
    *twig->link = twig->next;
    if (twig->next)
        twig->next->link = twig->link;
    hub_twig_free(twig);
}

/* ---- turns ---- */

void hub_trunk_attend(struct hub_twig *twig)
{
    struct hub_trunk *trunk = twig->trunk;

    if (twig->due || trunk->closing)
        return;
    twig->due = true;
    twig->next_due = trunk->due;
    trunk->due = twig;
    edge_timer_arm(trunk->turn, 0);
}

static bool has_room(const struct hub_trunk *trunk)
{
    return trunk->flying_bytes < HUB_TRUNK_FLYING_BYTES && !hub_engine_full(trunk->engine);
}

bool hub_trunk_clear(const struct hub_trunk *trunk)
{
    return has_room(trunk) && (!trunk->choked.first || trunk->serving);
}

void hub_trunk_unchoke(struct hub_trunk *trunk)
{
    if (!trunk->choked.first || trunk->closing)
        return;
    trunk->roomy = true;
    edge_timer_arm(trunk->turn, 0);
}

/* Who still has something to send afterwards is the last of the line. */
static void serve(struct hub_trunk *trunk)
{
    trunk->roomy = false;
    trunk->serving = true;
    while (trunk->up && trunk->choked.first && has_room(trunk)) {
        struct hub_twig *twig = trunk->choked.first;

        hub_line_leave(twig);
        hub_twig_tend(twig);
    }
    trunk->serving = false;
}

static void on_turn(void *arg)
{
    struct hub_trunk *trunk = arg;
    struct hub_twig *twig = EDGE_TAKE(trunk->due), *next;

    for (; twig; twig = next) { /* who is due again has its turn later */
        next = twig->next_due;
        twig->due = false;
        hub_twig_tend(twig);
        if (hub_twig_forgotten(twig))
            forget(twig);
    }
    if (trunk->roomy)
        serve(trunk);
    hub_parcels_tell(trunk);
}

/* ---- the table the core calls ---- */

static void want(void *self, const struct edge_identity *who, const struct hub_wish *wish)
{
    hub_twig_want(self, who, wish);
}

static void send_message(void *self, const struct edge_identity *who,
                         const struct edge_message *message, hub_done *done, void *arg)
{
    hub_twig_send(self, who, message, done, arg);
}

static void twin_get(void *self, const struct edge_identity *who, hub_twin_done *done, void *arg)
{
    hub_twig_get(self, who, done, arg);
}

static void twin_patch(void *self, const struct edge_identity *who, const char *patch, size_t len,
                       hub_version_done *done, void *arg)
{
    hub_twig_patch(self, who, patch, len, done, arg);
}

static void method_reply(void *self, const struct edge_identity *who, const char *rid, int status,
                         struct edge_bytes payload)
{
    hub_twig_reply(self, who, rid, status, payload);
}

static void settle(void *self, const struct edge_identity *who, uint64_t lock,
                   enum hub_outcome outcome)
{
    hub_twig_settle(self, who, lock, outcome);
}

static const struct hub_upstream_ops ops = {
    .want = want,
    .send = send_message,
    .twin_get = twin_get,
    .twin_patch = twin_patch,
    .method_reply = method_reply,
    .settle = settle,
};

/* ---- open and close ---- */

static unsigned or_else(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static bool copy_options(struct hub_trunk *trunk, const struct hub_cloud_options *options)
{
    struct hub_cloud_options *o = &trunk->options;

    *o = *options;
    o->host = edge_strdup(options->host);
    o->hub_name = edge_strdup(options->hub_name);
    o->proxy = edge_strdup(options->proxy);
    o->rundir = NULL;
    o->tokens = NULL;
    trunk->tokens = *options->tokens;
    o->pause_min_ms = or_else(options->pause_min_ms, PAUSE_MIN_MS);
    o->pause_max_ms = or_else(options->pause_max_ms, PAUSE_MAX_MS);
    o->answer_ms = or_else(options->answer_ms, ANSWER_MS);
    o->idle_ms = or_else(options->idle_ms, IDLE_MS);
    o->max_identities = or_else(options->max_identities, HUB_TRUNK_IDENTITIES_MAX);
    if (o->port == 0)
        o->port = options->protocol == HUB_CLOUD_AMQP_WS ? PORT_WEBSOCKET : PORT;
    return o->host && o->hub_name && (o->proxy || !options->proxy);
}

static bool prepare(struct hub_trunk *trunk, const struct hub_cloud_options *options)
{
    char id[37];

    if (getrandom(trunk->random, sizeof trunk->random, GRND_NONBLOCK) != sizeof trunk->random)
        return false;
    hub_trunk_id(trunk, id);
    (void) snprintf(trunk->container, sizeof trunk->container, "%s", id);
    hub_parcels_init(&trunk->failed);
    hub_line_init(&trunk->choked);
    hub_line_init(&trunk->lobby);
    trunk->turn = edge_timer_create(options->loop, on_turn, trunk);
    trunk->timer = edge_timer_create(options->loop, hub_trunk_on_timer, trunk);
    trunk->renewal = edge_timer_create(options->loop, hub_trunk_on_renewal, trunk);
    trunk->room = edge_timer_create(options->loop, hub_room_on_timer, trunk);
    return copy_options(trunk, options) && trunk->turn && trunk->timer && trunk->renewal &&
           trunk->room;
}

static void trunk_free(struct hub_trunk *trunk)
{
    edge_timer_destroy(trunk->turn);
    edge_timer_destroy(trunk->timer);
    edge_timer_destroy(trunk->renewal);
    edge_timer_destroy(trunk->room);
    edge_map_fini(&trunk->map);
    edge_free((char *) trunk->options.host);
    edge_free((char *) trunk->options.hub_name);
    edge_free((char *) trunk->options.proxy);
    free(trunk);
}

static void trunk_close(void *self)
{
    struct hub_trunk *trunk = self;

    trunk->closing = true;
    for (struct hub_twig *twig = trunk->all; twig; twig = twig->next)
        hub_twig_lost(twig, "the hub ends");
    hub_trunk_let_go(trunk);
    while (trunk->failed.first)
        hub_parcels_tell(trunk);
    while (trunk->all)
        forget(trunk->all);
    trunk_free(trunk);
}

static int trunk_open(const struct hub_cloud_options *options, void **ret, struct edge_err *err)
{
    struct hub_trunk *trunk = calloc(1, sizeof *trunk);

    if (!trunk || !prepare(trunk, options)) {
        if (trunk)
            trunk_free(trunk);
        return edge_fail(err, -ENOMEM, "upstream: no memory");
    }
    hub_trunk_start(trunk);
    *ret = trunk;
    return 0;
}

const struct hub_cloud_kind hub_cloud_amqp = {trunk_open, trunk_close, &ops};
