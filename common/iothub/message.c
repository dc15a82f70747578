#include "common/iothub/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void edge_message_fini(struct edge_message *message)
{
    for (size_t i = 0; i < EDGE_SYS_MAX; i++)
        free(message->sys[i]);
    for (size_t i = 0; i < message->nproperties; i++) {
        free(message->properties[i].name);
        free(message->properties[i].value);
    }
    free(message->properties);
    free(message->body);
    *message = (struct edge_message){0};
}

static int copy_all(const struct edge_message *from, struct edge_message *to)
{
    int rc = edge_message_set_body(to, from->body, from->len);

    for (size_t i = 0; rc == 0 && i < EDGE_SYS_MAX; i++)
        rc = edge_message_set_sys(to, (enum edge_sys) i, from->sys[i]);
    for (size_t i = 0; rc == 0 && i < from->nproperties; i++)
        rc = edge_message_add(to, from->properties[i].name, from->properties[i].value);
    return rc;
}

int edge_message_copy(const struct edge_message *from, struct edge_message *ret)
{
    int rc;

    *ret = (struct edge_message){
        .enqueued_ns = from->enqueued_ns,
        .delivery_count = from->delivery_count,
        .sequence = from->sequence,
    };
    memcpy(ret->lock_token, from->lock_token, sizeof ret->lock_token);
    rc = copy_all(from, ret);
    if (rc < 0)
        edge_message_fini(ret);
    return rc;
}

int edge_message_set_sys(struct edge_message *m, enum edge_sys which, const char *value)
{
    char *copy = edge_strdup(value);

    if (value && !copy)
        return -ENOMEM;
    free(m->sys[which]);
    m->sys[which] = copy;
    return 0;
}

/* Room for one more: 1, 2, 4, 8, … */
static int make_room(struct edge_message *m)
{
    size_t n = m->nproperties;
    struct edge_property *more;

    if (n >= EDGE_PROPERTIES_MAX)
        return EDGE_ELIMIT;
    if ((n & (n - 1)) != 0)
        return 0;
    more = realloc(m->properties, (n == 0 ? 1 : 2 * n) * sizeof *more);
    if (!more)
        return -ENOMEM;
    m->properties = more;
    return 0;
}

int edge_message_add(struct edge_message *m, const char *name, const char *value)
{
    struct edge_property one = {edge_strdup(name), edge_strdup(value)};
    int rc = one.name && (one.value || !value) ? make_room(m) : -ENOMEM;

    if (rc < 0) {
        free(one.name);
        free(one.value);
        return rc;
    }
    m->properties[m->nproperties++] = one;
    return 0;
}

int edge_message_set_body(struct edge_message *m, const void *data, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);

    if (!copy)
        return -ENOMEM;
    if (len > 0)
        memcpy(copy, data, len);
    free(m->body);
    m->body = copy;
    m->len = len;
    return 0;
}

size_t edge_message_size(const struct edge_message *m)
{
    size_t size = m->len;

    for (size_t i = 0; i < EDGE_SYS_MAX; i++)
        size += m->sys[i] ? strlen(m->sys[i]) : 0;
    for (size_t i = 0; i < m->nproperties; i++) {
        const struct edge_property *p = &m->properties[i];

        size += strlen(p->name) + (p->value ? strlen(p->value) : 0);
    }
    return size;
}
