#include "hub/amqp/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/json.h"
#include "hub/amqp/json_scalar.h"

struct writer {
    struct edge_bytes rest; /* what is not read yet */
    unsigned depth;         /* lists, arrays and maps that may still be opened */
    struct edge_buf *out;
    struct edge_err *err;
    struct edge_bytes *keys; /* of the maps that are open; those of the innermost are last */
    size_t nkeys, room;
};

static int unfit(struct writer *w, const char *what)
{
    return hub_amqp_json_unfit(w->err, what);
}

static int malformed(struct writer *w)
{
    return unfit(w, "it is malformed");
}

static bool take(struct writer *w, size_t len, struct edge_bytes *ret)
{
    if (w->rest.len < len)
        return false;
    *ret = (struct edge_bytes){w->rest.data, len};
    w->rest.data += len;
    w->rest.len -= len;
    return true;
}

static bool take_code(struct writer *w, uint8_t *ret)
{
    struct edge_bytes byte;
    bool there = take(w, 1, &byte);

    *ret = there ? *byte.data : 0;
    return there;
}

/* A size or a count, as wide as @p code says. */
static bool take_number(struct writer *w, uint8_t code, size_t *ret)
{
    struct edge_bytes bytes;

    *ret = 0;
    if (!take(w, code & 0x10 ? 4 : 1, &bytes))
        return false;
    for (size_t i = 0; i < bytes.len; i++)
        *ret = *ret << 8 | bytes.data[i];
    return true;
}

static int put_content(struct writer *w, uint8_t code);

static int put_value(struct writer *w)
{
    uint8_t code;

    if (!take_code(w, &code))
        return malformed(w);
    return code == 0 ? unfit(w, "a described value") : put_content(w, code);
}

/* Between two elements; an error of the output stays, and here it ends the matter. */
static int next(struct writer *w, size_t i)
{
    if (i > 0)
        (void) edge_buf_puts(w->out, ",");
    return edge_buf_error(w->out);
}

static int put_list(struct writer *w, size_t count)
{
    int rc = 0;

    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = next(w, i);
        if (rc == 0)
            rc = put_value(w);
    }
    return rc;
}

static int put_array(struct writer *w, size_t count)
{
    uint8_t code;
    int rc = 0;

    if (!take_code(w, &code))
        return malformed(w);
    if (code == 0)
        return unfit(w, "a described value");
    for (size_t i = 0; i < count && rc == 0; i++) {
        rc = next(w, i);
        if (rc == 0)
            rc = put_content(w, code);
    }
    return rc;
}

