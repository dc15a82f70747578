#include "hub/amqp/person.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "hub/amqp/condition.h"
#include "hub/amqp/place.h"

static const struct hub_amqp_place_kind *const kinds[HUB_AMQP_LINK_KINDS] = {
    [HUB_AMQP_LINK_EVENTS] = &hub_amqp_events,
    [HUB_AMQP_LINK_INPUTS] = &hub_amqp_inputs,
    [HUB_AMQP_LINK_C2D] = &hub_amqp_c2d,
    [HUB_AMQP_LINK_TWIN_ASK] = &hub_amqp_twin_ask,
    [HUB_AMQP_LINK_TWIN_TELL] = &hub_amqp_twin_tell,
    [HUB_AMQP_LINK_CALL] = &hub_amqp_call,
    [HUB_AMQP_LINK_CALL_REPLY] = &hub_amqp_call_reply,
};

enum { CHAIN_SIZE = 1024 };

/* Sessions */

static void expel(struct hub_amqp_person *person, enum hub_result why, const char *text)
{
    struct hub_amqp_connection *c = person->connection;
    bool others = false;

    for (struct hub_amqp_person *other = c->people; other; other = other->next)
        others = others || (other != person && other->session);
    hub_amqp_say_gone(person, text);
    if ((!others && !person->chain) || why == HUB_UNAVAILABLE) {
        hub_amqp_drop(c, HUB_AMQP_EXPELLED, NULL); /* clients come back at once, and ask again */
        return;
    }
    for (size_t i = 0; i < HUB_AMQP_LINK_KINDS; i++) {
        if (person->places[i])
            hub_amqp_refuse(person->places[i]->link, hub_amqp_condition(why), text);
    }
}

static void on_deliver(const struct edge_message *message, uint64_t lock, void *arg)
{
    hub_amqp_deliver(arg, message, lock);
}

static void on_desired(const char *patch, size_t len, int64_t version, void *arg)
{
    hub_amqp_tell_desired(arg, patch, len, version);
}

static void on_method(const char *rid, const char *name, struct edge_bytes payload, void *arg)
{
    hub_amqp_tell_call(arg, rid, name, payload);
}

static void on_closed(enum hub_result why, void *arg)
{
    struct hub_amqp_person *person = arg;

    person->session = NULL;
    if (why == HUB_REFUSED)
        person->grant.result = why;
    expel(person, why,
          why == HUB_CONFLICT ? "the identity has connected elsewhere" : "the session was ended");
}

static const struct hub_events events = {on_deliver, on_desired, on_method, on_closed};

static void close_session(struct hub_amqp_person *person)
{
    struct hub_session *session = EDGE_TAKE(person->session);

    person->paused = false;
    if (session)
        person->connection->server->options.backend->ops->close(session);
}

/* @return 0 or negative */
static int open_session(struct hub_amqp_person *person)
{
    struct hub_amqp_connection *c = person->connection;
    struct hub_amqp_person *actor = person->chain ? hub_amqp_actor(c, person->chain) : NULL;
    struct hub_claim claim =
        hub_amqp_claim(c, &person->who, actor ? actor->token : person->token, person->chain);
    unsigned features;
    int rc;

    if (person->session)
        return 0;
    claim.model_id = person->model_id;
    rc = hub_amqp_backend(c)->open(c->server->options.backend->self, &claim, &person->grant, false,
                                   &events, person, &features, &person->session);
    if (rc >= 0 && person->session)
        hub_amqp_say_connected(person);
    return rc < 0 ? rc : 0;
}

/* Places */

static void on_subscribed(enum hub_result result, const char *why, void *arg)
{
    struct hub_amqp_errand *errand = arg;
    struct hub_amqp_link *link = hub_amqp_errand_link(errand);
    struct hub_amqp_place *place = link ? link->arg : NULL;

    if (place && result == HUB_OK)
        hub_amqp_take(link, &kinds[place->kind]->ops, place, kinds[place->kind]->credit);
    else if (place)
        hub_amqp_refuse(link, hub_amqp_condition(result), why);
    hub_amqp_errand_end(errand);
}

static void on_forgotten(enum hub_result result, const char *why, void *arg)
{
    (void) result;
    (void) why;
    (void) arg;
}

