#include "common/loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <uv.h>

#include "common/base/bytes.h"

struct post {
    void (*fn)(void *arg);
    void *arg;
    struct post *next;
};

struct on_signal {
    uv_signal_t handle;
    void (*fn)(int signum, void *arg);
    void *arg;
    struct on_signal *next;
};

struct edge_loop {
    uv_loop_t uv;
    uv_async_t wake;
    pthread_mutex_t lock; /* guards first and last: the process's one queue between threads */
    struct post *first;
    struct post **last;
    struct on_signal *signals;
};

struct edge_timer {
    uv_timer_t handle;
    void (*fn)(void *arg);
    void *arg;
};

struct edge_watch {
    uv_fs_event_t handle;
    struct edge_timer *settle;
    char *name;     /* the file's name within its folder */
    uint64_t since; /* first event that has not been told yet; uv's milliseconds */
};

/* uv_async_send merges wake-ups, so each one empties the queue. */
static void drain(struct edge_loop *loop)
{
    struct post *post;

    pthread_mutex_lock(&loop->lock);
    post = loop->first;
    loop->first = NULL;
    loop->last = &loop->first;
    pthread_mutex_unlock(&loop->lock);

    while (post) {
        struct post *next = post->next;

        post->fn(post->arg);
        free(post);
        post = next;
    }
}

static void on_wake(uv_async_t *wake)
{
    drain(EDGE_CONTAINER_OF(wake, struct edge_loop, wake));
}

int edge_loop_create(struct edge_loop **ret)
{
    struct edge_loop *loop = calloc(1, sizeof *loop);
    int rc;

    if (!loop)
        return -ENOMEM;
    rc = uv_loop_init(&loop->uv);
    if (rc < 0) {
        free(loop);
        return rc;
    }
    rc = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (rc < 0) {
        uv_loop_close(&loop->uv);
        free(loop);
        return rc;
    }
    pthread_mutex_init(&loop->lock, NULL);
    loop->last = &loop->first;
    *ret = loop;
    return 0;
}

struct edge_loop *edge_loop_destroy(struct edge_loop *loop)
{
    if (!loop)
        return NULL;
    while (loop->first)
        drain(loop);
    for (struct on_signal *s = loop->signals; s; s = s->next)
        uv_close((uv_handle_t *) &s->handle, NULL);
    uv_close((uv_handle_t *) &loop->wake, NULL);
    while (uv_run(&loop->uv, UV_RUN_DEFAULT) != 0) {
        /* a stop that came too late for edge_loop_run ends one round */
    }
    uv_loop_close(&loop->uv);
    while (loop->signals) {
        struct on_signal *next = loop->signals->next;

        free(loop->signals);
        loop->signals = next;
    }
    pthread_mutex_destroy(&loop->lock);
    free(loop);
    return NULL;
}

