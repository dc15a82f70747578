/* tests/unit/hub/mqtt_house.h - a head, its backend (faked) and one client (a fake stream). */
#ifndef TESTS_UNIT_HUB_MQTT_HOUSE_H
#define TESTS_UNIT_HUB_MQTT_HOUSE_H

#include "hub/mqtt/codec.h"
#include "hub/mqtt/server.h"
#include "tests/unit/hub/fake_backend.h"
#include "tests/unit/hub/fake_stream.h"

struct house {
    struct edge_loop *loop;
    struct fake_backend fake;
    struct hub_mqtt *mqtt;
    struct edge_stream *stream;
    unsigned others;
};
extern struct house house;

int house_setup(void **state);
int house_teardown(void **state);
/** Another connection in the place of the first, which is returned. */
struct edge_stream *again(void);
struct edge_bytes text_of(const char *s);
/** Send a packet and free it. */
void give(struct edge_buf *packet);
void connect_with(const struct mqtt_connect *connect);
void connect_as(const char *id, const char *user, const char *password, bool clean);
void publish_with(const char *topic, const char *payload, unsigned qos, bool retain);
void publish(const char *topic, const char *payload, unsigned qos);
void subscribe(const char *filter, unsigned qos);
void unsubscribe(const char *filter);
/** What the backend was asked since the last time. */
void assert_notes(const char *notes);
/** What was written since the last time; OUT takes a literal. */
void assert_out(const char *bytes, size_t len);
/** The next packet written must be this PUBLISH. @return its payload, valid for a while */
const char *published(const char *topic, unsigned qos, bool dup);
/** Connect, with a kept session. */
void serve(const char *id, const char *user);
void serve_module(void);
void serve_device(void);
/** The client was closed, and this is what the backend heard. */
void assert_dropped(const char *notes);

#define OUT(bytes)  assert_out(bytes, sizeof(bytes) - 1)
#define MODULE_USER "hub.test/edge1/modA/?api-version=2021-04-12"
#define DEVICE_USER "hub.test/leaf/?api-version=2021-04-12"
#define TEST(name)  cmocka_unit_test_setup_teardown(name, house_setup, house_teardown)

#endif
