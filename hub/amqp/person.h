/* hub/amqp/person.h - an identity on a connection: how it was proved, its session with the backend,
 * its links. Several share a connection. Loop thread.
 *
 *   known --authenticate--> granted --first link--> in session --last link, expiry, end--> known
 *
 * A person is proved by a token put to $cbs, by SASL PLAIN, or, when it has none of these, by the
 * certificate of the connection at its first attach. Links wait meanwhile. */
#ifndef HUB_AMQP_PERSON_H
#define HUB_AMQP_PERSON_H

#include "hub/amqp/address.h"
#include "hub/amqp/links.h"

enum { HUB_AMQP_PEOPLE_MAX = 1000 };

struct hub_amqp_place; /* an attached link of a person */
struct hub_amqp_person {
    struct hub_amqp_person *next;
    struct hub_amqp_connection *connection;
    struct edge_identity who;
    char model_id[257];
    struct hub_grant grant; /* HUB_OK while it holds */
    char *token;            /* what proved it, or NULL */
    bool asking;            /* the certificate is being looked at */
    bool paused;            /* the backend delivers nothing */
    struct hub_session *session;
    struct hub_amqp_place *places[HUB_AMQP_LINK_KINDS];
};

/** Ask the backend whether @p token proves @p who; what it grants is kept.
 * @param done  as of hub_backend_ops.authenticate, once, perhaps at once; perhaps after the
 * connection has ended */
void hub_amqp_person_prove(struct hub_amqp_connection *c, const struct edge_identity *who,
                           const char *token, hub_grant_done *done, void *arg);

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
