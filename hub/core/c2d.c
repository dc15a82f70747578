/* Cloud-to-device messages: they stay in IoT Hub until their client has settled them. A lock that
 * nobody settles expires there, and the message comes again. Nothing is settled for a client that
 * does not listen: each release would count as a delivery, and IoT Hub gives up after ten. */
#include <errno.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/core/internal.h"

enum { WAITING_MAX = 50 /* of one client; IoT Hub queues no more than that */ };

/* A message between IoT Hub and its client. */
struct passing {
    struct passing *next;
    uint64_t lock;                /* the client's */
    uint64_t upstream;            /* IoT Hub's */
    struct edge_message *message; /* NULL: it has been handed over */
};
struct hub_c2d {
    struct passing *first; /* in the order they came */
    unsigned count;
    uint64_t last; /* lock */
};

static void free_passing(struct passing *passing)
{
    if (passing->message)
        edge_message_fini(passing->message);
    free(passing->message);
    free(passing);
}

static void settle_upstream(const struct hub_client *client, uint64_t lock,
                            enum hub_outcome outcome)
{
    const struct hub_core *core = client->core;

    if (core->upstream && core->online)
        core->upstream->ops->settle(core->upstream->self, &client->who, lock, outcome);
}

static struct passing *add(struct hub_c2d *c2d, const struct edge_message *message, uint64_t lock)
{
    struct passing *passing = calloc(1, sizeof *passing);
    struct passing **at = &c2d->first;

    if (!passing)
        return NULL;
    passing->upstream = lock;
    passing->lock = ++c2d->last;
    passing->message = calloc(1, sizeof *passing->message);
    if (!passing->message || edge_message_copy(message, passing->message) < 0) {
        free_passing(passing);
        return NULL;
    }
    while (*at)
        at = &(*at)->next;
    *at = passing;
    c2d->count++;
    return passing;
}

static struct passing *first_waiting(const struct hub_client *client)
{
    struct passing *passing = client->c2d ? client->c2d->first : NULL;

    while (passing && !passing->message)
        passing = passing->next;
    return passing;
}

/* The session may end, or settle, from within deliver; the client goes with its session when nothing
 * else is known of it. */
static void deliver(struct hub_client *client)
{
    struct hub_session *session = client->session;
    struct passing *passing;

    hub_session_hold(session);
    while (!session->ended && hub_client_listens(client, EDGE_FEATURE_C2D) && !session->paused &&
           (passing = first_waiting(client))) {
        struct edge_message *message = EDGE_TAKE(passing->message);

        session->events.deliver(message, passing->lock, session->arg);
        edge_message_fini(message);
        free(message);
    }
    hub_session_release(session);
}

void hub_c2d_message(struct hub_client *client, const struct edge_message *message, uint64_t lock)
{
    if (!hub_client_listens(client, EDGE_FEATURE_C2D))
        return;
    if (!client->c2d) {
        client->c2d = calloc(1, sizeof *client->c2d);
        if (client->c2d)
            client->c2d->last = (uint64_t) edge_wall_ns(); /* not that of an earlier session */
    }
    if (!client->c2d || client->c2d->count == WAITING_MAX || !add(client->c2d, message, lock)) {
        edge_log_about(EDGE_LOG_WARN, client->name,
                       "cloud-to-device message is left to IoT Hub, too many wait: client=%s",
                       client->name);
        return;
    }
    deliver(client);
}

bool hub_c2d_settle(struct hub_client *client, uint64_t lock, enum hub_outcome outcome)
{
    struct passing **at = client->c2d ? &client->c2d->first : NULL;
    struct passing *passing;

    while (at && *at && (*at)->lock != lock)
        at = &(*at)->next;
    if (!at || !*at)
        return false;
    passing = *at;
    *at = passing->next;
    client->c2d->count--;
    settle_upstream(client, passing->upstream, outcome);
    free_passing(passing);
    return true;
}

/* Forget all; IoT Hub is told when it can still make use of that. */
static void forget(struct hub_client *client, bool tell)
{
    struct passing *passing;

    while (client->c2d && (passing = client->c2d->first)) {
        client->c2d->first = passing->next;
        if (tell)
            settle_upstream(client, passing->upstream, HUB_RELEASED);
        free_passing(passing);
    }
    if (client->c2d)
        client->c2d->count = 0;
}

void hub_c2d_session(struct hub_client *client)
{
    if (hub_client_listens(client, EDGE_FEATURE_C2D)) {
        deliver(client);
        return;
    }
    forget(client, true);
    if (client->session)
        return;
    free(client->c2d);
    client->c2d = NULL;
}

void hub_c2d_offline(struct hub_core *core)
{
    for (struct hub_client *client = core->first; client; client = client->next)
        forget(client, false);
}