/* The person is who it says: answer the attach. */
static void admit(struct hub_amqp_place *place)
{
    struct hub_amqp_person *person = place->person;
    const struct hub_amqp_place_kind *kind = kinds[place->kind];
    const struct hub_backend_ops *ops = hub_amqp_backend(person->connection);
    struct hub_amqp_errand *errand;
    int rc = open_session(person);

    place->admitted = true;
    if (rc == EDGE_EUNAVAILABLE) {
        hub_amqp_drop(person->connection, HUB_AMQP_AGAIN, NULL);
        return;
    }
    errand = rc == 0 ? hub_amqp_errand_begin(place->link, 0, NULL) : NULL;
    if (!errand) {
        hub_amqp_refuse(place->link,
                        rc == EDGE_EAUTH ? "amqp:unauthorized-access" : "amqp:internal-error",
                        rc < 0 ? edge_strerror(rc) : "out of memory");
        return;
    }
    if (place->kind == HUB_AMQP_LINK_C2D || place->kind == HUB_AMQP_LINK_INPUTS)
        hub_amqp_pause(person, true); /* until there is credit */
    if (kind->feature)
        ops->subscribe(person->session, kind->feature, 0, on_subscribed, errand);
    else
        on_subscribed(HUB_OK, "", errand);
}

void hub_amqp_pause(struct hub_amqp_person *person, bool paused)
{
    const struct hub_backend_ops *ops = hub_amqp_backend(person->connection);

    if (!person->session || person->paused == paused || !ops->pause)
        return;
    person->paused = paused;
    ops->pause(person->session, paused);
}

void hub_amqp_place_left(struct hub_amqp_link *link, void *arg)
{
    struct hub_amqp_place *place = arg;
    struct hub_amqp_person *person = place->person;
    const struct hub_amqp_place_kind *kind = kinds[place->kind];
    bool last = true;

    (void) link;
    person->places[place->kind] = NULL;
    for (size_t i = 0; i < HUB_AMQP_LINK_KINDS; i++)
        last = last && !person->places[i];
    if (last && person->session)
        hub_amqp_say_gone(person, "it has closed its last link");
    if (last)
        close_session(person);
    else if (person->session && kind->feature)
        hub_amqp_backend(person->connection)
            ->subscribe(person->session, 0, kind->feature, on_forgotten, NULL);
    free(place);
}

/* Of no link: the one that has asked may go before the answer, and others wait for it too. */
struct asking {
    struct hub_amqp_connection *connection;
    struct edge_identity who;
};

/* The proof of a person whose links wait has been looked at. */
static void on_asked(const struct hub_grant *grant, void *arg)
{
    struct asking *asking = arg;
    struct hub_amqp_connection *c = asking->connection;
    struct hub_amqp_person *person = c->ended ? NULL : hub_amqp_person_find(c, &asking->who);

    if (person)
        person->asking = false;
    for (size_t i = 0; person && !c->ended && i < HUB_AMQP_LINK_KINDS; i++) {
        struct hub_amqp_place *place = person->places[i];

        if (!place || place->admitted)
            continue;
        if (hub_amqp_person_granted(person))
            admit(place);
        else
            hub_amqp_refuse(place->link, hub_amqp_condition(grant->result), grant->reason);
    }
    free(asking);
    hub_amqp_unref(c);
}

static void ask(struct hub_amqp_place *place, const struct hub_amqp_person *actor)
{
    struct hub_amqp_person *person = place->person;
    struct asking *asking;

    if (person->asking)
        return;
    asking = malloc(sizeof *asking);
    if (!asking) {
        hub_amqp_refuse(place->link, "amqp:internal-error", "out of memory");
        return;
    }
    *asking = (struct asking){hub_amqp_ref(person->connection), person->who};
    person->asking = true;
    hub_amqp_person_prove(person->connection, &person->who, actor ? actor->token : NULL,
                          person->chain, on_asked, asking);
}

static void note_model(struct hub_amqp_person *person, const struct hub_amqp_attach *attach)
{
    const struct hub_amqp_value *model =
        hub_amqp_find(attach->properties, attach->nproperties, "com.microsoft:model-id");

    if (model && model->kind == HUB_AMQP_STRING && model->s.len < sizeof person->model_id)
        (void) snprintf(person->model_id, sizeof person->model_id, "%.*s", (int) model->s.len,
                        (const char *) model->s.data);
}

