#include "hub/core/names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hub_queue_name_write(const struct hub_queue_name *name, char text[HUB_STORE_NAME_MAX + 1])
{
    char who[2 * EDGE_ID_MAX + 2];
    int len;

    edge_identity_format(&name->who, who, sizeof who);
    if (name->upstream)
        len = snprintf(text, HUB_STORE_NAME_MAX + 1, "up/%u/%s", name->priority, who);
    else
        len =
            snprintf(text, HUB_STORE_NAME_MAX + 1, "in/%u/%s/%s", name->priority, who, name->input);
    return len > HUB_STORE_NAME_MAX ? EDGE_ELIMIT : 0;
}

/* Past "<digits>/", or NULL */
static const char *read_priority(const char *text, uint32_t *ret)
{
    unsigned long long number;
    char *end;

    if (*text < '0' || *text > '9')
        return NULL;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || number > UINT32_MAX || *end != '/')
        return NULL;
    *ret = (uint32_t) number;
    return end + 1;
}

int hub_queue_name_read(const char *text, struct hub_queue_name *ret)
{
    struct hub_queue_name name = {.upstream = strncmp(text, "up/", 3) == 0};
    const char *who, *end;

    if (!name.upstream && strncmp(text, "in/", 3) != 0)
        return EDGE_EINVALID;
    who = read_priority(text + 3, &name.priority);
    if (!who)
        return EDGE_EINVALID;
    end = who + strlen(who);
    if (!name.upstream) {
        const char *slash = strchr(who, '/');

        end = slash ? strchr(slash + 1, '/') : NULL;
        if (!end || !end[1])
            return EDGE_EINVALID;
        name.input = end + 1;
    }
    if (edge_identity_parse(who, (size_t) (end - who), &name.who) < 0)
        return EDGE_EINVALID;
    *ret = name;
    return 0;
}
