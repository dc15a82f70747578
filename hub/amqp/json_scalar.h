/* hub/amqp/json_scalar.h - the values of hub/amqp/json.h that hold no others. Pure; any thread. */
#ifndef HUB_AMQP_JSON_SCALAR_H
#define HUB_AMQP_JSON_SCALAR_H

#include "common/base/bytes.h"
#include "common/base/err.h"

/** Append what stands behind the constructor @p code; @p content is as long as the code says.
 * Failures to append stay in @p out.   @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int hub_amqp_json_scalar(struct edge_buf *out, uint8_t code,
                                         struct edge_bytes content, struct edge_err *err);
/** Append a text in quotes. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int hub_amqp_json_text(struct edge_buf *out, struct edge_bytes text,
                                       struct edge_err *err);
/** @return EDGE_EINVALID */
int hub_amqp_json_unfit(struct edge_err *err, const char *what);

#endif
