#include <string.h>

#include "common/iothub/topic.h"
#include "hub/amqp/place.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"
#include "hub/core/answer.h"

enum { CREDIT = 50 };

/* To the other link of the pair; a client that has none gets no answer. */
static void tell(struct hub_amqp_person *person, const struct hub_amqp_message *message)
{
    struct hub_amqp_place *place = person->places[HUB_AMQP_LINK_TWIN_TELL];

    if (!place)
        return;
    if (hub_amqp_post(place->link, 0, message, true) < 0)
        hub_amqp_drop(person->connection, HUB_AMQP_DEAF, "its twin"); /* it asks anew later */
}

static struct hub_amqp_person *asker(const struct hub_amqp_errand *errand)
{
    struct hub_amqp_link *link = hub_amqp_errand_link(errand);

    return link ? ((struct hub_amqp_place *) link->arg)->person : NULL;
}

static void reply(struct hub_amqp_errand *errand, int status, int64_t version, const char *json,
                  size_t len)
{
    struct hub_amqp_person *person = asker(errand);
    struct hub_amqp_pair annotations[2] = {
        {"status", {.kind = HUB_AMQP_INT, .i = status}},
        {"version", {.kind = HUB_AMQP_LONG, .i = version}},
    };
    struct hub_amqp_message message = {.correlation_id = errand->id,
                                       .annotations = annotations,
                                       .nannotations = version > 0 ? 2 : 1,
                                       .body = HUB_AMQP_BODY_DATA,
                                       .data = {(const uint8_t *) json, len}};

    if (person)
        tell(person, &message);
    hub_amqp_errand_end(errand);
}

/* The SDKs parse the body of a failure without looking. */
static void fail(struct hub_amqp_errand *errand, enum hub_result result, const char *why)
{
    EDGE_CLEANUP(edge_free) char *json = hub_error(result, why);
    const char *text = json ? json : "{}";

    reply(errand, hub_status(result), 0, text, strlen(text));
}

static void on_twin(enum hub_result result, const char *why, const char *json, size_t len,
                    void *arg)
{
    if (result == HUB_OK)
        reply(arg, 200, 0, json, len);
    else
        fail(arg, result, why);
}

static void on_patched(enum hub_result result, const char *why, int64_t version, void *arg)
{
    if (result == HUB_OK)
        reply(arg, 204, version, "", 0);
    else
        fail(arg, result, why);
}

static void on_subscribed(enum hub_result result, const char *why, void *arg)
{
    if (result == HUB_OK)
        reply(arg, 200, 0, "", 0);
    else
        fail(arg, result, why);
}

static void ask(struct hub_amqp_person *person, const struct hub_amqp_message *message,
                struct hub_amqp_errand *errand)
{
    const struct hub_backend_ops *ops = hub_amqp_backend(person->connection);
    const struct hub_amqp_value *operation =
        hub_amqp_find(message->annotations, message->nannotations, "operation");

    if (!person->session)
        fail(errand, HUB_GONE, "the session has ended");
    else if (hub_amqp_is(operation, "GET"))
        ops->twin_get(person->session, on_twin, errand);
    else if (hub_amqp_is(operation, "PATCH"))
        ops->twin_patch(person->session, (const char *) message->data.data, message->data.len,
                        on_patched, errand);
    else if (hub_amqp_is(operation, "PUT"))
        ops->subscribe(person->session, EDGE_FEATURE_DESIRED, 0, on_subscribed, errand);
    else if (hub_amqp_is(operation, "DELETE"))
        ops->subscribe(person->session, 0, EDGE_FEATURE_DESIRED, on_subscribed, errand);
    else
        fail(errand, HUB_BAD, "the operation is GET, PATCH, PUT or DELETE");
}

static void on_message(struct hub_amqp_link *link, uint64_t delivery,
                       const struct hub_amqp_message *message, void *arg)
{
    struct hub_amqp_place *place = arg;
    struct hub_amqp_errand *errand = NULL;

    if (message->correlation_id.kind != HUB_AMQP_NULL)
        errand = hub_amqp_errand_begin(link, delivery, &message->correlation_id);
    if (!errand) {
        hub_amqp_settle(link, delivery, HUB_AMQP_REJECTED, "com.microsoft:argument-error",
                        "a twin request needs a correlation-id of at most 256 bytes");
        return;
    }
    hub_amqp_settle(link, delivery, HUB_AMQP_ACCEPTED, NULL, NULL);
    ask(place->person, message, errand);
}

void hub_amqp_tell_desired(struct hub_amqp_person *person, const char *patch, size_t len,
                           int64_t version)
{
    struct hub_amqp_pair annotation = {"version", {.kind = HUB_AMQP_LONG, .i = version}};
    struct hub_amqp_message message = {.annotations = &annotation,
                                       .nannotations = 1,
                                       .body = HUB_AMQP_BODY_DATA,
                                       .data = {(const uint8_t *) patch, len}};

    tell(person, &message);
}

static void on_unsubscribed(enum hub_result result, const char *why, void *arg)
{
    (void) result;
    (void) why;
    (void) arg;
}

/* Without the way to tell there is nothing to be told. */
static void on_tell_left(struct hub_amqp_link *link, void *arg)
{
    struct hub_amqp_place *place = arg;
    struct hub_amqp_person *person = place->person;

    hub_amqp_place_left(link, arg);
    if (person->session)
        hub_amqp_backend(person->connection)
            ->subscribe(person->session, 0, EDGE_FEATURE_DESIRED, on_unsubscribed, NULL);
}

const struct hub_amqp_place_kind hub_amqp_twin_ask = {
    .credit = CREDIT,
    .ops = {.message = on_message, .detached = hub_amqp_place_left},
};
const struct hub_amqp_place_kind hub_amqp_twin_tell = {
    .ops = {.detached = on_tell_left},
};
