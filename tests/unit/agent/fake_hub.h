/* tests/unit/agent/fake_hub.h - as much of IoT Hub's MQTT side as one module needs, on a unix
 * socket and on the loop of the test, with faults to order. Written from the MQTT 3.1.1 standard,
 * so that it shares no code with what it tests. */
#ifndef TESTS_UNIT_AGENT_FAKE_HUB_H
#define TESTS_UNIT_AGENT_FAKE_HUB_H

#include "common/json/json.h"
#include "common/loop/loop.h"

struct fake_hub;

struct fake_hub_orders {
    int connack; /* code of the answer to CONNECT */
    bool mute;   /* accepts and says nothing */
    bool frozen; /* answers neither twin requests nor pings */
    bool refuse_subscriptions;
    int patch_status; /* 0: take it with 204 */
};

struct fake_hub_seen {
    int connects;
    int subscribes;
    int gets;
    int patches;
    int pings;
    int disconnects; /* in order, by the client */
    int unknown;     /* publishes to other topics */
    bool clean;
    unsigned keep_alive;
    char client_id[300];
    char username[600];
    char password[600];
    char answer_topic[400]; /* of the last method response */
    char answer[600];
};

struct fake_hub *fake_hub_open(struct edge_loop *loop, const char *path);
struct fake_hub *fake_hub_close(struct fake_hub *hub);
struct fake_hub_orders *fake_hub_orders(struct fake_hub *hub);
const struct fake_hub_seen *fake_hub_seen(const struct fake_hub *hub);
/** Drop every connection, as a broker that is killed does. */
void fake_hub_drop(struct fake_hub *hub);
/** Desired properties from the service side: a patch, told to the client unless @p lose. */
void fake_hub_desire(struct fake_hub *hub, const char *patch, bool lose);
const struct edge_json *fake_hub_reported(const struct fake_hub *hub);
void fake_hub_call(struct fake_hub *hub, const char *method, const char *rid, const char *payload);

#endif
