/* common/json/internal.h - inside the room: struct edge_json is json-c's json_object under a name
 * of ours. */
#ifndef EDGE_JSON_INTERNAL_H
#define EDGE_JSON_INTERNAL_H

#include <json-c/json.h>

#include "common/json/json.h"

static inline struct json_object *raw(const struct edge_json *value)
{
    return (struct json_object *) (uintptr_t) value;
}

static inline struct edge_json *own(struct json_object *value)
{
    return (struct edge_json *) (void *) value;
}

#endif
