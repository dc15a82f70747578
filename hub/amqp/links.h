/* hub/amqp/links.h - what the connection does with links, and the room's nodes besides link.h.
 * Loop thread. */
#ifndef HUB_AMQP_LINKS_H
#define HUB_AMQP_LINKS_H

#include "hub/amqp/connection.h"

struct hub_amqp_incoming;
struct hub_amqp_outgoing;
struct hub_amqp_waiting;

enum {
    HUB_AMQP_WAITING_MAX = 256, /* messages a link keeps until there is credit */
    HUB_AMQP_WAITING_BYTES = 4 * 1024 * 1024,
    HUB_AMQP_UNSETTLED_MAX = 5000, /* messages a client may leave unsettled on a link */
};

struct hub_amqp_link {
    struct hub_amqp_connection *connection;
    struct hub_amqp_link *prev, *next;
    struct hub_amqp_link *next_reply;    /* of $cbs, towards the client */
    unsigned refs;                       /* of errands; memory goes with the last */
    pn_link_t *engine;                   /* NULL once ended */
    const struct hub_amqp_link_ops *ops; /* NULL: nobody's yet */
    void *arg;
    bool taken; /* the attach is answered */
    char *address;
    bool client_sends;
    uint64_t round;   /* of hub_amqp_links_resume */
    uint64_t grant;   /* of a token; 0: none */
    unsigned window;  /* credit kept up for a client that sends */
    uint64_t refused; /* the newest delivery when one was refused for now; 0: none (ration.h) */
    unsigned unsettled;

    struct edge_buf partial; /* the delivery that is coming */
    bool too_large;
    uint32_t format; /* message-format of what is handed over */
    struct edge_bytes encoded;
    struct hub_amqp_incoming *incoming, **incoming_tail;
    struct hub_amqp_outgoing *outgoing;
    struct hub_amqp_waiting *waiting, **waiting_tail;
    unsigned nwaiting;
    size_t waiting_bytes;
};

/* What the engine says. */
void hub_amqp_link_opened(struct hub_amqp_connection *c, pn_link_t *engine);
void hub_amqp_link_closed(pn_link_t *engine, bool closed);
void hub_amqp_link_flow(pn_link_t *engine);
void hub_amqp_link_delivery(pn_link_t *engine, pn_delivery_t *delivery);

/** End all links, or those of one session (not NULL). */
void hub_amqp_links_end(struct hub_amqp_connection *c, pn_session_t *session);
/** Free what has ended and nobody looks at any more. */
void hub_amqp_links_reap(struct hub_amqp_connection *c);
/** Give every sender its turn again. */
void hub_amqp_links_resume(struct hub_amqp_connection *c);

/** For answers that come later: its memory stays, its end is seen by `engine`. */
struct hub_amqp_link *hub_amqp_link_ref(struct hub_amqp_link *link);
void hub_amqp_link_unref(struct hub_amqp_link *link);
/** Keep an attach whose answer comes later; @p ops and @p arg are told when the link ends. */
void hub_amqp_hold(struct hub_amqp_link *link, const struct hub_amqp_link_ops *ops, void *arg);

/* The room's own nodes, as hub_amqp_nodes.attach. */
int hub_amqp_cbs_attach(struct hub_amqp_link *link, const struct hub_amqp_attach *attach);
int hub_amqp_person_attach(struct hub_amqp_link *link, const struct hub_amqp_attach *attach);

#endif
