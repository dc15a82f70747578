/* hub/amqp/address.h - whose link, and what for: addresses and audiences taken apart. Pure; any
 * thread. Literals compare without case; ids are percent-decoded. Sources: cloud.md 5.3, hub.md 2.
 */
#ifndef HUB_AMQP_ADDRESS_H
#define HUB_AMQP_ADDRESS_H

#include <stdbool.h>

#include "common/iothub/identity.h"

enum hub_amqp_kind_of_link {
    HUB_AMQP_LINK_OTHER,
    HUB_AMQP_LINK_EVENTS,     /* telemetry, outputs: the client sends */
    HUB_AMQP_LINK_INPUTS,     /* the same address of a module, towards it */
    HUB_AMQP_LINK_C2D,        /* towards the client */
    HUB_AMQP_LINK_TWIN_ASK,   /* the client sends */
    HUB_AMQP_LINK_TWIN_TELL,  /* towards it */
    HUB_AMQP_LINK_CALL,       /* methods, towards the client */
    HUB_AMQP_LINK_CALL_REPLY, /* their answers */
    HUB_AMQP_LINK_KINDS
};

/** "/devices/d[/modules/m]/messages/events" and so on. */
enum hub_amqp_kind_of_link hub_amqp_address(const char *address, bool client_sends,
                                            struct edge_identity *ret);
/** The identity of "host/devices/d[/modules/m]", decoded once: the audience of its token. */
bool hub_amqp_audience(const char *audience, struct edge_identity *ret);
/** SASL PLAIN's "d[/modules/m]@sas.hub" or "…@hub", where @p host begins with "hub". */
bool hub_amqp_user(const char *user, const char *host, struct edge_identity *ret);

#endif
