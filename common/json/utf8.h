/* common/json/utf8.h - is this UTF-8 (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF)?
 * Pure; any thread. */
#ifndef EDGE_JSON_UTF8_H
#define EDGE_JSON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

bool edge_utf8_valid(const char *text, size_t len);

/** Length in bytes of the valid character at @p text, 0 when there is none. */
size_t edge_utf8_char(const char *text, size_t len);

#endif
