/* common/net/head.h - inside the room: the answers of a proxy and of a WebSocket server. Pure.
 * Source: RFC 9112, RFC 6455 4.1. */
#ifndef EDGE_NET_HEAD_H
#define EDGE_NET_HEAD_H

#include <stdbool.h>
#include <stddef.h>

enum { NET_HEAD_MAX = 8 * 1024 };

/** Bytes of the head at the start of @p text, its empty line included; 0 when it is not complete.
 */
size_t net_head_end(const char *text, size_t len);
/** Status of a complete head of @p len bytes, 0 when it is none. */
int net_head_status(const char *text, size_t len);
/** Is a header @p name (any case) there exactly once, with @p value?
 * @param exact  the case of the value counts */
bool net_head_is(const char *text, size_t len, const char *name, const char *value, bool exact);
/** Is a header @p name there at all? */
bool net_head_has(const char *text, size_t len, const char *name);

#endif
