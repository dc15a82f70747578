/* common/routing/routing.h - IoT Edge's route language: compiled once, evaluated for each message.
 * edge-hub routes by it, `edgectl routes test` explains it. Pure; a compiled set is immutable and
 * may be used by any thread. Source: hub.md 5; deviations are in the README.
 *
 * Nothing is looked at twice: a body is parsed once a message, and only if a condition asks for it.
 */
#ifndef EDGE_ROUTING_ROUTING_H
#define EDGE_ROUTING_ROUTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/json/json.h"

enum {
    EDGE_ROUTE_TEXT_MAX = 16 * 1024,          /* bytes of one route */
    EDGE_ROUTES_MAX = 256,                    /* of a set */
    EDGE_ROUTE_PRIORITY_DEFAULT = 2000000000, /* of a route that names none: the lowest */
};

/** Where a route leads. */
struct edge_route_sink {
    bool upstream;      /* $upstream; the rest is "" */
    const char *module; /* BrokeredEndpoint("/modules/<module>/inputs/<input>") */
    const char *input;
};

/** A name and its value as the language sees them; NULL value: null. Borrowed. */
struct edge_route_property {
    const char *name;
    const char *value;
};
/** What is routed. All borrowed for the call. */
struct edge_route_message {
    const char *source; /* "/messages/modules/m/outputs/o", "/twinChangeNotifications", … */
    const struct edge_route_property *properties; /* of the application */
    size_t nproperties;
    const struct edge_route_property *system; /* by the names of hub.md 5.5.3: contentType, … */
    size_t nsystem;
    struct edge_bytes body;
};

/* One route. */

struct edge_route;
/** Compile, completely: whatever passes here cannot fail later, and text after a route is an error.
 * @return 0, EDGE_EINVALID, EDGE_ELIMIT; err says what is wrong and "line:column", from 1; -ENOMEM
 */
EDGE_MUST_CHECK int edge_route_compile(const char *text, size_t len, struct edge_route **ret,
                                       struct edge_err *err);
struct edge_route *edge_route_free(struct edge_route *route);
EDGE_DEFINE_CLEANUP(struct edge_route *, edge_route_free)

enum edge_route_result {
    EDGE_ROUTE_FALSE,
    EDGE_ROUTE_TRUE,
    EDGE_ROUTE_UNDEFINED, /* neither: it does not route */
};
/** Does its source match, and its condition? A source that does not match is FALSE. */
enum edge_route_result edge_route_test(const struct edge_route *route,
                                       const struct edge_route_message *message);
/** Borrowed from the route. */
const struct edge_route_sink *edge_route_sink(const struct edge_route *route);

/* A set of routes, as the $edgeHub twin has them. */

struct edge_routes;
struct edge_route_entry {
    const char *name;
    const struct edge_route *route; /* NULL: it did not compile */
    uint32_t priority;              /* 0 is first; EDGE_ROUTE_PRIORITY_DEFAULT */
    int64_t ttl_s;                  /* 0: the set's default */
    const char *error;              /* of one that did not compile */
};
/**
 * Read the twin's `routes`: {"name": "FROM …"} or, from schema 1.1 on, {"name": {"route",
 * "priority", "timeToLiveSecs"}}. A blank text, and null, is a route that is not there.
 * @param schema   the twin's schemaVersion: "1.0", "1.1", "1.2", "1.3" (with any third number)
 * @param lenient  keep entries that do not compile, with their error, for who wants to show them;
 *                 else the first one refuses the whole set, with its name
 * @return 0, EDGE_ESCHEMA, EDGE_EINVALID, EDGE_ELIMIT, -ENOMEM
 */
EDGE_MUST_CHECK int edge_routes_read(const struct edge_json *routes, const char *schema,
                                     bool lenient, struct edge_routes **ret, struct edge_err *err);
struct edge_routes *edge_routes_free(struct edge_routes *routes);
EDGE_DEFINE_CLEANUP(struct edge_routes *, edge_routes_free)
size_t edge_routes_count(const struct edge_routes *routes);
/** In the order of the document. */
const struct edge_route_entry *edge_routes_at(const struct edge_routes *routes, size_t index);

/** A copy of the message that is due. */
struct edge_route_match {
    size_t route; /* index in the set: of several to the same sink the one with the first priority,
                     and of those the first in the document */
    const struct edge_route_sink *sink;
};
/** Does any condition of this set look at properties or bodies? When not, they need not be given.
 */
bool edge_routes_look_inside(const struct edge_routes *routes);
/** All sinks the message goes to, each once. @param max  of @p ret, at least edge_routes_count
 * @return how many */
size_t edge_routes_match(const struct edge_routes *routes, const struct edge_route_message *message,
                         struct edge_route_match *ret, size_t max);

#endif
