/* hub/core/wanted.h - which inputs of a module its client has subscribed to, part of its session:
 * what comes for another input waits in its queue. Private to the room. Loop thread. */
#ifndef HUB_CORE_WANTED_H
#define HUB_CORE_WANTED_H

#include "hub/core/internal.h"

enum { HUB_WANTED_MAX = 50 };

struct hub_wanted {
    char *names[HUB_WANTED_MAX]; /* HUB_EVERY_INPUT among them: all */
    unsigned n;
    bool fresh; /* changed, and not yet told: queues, disk */
};

/** backend_ops.input. */
int hub_wanted_input(struct hub_session *session, const char *name, bool on);
/** @return how many, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_wanted_add(struct hub_client *client, const char *name);
/** Nothing was ever asked for: all of them are wanted. */
bool hub_wanted_has(const struct hub_client *client, const char *name);
void hub_wanted_clear(struct hub_client *client);

#endif
