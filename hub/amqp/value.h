/* hub/amqp/value.h - encoded AMQP values to struct hub_amqp_value and back. Pure; any thread.
 * Source: OASIS AMQP 1.0 part 1. */
#ifndef HUB_AMQP_VALUE_H
#define HUB_AMQP_VALUE_H

#include "hub/amqp/arena.h"
#include "hub/amqp/link.h"

enum {
    HUB_AMQP_MAP_DEPTH = 4,    /* maps nested deeper become null */
    HUB_AMQP_VALUES_MAX = 4096 /* in one section of a message */
};

#define HUB_AMQP_NS_PER_MS INT64_C(1000000) /* a TIMESTAMP has milliseconds */

/** Read the one value of @p bytes. Texts point into @p bytes, the rest into the arena. Numbers
 * without a kind of their own become the next wider one, floating ones their text; what has no kind
 * at all (lists, arrays of other things than text) becomes null; a description is passed over.
 * @return 0, EDGE_EPROTOCOL, EDGE_ELIMIT */
EDGE_MUST_CHECK int hub_amqp_value_read(struct hub_amqp_arena *arena, struct edge_bytes bytes,
                                        struct hub_amqp_value *ret);
/** A map as pairs; a null is an empty one. @return as above, also when it is no map */
EDGE_MUST_CHECK int hub_amqp_pairs_read(struct hub_amqp_arena *arena, struct edge_bytes bytes,
                                        const struct hub_amqp_pair **ret, size_t *ret_n);

/* Appended; failures stay in @p out (edge_buf_error). */
void hub_amqp_value_write(struct edge_buf *out, const struct hub_amqp_value *value);
/** @param keys  HUB_AMQP_STRING or HUB_AMQP_SYMBOL */
void hub_amqp_pairs_write(struct edge_buf *out, const struct hub_amqp_pair *pairs, size_t n,
                          enum hub_amqp_kind keys);
/** Begin a list or map (0xd0, 0xd1) or array (0xf0); @return what to give to close */
size_t hub_amqp_compound_open(struct edge_buf *out, uint8_t code);
void hub_amqp_compound_close(struct edge_buf *out, size_t at, size_t count);
/** A descriptor such as 0x73. */
void hub_amqp_descriptor_write(struct edge_buf *out, uint8_t code);

/** Text of a STRING or SYMBOL value. */
struct hub_amqp_value hub_amqp_text(const char *text);
enum { HUB_AMQP_FLOATING_TEXT = 32 };
/** An encoded float or double as the shortest text that reads back. */
void hub_amqp_floating_format(struct edge_bytes content, char text[HUB_AMQP_FLOATING_TEXT]);
/** 16 bytes as the canonical text of a UUID and back. @return false when it is none */
void hub_amqp_uuid_format(const uint8_t bytes[16], char text[37]);
bool hub_amqp_uuid_parse(struct edge_bytes text, uint8_t bytes[16]);

#endif
