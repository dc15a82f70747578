/* common/json/json.h - JSON values. The only room that knows json-c. Pure; any thread, a value and
 * everything below it belongs to one thread at a time.
 *
 * Ownership: parse, new and copy return an owned value for edge_json_free. Everything reached
 * through a getter is borrowed from its parent. set and append take ownership of the child, also on
 * failure. */
#ifndef EDGE_JSON_JSON_H
#define EDGE_JSON_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"
#include "common/base/err.h"

struct edge_json; /* NULL is JSON null, everywhere */

enum edge_json_kind {
    EDGE_JSON_NULL,
    EDGE_JSON_BOOL,
    EDGE_JSON_INT,
    EDGE_JSON_DOUBLE,
    EDGE_JSON_STRING,
    EDGE_JSON_ARRAY,
    EDGE_JSON_OBJECT,
};

enum { EDGE_JSON_DEPTH = 32 }; /* deeper input is refused with EDGE_ELIMIT */

/** Strict JSON (but for single quotes, which json-c and .NET take too), valid UTF-8, no trailing
 * bytes, no NUL inside strings or names.
 * @return 0, EDGE_EINVALID with the byte offset in @p err, or EDGE_ELIMIT */
EDGE_MUST_CHECK int edge_json_parse(const char *text, size_t len, struct edge_json **ret,
                                    struct edge_err *err);
struct edge_json *edge_json_free(struct edge_json *value);
EDGE_DEFINE_CLEANUP(struct edge_json *, edge_json_free)

enum edge_json_kind edge_json_kind(const struct edge_json *value);
const char *edge_json_kind_name(enum edge_json_kind kind);
static inline bool edge_json_is(const struct edge_json *value, enum edge_json_kind kind)
{
    return edge_json_kind(value) == kind;
}

/** The member @p name (exact spelling) or NULL when absent, null, or @p object is no object. */
struct edge_json *edge_json_get(const struct edge_json *object, const char *name);
/** The same, names compared without case as IoT Edge does; an exact match wins. */
struct edge_json *edge_json_get_nocase(const struct edge_json *object, const char *name);
/** True also for a member whose value is null. */
bool edge_json_has(const struct edge_json *object, const char *name);

/** Members of an object or elements of an array; 0 for anything else. */
size_t edge_json_len(const struct edge_json *value);
struct edge_json *edge_json_at(const struct edge_json *array, size_t index);

/** for (edge_json_foreach(it, object)) { it.name, it.value } in the document's order.
 * The object must not change meanwhile. */
struct edge_json_iter {
    const char *name;
    struct edge_json *value;
    void *next_;
};
struct edge_json_iter edge_json_first(const struct edge_json *object);
void edge_json_next(struct edge_json_iter *it);
#define edge_json_foreach(it, object)                                                              \
    struct edge_json_iter it = edge_json_first(object);                                            \
    (it).name;                                                                                     \
    edge_json_next(&(it))

/** The text of a string, borrowed; @p fallback for every other kind. */
const char *edge_json_str(const struct edge_json *value, const char *fallback);
bool edge_json_bool(const struct edge_json *value, bool fallback);
int64_t edge_json_int(const struct edge_json *value, int64_t fallback);

/* As Docker and IoT Edge read loosely written documents: "true"/"1"/1 for true, "42" for 42, and a
 * scalar as text. @return 0 or EDGE_EINVALID, also for null. */
EDGE_MUST_CHECK int edge_json_loose_bool(const struct edge_json *value, bool *ret);
EDGE_MUST_CHECK int edge_json_loose_int(const struct edge_json *value, int64_t *ret);
/** @param ret  owned by the caller */
EDGE_MUST_CHECK int edge_json_loose_str(const struct edge_json *value, char **ret);

/* Building. NULL only without memory. Bytes of a text that are not UTF-8 become "?". */
struct edge_json *edge_json_new_object(void);
struct edge_json *edge_json_new_array(void);
struct edge_json *edge_json_new_str(const char *text); /* NULL text: null */
struct edge_json *edge_json_new_str_len(const char *text, size_t len);
struct edge_json *edge_json_new_int(int64_t number);
struct edge_json *edge_json_new_bool(bool truth);
struct edge_json *edge_json_copy(const struct edge_json *value);
int edge_json_set(struct edge_json *object, const char *name, struct edge_json *value);
int edge_json_append(struct edge_json *array, struct edge_json *value);
void edge_json_del(struct edge_json *object, const char *name);

/* Short forms: set a scalar member. */
int edge_json_set_str(struct edge_json *object, const char *name, const char *text);
int edge_json_set_int(struct edge_json *object, const char *name, int64_t number);
int edge_json_set_bool(struct edge_json *object, const char *name, bool truth);
/** The object member @p name, made when absent. Borrowed; NULL without memory. */
struct edge_json *edge_json_need_object(struct edge_json *object, const char *name);
struct edge_json *edge_json_need_array(struct edge_json *object, const char *name);

/** Same kind and content; member order does not matter, 1 and 1.0 differ. */
bool edge_json_equal(const struct edge_json *a, const struct edge_json *b);

/** Compact text, members in document order; the caller frees it. NULL without memory. */
char *edge_json_text(const struct edge_json *value);
/** Compact text with members sorted by name at every level: equal values, equal bytes. */
char *edge_json_canonical(const struct edge_json *value);

#endif
