/* tests/unit/hub/amqp_client.h - an AMQP client in the test's own process: qpid-proton's engine at
 * the other end of a fake stream. What it receives is noted as text. */
#ifndef TESTS_UNIT_HUB_AMQP_CLIENT_H
#define TESTS_UNIT_HUB_AMQP_CLIENT_H

#include <proton/connection_driver.h>
#include <proton/link.h>

#include "common/loop/loop.h"
#include "hub/amqp/link.h"
#include "tests/unit/hub/fake_stream.h"

struct amqp_client {
    struct edge_loop *loop;
    struct edge_stream *stream;
    pn_connection_driver_t driver;
    pn_session_t *session;
    struct edge_buf notes; /* "open;attached x;got x tag body;settled x accepted;…" */
    struct edge_buf sent;  /* every byte, for seeds of the fuzzer */
    uint64_t outcome;      /* for what is received; 0: accepted */
    bool lazy;             /* what is received is left unsettled */
    pn_delivery_t *last;   /* received last */
};

void amqp_client_init(struct amqp_client *client, struct edge_loop *loop,
                      struct edge_stream *stream);
void amqp_client_fini(struct amqp_client *client);
/** Before anything is sent. @param mechanism  NULL: a bare header */
void amqp_client_login(struct amqp_client *client, const char *mechanism, const char *user,
                       const char *password);
/** Open the connection and a session. */
void amqp_client_open(struct amqp_client *client);
/** Exchange bytes until nothing more comes. */
void amqp_client_pump(struct amqp_client *client);
/** @return a link that is being attached */
pn_link_t *amqp_client_attach(struct amqp_client *client, const char *address, bool sends,
                              int credit);
/** One with an auth-chain, in the session the client is in now. */
pn_link_t *amqp_client_attach_by(struct amqp_client *client, const char *address, bool sends,
                                 int credit, const char *chain);
void amqp_client_send(struct amqp_client *client, pn_link_t *link,
                      const struct hub_amqp_message *message, bool settled);
void amqp_client_send_bytes(struct amqp_client *client, pn_link_t *link, const void *bytes,
                            size_t len, bool settled);
/** A request to $cbs by way of links of its own; the answer is pumped. */
void amqp_client_ask_cbs(struct amqp_client *client, const char *address,
                         const struct hub_amqp_message *message);
/** Put a token so. */
void amqp_client_put_token(struct amqp_client *client, const char *audience, const char *token);

#endif
