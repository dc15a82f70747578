/* tests/unit/hub/store.h - a store in a folder of its own, and a loop that is run until something
 * has happened. */
#ifndef TESTS_UNIT_HUB_STORE_H
#define TESTS_UNIT_HUB_STORE_H

#include "common/loop/loop.h"
#include "hub/store/store.h"

struct bench {
    struct edge_loop *loop;
    struct edge_timer *limit;
    struct hub_store *store;
    struct hub_store_options options;
    char dir[64];
    char notice[700]; /* the last */
    unsigned notices;
    uint64_t asked, done, failed, out_of_order; /* puts */
    unsigned ready;
    bool timed_out;
    struct edge_timer *tick;
    void *user; /* the test's own */
    char names[256];
};

/** A loop and an empty folder; nothing is open yet. */
void bench_init(struct bench *bench);
void bench_fini(struct bench *bench);
/** Open with bench->options; asserts that it works. */
void bench_open(struct bench *bench);
void bench_close(struct bench *bench);

/** Run the loop until @p until says so; fails the test after 60 s. */
void bench_run(struct bench *bench, bool (*until)(struct bench *bench));
/** ... when nothing but time goes on. */
void bench_run_each_ms(struct bench *bench, bool (*until)(struct bench *bench));
/** ... until every put has been told. */
void bench_settle(struct bench *bench);
/** Run what is due now. */
void bench_turn(struct bench *bench);

/** Put @p text into queues by route "r". @return hub_store_put's */
int bench_put(struct bench *bench, const char *text, struct hub_queue *const *queues, size_t n,
              int64_t ttl_s);
int bench_put1(struct bench *bench, const char *text, const char *queue);
struct hub_queue *bench_queue(struct bench *bench, const char *name);
/** Take, waiting for what is read. @return 0 or HUB_QUEUE_EMPTY */
int bench_take(struct bench *bench, const char *queue, struct hub_stored *ret);
/** Take one and see that it is @p text; its id. */
uint64_t bench_expect(struct bench *bench, const char *queue, const char *text);
void bench_expect_empty(struct bench *bench, const char *queue);
/** hub_store_set, counted like a put; NULL deletes. */
int bench_set(struct bench *bench, const char *kind, const char *name, const char *text);
/** Queues with something in them, each followed by a space. */
const char *bench_names(struct bench *bench);
/** The ledger of route "r"; asserts that it adds up and that the disk agrees. */
struct hub_ledger bench_ledger(struct bench *bench);

#endif
