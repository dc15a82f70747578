#include <stdlib.h>
#include <string.h>

#include "common/iothub/topic.h"
#include "hub/amqp/place.h"
#include "hub/amqp/value.h"
#include "hub/amqp/value_text.h"

enum { CREDIT = 50, BAD_STATUS = 400000 /* as IoT Edge calls an answer without one */ };

void hub_amqp_tell_call(struct hub_amqp_person *person, const char *rid, const char *name,
                        struct edge_bytes payload)
{
    struct hub_amqp_place *place = person->places[HUB_AMQP_LINK_CALL];
    struct hub_amqp_pair method = {"IoThub-methodname", hub_amqp_text(name)};
    struct hub_amqp_message message = {.correlation_id = hub_amqp_text(rid),
                                       .properties = &method,
                                       .nproperties = 1,
                                       .body = HUB_AMQP_BODY_DATA,
                                       .data = payload};
    uint8_t uuid[16];

    if (!place)
        return; /* it times out */
    if (hub_amqp_uuid_parse(message.correlation_id.s, uuid))
        message.correlation_id.kind = HUB_AMQP_UUID;
    if (payload.len == 0) /* the SDKs parse it without looking */
        message.data = (struct edge_bytes){(const uint8_t *) "null", 4};
    if (hub_amqp_post(place->link, 0, &message, true) < 0)
        hub_amqp_say_deaf(person, "its methods");
}

static void on_reply(struct hub_amqp_link *link, uint64_t delivery,
                     const struct hub_amqp_message *message, void *arg)
{
    struct hub_amqp_place *place = arg;
    struct hub_amqp_person *person = place->person;
    EDGE_CLEANUP(edge_free) char *rid = hub_amqp_id_text(&message->correlation_id);
    int64_t status = BAD_STATUS;

    if (!rid) {
        hub_amqp_settle(link, delivery, HUB_AMQP_REJECTED, "com.microsoft:argument-error",
                        "the answer to a method needs its correlation-id");
        return;
    }
    if (!hub_amqp_number(hub_amqp_find(message->properties, message->nproperties, "IoThub-status"),
                         &status) ||
        status < INT32_MIN || status > INT32_MAX)
        status = BAD_STATUS;
    hub_amqp_settle(link, delivery, HUB_AMQP_ACCEPTED, NULL, NULL);
    if (person->session)
        (void) hub_amqp_backend(person->connection)
            ->method_reply(person->session, rid, (int) status, message->data);
}

const struct hub_amqp_place_kind hub_amqp_call = {
    .feature = EDGE_FEATURE_METHODS,
    .ops = {.detached = hub_amqp_place_left},
};
const struct hub_amqp_place_kind hub_amqp_call_reply = {
    .credit = CREDIT,
    .ops = {.message = on_reply, .detached = hub_amqp_place_left},
};
