/* The power goes, at any call to the disk. What was synced is there; of the rest there is any part,
 * sector by sector, folders included. The store opens on that, all it told is there, what it told
 * is gone stays away, and its ledger adds up; also when the power goes again while it opens.
 * EDGE_CRASH_ROUNDS is the number of lives, EDGE_CRASH_SEED repeats a run. */
#include "tests/unit/test.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>

#include "hub/store/internal.h"
#include "tests/unit/hub/power_disk.h"
#include "tests/unit/hub/power_world.h"

enum { ROUNDS = 4, STEPS = 60, CUTS = 40, AGAIN = 2, BURST = 16 };

static struct bench b;
static struct world world, before;      /* now; and at the begin of this life, */
static size_t before_cut, opened;       /* with the place it was cut at; looked at up to here */
static struct power_tape tape;          /* of this life */
static uint64_t seed, cuts, cuts_again; /* counted */
static uint64_t refused, opened_badly;  /* opens while the disk failed */
static struct {
    uint64_t seed;
    int life;
    bool killed; /* the one before it */
    size_t cut, of, again;
    enum power_rest rest, rest_again;
} where;
static bool unfinished;

static void tell_where(void)
{
    if (unfinished)
        print_error("EDGE_CRASH_SEED=%" PRIu64 ", life %d%s, cut %zu (opened at %zu) of %zu "
                    "(rest %d), again %zu (rest %d)\n",
                    where.seed, where.life, where.killed ? " after a kill" : "", where.cut, opened,
                    where.of, (int) where.rest, where.again, (int) where.rest_again);
}

static unsigned dice(unsigned below)
{
    return (unsigned) power_random(&seed, below);
}

/* What the store is asked for. */

static void on_put(int rc, void *arg)
{
    struct world_message *message = arg;

    message->told = power_tape_now();
    message->failed = rc != 0;
    b.done++;
    assert_true(rc == 0 || world.faults);
}

static void put(void)
{
    static uint8_t body[96 * 1024];
    struct world_message *message = &world.messages[world.nmessages];
    struct hub_target targets[WORLD_TARGETS];
    int n = dice(4) ? 1 : 1 + (int) dice(WORLD_TARGETS);
    int queue = (int) dice(dice(2) ? WORLD_QUEUES : 2) ? 1 + (int) dice(WORLD_QUEUES - 1) : 0;
    unsigned size = 16 + dice(dice(5) ? 600 : 90000);

    if (world.nmessages == WORLD_MESSAGES)
        return;
    *message = (struct world_message){.asked = power_tape_now(), .told = WORLD_NEVER, .size = size};
    for (int i = 0; i < n; i++) {
        int q = (queue + i) % WORLD_QUEUES;

        message->targets[message->ntargets] = (struct world_target){q, WORLD_NEVER, 0};
        targets[message->ntargets++] =
            (struct hub_target){bench_queue(&b, world_queue(q)), hub_store_route(b.store, "r"), 0};
    }
    world_fill(body, world.nmessages, size);
    if (hub_store_put(b.store, (struct edge_bytes){body, size}, targets, (size_t) message->ntargets,
                      on_put, message) == 0) {
        world.nmessages++;
        b.asked++;
    } else {
        assert_true(world.faults);
    }
}

static void on_set(int rc, void *arg)
{
    struct world_call *call = arg;

    call->told = power_tape_now();
    call->failed = rc != 0;
    b.done++;
    assert_true(rc == 0 || world.faults);
}

static void set(void)
{
    static uint8_t body[48 * 1024];
    struct world_call *call = &world.calls[world.ncalls];
    int document = (int) dice(WORLD_DOCUMENTS);
    int version = dice(6) ? ++world.versions : 0;
    unsigned size = 16 + dice(dice(3) ? 2000 : 40000);
    char name[16];

    if (world.ncalls == WORLD_CALLS)
        return;
    *call = (struct world_call){document, version, power_tape_now(), WORLD_NEVER, false};
    (void) snprintf(name, sizeof name, "document %d", document);
    world_fill(body, version, size);
    assert_int_equal(hub_store_set(b.store, "kind", name,
                                   (struct edge_bytes){version ? body : NULL, version ? size : 0},
                                   on_set, call),
                     0);
    world.ncalls++;
    b.asked++;
}

static void settle_one(struct hub_queue *queue, const struct hub_stored *got, int q)
{
    struct world_message *message = &world.messages[atoi((const char *) got->data.data)];

    for (int i = 0; i < message->ntargets; i++) {
        if (message->targets[i].queue != q)
            continue;
        message->targets[i].gone = power_tape_now();
        message->targets[i].gone_put = world.nmessages;
    }
    if (dice(10))
        hub_queue_ack(queue, got->id);
    else
        hub_queue_drop(queue, got->id, HUB_DROP_REJECTED);
}

