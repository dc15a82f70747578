#include <errno.h>
#include <math.h>

#include "common/base/bytes.h"
#include "common/json/internal.h"
#include "common/json/utf8.h"

/* json-c cuts strings at an escaped NUL for who reads them as C strings, and takes NaN and
 * Infinity, which RFC 8259 has not, and a number over a double for Infinity: refuse them
 * everywhere.
 */
static int check_value(const struct edge_json *value)
{
    if (edge_json_is(value, EDGE_JSON_DOUBLE))
        return isfinite(json_object_get_double(raw(value))) ? 0 : EDGE_EINVALID;
    if (edge_json_is(value, EDGE_JSON_STRING)) {
        const char *text = json_object_get_string(raw(value));

        return strlen(text) == (size_t) json_object_get_string_len(raw(value)) ? 0 : EDGE_EINVALID;
    }
    for (size_t i = 0; edge_json_is(value, EDGE_JSON_ARRAY) && i < edge_json_len(value); i++) {
        if (check_value(edge_json_at(value, i)) < 0)
            return EDGE_EINVALID;
    }
    for (edge_json_foreach (it, value)) {
        if (check_value(it.value) < 0)
            return EDGE_EINVALID;
    }
    return 0;
}

static bool names_hold_nul(const char *text, size_t len)
{
    for (size_t i = 0; i + 6 <= len; i++) {
        if (text[i] != '\\')
            continue;
        if (memcmp(text + i, "\\u0000", 6) == 0)
            return true;
        i++; /* the escaped character */
    }
    return false;
}

static int parse_error(struct json_tokener *tok, size_t len, struct edge_err *err)
{
    enum json_tokener_error why = json_tokener_get_error(tok);
    size_t at = json_tokener_get_parse_end(tok);

    if (why == json_tokener_error_depth)
        return edge_fail(err, EDGE_ELIMIT, "JSON is nested deeper than %d levels", EDGE_JSON_DEPTH);
    if (why == json_tokener_continue || why == json_tokener_error_parse_eof)
        return edge_fail(err, EDGE_EINVALID, "not valid JSON: it ends too early, after %zu bytes",
                         len);
    return edge_fail(err, EDGE_EINVALID, "not valid JSON at byte %zu: %s", at,
                     json_tokener_error_desc(why));
}

static int parse(struct json_tokener *tok, const char *text, size_t len, struct edge_json **ret,
                 struct edge_err *err)
{
    struct json_object *value = json_tokener_parse_ex(tok, text, (int) len);

    /* A bare number is only complete when something follows it. */
    if (!value && json_tokener_get_error(tok) == json_tokener_continue)
        value = json_tokener_parse_ex(tok, "\0", 1);
    if (json_tokener_get_error(tok) != json_tokener_success) {
        json_object_put(value);
        return parse_error(tok, len, err);
    }
    *ret = own(value);
    return 0;
}

int edge_json_parse(const char *text, size_t len, struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *value = NULL;
    struct json_tokener *tok;
    int rc;

    if (len == 0)
        text = ""; /* it may be NULL */
    if (len > INT32_MAX / 2)
        return edge_fail(err, EDGE_ELIMIT, "JSON of %zu bytes is too large", len);
    if (memchr(text, '\0', len))
        return edge_fail(err, EDGE_EINVALID, "JSON holds a NUL byte");
    if (!edge_utf8_valid(text, len))
        return edge_fail(err, EDGE_EINVALID, "JSON is not valid UTF-8");
    if (names_hold_nul(text, len))
        return edge_fail(err, EDGE_EINVALID, "JSON text holds an escaped NUL");
    tok = json_tokener_new_ex(EDGE_JSON_DEPTH);
    if (!tok)
        return -ENOMEM;
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    rc = parse(tok, text, len, &value, err);
    json_tokener_free(tok);
    if (rc < 0)
        return rc;
    if (check_value(value) < 0)
        return edge_fail(err, EDGE_EINVALID,
                         "JSON holds an escaped NUL, or a number that is none (NaN, Infinity) or "
                         "too large");
    *ret = EDGE_TAKE(value);
    return 0;
}
