/* hub/mqtt/window.h - what is under way on a connection: requests that wait for their answer, in
 * their order, and messages that wait for their PUBACK. Pure; any thread. */
#ifndef HUB_MQTT_WINDOW_H
#define HUB_MQTT_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/err.h"

/** A PUBLISH, SUBSCRIBE or UNSUBSCRIBE of the client. */
struct mqtt_request {
    uint64_t granted; /* of a SUBSCRIBE: bit n, QoS 1 */
    uint32_t bytes;   /* of the packet */
    uint16_t id;      /* 0: no answer is owed (QoS 0) */
    uint8_t answer;   /* enum mqtt_type */
    uint8_t filters : 7;
    bool done : 1;
};
/** A ring that grows up to `max`. Zero it, set `max` and `max_bytes`. */
struct mqtt_requests {
    struct mqtt_request *ring;
    unsigned size, first, count, max;
    size_t bytes, max_bytes; /* of the requests in it */
    uint32_t ticket;         /* of the first */
};
static inline bool mqtt_requests_full(const struct mqtt_requests *r)
{
    return r->count >= r->max || r->bytes >= r->max_bytes;
}
/** @return 0 or -ENOMEM; must not be full */
EDGE_MUST_CHECK int mqtt_requests_add(struct mqtt_requests *r, const struct mqtt_request *request,
                                      uint32_t *ret_ticket);
/** Tickets nobody waits for are passed over. */
void mqtt_requests_done(struct mqtt_requests *r, uint32_t ticket, uint64_t granted);
/** Take the oldest if it is done. */
bool mqtt_requests_next(struct mqtt_requests *r, struct mqtt_request *ret);
void mqtt_requests_fini(struct mqtt_requests *r);

/** Messages sent with QoS 1, oldest first; their ids are unique among them. */
struct mqtt_sent {
    struct mqtt_sent_one {
        uint64_t tag;
        uint16_t id;
    } * ones;
    unsigned size, count, max;
    uint16_t last;
};
static inline bool mqtt_sent_full(const struct mqtt_sent *s)
{
    return s->count >= s->max;
}
/** @return 0 or -ENOMEM; must not be full, max must be below 65535 */
EDGE_MUST_CHECK int mqtt_sent_add(struct mqtt_sent *s, uint64_t tag, uint16_t *ret_id);
/** @return false for an id nobody waits for: a PUBACK of an earlier connection */
bool mqtt_sent_ack(struct mqtt_sent *s, uint16_t id, uint64_t *ret_tag);
void mqtt_sent_fini(struct mqtt_sent *s);

#endif
