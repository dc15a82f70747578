#include "common/loop/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct job {
    struct edge_pool *pool;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
    struct job *next;
};

struct edge_pool {
    struct edge_loop *loop;
    char name[16];
    unsigned max;
    unsigned started;
    unsigned idle;
    unsigned queued;
    bool ending;
    pthread_mutex_t lock; /* guards the fields above and below: the queue to the workers */
    pthread_cond_t wake;
    struct job *first;
    struct job **last;
    pthread_t *threads;
};

enum { STACK_SIZE = 512 * 1024 };

static void finish(void *arg)
{
    struct job *job = arg;

    job->done(job->arg);
    free(job);
}

static struct job *take(struct edge_pool *pool)
{
    struct job *job;

    pthread_mutex_lock(&pool->lock);
    pool->idle++;
    while (!pool->first && !pool->ending)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pool->idle--;
    job = pool->first;
    if (job) {
        pool->first = job->next;
        pool->queued--;
        if (!pool->first)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return job;
}

static void *worker(void *arg)
{
    struct edge_pool *pool = arg;
    struct job *job;

    while ((job = take(pool)) != NULL) {
        job->work(job->arg);
        edge_loop_post(pool->loop, finish, job);
    }
    return NULL;
}

/* Workers block every signal: they belong to the loop thread. */
static int start_worker(struct edge_pool *pool)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    rc = pthread_create(&pool->threads[pool->started], &attr, worker, pool);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0) {
        pthread_setname_np(pool->threads[pool->started], pool->name);
        pool->started++;
    }
    return -rc;
}

int edge_pool_create(struct edge_loop *loop, const char *name, unsigned threads,
                     struct edge_pool **ret)
{
    struct edge_pool *pool = calloc(1, sizeof *pool);

    if (!pool)
        return -ENOMEM;
    pool->threads = calloc(threads, sizeof *pool->threads);
    if (!pool->threads) {
        free(pool);
        return -ENOMEM;
    }
    pool->loop = loop;
    pool->max = threads;
    pool->last = &pool->first;
    (void) snprintf(pool->name, sizeof pool->name, "%s", name);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    *ret = pool;
    return 0;
}

void edge_pool_submit(struct edge_pool *pool, void (*work)(void *arg), void (*done)(void *arg),
                      void *arg)
{
    struct job *job = malloc(sizeof *job);

    if (!job)
        abort();
    *job = (struct job){pool, work, done, arg, NULL};
    pthread_mutex_lock(&pool->lock);
    *pool->last = job;
    pool->last = &job->next;
    pool->queued++;
    if (pool->queued > pool->idle && pool->started < pool->max && start_worker(pool) < 0 &&
        pool->started == 0)
        abort(); /* not even one thread: nothing this process is for can be done */
    pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

struct edge_pool *edge_pool_destroy(struct edge_pool *pool)
{
    if (!pool)
        return NULL;
    pthread_mutex_lock(&pool->lock);
    pool->ending = true;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->started; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    free(pool->threads);
    free(pool);
    return NULL;
}
