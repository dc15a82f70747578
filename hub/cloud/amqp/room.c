#include "common/base/clock.h"
#include "common/base/log.h"
#include "hub/cloud/amqp/trunk.h"

enum { HOUR_MS = 3600 * 1000 };

static size_t most(const struct hub_trunk *trunk)
{
    size_t theirs = hub_engine_sessions(trunk->engine) - 1; /* one is that of $cbs */
    size_t ours = trunk->options.max_identities;

    return theirs < ours ? theirs : ours;
}

/* When its session may go to somebody else; INT64_MAX: that is not known. */
static int64_t free_at(const struct hub_twig *twig)
{
    if (twig->state != TWIG_OPEN || hub_twig_busy(twig) || hub_trunk_is_self(twig))
        return INT64_MAX;
    return twig->wanted ? twig->opened_ms + hub_twig_linger_ms(twig) : 0;
}

/* Nobody wants it, or it has had no use for longest. */
static bool sooner(const struct hub_twig *twig, const struct hub_twig *than)
{
    if (!than || !twig->wanted != !than->wanted)
        return !than || !twig->wanted;
    return twig->used_ms < than->used_ms;
}

static bool evict(struct hub_trunk *trunk)
{
    int64_t now = edge_now_ms();
    struct hub_twig *found = NULL;

    for (struct hub_twig *twig = trunk->all; twig; twig = twig->next)
        if (free_at(twig) <= now && sooner(twig, found))
            found = twig;
    if (found)
        hub_twig_rest(found); /* when it is wanted, its next turn leads to the lobby */
    return found != NULL;
}

bool hub_room_for(struct hub_twig *twig)
{
    struct hub_trunk *trunk = twig->trunk;

    if (trunk->lobby.first && !trunk->serving && !hub_twig_busy(twig) && !hub_trunk_is_self(twig))
        return false; /* others have waited for longer */
    while (trunk->nsessions >= most(trunk))
        if (!evict(trunk))
            return false;
    return true;
}

static void tell(struct hub_trunk *trunk)
{
    int64_t now = edge_now_ms();

    if (trunk->crowded_ms && now - trunk->crowded_ms < HOUR_MS)
        return;
    trunk->crowded_ms = now;
    edge_warn("upstream: more identities want twins, methods or messages than one connection "
              "carries, so they take turns (UpstreamProtocol Mqtt has a connection for each): "
              "most=%zu",
              most(trunk));
}

void hub_room_miss(struct hub_twig *twig)
{
    tell(twig->trunk);
    hub_parcels_fail_all(twig, HUB_UNAVAILABLE, "too many identities for one connection");
    if (!twig->wanted)
        return;
    hub_line_join(&twig->trunk->lobby, twig);
    hub_room_look(twig->trunk);
}

void hub_room_free(const struct hub_twig *twig)
{
    if (free_at(twig) <= edge_now_ms())
        hub_room_look(twig->trunk);
}

void hub_room_look(struct hub_trunk *trunk)
{
    uint64_t soon = trunk->options.pause_min_ms; /* many come and go at once */

    if (trunk->up && trunk->lobby.first &&
        (!edge_timer_armed(trunk->room) || edge_timer_left(trunk->room) > soon))
        edge_timer_arm(trunk->room, soon);
}

static void look_later(struct hub_trunk *trunk)
{
    int64_t now = edge_now_ms(), at = INT64_MAX;

    for (const struct hub_twig *twig = trunk->all; twig; twig = twig->next) {
        int64_t its = free_at(twig);

        if (its < at)
            at = its;
    }
    if (at < INT64_MAX) /* else who is busy now is looked at when it no longer is */
        edge_timer_arm(trunk->room, at > now ? (uint64_t) (at - now) : 0);
}

void hub_room_on_timer(void *arg)
{
    struct hub_trunk *trunk = arg;

    trunk->serving = true;
    while (trunk->up && trunk->lobby.first && hub_room_for(trunk->lobby.first)) {
        struct hub_twig *twig = trunk->lobby.first;

        hub_line_leave(twig);
        hub_twig_tend(twig);
    }
    trunk->serving = false;
    if (trunk->up && trunk->lobby.first)
        look_later(trunk);
}
