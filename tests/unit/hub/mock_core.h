/* tests/unit/hub/mock_core.h - the data plane, the store, the vault and IoT Hub as the control
 * plane sees them: clients that note what they are told, documents in memory that outlive a
 * restart, an IoT Hub that answers when the test says so. */
#ifndef TESTS_UNIT_HUB_MOCK_CORE_H
#define TESTS_UNIT_HUB_MOCK_CORE_H

#include "hub/core/internal.h"

enum { MOCK_ASKS = 1024, MOCK_CLIENTS = 8, MOCK_NOTES = 64, MOCK_TEXT = 2048 };

enum mock_what { MOCK_WANT, MOCK_GET, MOCK_PATCH, MOCK_REPLY, MOCK_SETTLE };
/** Something IoT Hub was asked. */
struct mock_ask {
    enum mock_what what;
    char who[2 * EDGE_ID_MAX + 2];
    char text[MOCK_TEXT]; /* of a patch, or a payload */
    char rid[300];
    int status;        /* of a reply */
    unsigned features; /* of a wish */
    uint64_t lock;
    enum hub_outcome outcome;
    hub_twin_done *got; /* not answered yet */
    hub_version_done *patched;
    void *arg;
    bool seen; /* the test has had it */
};
/** A client and what it heard. */
struct mock_client {
    struct hub_client *client;
    struct hub_session *session;
    char desired[MOCK_NOTES][MOCK_TEXT];
    unsigned ndesired;
    char method[300], payload[300], rid[41]; /* the last */
    unsigned nmethods;
    char got[MOCK_NOTES][64]; /* bodies of messages */
    uint64_t locks[MOCK_NOTES];
    unsigned ngot;
    /* Answers to what it asked. */
    enum hub_result result;
    char text[MOCK_TEXT], why[700];
    int64_t version;
    unsigned answers;
};
struct mock {
    struct edge_loop *loop;
    struct hub_core core; /* what hub_core_create makes, but for the data plane */
    struct hub_self self;
    struct hub_core_settings settings;
    struct hub_upstream upstream;
    struct mock_ask asks[MOCK_ASKS];
    unsigned nasks;
    struct edge_map documents; /* "kind/name" -> text */
    bool sealed;               /* through the mocked vault */
    bool broken;               /* nothing can be written */
    bool unreadable;           /* nothing can be read */
    unsigned writes, reads;
    struct mock_client clients[MOCK_CLIENTS];
    unsigned nclients;
    /* Of the router, the store, and who waits for the configuration. */
    char routed[MOCK_TEXT], routed_sender[64]; /* the last message */
    unsigned nrouted, configured, routes_set;
    size_t nroutes;
    int64_t ttl_s;
    uint64_t max_bytes;
    enum hub_store_policy policy;
    unsigned refreshed;
    enum hub_result refresh_result;
    struct edge_timer *deadline;
};

struct mock *mock_open(void);
void mock_close(struct mock *mock);
/** As another process with the same disk; offline, not started. */
void mock_restart(struct mock *mock);
/** hub_core_start and the upstream's `connected`. */
void mock_online(struct mock *mock, bool up);

/** Connect "device/module" or "device"; @p features as if subscribed before. */
struct mock_client *mock_connect(struct mock *mock, const char *name, unsigned features, bool kept);
void mock_disconnect(struct mock_client *client);
/** What an open session is told of as the data plane does. */
void mock_subscribe(struct mock_client *client, unsigned features);

/** The oldest ask of this kind that the test has not had; waited for, 10 s at most. */
struct mock_ask *mock_asked(struct mock *mock, enum mock_what what, const char *who);
/** How many there were since the start that the test has not had. */
unsigned mock_unseen(const struct mock *mock, enum mock_what what, const char *who);
void mock_answer(struct mock_ask *ask, enum hub_result result, const char *json, int64_t version);

/** Run the loop until @p count is at least @p n; fails after 10 s. */
void mock_until(struct mock *mock, const unsigned *count, unsigned n);
/** Some turns of the loop: what needs no time has happened. */
void mock_settle(struct mock *mock);

void mock_get(struct mock_client *client);
void mock_patch(struct mock_client *client, const char *patch);
void mock_desired(struct mock_client *client, const char *patch);
/** Both equal as JSON. */
void mock_same(const char *json, const char *expected);

#endif
