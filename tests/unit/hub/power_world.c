#include "tests/unit/hub/power_world.h"

#include <stdio.h>

#include "tests/unit/test.h"

enum { BODY_MAX = 128 * 1024 };

const char *world_queue(int number)
{
    static const char *const names[WORLD_QUEUES] = {"stays", "b", "c", "d", "e", "f"};

    return names[number];
}

unsigned world_fill(uint8_t *out, int number, unsigned size)
{
    unsigned n = (unsigned) snprintf((char *) out, 16, "%d ", number);

    for (unsigned i = n; i < size; i++)
        out[i] = (uint8_t) ((unsigned) number * 131 + i * 7 + (i >> 8));
    return size;
}

static bool is_whole(struct edge_bytes data, int number, unsigned size)
{
    static uint8_t want[BODY_MAX];

    return data.len == size && memcmp(data.data, want, world_fill(want, number, size)) == 0;
}

/* Looking. */

static void see(const struct world *world, struct world_seen *seen, int queue,
                const struct hub_stored *got, int *last)
{
    int number = atoi((const char *) got->data.data);
    const struct world_message *message = &world->messages[number];

    assert_in_range(number, *last + 1, world->nmessages - 1); /* the order of the puts */
    assert_true(is_whole(got->data, number, message->size));
    for (int i = 0; i < message->ntargets; i++) {
        if (message->targets[i].queue == queue)
            seen->targets[number] |= (unsigned char) (1 << i);
    }
    *last = number;
}

struct reading {
    struct world_seen *seen;
    int document;
    bool done;
};
static struct reading reading;

static void on_got(int rc, struct edge_bytes data, void *arg)
{
    int number = data.data ? atoi((const char *) data.data) : 0;
    (void) arg;

    assert_int_equal(rc, 0);
    assert_true(!data.data || is_whole(data, number, (unsigned) data.len));
    reading.seen->documents[reading.document] = number;
    reading.done = true;
}

static bool is_read(struct bench *bench)
{
    (void) bench;
    return reading.done;
}

static void look_at_documents(struct bench *bench, struct world_seen *ret)
{
    for (int i = 0; i < WORLD_DOCUMENTS; i++) {
        char name[16];

        (void) snprintf(name, sizeof name, "document %d", i);
        reading = (struct reading){.seen = ret, .document = i};
        assert_int_equal(hub_store_get(bench->store, "kind", name, on_got, NULL), 0);
        bench_run(bench, is_read);
    }
}

void world_look(struct world *world, struct bench *bench, struct world_seen *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->ledger = bench_ledger(bench);
    for (int queue = 0; queue < WORLD_QUEUES; queue++) {
        struct hub_stored got;
        int last = -1;

        while (bench_take(bench, world_queue(queue), &got) == 0)
            see(world, ret, queue, &got, &last);
        hub_queue_rewind(bench_queue(bench, world_queue(queue)));
    }
    look_at_documents(bench, ret);
}

/* Judging. */

static char text[300];

static const char *wrong(const char *what, int number)
{
    (void) snprintf(text, sizeof text, "%s: %d", what, number);
    return text;
}

/* The first of the puts from @p from on that was told to be there, to tell when all before it is.
 */
static void find_told(const struct world *world, size_t *ret)
{
    size_t first = WORLD_NEVER;

    ret[world->nmessages] = WORLD_NEVER;
    for (int i = world->nmessages - 1; i >= 0; i--) {
        const struct world_message *message = &world->messages[i];

        if (!message->failed && message->told < first)
            first = message->told;
        ret[i] = first;
    }
}

/* That it is gone is on disk. */
static bool is_sure(const struct world *world, const struct world_target *target,
                    const size_t *told, size_t cut)
{
    return !world->faults && target->gone <= cut &&
           (told[target->gone_put] <= cut ||
            (target->gone <= world->closed && world->closed <= cut));
}

static const char *judge_message(const struct world *world, const struct world_seen *seen,
                                 const size_t *told, int number, size_t cut)
{
    const struct world_message *message = &world->messages[number];
    unsigned there = seen->targets[number];
    unsigned all = (1u << message->ntargets) - 1;
    bool gone = false;

    if (message->asked == WORLD_NEVER || message->asked > cut)
        return there ? wrong("it was never put, or it had gone", number) : NULL;
    for (int i = 0; i < message->ntargets; i++) {
        const struct world_target *target = &message->targets[i];

        if (target->gone <= cut) {
            gone = true;
            if (there & 1u << i && is_sure(world, target, told, cut))
                return wrong("it is back", number);
        } else if (!message->failed && message->told <= cut && !(there & 1u << i)) {
            return wrong("it is lost", number);
        }
    }
    return there && there != all && !gone ? wrong("it is in parts", number) : NULL;
}

