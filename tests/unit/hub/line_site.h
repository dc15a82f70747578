/* tests/unit/hub/line_site.h - IoT Hub as an MQTT or AMQP head on a loopback port with a fake
 * backend, and the upstream that speaks to it; all on one loop. What the upstream says is noted. */
#ifndef TESTS_UNIT_HUB_LINE_SITE_H
#define TESTS_UNIT_HUB_LINE_SITE_H

#include "common/net/listen.h"
#include "hub/amqp/server.h"
#include "hub/cloud/cloud.h"
#include "hub/mqtt/server.h"
#include "tests/unit/hub/fake_backend.h"

struct line_site {
    struct edge_loop *loop;
    struct edge_timer *patience;
    struct fake_backend fake;
    const struct hub_backend *backend; /* the fake one, or a test's own */
    bool speaks_amqp;
    struct hub_mqtt *mqtt;
    struct hub_amqp *amqp;
    struct edge_listener *listener;
    uint16_t through;             /* a port of the test's, that leads there; or 0 */
    struct edge_stream *deaf[32]; /* connections nobody answers */
    unsigned ndeaf;
    bool deafness; /* from now on */
    bool greets;   /* they get their CONNACK */
    unsigned accepted;
    struct edge_stream *stream; /* accepted last; the head's */
    struct hub_cloud *cloud;
    const struct hub_upstream *up; /* of it */
    struct edge_buf notes;         /* "up;ready leaf 1;sent 0;…" */
    unsigned ntokens;
    int token_rc;
    char *(*make_token)(void); /* NULL: "token1", … */
    int64_t token_s;           /* life of a token */
    bool scoped;               /* everybody is in scope */
    const char *model_id;      /* of whoever is wanted; or NULL */
    unsigned max_identities;   /* of the upstream; 0: its own limit */
    uint64_t lock;             /* of the last message */
    unsigned calls;            /* ops under way: no callback may come from within */
    char until[200];           /* what is waited for */
    bool late;
};
extern struct line_site site;
extern const struct edge_identity site_self, site_leaf, site_module;

int site_setup(void **state);
int site_setup_amqp(void **state);
int site_teardown(void **state);
/** The two halves of these, for a loop and a backend of a test's own. */
void site_begin(struct edge_loop *loop, const struct hub_backend *backend);
void site_end(void);
/** Open the upstream with these times; 0: usual ones of tests. */
void site_open(unsigned answer_ms, unsigned idle_ms);
/** Turn the loop until the notes of the upstream hold @p text, which must be soon; forget what was
 * noted up to there. */
void site_wait(const char *text);
/** The same for what the backend was asked. */
void site_wait_asked(const char *text);
/** Turn the loop until @p done. */
void site_run(bool (*done)(void));
/** IoT Hub goes away, or comes back to the same port. */
void site_listen(bool on);

void site_want(const struct edge_identity *who, unsigned features);
void site_send(const struct edge_identity *who, const char *body);
void site_twin_get(const struct edge_identity *who);
void site_twin_patch(const struct edge_identity *who, const char *patch);
void site_reply(const struct edge_identity *who, const char *rid, int status, const char *payload);
void site_settle(const struct edge_identity *who, uint64_t lock, enum hub_outcome outcome);
/** A cloud-to-device message of the fake backend. */
void site_deliver(const char *name, const char *body, uint64_t lock);

#endif
