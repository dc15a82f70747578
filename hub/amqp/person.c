#include "hub/amqp/person.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
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

static struct hub_amqp_person *find(const struct hub_amqp_connection *c,
                                    const struct edge_identity *who)
{
    for (struct hub_amqp_person *person = c->people; person; person = person->next) {
        if (edge_identity_equal(&person->who, who))
            return person;
    }
    return NULL;
}

/* @return NULL without memory, or with as many as may be */
static struct hub_amqp_person *find_or_make(struct hub_amqp_connection *c,
                                            const struct edge_identity *who)
{
    struct hub_amqp_person *person = find(c, who);

    if (person || c->npeople == HUB_AMQP_PEOPLE_MAX)
        return person;
    person = calloc(1, sizeof *person);
    if (!person)
        return NULL;
    person->connection = c;
    person->who = *who;
    person->grant.result = HUB_REFUSED;
    person->next = c->people;
    c->people = person;
    c->npeople++;
    return person;
}

static void wipe(struct hub_amqp_person *person)
{
    if (person->token)
        explicit_bzero(person->token, strlen(person->token));
    free(person->token);
    person->token = NULL;
}

static struct hub_claim claim_of(const struct hub_amqp_connection *c,
                                 const struct edge_identity *who, const char *token)
{
    return (struct hub_claim){
        .who = *who,
        .host = c->hostname,
        .token = token,
        .certificate = hub_amqp_certificate(c),
        .protocol = c->ws ? HUB_AMQP_WS : HUB_AMQP,
        .client = c->client ? c->client : "",
        .model_id = "",
        .auth_chain = "",
        .address = c->address,
    };
}

static bool granted(const struct hub_amqp_person *person)
{
    return person->grant.result == HUB_OK && person->grant.until_s > edge_wall_ns() / 1000000000;
}

/* Proofs */

struct proof {
    struct hub_amqp_connection *connection;
    struct edge_identity who;
    char *token;
    hub_grant_done *done;
    void *arg;
};

/* @return what has become of it */
static enum hub_result keep(struct proof *proof, const struct hub_grant *grant)
{
    struct hub_amqp_connection *c = proof->connection;
    struct hub_amqp_person *person;

    if (c->ended)
        return HUB_GONE;
    if (grant->result != HUB_OK)
        return grant->result; /* an older proof holds on */
    person = find_or_make(c, &proof->who);
    if (!person)
        return HUB_QUOTA;
    c->welcome = true;
    person->grant = *grant;
    wipe(person);
    person->token = EDGE_TAKE(proof->token);
    if (person->session)
        hub_amqp_backend(c)->extend(person->session, grant);
    hub_amqp_expiry_arm(c);
    return HUB_OK;
}

static void on_proof(const struct hub_grant *grant, void *arg)
{
    struct proof *proof = arg;
    struct hub_grant said = *grant;

    said.result = keep(proof, grant);
    if (said.result != HUB_OK && said.result != HUB_GONE)
        edge_info("AMQP client refused identity=%s/%s address=%s reason=%s", proof->who.device,
                  proof->who.module, proof->connection->address, said.reason);
    proof->done(&said, proof->arg);
    hub_amqp_unref(proof->connection);
    if (proof->token)
        explicit_bzero(proof->token, strlen(proof->token));
    free(proof->token);
    free(proof);
}

void hub_amqp_person_prove(struct hub_amqp_connection *c, const struct edge_identity *who,
                           const char *token, hub_grant_done *done, void *arg)
{
    struct hub_claim claim = claim_of(c, who, token);
    struct proof *proof = calloc(1, sizeof *proof);
    struct hub_grant failed = {HUB_FAILED, 0, "out of memory"};

    if (proof && token)
        proof->token = edge_strdup(token);
    if (!proof || (token && !proof->token)) {
        free(proof);
        done(&failed, arg);
        return;
    }
    proof->connection = hub_amqp_ref(c);
    proof->who = *who;
    proof->done = done;
    proof->arg = arg;
    hub_amqp_backend(c)->authenticate(c->server->options.backend->self, &claim, on_proof, proof);
}

/* Sessions */