static bool is_state(const struct world *world, const struct world_seen *seen, int ncalls)
{
    int now[WORLD_DOCUMENTS];

    memcpy(now, world->documents, sizeof now);
    for (int i = 0; i < ncalls; i++)
        now[world->calls[i].document] = world->calls[i].version;
    return memcmp(now, seen->documents, sizeof now) == 0;
}

/* Calls failed: each for itself. */
static const char *judge_one(const struct world *world, const struct world_seen *seen, int document,
                             size_t cut)
{
    bool fits = seen->documents[document] == world->documents[document];

    for (int i = 0; i < world->ncalls; i++) {
        const struct world_call *call = &world->calls[i];

        if (call->document != document || call->asked > cut)
            continue;
        if (call->told <= cut && !call->failed)
            fits = false;
        fits = fits || call->version == seen->documents[document];
    }
    return fits ? NULL : wrong("a document is not what it was", document);
}

static const char *judge_documents(const struct world *world, const struct world_seen *seen,
                                   size_t cut)
{
    int least = 0;
    int most = 0;
    const char *why = NULL;

    for (int i = 0; i < WORLD_DOCUMENTS && world->faults && !why; i++)
        why = judge_one(world, seen, i, cut);
    if (world->faults)
        return why;
    for (int i = 0; i < world->ncalls; i++) {
        least = world->calls[i].told <= cut ? i + 1 : least;
        most = world->calls[i].asked <= cut ? i + 1 : most;
    }
    for (int n = least; n <= most; n++) {
        if (is_state(world, seen, n))
            return NULL;
    }
    return wrong("documents are not those of any moment", least);
}

static uint64_t out_of(const struct hub_ledger *ledger)
{
    return ledger->delivered + ledger->dropped[HUB_DROP_REJECTED] + ledger->dropped[HUB_DROP_ROUTE];
}

static const char *judge_ledger(const struct world *world, const struct world_seen *seen,
                                const size_t *told, size_t cut)
{
    uint64_t in_least = world->ledger.in;
    uint64_t in_most = in_least;
    uint64_t out_least = out_of(&world->ledger);
    uint64_t out_most = out_least;
    uint64_t pending = 0;

    for (int i = 0; i < world->nmessages; i++) {
        const struct world_message *message = &world->messages[i];
        uint64_t n =
            message->asked > 0 && message->asked != WORLD_NEVER ? (uint64_t) message->ntargets : 0;

        pending += (uint64_t) __builtin_popcount(seen->targets[i]);
        in_least += message->told <= cut && !message->failed ? n : 0;
        in_most += message->asked <= cut ? n : 0;
        for (int t = 0; t < message->ntargets && message->asked != WORLD_NEVER; t++) {
            out_most += message->targets[t].gone <= cut ? 1 : 0;
            out_least += is_sure(world, &message->targets[t], told, cut) ? 1 : 0;
        }
    }
    if (seen->ledger.pending != pending)
        return wrong("so many are not what the ledger says", (int) pending);
    if (seen->ledger.dropped[HUB_DROP_CORRUPT] > 0)
        return wrong("counted as lost", (int) seen->ledger.dropped[HUB_DROP_CORRUPT]);
    if (world->faults)
        return NULL;
    if (seen->ledger.in < in_least || seen->ledger.in > in_most)
        return wrong("the ledger does not know what came", (int) seen->ledger.in);
    if (out_of(&seen->ledger) < out_least || out_of(&seen->ledger) > out_most)
        return wrong("the ledger does not know what went", (int) out_of(&seen->ledger));
    return NULL;
}

const char *world_judge(const struct world *world, const struct world_seen *seen, size_t cut)
{
    static size_t told[WORLD_MESSAGES + 1];
    const char *why = NULL;

    find_told(world, told);
    for (int i = 0; i < world->nmessages && !why; i++)
        why = judge_message(world, seen, told, i, cut);
    if (!why)
        why = judge_documents(world, seen, cut);
    return why ? why : judge_ledger(world, seen, told, cut);
}

/* Going on from there. A place of 0 is one before the tape. */

static void settle_message(struct world_message *message, unsigned there, size_t now)
{
    int kept = 0;

    for (int i = 0; i < message->ntargets; i++) {
        if (there & 1u << i)
            message->targets[kept++] =
                (struct world_target){message->targets[i].queue, WORLD_NEVER, 0};
    }
    message->ntargets = kept;
    message->asked = kept > 0 ? 0 : WORLD_NEVER;
    message->told = kept > 0 ? now : WORLD_NEVER;
    message->failed = false;
}

void world_settle(struct world *world, const struct world_seen *seen, size_t now)
{
    for (int i = 0; i < world->nmessages; i++)
        settle_message(&world->messages[i], seen->targets[i], now);
    memcpy(world->documents, seen->documents, sizeof world->documents);
    world->ledger = seen->ledger;
    world->ncalls = 0;
    world->faults = false;
    world->closed = WORLD_NEVER;
}
