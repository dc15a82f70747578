#include "hub/amqp/grants.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "hub/amqp/links.h"
#include "hub/amqp/timers.h"

struct hub_amqp_grant {
    struct hub_amqp_grant *next;
    uint64_t id;
    int64_t until_s;
    char audience[];
};

int hub_amqp_grant(struct hub_amqp_connection *c, const char *audience, int64_t until_s)
{
    size_t len = strlen(audience), n = 0;
    struct hub_amqp_grant *grant;

    for (grant = c->grants; grant; grant = grant->next, n++) {
        if (strcmp(grant->audience, audience) == 0)
            break;
    }
    if (!grant) {
        if (n >= HUB_AMQP_GRANTS_MAX)
            return EDGE_ELIMIT;
        grant = calloc(1, sizeof *grant + len + 1);
        if (!grant)
            return -ENOMEM;
        grant->id = ++c->next_grant;
        memcpy(grant->audience, audience, len);
        grant->next = c->grants;
        c->grants = grant;
    }
    grant->until_s = until_s;
    c->welcome = true;
    hub_amqp_expiry_arm(c);
    return 0;
}

/* The same, or above it at a '/'. */
static bool covers(const char *granted, const char *audience)
{
    size_t len = strlen(granted);

    return strncasecmp(granted, audience, len) == 0 &&
           (audience[len] == '\0' || audience[len] == '/');
}

bool hub_amqp_granted(const struct hub_amqp_connection *connection, const char *audience)
{
    struct hub_amqp_connection *c = (struct hub_amqp_connection *) connection;
    int64_t now_s = edge_wall_ns() / 1000000000;

    for (struct hub_amqp_grant *grant = c->grants; grant; grant = grant->next) {
        if (grant->until_s > now_s && covers(grant->audience, audience)) {
            c->used_grant = grant->id; /* the link that is being attached depends on it */
            return true;
        }
    }
    return false;
}

static void end_links(struct hub_amqp_connection *c, uint64_t grant)
{
    struct hub_amqp_link *link = c->links, *next;

    for (; link; link = next) {
        next = link->next;
        if (link->grant != grant)
            continue;
        hub_amqp_refuse(link, "amqp:unauthorized-access", "the token has expired");
        if (next && !next->engine) /* its node has ended others */
            next = c->links;
    }
}

void hub_amqp_grants_expire(struct hub_amqp_connection *c, int64_t now_s)
{
    struct hub_amqp_grant **at = &c->grants;

    while (*at) {
        struct hub_amqp_grant *grant = *at;

        if (grant->until_s > now_s) {
            at = &grant->next;
            continue;
        }
        *at = grant->next;
        end_links(c, grant->id);
        free(grant);
        at = &c->grants;
    }
}

int64_t hub_amqp_grants_due(const struct hub_amqp_connection *c, int64_t due)
{
    for (const struct hub_amqp_grant *grant = c->grants; grant; grant = grant->next) {
        if (grant->until_s < due)
            due = grant->until_s;
    }
    return due;
}

void hub_amqp_grants_end(struct hub_amqp_connection *c)
{
    while (c->grants) {
        struct hub_amqp_grant *grant = c->grants;

        c->grants = grant->next;
        free(grant);
    }
}
