/* tests/unit/hub/amqp_house.h - an AMQP head, its backend (faked) and one client of Proton's. */
#ifndef TESTS_UNIT_HUB_AMQP_HOUSE_H
#define TESTS_UNIT_HUB_AMQP_HOUSE_H

#include "hub/amqp/server.h"
#include "tests/unit/hub/amqp_client.h"
#include "tests/unit/hub/fake_backend.h"
#include "tests/unit/hub/fake_stream.h"

struct house {
    struct edge_loop *loop;
    struct fake_backend fake;
    struct hub_amqp *amqp;
    struct edge_stream *stream;
    struct amqp_client client;
};
extern struct house house;

/** @param limits  of the head: its backend and host are filled in */
void house_open(struct hub_amqp_options limits);
/** A cmocka teardown. */
int house_close(void **state);
void client_saw(const char *text);
void client_did_not_see(const char *text);
/** Of the backend: what it has noted. */
void hub_was_asked(const char *text);
/** Of what client and backend have noted. */
void forget(void);

#endif
