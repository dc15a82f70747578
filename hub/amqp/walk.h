/* hub/amqp/walk.h - is this an encoded AMQP value we may show to a decoder? Pure; any thread.
 * proton's decoder recurses as deep as its input and keeps what it has read, so depth and number of
 * values are counted before it sees a byte. Source: OASIS AMQP 1.0 part 1, 1.6. */
#ifndef HUB_AMQP_WALK_H
#define HUB_AMQP_WALK_H

#include <stdbool.h>

#include "common/base/bytes.h"

enum { HUB_AMQP_DEPTH = 16 };

/** The encoded length of the one value at the front of @p bytes, which holds at most @p values
 * values (itself among them) nested at most HUB_AMQP_DEPTH deep; what was counted is taken off.
 * @return 0, EDGE_EPROTOCOL (malformed), EDGE_ELIMIT */
EDGE_MUST_CHECK int hub_amqp_walk(struct edge_bytes bytes, unsigned *values, size_t *ret_len);
/** The same, nested at most @p depth deep: for what no other decoder sees. */
EDGE_MUST_CHECK int hub_amqp_walk_deep(struct edge_bytes bytes, unsigned depth, unsigned *values,
                                       size_t *ret_len);

/** A described list at the front of @p bytes (a performative, a section): its descriptor and its
 * elements, encoded; @p ret_len is the length of all of it.
 * @return 0 or EDGE_EPROTOCOL (another form, or a descriptor that is no ulong) */
EDGE_MUST_CHECK int hub_amqp_described(struct edge_bytes bytes, uint64_t *ret_code,
                                       struct edge_bytes *ret_value);
/** The elements of an encoded list: how many, and where the first begins.
 * @return 0 or EDGE_EPROTOCOL (no list) */
EDGE_MUST_CHECK int hub_amqp_list(struct edge_bytes value, size_t *ret_count,
                                  struct edge_bytes *ret_elements);
/** Step over the first of the elements. @return false when it is malformed */
bool hub_amqp_step(struct edge_bytes *elements, struct edge_bytes *ret_element);
/** Is this one scalar, not described, and nothing else? */
bool hub_amqp_is_scalar(struct edge_bytes bytes);

/** Scalars as they stand in performatives; false for null and for any other type. */
bool hub_amqp_uint(struct edge_bytes element, uint32_t *ret);
bool hub_amqp_bool(struct edge_bytes element, bool *ret);

#endif