static void expel(struct hub_amqp_person *person, enum hub_result why, const char *text)
{
    struct hub_amqp_connection *c = person->connection;
    bool others = false;

    for (struct hub_amqp_person *other = c->people; other; other = other->next)
        others = others || (other != person && other->session);
    edge_info("AMQP client expelled identity=%s/%s address=%s reason=%s", person->who.device,
              person->who.module, c->address, text);
    if (!others || why == HUB_UNAVAILABLE) {
        hub_amqp_drop(c); /* clients come back at once, and ask again */
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
    struct hub_claim claim = claim_of(c, &person->who, person->token);
    unsigned features;
    int rc;

    if (person->session)
        return 0;
    claim.model_id = person->model_id;
    rc = hub_amqp_backend(c)->open(c->server->options.backend->self, &claim, &person->grant, false,
                                   &events, person, &features, &person->session);
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

    if (rc == EDGE_EUNAVAILABLE) {
        hub_amqp_drop(person->connection);
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
    if (last)
        close_session(person);
    else if (person->session && kind->feature)
        hub_amqp_backend(person->connection)
            ->subscribe(person->session, 0, kind->feature, on_forgotten, NULL);
    free(place);
}

/* The certificate has been looked at. */
static void on_certificate(const struct hub_grant *grant, void *arg)
{
    struct hub_amqp_errand *errand = arg;
    struct hub_amqp_connection *c = errand->connection;
    struct hub_amqp_link *link = hub_amqp_errand_link(errand);
    struct hub_amqp_person *person = link ? ((struct hub_amqp_place *) link->arg)->person : NULL;

    hub_amqp_ref(c);
    if (person)
        person->asking = false;
    for (size_t i = 0; person && !c->ended && i < HUB_AMQP_LINK_KINDS; i++) {
        struct hub_amqp_place *place = person->places[i];

        if (place && grant->result == HUB_OK)
            admit(place);
        else if (place)
            hub_amqp_refuse(place->link, hub_amqp_condition(grant->result), grant->reason);
    }
    hub_amqp_errand_end(errand);
    hub_amqp_unref(c);
}

static void ask_certificate(struct hub_amqp_place *place)
{
    struct hub_amqp_person *person = place->person;
    struct hub_amqp_errand *errand;

    if (person->asking)
        return;
    errand = hub_amqp_errand_begin(place->link, 0, NULL);
    if (!errand) {
        hub_amqp_refuse(place->link, "amqp:internal-error", "out of memory");
        return;
    }
    person->asking = true;
    hub_amqp_person_prove(person->connection, &person->who, NULL, on_certificate, errand);
}

static void note_model(struct hub_amqp_person *person, const struct hub_amqp_attach *attach)
{
    const struct hub_amqp_value *model =
        hub_amqp_find(attach->properties, attach->nproperties, "com.microsoft:model-id");

    if (model && model->kind == HUB_AMQP_STRING && model->s.len < sizeof person->model_id)
        (void) snprintf(person->model_id, sizeof person->model_id, "%.*s", (int) model->s.len,
                        (const char *) model->s.data);
}

int hub_amqp_person_attach(struct hub_amqp_link *link, const struct hub_amqp_attach *attach)
{
    struct hub_amqp_connection *c = link->connection;
    struct edge_identity who;
    enum hub_amqp_kind_of_link kind = hub_amqp_address(attach->address, attach->client_sends, &who);
    struct hub_amqp_person *person;
    struct hub_amqp_place *place;

    if (kind == HUB_AMQP_LINK_OTHER)
        return HUB_AMQP_NOT_MINE;
    person = find(c, &who);
    if ((!person || !granted(person)) && !hub_amqp_certificate(c)) {
        hub_amqp_refuse(link, "amqp:unauthorized-access", "no token was put for this identity");
        return 0;
    }
    person = find_or_make(c, &who);
    place = person ? calloc(1, sizeof *place) : NULL;
    if (!place) {
        hub_amqp_refuse(link, "amqp:resource-limit-exceeded", "too many identities");
        return 0;
    }
    if (person->places[kind])
        hub_amqp_refuse(person->places[kind]->link, "amqp:link:stolen", "attached anew");
    *place = (struct hub_amqp_place){person, link, kind};
    person->places[kind] = place;
    note_model(person, attach);
    hub_amqp_hold(link, &kinds[kind]->ops, place);
    if (granted(person))
        admit(place);
    else
        ask_certificate(place);
    return 0;
}

/* Ends */

static bool has_places(const struct hub_amqp_person *person)
{
    for (size_t i = 0; i < HUB_AMQP_LINK_KINDS; i++) {
        if (person->places[i])
            return true;
    }
    return false;
}

static void forget(struct hub_amqp_connection *c, struct hub_amqp_person *person)
{
    struct hub_amqp_person **at = &c->people;

    while (*at != person)
        at = &(*at)->next;
    *at = person->next;
    c->npeople--;
    wipe(person);
    free(person);
}

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
        if (!c->ended && !has_places(person))
            forget(c, person);
    }
}

int64_t hub_amqp_people_due(const struct hub_amqp_connection *c, int64_t due)
{
    for (const struct hub_amqp_person *person = c->people; person; person = person->next) {
        if (person->grant.result == HUB_OK && person->grant.until_s < due)
            due = person->grant.until_s;
    }
    return due;
}

void hub_amqp_people_end(struct hub_amqp_connection *c)
{
    for (struct hub_amqp_person *person = c->people; person; person = person->next)
        close_session(person);
}

void hub_amqp_people_free(struct hub_amqp_connection *c)
{
    while (c->people)
        forget(c, c->people);
}
