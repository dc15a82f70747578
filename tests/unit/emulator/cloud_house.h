/* tests/unit/emulator/cloud_house.h - a cloud with a store of its own, and a client of its backend
 * that notes what it is told. */
#ifndef TESTS_UNIT_EMULATOR_CLOUD_HOUSE_H
#define TESTS_UNIT_EMULATOR_CLOUD_HOUSE_H

#include "tests/unit/test.h"

#include "tests/emulator/cloud/cloud.h"

struct house {
    struct edge_loop *loop;
    struct store *store;
    struct cloud *cloud;
    struct edge_timer *watchdog;
    bool running;
    char folder[32];
    char path[64];
};
int house_open(void **state);
int house_close(void **state);
/** The emulator ends and starts again on the same file. */
void house_restart(struct house *h);
/** Run the loop until *done; fails after some seconds. Whoever sets it calls house_stir. */
void house_until(struct house *h, const bool *done);
void house_stir(struct house *h);
/** Let everything that is due happen. */
void house_settle(struct house *h);
/** Make an identity; its base64 key is 32 times 'k'. */
void house_identity(struct house *h, const char *device, const char *module, bool edge);

/** One session, and all it has been told. */
struct guest {
    struct house *h;
    struct hub_session *session;
    unsigned features; /* of a resumed session */
    bool resumed;
    bool done; /* set by the answer to the last call */
    enum hub_result result;
    int64_t version;
    char text[4096]; /* a twin, a patch, a message's body */
    int patches, messages;
    uint64_t lock;
    uint32_t delivery_count;
    bool method;
    char rid[41], name[64];
    bool closed;
    enum hub_result why;
};
/** Open a session; it is granted without a question. */
void guest_open(struct guest *g, struct house *h, const char *device, const char *module, bool keep,
                enum hub_protocol protocol);
void guest_close(struct guest *g);
void guest_subscribe(struct guest *g, unsigned features);
void guest_send(struct guest *g, const char *body);
/** Fails when the answer is another. */
void guest_expect(struct guest *g, enum hub_result result);

#endif
