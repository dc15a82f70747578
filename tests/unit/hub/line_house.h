/* tests/unit/hub/line_house.h - IoT Hub as an MQTT head on a loopback port with a fake backend,
 * and the upstream that speaks to it; all on one loop. What the upstream says is noted. */
#ifndef TESTS_UNIT_HUB_LINE_HOUSE_H
#define TESTS_UNIT_HUB_LINE_HOUSE_H

#include "common/net/listen.h"
#include "hub/cloud/mqtt/mqtt.h"
#include "hub/mqtt/server.h"
#include "tests/unit/hub/fake_backend.h"

struct line_house {
    struct edge_loop *loop;
    struct edge_timer *patience;
    struct fake_backend fake;
    struct hub_mqtt *mqtt;
    struct edge_listener *listener;
    struct edge_stream *deaf[32]; /* connections nobody answers */
    unsigned ndeaf;
    bool deafness; /* from now on */
    bool greets;   /* they get their CONNACK */
    unsigned accepted;
    void *lines;
    struct edge_buf notes;  /* "up;ready leaf 1;sent 0;…" */
    struct edge_buf tokens; /* "…" of each that was handed out */
    unsigned ntokens;
    int token_rc;
    int64_t token_s; /* life of a token */
    bool scoped;     /* everybody is in scope */
    uint64_t lock;   /* of the last message */
    unsigned calls;  /* ops under way: no callback may come from within */
    char until[200]; /* what is waited for */
    bool late;
};
extern struct line_house cloud;
extern const struct edge_identity cloud_self, cloud_leaf, cloud_module;

int cloud_setup(void **state);
int cloud_teardown(void **state);
/** Open the upstream with these times; 0: usual ones of tests. */
void cloud_open(unsigned answer_ms, unsigned idle_ms);
/** Turn the loop until the notes of the upstream hold @p text, which must be soon; forget what was
 * noted up to there. */
void cloud_wait(const char *text);
/** The same for what the backend was asked. */
void cloud_wait_asked(const char *text);
/** Turn the loop until @p done. */
void cloud_run(bool (*done)(void));
/** IoT Hub goes away, or comes back to the same port. */
void cloud_listen(bool on);

void cloud_want(const struct edge_identity *who, unsigned features);
void cloud_send(const struct edge_identity *who, const char *body);
void cloud_twin_get(const struct edge_identity *who);
void cloud_twin_patch(const struct edge_identity *who, const char *patch);
void cloud_reply(const struct edge_identity *who, const char *rid, int status, const char *payload);
void cloud_settle(const struct edge_identity *who, uint64_t lock, enum hub_outcome outcome);
/** A cloud-to-device message of the fake backend. */
void cloud_deliver(const char *name, const char *body, uint64_t lock);

#endif