/* The link's auth-chain. @return NULL, ret_chain empty: it has none; or why it cannot be used */
static const char *chain_of(const struct hub_amqp_attach *attach, char ret_chain[CHAIN_SIZE])
{
    const struct hub_amqp_value *chain =
        hub_amqp_find(attach->properties, attach->nproperties, "com.microsoft:auth-chain");

    ret_chain[0] = '\0';
    if (!chain || chain->kind == HUB_AMQP_NULL)
        return NULL;
    if (chain->kind != HUB_AMQP_STRING && chain->kind != HUB_AMQP_SYMBOL)
        return "the auth-chain is no text";
    if (chain->s.len >= CHAIN_SIZE || (chain->s.len > 0 && memchr(chain->s.data, 0, chain->s.len)))
        return "the auth-chain is too long";
    memcpy(ret_chain, chain->s.data, chain->s.len);
    ret_chain[chain->s.len] = '\0';
    return NULL;
}

/* What a link needs: an own proof, or one by the same chain. */
static bool speaks(const struct hub_amqp_person *person, const char *chain)
{
    return hub_amqp_person_granted(person) && (!person->chain || strcmp(person->chain, chain) == 0);
}

/* @return NULL, or why nobody needs to be asked about this link */
static const char *hopeless(const struct hub_amqp_connection *c,
                            const struct hub_amqp_person *person, const char *chain)
{
    const char *known = person && person->chain ? person->chain : "";

    if (person && (person->asking || person->session) && strcmp(known, chain) != 0)
        return "the identity is here already, by another auth-chain";
    if (hub_amqp_certificate(c) || (*chain && hub_amqp_actor(c, chain)))
        return NULL;
    return *chain ? "no token was put for the edge hub that speaks"
                  : "no token was put for this identity";
}

/* @return false without memory */
static bool note_chain(struct hub_amqp_person *person, const char *chain)
{
    free(person->chain);
    person->chain = *chain ? edge_strdup(chain) : NULL;
    person->grant.result = HUB_REFUSED;
    return !*chain || person->chain;
}

static void settle_in(struct hub_amqp_place *place, const struct hub_amqp_attach *attach,
                      const char *chain)
{
    struct hub_amqp_person *person = place->person;

    if (person->places[place->kind])
        hub_amqp_refuse(person->places[place->kind]->link, "amqp:link:stolen", "attached anew");
    person->places[place->kind] = place;
    note_model(person, attach);
    hub_amqp_hold(place->link, &kinds[place->kind]->ops, place);
    if (speaks(person, chain))
        admit(place);
    else if (!person->asking && !note_chain(person, chain))
        hub_amqp_refuse(place->link, "amqp:internal-error", "out of memory");
    else
        ask(place, *chain ? hub_amqp_actor(person->connection, chain) : NULL);
}

int hub_amqp_person_attach(struct hub_amqp_link *link, const struct hub_amqp_attach *attach)
{
    struct hub_amqp_connection *c = link->connection;
    struct edge_identity who;
    enum hub_amqp_kind_of_link kind = hub_amqp_address(attach->address, attach->client_sends, &who);
    char chain[CHAIN_SIZE];
    struct hub_amqp_person *person;
    struct hub_amqp_place *place;
    const char *why;

    if (kind == HUB_AMQP_LINK_OTHER)
        return HUB_AMQP_NOT_MINE;
    why = chain_of(attach, chain);
    person = hub_amqp_person_find(c, &who);
    if (!why && !(person && speaks(person, chain)))
        why = hopeless(c, person, chain);
    if (why) {
        hub_amqp_say_refused(c, &who, why);
        hub_amqp_refuse(link, "amqp:unauthorized-access", why);
        return 0;
    }
    person = hub_amqp_person_need(c, &who);
    place = person ? calloc(1, sizeof *place) : NULL;
    if (!place) {
        hub_amqp_refuse(link, "amqp:resource-limit-exceeded", "too many identities");
        return 0;
    }
    *place = (struct hub_amqp_place){.person = person, .link = link, .kind = kind};
    settle_in(place, attach, chain);
    return 0;
}

/* Ends */

void hub_amqp_people_expire(struct hub_amqp_connection *c, int64_t now_s)
{
    struct hub_amqp_person *next;

    for (struct hub_amqp_person *person = c->people; person && !c->ended; person = next) {
        bool in_session = person->session != NULL;

        next = person->next;
        if (person->grant.result != HUB_OK || person->grant.until_s > now_s)
            continue;
        person->grant.result = HUB_REFUSED;
        close_session(person);
        if (in_session)
            expel(person, HUB_REFUSED, "the token has expired");
        if (!c->ended && !hub_amqp_has_places(person))
            hub_amqp_person_forget(c, person);
    }
}

void hub_amqp_people_end(struct hub_amqp_connection *c)
{
    for (struct hub_amqp_person *person = c->people; person; person = person->next)
        close_session(person);
}
