/* common/routing/text.h - texts and numbers as the language takes them: UTF-8 here, counted and
 * ordered as the UTF-16 of the original. Pure; no locale. */
#ifndef EDGE_ROUTING_TEXT_H
#define EDGE_ROUTING_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/json/utf8.h"
#include "common/routing/lexer.h"

/** -1: none. */
int route_hex_digit(char c);
/** How many decimal digits there are from @p at on. */
size_t route_digits(struct route_span text, size_t at);

static inline bool route_is_high(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}
static inline bool route_is_low(uint32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}
static inline uint32_t route_join(uint32_t high, uint32_t low)
{
    return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}
/** Write one character. @return 1 to 4 bytes */
size_t route_put_utf8(uint32_t c, char out[4]);

/** <0, 0, >0 by UTF-16 code units. */
int route_compare(struct route_span a, struct route_span b);
/** Length in UTF-16 code units. */
size_t route_units(struct route_span text);
/** Where in bytes the code unit @p units begins; false: past the end, or within a pair. */
bool route_unit_offset(struct route_span text, size_t units, size_t *ret);
/** Letters of ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic change case, others stay.
 * @param out  of text.len bytes: nothing grows or shrinks   */
void route_change_case(struct route_span text, bool upper, char *out);

/** A JSON number or a literal of the language; the text's form has been checked. */
double route_number(struct route_span text);
/** What people write for a number: blanks, sign before or behind, thousands, exponent, "Infinity",
 * parentheses for a negative one. False: it is none. */
bool route_parse_number(struct route_span text, double *ret);

#endif
