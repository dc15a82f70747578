#include "common/base/cancel.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

struct edge_cancel {
    atomic_int refs;
    atomic_bool fired;
    pthread_mutex_t lock; /* guards hooks; held while they run, so that removal waits for them */
    pthread_cond_t wake;
    struct edge_cancel_hook *hooks;
};

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

struct edge_cancel *edge_cancel_create(void)
{
    struct edge_cancel *cancel = calloc(1, sizeof *cancel);

    if (!cancel)
        return NULL;
    atomic_init(&cancel->refs, 1);
    atomic_init(&cancel->fired, false);
    pthread_mutex_init(&cancel->lock, NULL);
    init_cond(&cancel->wake);
    return cancel;
}

struct edge_cancel *edge_cancel_ref(struct edge_cancel *cancel)
{
    if (cancel)
        atomic_fetch_add(&cancel->refs, 1);
    return cancel;
}

struct edge_cancel *edge_cancel_unref(struct edge_cancel *cancel)
{
    if (!cancel || atomic_fetch_sub(&cancel->refs, 1) > 1)
        return NULL;
    pthread_cond_destroy(&cancel->wake);
    pthread_mutex_destroy(&cancel->lock);
    free(cancel);
    return NULL;
}

bool edge_cancelled(const struct edge_cancel *cancel)
{
    return cancel && atomic_load(&cancel->fired);
}

void edge_cancel_fire(struct edge_cancel *cancel)
{
    if (!cancel)
        return;
    pthread_mutex_lock(&cancel->lock);
    if (!atomic_exchange(&cancel->fired, true)) {
        for (struct edge_cancel_hook *h = cancel->hooks; h; h = h->next_)
            h->fn(h->arg);
        pthread_cond_broadcast(&cancel->wake);
    }
    pthread_mutex_unlock(&cancel->lock);
}

void edge_cancel_add_hook(struct edge_cancel *cancel, struct edge_cancel_hook *hook)
{
    if (!cancel)
        return;
    pthread_mutex_lock(&cancel->lock);
    hook->next_ = cancel->hooks;
    cancel->hooks = hook;
    if (atomic_load(&cancel->fired))
        hook->fn(hook->arg);
    pthread_mutex_unlock(&cancel->lock);
}

void edge_cancel_remove_hook(struct edge_cancel *cancel, struct edge_cancel_hook *hook)
{
    if (!cancel)
        return;
    pthread_mutex_lock(&cancel->lock);
    for (struct edge_cancel_hook **at = &cancel->hooks; *at; at = &(*at)->next_) {
        if (*at == hook) {
            *at = hook->next_;
            break;
        }
    }
    pthread_mutex_unlock(&cancel->lock);
}

static struct timespec ms_from_now(int ms)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += (long) (ms % 1000) * 1000000;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

bool edge_cancel_sleep(struct edge_cancel *cancel, int ms)
{
    struct timespec until = ms_from_now(ms);

    if (!cancel) {
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        return false;
    }
    pthread_mutex_lock(&cancel->lock);
    while (!atomic_load(&cancel->fired)) {
        if (pthread_cond_timedwait(&cancel->wake, &cancel->lock, &until) != 0)
            break;
    }
    pthread_mutex_unlock(&cancel->lock);
    return edge_cancelled(cancel);
}
