#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/person.h"
#include "hub/amqp/timers.h"

enum { NAME_SIZE = 2 * EDGE_ID_MAX + 2 };

struct hub_amqp_person *hub_amqp_person_find(const struct hub_amqp_connection *c,
                                             const struct edge_identity *who)
{
    char name[NAME_SIZE];

    edge_identity_format(who, name, sizeof name);
    return edge_map_get(&c->names, name);
}

bool hub_amqp_person_granted(const struct hub_amqp_person *person)
{
    return person->grant.result == HUB_OK && person->grant.until_s > edge_wall_ns() / 1000000000;
}

bool hub_amqp_has_places(const struct hub_amqp_person *person)
{
    for (size_t i = 0; i < HUB_AMQP_LINK_KINDS; i++) {
        if (person->places[i])
            return true;
    }
    return false;
}

void hub_amqp_person_forget(struct hub_amqp_connection *c, struct hub_amqp_person *person)
{
    struct hub_amqp_person **at = &c->people;
    char name[NAME_SIZE];

    while (*at != person)
        at = &(*at)->next;
    *at = person->next;
    edge_identity_format(&person->who, name, sizeof name);
    edge_map_remove(&c->names, name);
    person->token = edge_wipe(person->token);
    free(person->chain);
    free(person);
}

/* Those that have no link and would be proved anew by their next. */
static void make_room(struct hub_amqp_connection *c)
{
    struct hub_amqp_person *next;

    for (struct hub_amqp_person *person = c->people; person; person = next) {
        next = person->next;
        if (!person->asking && !hub_amqp_has_places(person) &&
            (person->chain || !hub_amqp_person_granted(person)))
            hub_amqp_person_forget(c, person);
    }
}

struct hub_amqp_person *hub_amqp_person_need(struct hub_amqp_connection *c,
                                             const struct edge_identity *who)
{
    struct hub_amqp_person *person = hub_amqp_person_find(c, who);
    char name[NAME_SIZE];

    if (person)
        return person;
    if (c->names.count >= c->server->options.max_identities)
        make_room(c);
    if (c->names.count >= c->server->options.max_identities)
        return NULL;
    person = calloc(1, sizeof *person);
    edge_identity_format(who, name, sizeof name);
    if (!person || edge_map_set(&c->names, name, person) < 0) {
        free(person);
        return NULL;
    }
    person->connection = c;
    person->who = *who;
    person->grant.result = HUB_REFUSED;
    person->next = c->people;
    c->people = person;
    return person;
}

struct hub_claim hub_amqp_claim(const struct hub_amqp_connection *c,
                                const struct edge_identity *who, const char *token,
                                const char *chain)
{
    return (struct hub_claim){
        .who = *who,
        .host = c->hostname,
        .token = token,
        .certificate = hub_amqp_certificate(c),
        .protocol = c->ws ? HUB_AMQP_WS : HUB_AMQP,
        .client = c->client ? c->client : "",
        .model_id = "",
        .auth_chain = chain ? chain : "",
        .address = c->address,
    };
}

/* Chains */

struct hub_amqp_person *hub_amqp_actor(const struct hub_amqp_connection *c, const char *chain)
{
    const char *last = strrchr(chain, ';');
    struct edge_identity who = {.module = "$edgeHub"};
    struct hub_amqp_person *actor;

    if (!last || strlen(last + 1) > EDGE_ID_MAX)
        return NULL;
    (void) snprintf(who.device, sizeof who.device, "%s", last + 1);
    actor = hub_amqp_person_find(c, &who);
    return actor && hub_amqp_person_granted(actor) && !actor->chain ? actor : NULL;
}

/* Whom this edge hub speaks for may stay as long as it. */
static void extend_others(struct hub_amqp_person *actor)
{
    struct hub_amqp_connection *c = actor->connection;

    for (struct hub_amqp_person *person = c->people; person; person = person->next) {
        if (!person->chain || person->grant.result != HUB_OK ||
            hub_amqp_actor(c, person->chain) != actor)
            continue;
        person->grant.until_s = actor->grant.until_s;
        if (person->session)
            hub_amqp_backend(c)->extend(person->session, &person->grant);
    }
}

