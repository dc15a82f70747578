/* hub/auth/internal.h - inside the room. Loop thread. */
#ifndef HUB_AUTH_INTERNAL_H
#define HUB_AUTH_INTERNAL_H

#include "hub/auth/auth.h"
#include "hub/auth/cache.h"

enum {
    AUTH_ASKS_MAX = 64,        /* identities asked for at one time */
    AUTH_WAITS_MAX = 2000,     /* claims that wait for an answer, */
    AUTH_WAIT_BYTES = 8 << 20, /* their tokens and certificates, */
    AUTH_WAIT_MS = 10000,      /* and how long each may wait for one answer, */
    AUTH_WAIT_ALL_MS = 25000,  /* and for the list of all: clients have more patience than that */
    AUTH_BURST = 100,          /* questions for single identities, */
    AUTH_REFILL_MS = 1000,     /* and one more in each of these */
    AUTH_AWAY_MS = 10000,      /* nobody is asked so long after no answer came */
    AUTH_EARLY_PART = 12,      /* of the time between two questions for one identity: see ask.c */
};

/** What counts of a claim, for as long as it waits. */
struct auth_claim {
    struct hub_claim claim;
    struct edge_tls_peer certificate;
    char *token;
    size_t bytes;
    hub_grant_done *done;
    void *arg;
    const struct auth_ask *ask; /* NULL: waits for the list of all */
    bool looked;                /* at what that has said of it */
    int64_t until_ms;
    struct auth_claim *next;
};
/** In the order they came. */
struct auth_queue {
    struct auth_claim *first, **end;
    size_t count, bytes;
    int64_t due_ms; /* the first end of a wait */
    struct edge_timer *timer;
};
/** Somebody waits for a refresh. */
struct auth_wait {
    hub_done *done;
    void *arg;
    struct auth_wait *next;
};
/** A question for one identity that is on its way. */
struct auth_ask {
    struct hub_auth *auth; /* NULL: closed meanwhile */
    struct edge_identity who;
    struct auth_wait *waits;
    bool found; /* in the answer */
    struct auth_ask *next;
};
/** The question for everything. */
struct auth_full {
    struct hub_auth *auth;
    struct auth_wait *waits; /* since before it was asked */
    unsigned pages;
    size_t seen;
    char *link; /* of the page that is on its way */
};

struct hub_auth {
    struct hub_auth_options options;
    char *trust_pem;
    struct hub_house house;
    struct hub_cache cache;
    struct edge_timer *timer;     /* the next full refresh */
    struct auth_full *full;       /* NULL: none on its way */
    struct auth_wait *full_waits; /* for the next one */
    unsigned round;
    unsigned failures;               /* full refreshes, one after another */
    int64_t started_ms, complete_ms; /* of full refreshes: the last, the last good; 0: never */
    struct auth_ask *asks;
    size_t nasks;
    struct auth_queue queue;
    unsigned questions;  /* that may be asked now */
    int64_t refilled_ms; /* when there was last one more */
    int64_t away_ms;     /* when no answer came; 0: one did since */
    char *chain;
};

int64_t auth_now_s(void);

/* check.c */
/** The answer to a question, or none, is in: decide the claims that waited for it. */
void auth_decide(struct hub_auth *auth, const struct auth_ask *ask);
/** A part of the list of all is in: who is in it need not wait for the rest. */
void auth_decide_listed(struct hub_auth *auth);
/** The list of all is in, or will not come. */
void auth_decide_rest(struct hub_auth *auth);
/** The first of the queue has waited long enough. */
void auth_overdue(void *auth);
/** The hub ends. */
void auth_send_away(struct hub_auth *auth);

/* queue.c */
/** A copy at the end of the queue. @return false: there is no room, or no memory */
bool auth_queue_put(struct auth_queue *queue, const struct hub_claim *claim,
                    const struct auth_ask *ask, hub_grant_done *done, void *arg);
/** Those that @p pick wants leave it, in their order. */
struct auth_claim *auth_queue_take(struct auth_queue *queue,
                                   bool (*pick)(struct auth_claim *claim, const void *arg),
                                   const void *arg);
/** One that was taken waits once more. */
void auth_queue_again(struct auth_queue *queue, struct auth_claim *claim,
                      const struct auth_ask *ask);
/** Wipe and free one that was taken; it has been told. */
void auth_claim_free(struct auth_claim *claim);

/* ask.c */
unsigned auth_delay_ms(const struct hub_auth *auth);
/** May this identity be asked for now? Counts it. */
bool auth_may_ask(struct hub_auth *auth, const struct edge_identity *who);
/** The question that is on its way, or a new one. NULL: no memory. */
struct auth_ask *auth_ask(struct hub_auth *auth, const struct edge_identity *who);

/* refresh.c */
/** What the status of an answer says of the way to IoT Hub. */
void auth_note_answer(struct hub_auth *auth, int status);
bool auth_is_away(const struct hub_auth *auth);
/** New words have been put into the cache. */
void auth_settle(struct hub_auth *auth);
/** Returns NULL. */
struct auth_wait *auth_tell(struct auth_wait *waits, enum hub_result result, const char *why);
/** Begin to ask for everything, unless that is on its way. */
void auth_full_start(struct hub_auth *auth);
void auth_full_due(void *auth);
void auth_refresh_fini(struct hub_auth *auth);

#endif