static void take(void)
{
    int q = (int) dice(WORLD_QUEUES);
    int n = (int) dice(30);
    struct hub_queue *queue = bench_queue(&b, world_queue(q));
    struct hub_stored got;

    while (n-- > 0 && bench_take(&b, world_queue(q), &got) == 0) {
        if (dice(q == 0 ? 12 : 3) != 1)
            continue;
        settle_one(queue, &got, q);
    }
    if (dice(2))
        hub_queue_rewind(queue);
}

/* All but one queue is emptied: segments are dead, or fat. */
static void drain(void)
{
    for (int q = 1; q < WORLD_QUEUES; q++) {
        struct hub_stored got;

        hub_queue_rewind(bench_queue(&b, world_queue(q)));
        while (bench_take(&b, world_queue(q), &got) == 0)
            settle_one(bench_queue(&b, world_queue(q)), &got, q);
    }
}

static bool takes_again(struct bench *bench)
{
    struct hub_store_figures figures;

    hub_store_figures(bench->store, &figures);
    return !figures.full && bench->done == bench->asked;
}

static void fail_for_a_while(void)
{
    world.faults = true;
    power_tape_fault(dice(2) ? POWER_NO_ROOM : POWER_NO_SYNC, 0, UINT_MAX);
    for (unsigned i = 0; i < 5; i++) {
        put();
        if (dice(2))
            set();
        bench_turn(&b);
    }
    bench_settle(&b);
    power_tape_fault(POWER_NO_FAULT, 0, 0);
    bench_run(&b, takes_again);
}

/* The disk fails for a while: then it does not open, or what is there is there for good. A sync
 * that fails costs what a killed hub had not synced, and told nobody. */
static void open_store(bool faults, bool killed)
{
    if (faults) {
        power_tape_fault(killed || dice(2) ? POWER_NO_ROOM : POWER_NO_SYNC, dice(10), 1 + dice(3));
        if (hub_store_open(&b.options, &b.store, NULL) < 0)
            b.store = NULL;
        power_tape_fault(POWER_NO_FAULT, 0, 0);
        opened_badly += b.store ? 1 : 0;
        refused += b.store ? 0 : 1;
    }
    if (!b.store)
        bench_open(&b);
    b.store->quiet_ms = 5; /* SQLite's log is copied now and then */
    assert_int_equal(hub_store_route(b.store, "r"), 0);
}

static void step(bool faults)
{
    unsigned which = dice(100);

    if (which < 55) {
        for (unsigned i = dice(BURST) + 1; i > 0; i--)
            put();
    } else if (which < 75) {
        take();
    } else if (which < 90) {
        set();
    } else if (which < 96) {
        drain();
    } else if (which < 98) {
        bench_settle(&b);
        bench_close(&b);
        world.closed = power_tape_now();
        open_store(faults, false);
    } else if (faults) {
        fail_for_a_while();
    }
    if (dice(2))
        bench_settle(&b);
    else
        bench_turn(&b);
}

/* Looking at what is left. */

static void look_at(const struct world *then, size_t cut)
{
    static struct world_seen seen;
    const char *why;

    b.notices = 0;
    bench_open(&b);
    world_look((struct world *) (uintptr_t) then, &b, &seen);
    why = world_judge(then, &seen, cut);
    if (why)
        print_error("%s\n", why);
    assert_null(why);
    if (b.notices > 0 && !then->faults)
        print_error("%s\n", b.notice);
    assert_true(b.notices == 0 || then->faults);
    bench_close(&b);
}

static void begin_tape(struct power_image *seen, struct power_tape *on, int next_file)
{
    power_image_write(seen, b.dir);
    power_tape_begin(b.dir, on, (const char(*)[POWER_NAME]) seen->names, seen->file_of,
                     seen->nnames, next_file);
}

static enum power_rest any_rest(void)
{
    return dice(2) ? POWER_REST_SOME : (enum power_rest) dice(POWER_REST_KINDS);
}

/* The power goes again, while the store is opened and looked at, and closed. */
static void cut_again(struct power_image *image, const struct world *then, size_t cut)
{
    static struct power_image copy, again;
    struct power_tape second = {0};
    struct power_disk disk;

    power_image_copy(image, &copy);
    begin_tape(&copy, &second, tape.files);
    look_at(then, cut);
    power_tape_end();
    power_disk_init(&disk, &copy, &second);
    for (size_t i = 0; i < AGAIN; i++) {
        size_t to = disk.at + power_random(&seed, second.count - disk.at + 1);

        power_disk_play(&disk, to);
        where.again = to;
        where.rest_again = any_rest();
        power_disk_cut(&disk, where.rest_again, &seed, &again);
        power_image_write(&again, b.dir);
        power_image_free(&again);
        look_at(then, cut);
        cuts_again++;
    }
    where.again = 0;
    power_disk_fini(&disk);
    power_tape_free(&second);
}

