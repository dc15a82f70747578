/* hub/amqp/person.h - an identity on a connection: how it was proved, its session with the backend,
 * its links. Several share a connection. Loop thread.
 *
 *   known --authenticate--> granted --first link--> in session --last link, expiry, end--> known
 *
 * A person is proved by a token put to $cbs, by SASL PLAIN, or, when it has none of these, at its
 * first attach: by the certificate of the connection, or, when the link names an auth-chain, by the
 * token of the edge hub at its end (hub.md 2.2.3, 4.7). Links wait meanwhile. */
#ifndef HUB_AMQP_PERSON_H
#define HUB_AMQP_PERSON_H

#include "hub/amqp/address.h"
#include "hub/amqp/links.h"

struct hub_amqp_place; /* an attached link of a person */
struct hub_amqp_person {
    struct hub_amqp_person *next;
    struct hub_amqp_connection *connection;
    struct edge_identity who;
    char model_id[257];
    struct hub_grant grant; /* HUB_OK while it holds */
    char *token;            /* what proved it, or NULL */
    char *chain;            /* who speaks for it: "who;edge;…"; NULL: itself */
    bool asking;            /* an attach waits for its proof */
    bool paused;            /* the backend delivers nothing */
    struct hub_session *session;
    struct hub_amqp_place *places[HUB_AMQP_LINK_KINDS];
};

struct hub_amqp_person *hub_amqp_person_find(const struct hub_amqp_connection *c,
                                             const struct edge_identity *who);
/** @return NULL without memory, or with as many as may be */
struct hub_amqp_person *hub_amqp_person_need(struct hub_amqp_connection *c,
                                             const struct edge_identity *who);
void hub_amqp_person_forget(struct hub_amqp_connection *c, struct hub_amqp_person *person);
bool hub_amqp_person_granted(const struct hub_amqp_person *person);
bool hub_amqp_has_places(const struct hub_amqp_person *person);
/** The edge hub at the end of "who;edge;…;edge". @return NULL when it has not been granted */
struct hub_amqp_person *hub_amqp_actor(const struct hub_amqp_connection *c, const char *chain);
/** Borrows all of it. @param chain  or NULL */
struct hub_claim hub_amqp_claim(const struct hub_amqp_connection *c,
                                const struct edge_identity *who, const char *token,
                                const char *chain);

/** Ask the backend whether @p token proves @p who; what it grants is kept.
 * @param chain  the token is of the edge hub at its end; or NULL
 * @param done  as of hub_backend_ops.authenticate, once, perhaps at once; perhaps after the
 * connection has ended */
void hub_amqp_person_prove(struct hub_amqp_connection *c, const struct edge_identity *who,
                           const char *token, const char *chain, hub_grant_done *done, void *arg);

void hub_amqp_people_expire(struct hub_amqp_connection *c, int64_t now_s);
int64_t hub_amqp_people_due(const struct hub_amqp_connection *c, int64_t due);
/** Close their sessions. */
void hub_amqp_people_end(struct hub_amqp_connection *c);
/** Their links have ended. */
void hub_amqp_people_free(struct hub_amqp_connection *c);
/** Have the backend hold deliveries back, or go on. */
void hub_amqp_pause(struct hub_amqp_person *person, bool paused);

static inline const struct hub_backend_ops *hub_amqp_backend(const struct hub_amqp_connection *c)
{
    return c->server->options.backend->ops;
}

#endif
