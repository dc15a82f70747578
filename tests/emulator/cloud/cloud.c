#include "tests/emulator/cloud/cloud.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/emulator/cloud/internal.h"

enum {
    PARTITIONS = 4,
    RETENTION = 100000,
    MAX_DEVICES = 100000,
    NS_PER_MS = 1000000,
    NS_PER_S = 1000000000,
    DUE_MAX_MS = 3600000,
};

int64_t cloud_now_ns(const struct cloud *cloud)
{
    return edge_wall_ns() + cloud->faults.clock_offset_s * NS_PER_S;
}

int64_t cloud_now_s(const struct cloud *cloud)
{
    return cloud_now_ns(cloud) / NS_PER_S;
}

void cloud_time(const struct cloud *cloud, char text[EDGE_TIME_TEXT])
{
    edge_time_format(cloud_now_ns(cloud), text);
}

const char *cloud_hostname(const struct cloud *cloud)
{
    return cloud->hostname;
}

const struct hub_backend *cloud_backend(struct cloud *cloud)
{
    return &cloud->backend;
}

unsigned cloud_sessions(const struct cloud *cloud)
{
    return cloud->nsessions;
}

/* Waiting: first for the disk (store_), then among the held for latency and frost. */

static void release_held(void *arg)
{
    struct cloud *cloud = arg;
    struct cloud_wait end = {0}; /* who is held from now on has its own turn */

    end.next_ = &cloud->held;
    end.prev_ = cloud->held.prev_;
    cloud->held.prev_->next_ = &end;
    cloud->held.prev_ = &end;
    while (!cloud->faults.freeze && cloud->held.next_ != &end) {
        struct cloud_wait *wait = cloud->held.next_;

        if (wait->due_ms_ > edge_now_ms())
            break;
        cloud_unwait(wait);
        wait->fn(wait->rc_, wait);
    }
    cloud_unwait(&end);
    if (!cloud->faults.freeze && cloud->held.next_ != &cloud->held) {
        int64_t left = cloud->held.next_->due_ms_ - edge_now_ms();

        edge_timer_arm(cloud->late, left > 0 ? (uint64_t) left : 0);
    }
}

static void on_disk(int rc, struct store_wait *store_wait)
{
    struct cloud_wait *wait = EDGE_CONTAINER_OF(store_wait, struct cloud_wait, store_);
    struct cloud *cloud = wait->cloud_;
    struct cloud_wait *held = &cloud->held;

    if (held->next_ == held && !cloud->faults.freeze && cloud->faults.latency_ms == 0) {
        wait->fn(rc, wait);
        return;
    }
    wait->rc_ = rc;
    wait->due_ms_ = edge_now_ms() + cloud->faults.latency_ms;
    wait->next_ = held;
    wait->prev_ = held->prev_;
    held->prev_->next_ = wait;
    held->prev_ = wait;
    if (!edge_timer_armed(cloud->late))
        edge_timer_arm(cloud->late, (uint64_t) cloud->faults.latency_ms);
}

void cloud_wait(struct cloud *cloud, struct cloud_wait *wait,
                void (*fn)(int rc, struct cloud_wait *wait))
{
    cloud_unwait(wait);
    wait->cloud_ = cloud;
    wait->fn = fn;
    store_wait(cloud->store, &wait->store_, on_disk);
}

void cloud_unwait(struct cloud_wait *wait)
{
    store_unwait(&wait->store_);
    if (!wait->next_)
        return;
    wait->prev_->next_ = wait->next_;
    wait->next_->prev_ = wait->prev_;
    wait->next_ = NULL;
}

/* Watching */

void cloud_watch(struct cloud *cloud, enum cloud_topic topic, struct cloud_watch *watch,
                 void (*fn)(struct cloud_watch *watch))
{
    struct cloud_watch *ring = &cloud->watches[topic];

    watch->fn = fn;
    watch->due_ = false;
    watch->next_ = ring;
    watch->prev_ = ring->prev_;
    ring->prev_->next_ = watch;
    ring->prev_ = watch;
}

void cloud_unwatch(struct cloud_watch *watch)
{
    if (!watch->next_)
        return;
    watch->prev_->next_ = watch->next_;
    watch->next_->prev_ = watch->prev_;
    watch->next_ = NULL;
}

void cloud_notify(struct cloud *cloud, enum cloud_topic topic)
{
    struct cloud_watch *ring = &cloud->watches[topic];

    for (struct cloud_watch *watch = ring->next_; watch != ring; watch = watch->next_)
        watch->due_ = cloud->watches_due = true;
    if (cloud->watches_due)
        cloud_turn(cloud);
}

static void call_watches(struct cloud *cloud, struct cloud_watch *ring)
{
    struct cloud_watch *watch = ring->next_;

    while (watch != ring) {
        struct cloud_watch *next = watch->next_;
        bool due = watch->due_;

        watch->due_ = false;
        if (due)
            watch->fn(watch);
        watch = next;
    }
    (void) cloud;
}

/* Turns */

static void on_turn(void *arg)
{
    struct cloud *cloud = arg;
    struct hub_session *todo = cloud->dirty;

    if (cloud->faults.freeze)
        return;
    if (todo)
        todo->link_dirty = &todo;
    cloud->dirty = NULL;
    while (todo) {
        struct hub_session *session = todo;

        *session->link_dirty = session->next_dirty;
        if (session->next_dirty)
            session->next_dirty->link_dirty = session->link_dirty;
        session->link_dirty = NULL;
        cloud_c2d_deliver(session);
    }
    if (!cloud->watches_due)
        return;
    cloud->watches_due = false;
    for (int topic = 0; topic < CLOUD_TOPICS; topic++)
        call_watches(cloud, &cloud->watches[topic]);
}