/* Proofs */

struct proof {
    struct hub_amqp_connection *connection;
    struct edge_identity who;
    char *token;  /* its own */
    bool chained; /* by that of another */
    hub_grant_done *done;
    void *arg;
};

/* An edge hub has the links of all it speaks for on one connection. */
static void widen(struct hub_amqp_connection *c, const struct edge_identity *who)
{
    const struct hub_amqp_options *o = &c->server->options;

    if (strcmp(who->module, "$edgeHub") == 0)
        c->frames.max_handles = o->max_links + (size_t) HUB_AMQP_LINK_KINDS * o->max_identities;
}

/* Its own proof takes the place of any other. */
static void proved(struct hub_amqp_person *person, struct proof *proof,
                   const struct hub_grant *grant)
{
    if (proof->chained && !person->chain)
        return;
    person->grant = *grant;
    if (!proof->chained) {
        person->token = edge_wipe(person->token);
        person->token = EDGE_TAKE(proof->token);
        free(person->chain);
        person->chain = NULL;
        widen(person->connection, &person->who);
    }
    if (person->session)
        hub_amqp_backend(person->connection)->extend(person->session, grant);
    if (!proof->chained)
        extend_others(person);
}

/* @return what has become of it */
static enum hub_result keep(struct proof *proof, const struct hub_grant *grant)
{
    struct hub_amqp_connection *c = proof->connection;
    struct hub_amqp_person *person;

    if (c->ended)
        return HUB_GONE;
    if (grant->result != HUB_OK)
        return grant->result; /* an older proof holds on */
    person = hub_amqp_person_need(c, &proof->who);
    if (!person)
        return HUB_QUOTA;
    c->welcome = true;
    proved(person, proof, grant);
    hub_amqp_expiry_arm(c);
    return HUB_OK;
}

static void on_proof(const struct hub_grant *grant, void *arg)
{
    struct proof *proof = arg;
    struct hub_grant said = *grant;

    proof->connection->proofs--;
    said.result = keep(proof, grant);
    if (said.result != HUB_OK && said.result != HUB_GONE)
        hub_amqp_say_refused(proof->connection, &proof->who, said.reason);
    proof->done(&said, proof->arg);
    hub_amqp_unref(proof->connection);
    (void) edge_wipe(proof->token);
    free(proof);
}

void hub_amqp_person_prove(struct hub_amqp_connection *c, const struct edge_identity *who,
                           const char *token, const char *chain, hub_grant_done *done, void *arg)
{
    struct hub_claim claim = hub_amqp_claim(c, who, token, chain);
    struct proof *proof = calloc(1, sizeof *proof);
    struct hub_grant failed = {HUB_FAILED, 0, "out of memory"};
    bool own = token && !chain;

    if (proof && own)
        proof->token = edge_strdup(token);
    if (!proof || (own && !proof->token)) {
        free(proof);
        done(&failed, arg);
        return;
    }
    proof->connection = hub_amqp_ref(c);
    c->proofs++;
    proof->who = *who;
    proof->chained = chain != NULL;
    proof->done = done;
    proof->arg = arg;
    hub_amqp_backend(c)->authenticate(c->server->options.backend->self, &claim, on_proof, proof);
}

int64_t hub_amqp_people_due(const struct hub_amqp_connection *c, int64_t due)
{
    for (const struct hub_amqp_person *person = c->people; person; person = person->next) {
        if (person->grant.result == HUB_OK && person->grant.until_s < due)
            due = person->grant.until_s;
    }
    return due;
}

void hub_amqp_people_free(struct hub_amqp_connection *c)
{
    while (c->people)
        hub_amqp_person_forget(c, c->people);
}
