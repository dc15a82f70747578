/* tests/unit/hub/core_house.h - the hub's core with a store of its own on disk, real routes, an IoT
 * Hub that does as it is told, and clients that note what they get. What is not the data plane
 * (twins, methods, C2D, configuration) is mocked, and so is hub/auth. */
#ifndef TESTS_UNIT_HUB_CORE_HOUSE_H
#define TESTS_UNIT_HUB_CORE_HOUSE_H

#include "hub/core/internal.h"

enum { HOUSE_GOT = 512, HOUSE_SENDS = 8192, HOUSE_TEXT = 32 };

struct house;
/** A client. Zero it, set `name`. */
struct person {
    struct house *house;
    struct hub_session *session;  /* NULL: not connected */
    const char *model_id;         /* or NULL */
    unsigned features;            /* what open gave */
    bool pauses;                  /* pause after each delivery */
    bool accepts;                 /* accept whatever is delivered, at once */
    unsigned sent, refused, gone; /* answers to its messages */
    enum hub_result last;         /* of these */
    unsigned subscribed;          /* answers */
    unsigned closed;
    enum hub_result why;
    struct {
        char input[HOUSE_TEXT], body[HOUSE_TEXT], from[HOUSE_TEXT];
        uint64_t lock;
        unsigned count; /* deliveries before */
    } got[HOUSE_GOT];
    unsigned ngot;
};

/** What IoT Hub was sent and has not answered, or has. */
struct house_send {
    char who[HOUSE_TEXT], body[HOUSE_TEXT], output[HOUSE_TEXT];
    hub_done *done;
    void *arg;
    bool accepted;
};
struct house_cloud {
    struct hub_upstream upstream;
    struct house_send sends[HOUSE_SENDS];
    unsigned nsends, answered; /* in order */
    unsigned accepted;
    bool hold;              /* answers wait for house_answer */
    enum hub_result result; /* of what is answered */
    const char *bad_sender; /* whose messages get `bad_result`; or NULL */
    enum hub_result bad_result;
    unsigned wanted; /* features of the last wish */
    unsigned wishes;
    struct edge_timer *timer;
};
struct house {
    struct edge_loop *loop;
    struct hub_store *store;
    struct hub_core *core;
    struct hub_self self;
    struct hub_core_settings settings;
    uint64_t max_bytes;
    const struct hub_files *files; /* of the next start; NULL: the disk's */
    struct house_cloud cloud;
    char dir[64];
    struct edge_timer *deadline;
};
/** Calls of the mocked rooms, and what they answer. */
extern struct house_mocks {
    unsigned desired, methods, gone, c2d_sessions, reported;
    unsigned forgotten, looked; /* hub_auth_refresh */
    bool deleted;               /* nobody is in scope */
    bool c2d_lock;              /* c2d knows every lock */
    enum hub_result granted, again;
} house_mocks;

/** A new folder, and everything open, online. For cmocka's setup. */
struct house *house_open(void);
void house_close(struct house *house);
/** The process ends and starts again; clients are gone, IoT Hub is not connected. */
void house_restart(struct house *house);
/** @p json: the routes as the twin has them. */
void house_routes(struct house *house, const char *json, int64_t ttl_s);
void house_online(struct house *house, bool up);

/** Run the loop until @p count is at least @p n; fails after 10 s. */
void house_until(struct house *house, const unsigned *count, unsigned n);
/** Run until everything that was asked for has happened and the store is idle. */
void house_settle(struct house *house);
/** Answer everything IoT Hub has been sent. */
void house_answer(struct house *house);

/** @p name: "module", or "/device" for another device */
void person_open(struct house *house, struct person *person, const char *name, bool keep,
                 int expected);
int person_try(struct house *house, struct person *person, const char *name, bool keep,
               enum hub_protocol protocol, int64_t until_s);
void person_close(struct person *person);
void person_subscribe(struct person *person, unsigned on, unsigned off);
/** Then person_subscribe. @return how many are wanted now, or negative */
int person_want(struct person *person, const char *input, bool on);
void person_send(struct person *person, const char *output, const char *body);
void person_send_message(struct person *person, const struct edge_message *message);
void person_settle(struct person *person, unsigned index, enum hub_outcome outcome);

/** A route's figures, as the ledger has them. */
struct hub_ledger house_ledger(struct house *house, const char *route);
/** The ledger balances, says the store. */
void house_balanced(struct house *house);

#endif
