#include "hub/store/commit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "hub/store/copy.h"

enum {
    STACK_SIZE = 512 * 1024,
    SPARES = 2,
    LOG_MAX = 64 * 1024 * 1024,     /* bytes; then this thread makes room itself */
    SHRINK_FREE = 64 * 1024 * 1024, /* bytes that a file has free inside before it is rebuilt */
    SHRINK_USED = 8 * 1024 * 1024,  /* ... when no more is in use: that takes no time */
};

struct hub_commit {
    struct hub_commit_options options;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct hub_group *next;
    struct hub_group *held; /* the thread's: documents that failed, to be written with the next */
    struct hub_group *spare;
    unsigned spares;
    bool asleep, stop, finish_log;
};

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t) now.tv_sec * 1000000000 + now.tv_nsec;
}

struct hub_group *hub_commit_lock(struct hub_commit *commit)
{
    pthread_mutex_lock(&commit->lock);
    return commit->next;
}

void hub_commit_leave(struct hub_commit *commit)
{
    pthread_mutex_unlock(&commit->lock);
}

void hub_commit_unlock(struct hub_commit *commit, int64_t delay_ns)
{
    int64_t due = delay_ns > 0 ? now_ns() + delay_ns : 0;
    bool wake = false;

    if (due < commit->next->due_ns) {
        commit->next->due_ns = due;
        wake = commit->asleep;
    }
    pthread_mutex_unlock(&commit->lock);
    if (wake)
        pthread_cond_signal(&commit->wake);
}

void hub_commit_finish_log(struct hub_commit *commit)
{
    pthread_mutex_lock(&commit->lock);
    commit->finish_log = true;
    pthread_mutex_unlock(&commit->lock);
}

static void wait(struct hub_commit *commit)
{
    struct timespec until = {.tv_sec = commit->next->due_ns / 1000000000,
                             .tv_nsec = commit->next->due_ns % 1000000000};

    commit->asleep = true;
    if (hub_group_empty(commit->next))
        pthread_cond_wait(&commit->wake, &commit->lock);
    else
        pthread_cond_timedwait(&commit->wake, &commit->lock, &until);
    commit->asleep = false;
}

static struct hub_group *take_spare(struct hub_commit *commit)
{
    struct hub_group *group = commit->spare;

    if (group) {
        commit->spare = group->spare;
        commit->spares--;
    } else {
        group = hub_group_create(commit->options.store);
    }
    if (!group)
        abort(); /* as edge_loop_post */
    return group;
}

/* The next group when it is due; NULL at the end. */
static struct hub_group *take(struct hub_commit *commit, bool *finish_log)
{
    struct hub_group *group = NULL;

    pthread_mutex_lock(&commit->lock);
    while (!commit->stop && commit->next->due_ns > now_ns())
        wait(commit);
    if (!hub_group_empty(commit->next)) {
        group = commit->next;
        commit->next = take_spare(commit);
    }
    *finish_log = commit->finish_log;
    commit->finish_log = false;
    pthread_mutex_unlock(&commit->lock);
    return group;
}

static void write_group(struct hub_commit *commit, struct hub_group *group)
{
    struct hub_commit_options *o = &commit->options;
    int rc;

    hub_group_carry_documents(group, commit->held);
    hub_group_clear(commit->held);
    group->rc = hub_log_commit(o->log, group);
    rc = hub_db_commit(o->db, group);
    hub_group_carry_documents(commit->held, group); /* newer ones may be in the next already */
    if (group->rc == 0)
        group->rc = rc;
    if (group->rc == -ENOSPC || rc == -ENOSPC)
        hub_disk_give_up(o->disk);
    if (group->damaged)
        hub_disk_suspect(o->disk);
    group->disk_free = hub_disk_free(o->disk, hub_log_room(o->log));
    group->merge = hub_log_wants_merge(o->log);
}

/* Off the path of acknowledgements: the group has been posted. */
static void tidy(const struct hub_commit *commit, uint64_t log_bytes, bool quiet, bool finish_log)
{
    struct hub_db *db = commit->options.db;
    uint64_t left;

    if (quiet && hub_db_free_bytes(db) > SHRINK_FREE && hub_db_used_bytes(db) < SHRINK_USED)
        hub_db_shrink(db);
    if (quiet || log_bytes > LOG_MAX)
        edge_ignore(hub_db_checkpoint(db, true, &left)); /* in vain: the next group tries again */
    else if (finish_log)
        edge_ignore(hub_db_checkpoint(db, false, &left));
}

static void *run(void *arg)
{
    struct hub_commit *commit = arg;
    struct hub_group *group;
    bool finish_log;

    while ((group = take(commit, &finish_log)) != NULL) {
        uint64_t log_bytes;
        bool quiet = group->quiet;
        bool copy = group->copy;

        write_group(commit, group);
        log_bytes = group->wal_bytes;
        edge_loop_post(commit->options.loop, commit->options.done, group);
        hub_log_trim(commit->options.log);
        tidy(commit, log_bytes, quiet, finish_log);
        if (copy)
            edge_ignore(hub_copy_update(commit->options.copy, commit->options.db));
    }
    return NULL;
}

static int start_thread(struct hub_commit *commit)
{
    pthread_attr_t attr;
    sigset_t all;
    sigset_t before;
    int rc;

    sigfillset(&all); /* signals belong to the loop thread */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, STACK_SIZE);
    rc = pthread_create(&commit->thread, &attr, run, commit);
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        pthread_setname_np(commit->thread, "store-commit");
    return -rc;
}

int hub_commit_start(const struct hub_commit_options *options, struct hub_commit **ret)
{
    struct hub_commit *commit = calloc(1, sizeof *commit);
    pthread_condattr_t attr;
    int rc;

    if (!commit)
        return -ENOMEM;
    commit->options = *options;
    pthread_mutex_init(&commit->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&commit->wake, &attr);
    pthread_condattr_destroy(&attr);
    commit->next = hub_group_create(options->store);
    commit->held = hub_group_create(options->store);
    rc = commit->next && commit->held ? start_thread(commit) : -ENOMEM;
    if (rc < 0) {
        hub_commit_destroy(commit);
        return rc;
    }
    *ret = commit;
    return 0;
}

void hub_commit_recycle(struct hub_commit *commit, struct hub_group *group)
{
    hub_group_clear(group);
    pthread_mutex_lock(&commit->lock);
    if (commit->spares < SPARES) {
        group->spare = commit->spare;
        commit->spare = group;
        commit->spares++;
        group = NULL;
    }
    pthread_mutex_unlock(&commit->lock);
    hub_group_destroy(group);
}

void hub_commit_stop(struct hub_commit *commit)
{
    if (!commit)
        return;
    pthread_mutex_lock(&commit->lock);
    commit->stop = true;
    pthread_mutex_unlock(&commit->lock);
    pthread_cond_signal(&commit->wake);
    pthread_join(commit->thread, NULL);
}

struct hub_commit *hub_commit_destroy(struct hub_commit *commit)
{
    if (!commit)
        return NULL;
    while (commit->spare) {
        struct hub_group *next = commit->spare->spare;

        hub_group_destroy(commit->spare);
        commit->spare = next;
    }
    hub_group_destroy(commit->next);
    hub_group_destroy(commit->held);
    pthread_mutex_destroy(&commit->lock);
    pthread_cond_destroy(&commit->wake);
    free(commit);
    return NULL;
}
