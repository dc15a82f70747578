#include "agent/image/flight.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/base/bytes.h"

enum { LOOK_MS = 200 }; /* how long a cancelled waiter may take to notice */

struct agent_flight {
    struct agent_flights *flights;
    struct agent_flight *next;
    const char *kind;
    char *key;
};

void agent_flights_init(struct agent_flights *flights)
{
    pthread_condattr_t attr;

    pthread_mutex_init(&flights->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&flights->left, &attr);
    pthread_condattr_destroy(&attr);
    flights->list = NULL;
}

void agent_flights_fini(struct agent_flights *flights)
{
    pthread_cond_destroy(&flights->left);
    pthread_mutex_destroy(&flights->lock);
}

static bool is_busy(const struct agent_flights *flights, const char *kind, const char *key)
{
    for (const struct agent_flight *f = flights->list; f; f = f->next) {
        if (strcmp(f->kind, kind) == 0 && strcmp(f->key, key) == 0)
            return true;
    }
    return false;
}

static void wait_a_little(struct agent_flights *flights)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&flights->left, &flights->lock, &until);
}

int agent_flight_enter(struct agent_flights *flights, const char *kind, const char *key,
                       struct edge_cancel *cancel, struct agent_flight **ret)
{
    struct agent_flight *flight = calloc(1, sizeof *flight);
    char *copy = edge_strdup(key);
    bool busy = true;

    if (!flight || !copy) {
        free(flight);
        free(copy);
        return -ENOMEM;
    }
    *flight = (struct agent_flight){flights, NULL, kind, copy};
    pthread_mutex_lock(&flights->lock);
    while ((busy = is_busy(flights, kind, key)) && !edge_cancelled(cancel))
        wait_a_little(flights);
    if (!busy) {
        flight->next = flights->list;
        flights->list = flight;
    }
    pthread_mutex_unlock(&flights->lock);
    if (busy) {
        free(copy);
        free(flight);
        return -ECANCELED;
    }
    *ret = flight;
    return 0;
}

struct agent_flight *agent_flight_leave(struct agent_flight *flight)
{
    struct agent_flights *flights;

    if (!flight)
        return NULL;
    flights = flight->flights;
    pthread_mutex_lock(&flights->lock);
    for (struct agent_flight **at = &flights->list; *at; at = &(*at)->next) {
        if (*at == flight) {
            *at = flight->next;
            break;
        }
    }
    pthread_cond_broadcast(&flights->left);
    pthread_mutex_unlock(&flights->lock);
    free(flight->key);
    free(flight);
    return NULL;
}

bool agent_flight_busy(struct agent_flights *flights, const char *kind, const char *key)
{
    bool busy;

    pthread_mutex_lock(&flights->lock);
    busy = is_busy(flights, kind, key);
    pthread_mutex_unlock(&flights->lock);
    return busy;
}
