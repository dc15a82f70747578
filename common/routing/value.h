/* common/routing/value.h - what a term of a condition is, before (its type) and while (its value)
 * a message is looked at. Pure. */
#ifndef EDGE_ROUTING_VALUE_H
#define EDGE_ROUTING_VALUE_H

#include <stdbool.h>

#include "common/routing/lexer.h"

/* Values of different kinds are ordered like this where a body's value is compared. */
enum route_kind {
    ROUTE_UNDEFINED, /* also what a NaN is */
    ROUTE_BOOL,
    ROUTE_NUMBER,
    ROUTE_STRING,
    ROUTE_NULL,
    ROUTE_BODY, /* a type only: any of the others, known when the message is */
};

struct route_value {
    enum route_kind kind;
    bool truth;             /* of a BOOL */
    bool missing;           /* of a NULL: the body's path leads nowhere */
    bool escaped;           /* of a STRING: as JSON writes it */
    double number;          /* of a NUMBER */
    struct route_span text; /* of a STRING; data NULL: a property that is null */
};

#endif
