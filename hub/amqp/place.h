/* hub/amqp/place.h - the links of devices and modules, one set of calls per kind. Loop thread. */
#ifndef HUB_AMQP_PLACE_H
#define HUB_AMQP_PLACE_H

#include "hub/amqp/person.h"

/** An attached (or still waiting) link of a person; it lives as long as the link. */
struct hub_amqp_place {
    struct hub_amqp_person *person;
    struct hub_amqp_link *link;
    enum hub_amqp_kind_of_link kind;
    bool admitted; /* its person is who it says */
};

struct hub_amqp_place_kind {
    unsigned feature; /* subscribed to while the link is there */
    unsigned credit;  /* given to a client that sends */
    struct hub_amqp_link_ops ops;
};
/** By kind; telemetry.c, twin.c, calls.c, deliver.c. */
extern const struct hub_amqp_place_kind hub_amqp_events, hub_amqp_inputs, hub_amqp_c2d,
    hub_amqp_twin_ask, hub_amqp_twin_tell, hub_amqp_call, hub_amqp_call_reply;

/** `detached` of every kind: the place goes, with the last one the session. */
void hub_amqp_place_left(struct hub_amqp_link *link, void *arg);

/* What the backend says to a session, where a link of the kind is attached. */
void hub_amqp_deliver(struct hub_amqp_person *person, const struct edge_message *message,
                      uint64_t lock);
void hub_amqp_tell_desired(struct hub_amqp_person *person, const char *patch, size_t len,
                           int64_t version);
void hub_amqp_tell_call(struct hub_amqp_person *person, const char *rid, const char *name,
                        struct edge_bytes payload);

/** For answers that come later: holds the connection and the link. */
struct hub_amqp_errand {
    struct hub_amqp_connection *connection;
    struct hub_amqp_link *link;
    uint64_t delivery;
    int status;               /* of success */
    unsigned left;            /* answers still to come */
    enum hub_result result;   /* the first failure of them */
    char *why;                /* what it says, or NULL */
    struct hub_amqp_value id; /* of the request; its text is in id_text */
    char id_text[];
};
/** @return NULL without memory, or when the id is longer than 256 bytes */
struct hub_amqp_errand *hub_amqp_errand_begin(struct hub_amqp_link *link, uint64_t delivery,
                                              const struct hub_amqp_value *id);
/** The link, or NULL when it has ended. */
struct hub_amqp_link *hub_amqp_errand_link(const struct hub_amqp_errand *errand);
void hub_amqp_errand_end(struct hub_amqp_errand *errand);

#endif