void edge_loop_run(struct edge_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void edge_loop_stop(struct edge_loop *loop)
{
    uv_stop(&loop->uv);
}

void *edge_loop_native(struct edge_loop *loop)
{
    return &loop->uv;
}

void edge_loop_post(struct edge_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct post *post = malloc(sizeof *post);

    if (!post)
        abort();
    *post = (struct post){fn, arg, NULL};
    pthread_mutex_lock(&loop->lock);
    *loop->last = post;
    loop->last = &post->next;
    uv_async_send(&loop->wake); /* under the lock: the loop cannot go before we have left it */
    pthread_mutex_unlock(&loop->lock);
}

static void on_uv_signal(uv_signal_t *handle, int signum)
{
    struct on_signal *s = EDGE_CONTAINER_OF(handle, struct on_signal, handle);

    s->fn(signum, s->arg);
}

int edge_loop_on_signal(struct edge_loop *loop, int signum, void (*fn)(int signum, void *arg),
                        void *arg)
{
    struct on_signal *s = calloc(1, sizeof *s);
    int rc;

    if (!s)
        return -ENOMEM;
    s->fn = fn;
    s->arg = arg;
    rc = uv_signal_init(&loop->uv, &s->handle);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->next = loop->signals;
    loop->signals = s;
    return uv_signal_start(&s->handle, on_uv_signal, signum);
}

static void on_uv_timer(uv_timer_t *handle)
{
    struct edge_timer *timer = EDGE_CONTAINER_OF(handle, struct edge_timer, handle);

    timer->fn(timer->arg);
}

struct edge_timer *edge_timer_create(struct edge_loop *loop, void (*fn)(void *arg), void *arg)
{
    struct edge_timer *timer = calloc(1, sizeof *timer);

    if (!timer)
        return NULL;
    timer->fn = fn;
    timer->arg = arg;
    (void) uv_timer_init(&loop->uv, &timer->handle); /* cannot fail */
    return timer;
}

void edge_timer_arm(struct edge_timer *timer, uint64_t ms)
{
    uv_update_time(timer->handle.loop);
    (void) uv_timer_start(&timer->handle, on_uv_timer, ms, 0);
}

void edge_timer_disarm(struct edge_timer *timer)
{
    (void) uv_timer_stop(&timer->handle);
}

bool edge_timer_armed(const struct edge_timer *timer)
{
    return uv_is_active((const uv_handle_t *) &timer->handle);
}

uint64_t edge_timer_left(const struct edge_timer *timer)
{
    return edge_timer_armed(timer) ? uv_timer_get_due_in(&timer->handle) : 0;
}

static void free_timer(uv_handle_t *handle)
{
    free(EDGE_CONTAINER_OF(handle, struct edge_timer, handle));
}

struct edge_timer *edge_timer_destroy(struct edge_timer *timer)
{
    if (timer)
        uv_close((uv_handle_t *) &timer->handle, free_timer);
    return NULL;
}

/* Quiet for SETTLE_MS, or BUSY_MS after the first of many events. */
enum { SETTLE_MS = 100, BUSY_MS = 1000 };

static void on_uv_fs_event(uv_fs_event_t *handle, const char *name, int events, int status)
{
    struct edge_watch *watch = EDGE_CONTAINER_OF(handle, struct edge_watch, handle);

    (void) events;
    if (status != 0 || (name && strcmp(name, watch->name) != 0))
        return;
    if (!edge_timer_armed(watch->settle))
        watch->since = uv_now(handle->loop);
    if (uv_now(handle->loop) - watch->since < BUSY_MS)
        edge_timer_arm(watch->settle, SETTLE_MS);
}

static void free_watch(uv_handle_t *handle)
{
    struct edge_watch *watch = EDGE_CONTAINER_OF(handle, struct edge_watch, handle);

    free(watch->name);
    free(watch);
}

struct edge_watch *edge_watch_destroy(struct edge_watch *watch)
{
    if (watch) {
        edge_timer_destroy(watch->settle);
        uv_close((uv_handle_t *) &watch->handle, free_watch);
    }
    return NULL;
}

int edge_watch_create(struct edge_loop *loop, const char *path, void (*fn)(void *arg), void *arg,
                      struct edge_watch **ret)
{
    const char *slash = strrchr(path, '/');
    EDGE_CLEANUP(edge_free)
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t) (slash - path)) : strdup(".");
    struct edge_watch *watch = calloc(1, sizeof *watch);
    int rc;

    if (!folder || !watch) {
        free(watch);
        return -ENOMEM;
    }
    rc = uv_fs_event_init(&loop->uv, &watch->handle);
    if (rc < 0) {
        free(watch);
        return rc;
    }
    watch->name = edge_strdup(slash ? slash + 1 : path);
    watch->settle = edge_timer_create(loop, fn, arg);
    rc = watch->name && watch->settle ? 0 : -ENOMEM;
    if (rc == 0)
        rc = uv_fs_event_start(&watch->handle, on_uv_fs_event, folder, 0);
    if (rc < 0) {
        edge_watch_destroy(watch);
        return rc;
    }
    *ret = watch;
    return 0;
}
