/* common/base/encode.h - bytes as text: base64, percent-encoding. Pure; any thread.
 * Sources: RFC 4648 4 (base64), RFC 3986 2.1 (percent-encoding). */
#ifndef EDGE_BASE_ENCODE_H
#define EDGE_BASE_ENCODE_H

#include "common/base/bytes.h"
#include "common/base/err.h"

/** Standard alphabet with padding. The caller frees it; NULL without memory. */
char *edge_base64(const void *data, size_t len);

/** Strict: standard alphabet, padding complete, nothing between and nothing behind.
 * @param out  appended to; its ceiling is the limit   @return 0, EDGE_EINVALID, EDGE_ELIMIT,
 * -ENOMEM */
EDGE_MUST_CHECK int edge_base64_decode(const char *text, size_t len, struct edge_buf *out);

/** Append @p text with everything but A-Z a-z 0-9 - _ . ~ as %XX (upper case). @return as append */
int edge_percent_encode(struct edge_buf *out, const char *text, size_t len);

/** Append @p text with every %XX (either case) as its byte; '+' stays '+'.
 * @return 0, EDGE_EINVALID (a % without two hex digits, or %00), EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int edge_percent_decode(struct edge_buf *out, const char *text, size_t len);

#endif
