/* agent/image/flight.h - one at a time for each thing: two pulls that need the same blob, layer or
 * image do not both bring it; the second waits, and then finds it there. Any thread. */
#ifndef AGENT_IMAGE_FLIGHT_H
#define AGENT_IMAGE_FLIGHT_H

#include <pthread.h>
#include <stdbool.h>

#include "common/base/cancel.h"

struct agent_flight;
struct agent_flights {
    pthread_mutex_t lock;
    pthread_cond_t left;
    struct agent_flight *list;
};

void agent_flights_init(struct agent_flights *flights);
void agent_flights_fini(struct agent_flights *flights);

/** Wait until nobody has (@p kind, @p key), then have it.
 * @param ret  give it back with agent_flight_leave   @return 0, -ECANCELED or -ENOMEM */
EDGE_MUST_CHECK int agent_flight_enter(struct agent_flights *flights, const char *kind,
                                       const char *key, struct edge_cancel *cancel,
                                       struct agent_flight **ret);
/** Accepts NULL; returns NULL. */
struct agent_flight *agent_flight_leave(struct agent_flight *flight);
EDGE_DEFINE_CLEANUP(struct agent_flight *, agent_flight_leave)

bool agent_flight_busy(struct agent_flights *flights, const char *kind, const char *key);

#endif