static int note_key(struct writer *w, struct edge_bytes key)
{
    size_t room = w->room ? 2 * w->room : 16;
    struct edge_bytes *grown;

    if (w->nkeys == w->room) {
        grown = realloc(w->keys, room * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        w->keys = grown;
        w->room = room;
    }
    w->keys[w->nkeys++] = key;
    return 0;
}

static int put_key(struct writer *w)
{
    struct edge_bytes key;
    uint8_t code;
    size_t len;
    int rc;

    if (!take_code(w, &code))
        return malformed(w);
    if ((code & 0xed) != 0xa1) /* strings a1 and b1, symbols a3 and b3 */
        return unfit(w, "a map with a key that is no text");
    if (!take_number(w, code, &len) || !take(w, len, &key))
        return malformed(w);
    rc = hub_amqp_json_text(w->out, key, w->err);
    (void) edge_buf_puts(w->out, ":");
    return rc < 0 ? rc : note_key(w, key);
}

static int by_text(const void *a, const void *b)
{
    const struct edge_bytes *one = a, *other = b;
    size_t len = one->len < other->len ? one->len : other->len;
    int order = len > 0 ? memcmp(one->data, other->data, len) : 0;

    return order ? order : (one->len > other->len) - (one->len < other->len);
}

/* Forget the keys from @p first on: those of the map that ends. */
static int close_map(struct writer *w, size_t first)
{
    size_t n = w->nkeys - first;
    struct edge_bytes *keys;

    w->nkeys = first;
    if (n < 2)
        return 0; /* without a key there may be no list of them */
    keys = w->keys + first;
    qsort(keys, n, sizeof *keys, by_text);
    for (size_t i = 1; i < n; i++) {
        if (by_text(&keys[i - 1], &keys[i]) == 0)
            return unfit(w, "a map that has a key twice");
    }
    return 0;
}

static int put_map(struct writer *w, size_t count)
{
    size_t first = w->nkeys;
    int rc = count % 2 ? malformed(w) : 0;

    for (size_t i = 0; i < count && rc == 0; i += 2) {
        rc = next(w, i);
        if (rc == 0)
            rc = put_key(w);
        if (rc == 0)
            rc = put_value(w);
    }
    return rc < 0 ? rc : close_map(w, first);
}

/* Size and count of what @p code begins. */
static int open_compound(struct writer *w, uint8_t code, size_t *ret_count)
{
    size_t size;

    *ret_count = 0;
    if (!take_number(w, code, &size) || !take_number(w, code, ret_count))
        return malformed(w);
    if (w->depth == 0)
        return unfit(w, "it is nested too deep");
    w->depth--;
    return 0;
}

static int put_compound(struct writer *w, uint8_t code)
{
    bool map = (code & 0xef) == 0xc1, array = (code & 0xef) == 0xe0;
    size_t count;
    int rc;

    if (!map && !array && (code & 0xef) != 0xc0)
        return unfit(w, "a value of an unknown type");
    rc = open_compound(w, code, &count);
    if (rc < 0)
        return rc;
    (void) edge_buf_puts(w->out, map ? "{" : "[");
    rc = map ? put_map(w, count) : array ? put_array(w, count) : put_list(w, count);
    (void) edge_buf_puts(w->out, map ? "}" : "]");
    w->depth++;
    return rc;
}

/* What stands behind the constructor @p code. */
static int put_content(struct writer *w, uint8_t code)
{
    static const uint8_t widths[] = {[4] = 0, [5] = 1, [6] = 2, [7] = 4, [8] = 8, [9] = 16};
    unsigned kind = code >> 4;
    struct edge_bytes content;
    size_t len;

    if (code == 0x45) { /* the empty list */
        (void) edge_buf_puts(w->out, "[]");
        return 0;
    }
    if (kind >= 0xc)
        return put_compound(w, code);
    len = kind <= 9 ? widths[kind] : 0;
    if (kind < 4 || (kind > 9 && !take_number(w, code, &len)) || !take(w, len, &content))
        return malformed(w);
    return hub_amqp_json_scalar(w->out, code, content, w->err);
}

/* One list after the other, as one array. */
static int put_lists(struct writer *w)
{
    size_t count, n = 0;
    uint8_t code;
    int rc = 0;

    (void) edge_buf_puts(w->out, "[");
    w->depth--;
    while (rc == 0 && take_code(w, &code)) {
        if (code == 0x45)
            continue;
        if ((code & 0xef) != 0xc0)
            return unfit(w, "a sequence that is no list");
        rc = open_compound(w, code, &count);
        w->depth++;
        if (rc == 0 && count > 0)
            rc = next(w, n++);
        if (rc == 0)
            rc = put_list(w, count);
    }
    (void) edge_buf_puts(w->out, "]");
    return rc;
}

int hub_amqp_json(struct edge_buf *out, struct edge_bytes values, bool lists, struct edge_err *err)
{
    struct writer w = {.rest = values, .depth = EDGE_JSON_DEPTH - 1, .out = out, .err = err};
    int rc = lists ? put_lists(&w) : put_value(&w);

    free(w.keys);
    if (rc == 0)
        rc = edge_buf_error(out);
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, -EMSGSIZE, "the body is too long as JSON");
    return rc;
}
