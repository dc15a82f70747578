/* common/routing/set.h - what a route is once compiled. Pure; immutable. */
#ifndef EDGE_ROUTING_SET_H
#define EDGE_ROUTING_SET_H

#include "common/routing/program.h"

struct edge_route {
    struct route_program program; /* empty: no condition */
    struct edge_route_sink sink;
    char *source; /* a prefix, with a slash at its end */
    size_t source_len;
    char *module;
    char *input;
    char memory[]; /* of all texts */
};

struct route_of_set {
    struct edge_route_entry entry;
    struct edge_route *route; /* NULL: did not compile */
    char *name;
    char *error;
    uint16_t *map; /* of its paths to the set's */
    size_t sink;   /* first index in the set of a route to the same sink */
};
struct edge_routes {
    struct route_of_set *members; /* in the document's order */
    size_t count;
    const struct route_of_set **order; /* of those that compiled: by priority, then by document */
    size_t nroutes;
    struct route_tree tree; /* the paths of all */
    bool looks_inside;
};

#endif
