/* hub/amqp/message.h - encoded messages to struct hub_amqp_message and back. Pure; any thread.
 * Source: OASIS AMQP 1.0 part 3, 3.2. */
#ifndef HUB_AMQP_MESSAGE_H
#define HUB_AMQP_MESSAGE_H

#include "hub/amqp/arena.h"
#include "hub/amqp/link.h"

enum {
    HUB_AMQP_MESSAGE_MAX = 1024 * 1024, /* encoded; longer ones are refused while they come */
};
#define HUB_AMQP_FORMAT_BATCH UINT32_C(0x80013700)

/** Read a message. It points into @p bytes and the arena. A body that is absent is BODY_NONE.
 * @return 0, EDGE_EPROTOCOL (malformed, or NUL in a text), EDGE_ELIMIT (too many values, or nested
 * too deep) */
EDGE_MUST_CHECK int hub_amqp_message_read(struct hub_amqp_arena *arena, struct edge_bytes bytes,
                                          struct hub_amqp_message *ret);
/** The next message of a batch (format HUB_AMQP_FORMAT_BATCH): each data section is one.
 * @param at  0 for the first; moved on   @return 0, HUB_AMQP_MESSAGE_END, or as read */
EDGE_MUST_CHECK int hub_amqp_batch_next(struct edge_bytes bytes, size_t *at,
                                        struct edge_bytes *ret);
enum { HUB_AMQP_MESSAGE_END = 1 };

/** Append the encoded message. @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_message_write(struct edge_buf *out,
                                           const struct hub_amqp_message *message);

#endif
