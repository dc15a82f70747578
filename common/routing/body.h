/* common/routing/body.h - what $body.path finds in a message. Pure.
 *
 * The paths of all routes are one tree; a body is read once, along the tree, and each path's value
 * put into its slot. Nothing is allocated, no tree of the document is made; the whole document is
 * checked (RFC 8259), for a body that is not JSON says nothing. */
#ifndef EDGE_ROUTING_BODY_H
#define EDGE_ROUTING_BODY_H

#include <stdint.h>

#include "common/base/attr.h"
#include "common/routing/routing.h"
#include "common/routing/value.h"

enum {
    ROUTE_BODY_DEPTH = 64,       /* levels of a document; deeper is not JSON to us */
    ROUTE_PATH_STEPS = 32,       /* of one path */
    ROUTE_PATHS_MAX = 256,       /* different ones of a route, and of a set */
    ROUTE_BODY_MAX = 512 * 1024, /* bytes of a body in UTF-16 or UTF-32 that is read */
};

/* A member or an element on the way. Node 0 is the document. */
struct route_node {
    struct route_span name; /* borrowed from the route's text */
    int64_t index;          /* of an element; -1: a member */
    uint16_t child;         /* first; 0: none */
    uint16_t next;          /* sibling; 0: none */
    int16_t slot;           /* -1: only on the way */
};
struct route_tree {
    struct route_node *nodes;
    size_t len;
    size_t slots;
};
void route_tree_fini(struct route_tree *tree);
/** Add what is behind "$body.". @param ret_why  of EDGE_EINVALID and EDGE_ELIMIT: what is wrong
 * @return 0, EDGE_EINVALID, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int route_tree_add(struct route_tree *tree, struct route_span path,
                                   uint16_t *ret_slot, const char **ret_why);
/** Add all of @p other. @param ret_map  by slot of @p other: the slot in @p tree
 * @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int route_tree_merge(struct route_tree *tree, const struct route_tree *other,
                                     uint16_t *ret_map);

/** Read @p text along @p tree. A path that leads nowhere is a missing NULL, to an object or an
 * array UNDEFINED. @param slots  tree->slots of them
 * @return false: no JSON object; the slots hold nothing */
bool route_body_scan(const struct route_tree *tree, struct route_span text,
                     struct route_value *slots);
/** A string of JSON without its escapes, in UTF-8. @param out  of raw.len bytes @return length */
size_t route_body_unescape(struct route_span raw, char *out);
/** Is a string of JSON, without its escapes, this name? */
bool route_body_same(struct route_span raw, struct route_span name);

/** The body as UTF-8 when the sender says that it is JSON, and in which encoding.
 * @param ret_owned  the caller frees it; NULL when @p ret_text is the message's own
 * @return false: the body says nothing */
bool route_body_text(const struct edge_route_message *message, struct route_span *ret_text,
                     char **ret_owned);

#endif
