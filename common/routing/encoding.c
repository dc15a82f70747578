#include "common/routing/body.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/routing/text.h"

static const char *system_property(const struct edge_route_message *message, const char *name)
{
    for (size_t i = 0; i < message->nsystem; i++) {
        if (strcasecmp(message->system[i].name, name) == 0)
            return message->system[i].value;
    }
    return NULL;
}

/* @return bytes read, 0: none, or half a character */
static size_t utf16_char(const uint8_t *at, size_t len, uint32_t *ret)
{
    uint32_t low;

    if (len < 2)
        return 0;
    *ret = (uint32_t) (at[0] | at[1] << 8);
    if (!route_is_high(*ret))
        return route_is_low(*ret) ? 0 : 2;
    if (len < 4)
        return 0;
    low = (uint32_t) (at[2] | at[3] << 8);
    if (!route_is_low(low))
        return 0;
    *ret = route_join(*ret, low);
    return 4;
}

static size_t utf32_char(const uint8_t *at, size_t len, uint32_t *ret)
{
    if (len < 4)
        return 0;
    *ret =
        (uint32_t) at[0] | (uint32_t) at[1] << 8 | (uint32_t) at[2] << 16 | (uint32_t) at[3] << 24;
    return *ret > 0x10ffff || route_is_high(*ret) || route_is_low(*ret) ? 0 : 4;
}

/* Little-endian, as .NET's encodings of these names are. Three bytes for two are the most. */
static bool transcode(struct edge_bytes body,
                      size_t (*next)(const uint8_t *at, size_t len, uint32_t *ret),
                      struct route_span *ret, char **ret_owned)
{
    char *out;
    size_t len = 0;

    if (body.len > ROUTE_BODY_MAX)
        return false;
    out = malloc(body.len / 2 * 3 + 4);
    if (!out)
        return false;
    for (size_t at = 0; at < body.len;) {
        uint32_t c;
        size_t step = next(body.data + at, body.len - at, &c);

        if (step == 0) {
            free(out);
            return false;
        }
        len += route_put_utf8(c, out + len);
        at += step;
    }
    *ret = (struct route_span){out, len};
    *ret_owned = out;
    return true;
}

static void skip_mark(struct route_span *text)
{
    if (text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0) {
        text->data += 3;
        text->len -= 3;
    }
}

bool route_body_text(const struct edge_route_message *message, struct route_span *ret_text,
                     char **ret_owned)
{
    const char *type = system_property(message, "contentType");
    const char *encoding = system_property(message, "contentEncoding");
    bool ok = false;

    *ret_owned = NULL;
    if (!type || !encoding || strcasecmp(type, "application/json") != 0 || message->body.len == 0)
        return false;
    if (strcasecmp(encoding, "utf-8") == 0) {
        *ret_text = (struct route_span){(const char *) message->body.data, message->body.len};
        ok = true;
    } else if (strcasecmp(encoding, "utf-16") == 0) {
        ok = transcode(message->body, utf16_char, ret_text, ret_owned);
    } else if (strcasecmp(encoding, "utf-32") == 0) {
        ok = transcode(message->body, utf32_char, ret_text, ret_owned);
    }
    if (ok)
        skip_mark(ret_text);
    return ok;
}
