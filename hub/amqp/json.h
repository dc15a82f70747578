/* hub/amqp/json.h - an AMQP value as JSON text, for bodies that are neither data nor text. Pure;
 * any thread.
 *
 * Only what has an exact JSON form: null, booleans, whole numbers of any width, finite floating
 * ones (the shortest text that reads back), text, symbols and characters, UUIDs, times (ISO 8601,
 * milliseconds), lists, arrays, and maps whose keys are text and different. A decimal, bytes, a
 * description, NaN would come back as something else: they are refused, and so is what is nested
 * deeper than common/json reads. */
#ifndef HUB_AMQP_JSON_H
#define HUB_AMQP_JSON_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

/** Append the encoded @p values to @p out as compact UTF-8: the one value of an amqp-value, or the
 * lists of amqp-sequences (@p lists) as one array.
 * @return 0, EDGE_EINVALID with what has no JSON form, -EMSGSIZE (over the ceiling of @p out),
 * -ENOMEM */
EDGE_MUST_CHECK int hub_amqp_json(struct edge_buf *out, struct edge_bytes values, bool lists,
                                  struct edge_err *err);

#endif
