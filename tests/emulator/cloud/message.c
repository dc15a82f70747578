#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/internal.h"

/* {"sys":{"0":"id",…},"properties":[["k","v"],["alone"],…]} */
static int add_property(struct edge_json *list, const struct edge_property *property)
{
    struct edge_json *pair = edge_json_new_array();
    int rc = pair ? edge_json_append(pair, edge_json_new_str(property->name)) : -ENOMEM;

    if (rc == 0 && property->value)
        rc = edge_json_append(pair, edge_json_new_str(property->value));
    if (rc < 0) {
        edge_json_free(pair);
        return rc;
    }
    return edge_json_append(list, pair);
}

struct edge_json *cloud_message_head(const struct edge_message *message)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *head = edge_json_new_object();
    struct edge_json *sys = head ? edge_json_need_object(head, "sys") : NULL;
    struct edge_json *properties = head ? edge_json_need_array(head, "properties") : NULL;

    if (!sys || !properties)
        return NULL;
    for (int i = 0; i < EDGE_SYS_MAX; i++) {
        char name[8];

        snprintf(name, sizeof name, "%d", i);
        if (message->sys[i] && edge_json_set_str(sys, name, message->sys[i]) < 0)
            return NULL;
    }
    for (size_t i = 0; i < message->nproperties; i++) {
        if (add_property(properties, &message->properties[i]) < 0)
            return NULL;
    }
    return EDGE_TAKE(head);
}

static int read_sys(const struct edge_json *sys, struct edge_message *ret)
{
    int rc = 0;

    for (edge_json_foreach (it, sys)) {
        unsigned long which = strtoul(it.name, NULL, 10);

        if (rc == 0 && which < EDGE_SYS_MAX)
            rc = edge_message_set_sys(ret, (enum edge_sys) which, edge_json_str(it.value, ""));
    }
    return rc;
}

int cloud_message_read(const struct edge_json *head, const void *body, size_t len,
                       struct edge_message *ret)
{
    const struct edge_json *properties = edge_json_get(head, "properties");
    int rc;

    memset(ret, 0, sizeof *ret);
    rc = read_sys(edge_json_get(head, "sys"), ret);
    for (size_t i = 0; i < edge_json_len(properties) && rc == 0; i++) {
        const struct edge_json *pair = edge_json_at(properties, i);

        rc = edge_message_add(ret, edge_json_str(edge_json_at(pair, 0), ""),
                              edge_json_str(edge_json_at(pair, 1), NULL));
    }
    if (rc == 0)
        rc = edge_message_set_body(ret, len > 0 ? body : "", len);
    if (rc < 0)
        edge_message_fini(ret);
    return rc;
}
