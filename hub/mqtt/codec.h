/* hub/mqtt/codec.h - MQTT 3.1.1 control packets: bytes to packet and back, for both sides. Pure;
 * any thread. Source: OASIS MQTT 3.1.1 (numbers in the .c files are its conformance statements).
 *
 * What is decoded is legal: lengths, reserved bits, UTF-8 without U+0000, wildcards where they may
 * be, packet ids that are not 0. Whether a packet may come now, and from this side, is its reader's
 * question. */
#ifndef HUB_MQTT_CODEC_H
#define HUB_MQTT_CODEC_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum mqtt_type {
    MQTT_CONNECT = 1,
    MQTT_CONNACK,
    MQTT_PUBLISH,
    MQTT_PUBACK,
    MQTT_PUBREC,
    MQTT_PUBREL,
    MQTT_PUBCOMP,
    MQTT_SUBSCRIBE,
    MQTT_SUBACK,
    MQTT_UNSUBSCRIBE,
    MQTT_UNSUBACK,
    MQTT_PINGREQ,
    MQTT_PINGRESP,
    MQTT_DISCONNECT,
    MQTT_TYPE_MAX
};

enum mqtt_connack_code {
    MQTT_ACCEPTED = 0,
    MQTT_BAD_LEVEL = 1,
    MQTT_BAD_CLIENT_ID = 2,
    MQTT_UNAVAILABLE = 3,
    MQTT_BAD_USER = 4,
    MQTT_NOT_AUTHORIZED = 5,
};

struct mqtt_connect {
    struct edge_bytes client_id;
    struct edge_bytes user; /* NULL data: absent */
    struct edge_bytes password;
    struct edge_bytes will_topic; /* NULL data: no will */
    struct edge_bytes will_payload;
    uint16_t keep_alive; /* seconds; 0: none */
    uint8_t level;
    uint8_t will_qos;
    bool will_retain;
    bool clean;
};
struct mqtt_publish {
    struct edge_bytes topic;
    struct edge_bytes payload;
    uint16_t id; /* of QoS 1 and 2 */
    uint8_t qos;
    bool dup;
    bool retain;
};
/** One packet; bytes are borrowed from what was decoded. */
struct mqtt_packet {
    enum mqtt_type type;
    uint16_t id; /* of everything acknowledged or acknowledging */
    union {
        struct mqtt_connect connect;
        struct mqtt_publish publish;
        struct edge_bytes filters; /* SUBSCRIBE, UNSUBSCRIBE: for mqtt_next_filter */
        struct edge_bytes codes;   /* SUBACK */
        struct {
            uint8_t code;
            bool session_present;
        } connack;
    };
};

enum {
    MQTT_MORE = 1,  /* the packet is not complete */
    MQTT_LEVEL = 2, /* a CONNECT of another protocol level: only `level` is set */
    MQTT_HEADER_MAX = 5,
    MQTT_STRING_MAX = 65535,
    MQTT_FILTERS_MAX = 64, /* in one SUBSCRIBE or UNSUBSCRIBE */
};

/**
 * Take one packet from the front of @p data.
 * @param max       bytes of the largest packet taken, its fixed header included
 * @param ret_used  its length on 0 and MQTT_LEVEL; on MQTT_MORE the length it will have, or 0 while
 *                  that is not known
 * @return 0, MQTT_MORE, MQTT_LEVEL, EDGE_EPROTOCOL, EDGE_ELIMIT; nothing can be read after a
 * negative one
 */
EDGE_MUST_CHECK int mqtt_decode(struct edge_bytes data, size_t max, struct mqtt_packet *ret,
                                size_t *ret_used, struct edge_err *err);
/** Step through a decoded SUBSCRIBE (@p qos is set) or UNSUBSCRIBE (@p qos is NULL).
 * @return false at the end */
bool mqtt_next_filter(struct edge_bytes *rest, struct edge_bytes *ret_filter, uint8_t *qos);
const char *mqtt_type_name(unsigned type);

/** Append a packet. @return 0, EDGE_ELIMIT (a string over 65,535 bytes, or @p out's ceiling),
 * -ENOMEM; nothing is appended then */
EDGE_MUST_CHECK int mqtt_encode_publish(struct edge_buf *out, const struct mqtt_publish *publish);
EDGE_MUST_CHECK int mqtt_encode_connect(struct edge_buf *out, const struct mqtt_connect *connect);
/** One filter. */
EDGE_MUST_CHECK int mqtt_encode_subscribe(struct edge_buf *out, uint16_t id,
                                          struct edge_bytes filter, uint8_t qos);
/** One filter. */
EDGE_MUST_CHECK int mqtt_encode_unsubscribe(struct edge_buf *out, uint16_t id,
                                            struct edge_bytes filter);

/* Short packets into @p out; the result is the length. */
enum { MQTT_SHORT_MAX = 4, MQTT_SUBACK_MAX = MQTT_SHORT_MAX + MQTT_FILTERS_MAX };
size_t mqtt_put_connack(uint8_t out[MQTT_SHORT_MAX], enum mqtt_connack_code code,
                        bool session_present);
/** PUBACK or UNSUBACK. */
size_t mqtt_put_ack(uint8_t out[MQTT_SHORT_MAX], enum mqtt_type type, uint16_t id);
/** PINGREQ, PINGRESP or DISCONNECT. */
size_t mqtt_put_empty(uint8_t out[MQTT_SHORT_MAX], enum mqtt_type type);
/** @param granted  bit n: the n-th filter was granted QoS 1, else 0 */
size_t mqtt_put_suback(uint8_t out[MQTT_SUBACK_MAX], uint16_t id, uint64_t granted, unsigned count);

#endif
