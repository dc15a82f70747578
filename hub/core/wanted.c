#include "hub/core/wanted.h"

#include <errno.h>
#include <stdlib.h>

static struct hub_wanted *need(struct hub_client *client)
{
    if (!client->wanted)
        client->wanted = calloc(1, sizeof *client->wanted);
    return client->wanted;
}

/* @return its index; n: it is not there */
static unsigned find(const struct hub_wanted *wanted, const char *name)
{
    unsigned i = 0;

    while (i < wanted->n && strcmp(wanted->names[i], name) != 0)
        i++;
    return i;
}

int hub_wanted_add(struct hub_client *client, const char *name)
{
    struct hub_wanted *wanted = need(client);
    char *copy;

    if (!wanted)
        return -ENOMEM;
    if (find(wanted, name) < wanted->n)
        return (int) wanted->n;
    if (wanted->n == HUB_WANTED_MAX)
        return EDGE_ELIMIT;
    copy = edge_strdup(name);
    if (!copy)
        return -ENOMEM;
    wanted->names[wanted->n++] = copy;
    wanted->fresh = true;
    return (int) wanted->n;
}

static int leave_out(struct hub_client *client, const char *name)
{
    struct hub_wanted *wanted = client->wanted;
    unsigned at = wanted ? find(wanted, name) : 0;

    if (!wanted)
        return 0;
    if (at < wanted->n) {
        free(wanted->names[at]);
        wanted->names[at] = wanted->names[--wanted->n];
        wanted->fresh = true;
    }
    return (int) wanted->n;
}

int hub_wanted_input(struct hub_session *session, const char *name, bool on)
{
    return on ? hub_wanted_add(session->client, name) : leave_out(session->client, name);
}

bool hub_wanted_has(const struct hub_client *client, const char *name)
{
    const struct hub_wanted *wanted = client->wanted;

    return !wanted || wanted->n == 0 || find(wanted, name) < wanted->n ||
           find(wanted, HUB_EVERY_INPUT) < wanted->n;
}

void hub_wanted_clear(struct hub_client *client)
{
    for (unsigned i = 0; client->wanted && i < client->wanted->n; i++)
        free(client->wanted->names[i]);
    client->wanted = edge_free(client->wanted);
}
