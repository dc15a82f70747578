/* hub/amqp/value_text.h - what a value says as text or as a number, whichever kind a client has
 * chosen for it. Pure; any thread. */
#ifndef HUB_AMQP_VALUE_TEXT_H
#define HUB_AMQP_VALUE_TEXT_H

#include "hub/amqp/arena.h"
#include "hub/amqp/link.h"

/** A whole number of any kind. @return false: it is none, or NULL */
bool hub_amqp_number(const struct hub_amqp_value *value, int64_t *ret);
/** Is this the text @p literal? NULL value: no. */
bool hub_amqp_is(const struct hub_amqp_value *value, const char *literal);
/** An id of any kind as text; bytes that are none in hex. @return NULL: absent, or no memory */
char *hub_amqp_id_text(const struct hub_amqp_value *id);

/* The same in the arena: 0, EDGE_EINVALID (not UTF-8, or NUL inside), -ENOMEM; NULL: it says
 * nothing. */
/** As the text of a property: true, whole numbers, times in RFC 3339. */
EDGE_MUST_CHECK int hub_amqp_value_text_in(struct hub_amqp_arena *arena,
                                           const struct hub_amqp_value *value, char **ret);
/** Bytes that are no text in hex. */
EDGE_MUST_CHECK int hub_amqp_id_text_in(struct hub_amqp_arena *arena,
                                        const struct hub_amqp_value *id, char **ret);

#endif