static void cut_at(struct power_disk *disk, size_t to)
{
    static struct power_image image;
    const struct world *then = to < opened ? &before : &world;
    size_t cut = to < opened ? before_cut : to;

    power_disk_play(disk, to);
    where.cut = to;
    where.rest = any_rest();
    power_disk_cut(disk, where.rest, &seed, &image);
    if (dice(4)) {
        power_image_write(&image, b.dir);
        look_at(then, cut);
    } else {
        cut_again(&image, then, cut);
    }
    cuts++;
    power_image_free(&image);
}

static int by_place(const void *first, const void *second)
{
    size_t x = *(const size_t *) first;
    size_t y = *(const size_t *) second;

    return x < y ? -1 : x > y;
}

static bool is_of_folder(const struct power_event *event)
{
    return event->kind >= POWER_CREATE;
}

/* Anywhere, and as often where folders change. */
static size_t choose(void)
{
    size_t at = power_random(&seed, tape.count + 1);

    for (size_t i = 0; dice(2) && i < tape.count; i++) {
        size_t next = (at + i) % tape.count;

        if (is_of_folder(&tape.events[next]))
            return next + dice(2);
    }
    return at;
}

/* One life: from what is on the disk to where it is cut for good. */
static void live(struct power_image *durable, struct power_image *found, bool faults)
{
    static struct world_seen seen;
    size_t at[CUTS];
    struct power_disk disk;
    int next_file = tape.files;
    bool short_life = dice(4) == 0; /* it ends while the store is being opened */

    before = world;
    begin_tape(found, &tape, next_file);
    open_store(faults && dice(2), where.killed && where.life > 0);
    world_look(&world, &b, &seen);
    opened = power_tape_now();
    world_settle(&world, &seen, opened);
    for (int i = 0; i < STEPS; i++)
        step(faults);
    if (dice(3) == 0)
        bench_settle(&b);
    bench_close(&b);
    power_tape_end();
    b.asked = b.done = 0;
    where.of = tape.count;
    for (size_t i = 0; i < CUTS; i++)
        at[i] = short_life ? power_random(&seed, opened + 1) : choose();
    qsort(at, CUTS, sizeof at[0], by_place);
    power_disk_init(&disk, durable, &tape);
    for (size_t i = 0; i < CUTS; i++)
        cut_at(&disk, at[i]);
    /* The next life begins at the last of them. Before it had opened, nobody was told anything. */
    if (disk.at < opened)
        world = before;
    else
        before_cut = disk.at;
    memset(durable, 0, sizeof *durable);
    power_image_free(found);
    where.killed = dice(3) == 0;
    if (where.killed) {
        struct power_tape next;

        power_disk_kill(&disk, durable, found, &next);
        next.files = tape.files;
        power_disk_fini(&disk);
        power_tape_free(&tape);
        tape = next;
        return;
    }
    power_disk_cut(&disk, any_rest(), &seed, found);
    power_image_copy(found, durable);
    power_image_free(found);
    power_image_copy(durable, found);
    power_disk_fini(&disk);
    next_file = tape.files;
    power_tape_free(&tape);
    tape.files = next_file;
}

static int rounds_of(void)
{
    const char *text = getenv("EDGE_CRASH_ROUNDS");

    return text ? atoi(text) : ROUNDS;
}

static uint64_t seed_of(void)
{
    const char *text = getenv("EDGE_CRASH_SEED");

    return text ? strtoull(text, NULL, 10) : (uint64_t) time(NULL);
}

/* A few lives after each other, each with a seed of its own. */
enum { LIVES = 4 };

static void one_round(uint64_t with)
{
    static struct power_image durable, found;

    seed = where.seed = with;
    memset(&world, 0, sizeof world);
    world.closed = WORLD_NEVER;
    tape.files = 1;
    for (where.life = 0; where.life < LIVES; where.life++)
        live(&durable, &found, dice(3) == 0);
    power_image_free(&durable);
    power_image_free(&found);
    power_tape_free(&tape);
}

static void nothing_told_is_lost_when_the_power_goes(void **state)
{
    uint64_t first = seed_of();
    int rounds = (rounds_of() + LIVES - 1) / LIVES;
    (void) state;

    bench_init(&b);
    b.options.max_bytes = 16 << 20; /* the smallest segments */
    unfinished = true;
    for (int i = 0; i < rounds; i++)
        one_round(first + (uint64_t) i);
    unfinished = false;
    print_message("seed %" PRIu64 ": %" PRIu64 " cuts, %" PRIu64 " of the store that came back "
                  "from one; of a failing disk it opened %" PRIu64 " times, %" PRIu64 " not\n",
                  first, cuts, cuts_again, opened_badly, refused);
    bench_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_told_is_lost_when_the_power_goes),
    };
    int rc = cmocka_run_group_tests(tests, NULL, NULL);

    tell_where();
    return rc;
}
