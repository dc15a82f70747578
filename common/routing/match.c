/* Which routes take a message. */
#include <assert.h>
#include <string.h>
#include <strings.h>

#include "common/routing/set.h"

/* Is the message's source one that this route takes? */
static bool takes(const struct edge_route *route, const char *source)
{
    size_t prefix = route->source_len; /* with its slash, which the source may lack at its end */
    size_t len = strlen(source);

    if (len + 1 == prefix && (len == 0 || source[len - 1] != '/'))
        prefix--;
    return len >= prefix && strncasecmp(route->source, source, prefix) == 0;
}

static enum edge_route_result test(const struct edge_route *route, const uint16_t *map,
                                   struct route_look *look)
{
    const char *source = look->message->source ? look->message->source : "";

    if (!takes(route, source))
        return EDGE_ROUTE_FALSE;
    return route->program.len ? route_run(&route->program, map, look) : EDGE_ROUTE_TRUE;
}

enum edge_route_result edge_route_test(const struct edge_route *route,
                                       const struct edge_route_message *message)
{
    enum edge_route_result result;
    struct route_look look;

    assert(route && message);
    route_look_init(&look, message, &route->program.tree);
    result = test(route, NULL, &look);
    route_look_fini(&look);
    return result;
}

size_t edge_routes_match(const struct edge_routes *routes, const struct edge_route_message *message,
                         struct edge_route_match *ret, size_t max)
{
    uint64_t taken[EDGE_ROUTES_MAX / 64] = {0};
    struct route_look look;
    size_t count = 0;

    assert(routes && message && (ret || max == 0));
    route_look_init(&look, message, &routes->tree);
    for (size_t i = 0; i < routes->nroutes && count < max; i++) {
        const struct route_of_set *r = routes->order[i];
        uint64_t bit = (uint64_t) 1 << (r->sink % 64);

        if (taken[r->sink / 64] & bit || test(r->route, r->map, &look) != EDGE_ROUTE_TRUE)
            continue;
        taken[r->sink / 64] |= bit;
        ret[count++] = (struct edge_route_match){(size_t) (r - routes->members), &r->route->sink};
    }
    route_look_fini(&look);
    return count;
}