void cloud_turn(struct cloud *cloud)
{
    if (!edge_timer_armed(cloud->turn))
        edge_timer_arm(cloud->turn, 0);
}

static void on_due(void *arg)
{
    struct cloud *cloud = arg;

    cloud_c2d_expire(cloud);
    cloud_rearm(cloud);
}

void cloud_rearm(struct cloud *cloud)
{
    int64_t due = INT64_MAX;
    int64_t now = cloud_now_ns(cloud);
    int64_t left;

    if (store_due(cloud->store, &due) != 0 || due == INT64_MAX) {
        edge_timer_disarm(cloud->due);
        return;
    }
    left = due > now ? (due - now) / NS_PER_MS + 1 : 0;
    edge_timer_arm(cloud->due, (uint64_t) (left < DUE_MAX_MS ? left : DUE_MAX_MS));
}

/* Faults */

void cloud_faults_get(const struct cloud *cloud, struct cloud_faults *ret)
{
    *ret = cloud->faults;
}

void cloud_faults_set(struct cloud *cloud, const struct cloud_faults *faults)
{
    bool thaws = cloud->faults.freeze && !faults->freeze;
    bool ticks = cloud->faults.clock_offset_s != faults->clock_offset_s;

    cloud->faults = *faults;
    if (ticks) {
        cloud_sessions_rearm(cloud);
        cloud_rearm(cloud);
    }
    if (!thaws)
        return;
    edge_timer_arm(cloud->late, 0);
    cloud_turn(cloud);
}

/* Life */

static int copy_options(struct cloud *cloud, const struct cloud_options *o)
{
    cloud->loop = o->loop;
    cloud->store = o->store;
    cloud->hostname = edge_strdup(o->hostname);
    cloud->dps_host =
        edge_format("dps%s", strchr(o->hostname, '.') ? strchr(o->hostname, '.') : "");
    cloud->device_ca = edge_strdup(o->device_ca);
    cloud->blob_host = edge_strdup(o->blob_host);
    cloud->blob_container = edge_strdup(o->blob_container);
    cloud->blob_sas = edge_strdup(o->blob_sas);
    cloud->partitions = o->partitions ? o->partitions : PARTITIONS;
    if (cloud->partitions > STORE_PARTITIONS_MAX)
        cloud->partitions = STORE_PARTITIONS_MAX;
    cloud->retention = o->retention ? o->retention : RETENTION;
    cloud->max_devices = o->max_devices ? o->max_devices : MAX_DEVICES;
    cloud->dps = o->dps;
    if (!cloud->hostname || !cloud->dps_host || (o->device_ca && !cloud->device_ca) ||
        (o->blob_host && !cloud->blob_host) || (o->blob_container && !cloud->blob_container) ||
        (o->blob_sas && !cloud->blob_sas))
        return -ENOMEM;
    return 0;
}

static int make_timers(struct cloud *cloud)
{
    cloud->turn = edge_timer_create(cloud->loop, on_turn, cloud);
    cloud->late = edge_timer_create(cloud->loop, release_held, cloud);
    cloud->due = edge_timer_create(cloud->loop, on_due, cloud);
    return cloud->turn && cloud->late && cloud->due ? 0 : -ENOMEM;
}

int cloud_create(const struct cloud_options *options, struct cloud **ret, struct edge_err *err)
{
    EDGE_CLEANUP(cloud_destroy) struct cloud *cloud = calloc(1, sizeof *cloud);
    int rc;

    if (!cloud)
        return -ENOMEM;
    cloud->sessions.next = cloud->sessions.prev = &cloud->sessions;
    cloud->held.next_ = cloud->held.prev_ = &cloud->held;
    for (int i = 0; i < CLOUD_TOPICS; i++)
        cloud->watches[i].next_ = cloud->watches[i].prev_ = &cloud->watches[i];
    cloud->backend = (struct hub_backend){.ops = &cloud_backend_ops, .self = cloud};
    rc = copy_options(cloud, options);
    if (rc == 0)
        rc = make_timers(cloud);
    if (rc == 0)
        rc = store_unlock(cloud->store, NULL, INT64_MAX); /* whoever held them is gone */
    if (rc == 0)
        rc = cloud_jobs_resume(cloud);
    if (rc < 0)
        return edge_wrap(err, rc, "cannot start the cloud");
    cloud_rearm(cloud);
    *ret = EDGE_TAKE(cloud);
    return 0;
}

struct cloud *cloud_destroy(struct cloud *cloud)
{
    if (!cloud)
        return NULL;
    cloud_drop(cloud, NULL);
    cloud_methods_end(cloud);
    cloud_jobs_end(cloud);
    cloud_configurations_forget(cloud);
    while (cloud->live.count > 0)
        free(edge_map_pop(&cloud->live));
    edge_map_fini(&cloud->live);
    edge_timer_destroy(cloud->turn);
    edge_timer_destroy(cloud->late);
    edge_timer_destroy(cloud->due);
    free(cloud->hostname);
    free(cloud->dps_host);
    free(cloud->device_ca);
    free(cloud->blob_host);
    free(cloud->blob_container);
    free(cloud->blob_sas);
    free(cloud);
    return NULL;
}
