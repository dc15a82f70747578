/* tests/unit/hub/power_world.h - what a store has been asked and has told, each with its place on
 * the tape; and whether what is found on a disk after a cut is what it may be. */
#ifndef TESTS_UNIT_HUB_POWER_WORLD_H
#define TESTS_UNIT_HUB_POWER_WORLD_H

#include "tests/unit/hub/power_tape.h"
#include "tests/unit/hub/store.h"

enum {
    WORLD_QUEUES = 6,
    WORLD_TARGETS = 3,
    WORLD_MESSAGES = 20000,
    WORLD_DOCUMENTS = 5,
    WORLD_CALLS = 4000,
};
#define WORLD_NEVER SIZE_MAX

struct world_target {
    int queue;
    size_t gone;  /* asked for; NEVER */
    int gone_put; /* messages that had been put then: a later one that is there says it is gone */
};
struct world_message {
    size_t asked, told; /* NEVER */
    bool failed;        /* told so: it may be there or not */
    unsigned size;
    int ntargets;
    struct world_target targets[WORLD_TARGETS];
};
struct world_call {        /* of hub_store_set */
    int document, version; /* 0: deleted */
    size_t asked, told;
    bool failed;
};
struct world {
    int nmessages, ncalls, versions;
    size_t closed; /* once: what was asked before is on disk */
    bool faults;   /* calls failed: what is gone goes with a later group, nobody knows which */
    struct hub_ledger ledger;       /* at the begin */
    int documents[WORLD_DOCUMENTS]; /* at the begin */
    struct world_message messages[WORLD_MESSAGES];
    struct world_call calls[WORLD_CALLS];
};

/** What is on a disk. */
struct world_seen {
    unsigned char targets[WORLD_MESSAGES]; /* bits */
    int documents[WORLD_DOCUMENTS];
    struct hub_ledger ledger;
};

/** Bytes of a message, or a document. */
unsigned world_fill(uint8_t *out, int number, unsigned size);
const char *world_queue(int number);
/** Read all of an open store; what is taken is put back. */
void world_look(struct world *world, struct bench *bench, struct world_seen *ret);
/** NULL, or what must not be: everything up to @p cut happened. */
const char *world_judge(const struct world *world, const struct world_seen *seen, size_t cut);
/** What was seen at @p now is how it is from now on. */
void world_settle(struct world *world, const struct world_seen *seen, size_t now);

#endif
