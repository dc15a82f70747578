#include "common/iothub/incoming.h"

#include <stdbool.h>
#include <string.h>

#include "common/base/encode.h"

/* The rest of @p text behind @p prefix, or NULL. */
static const char *behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

/* Decimal digits only, no overflow. */
static bool read_number(const char *text, size_t len, int64_t *ret)
{
    int64_t n = 0;

    if (len == 0 || len > 18)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = n * 10 + (text[i] - '0');
    }
    *ret = n;
    return true;
}

/* "?$rid=r&$version=n" in any order; names may be percent-encoded by half: "%24rid". */
static bool read_query(const char *text, struct edge_incoming *ret)
{
    if (*text++ != '?')
        return false;
    while (*text) {
        size_t len = strcspn(text, "&");
        const char *name = *text == '$' ? text + 1 : behind(text, "%24");
        const char *value;

        if (name && (value = behind(name, "rid=")) != NULL) {
            ret->rid.data = (const uint8_t *) value;
            ret->rid.len = len - (size_t) (value - text);
        } else if (name && (value = behind(name, "version=")) != NULL) {
            if (!read_number(value, len - (size_t) (value - text), &ret->version))
                return false;
        }
        text += len;
        text += *text == '&';
    }
    return ret->rid.len <= EDGE_RID_MAX;
}

static bool read_answer(const char *rest, struct edge_incoming *ret)
{
    size_t len = strcspn(rest, "/");
    int64_t status;

    if (len != 3 || rest[len] != '/' || !read_number(rest, len, &status))
        return false;
    ret->status = (int) status;
    return read_query(rest + len + 1, ret) && ret->rid.len > 0;
}

static bool read_method(const char *rest, struct edge_incoming *ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf name = EDGE_BUF_INIT(EDGE_METHOD_NAME_MAX);
    size_t len = strcspn(rest, "/");

    if (len == 0 || rest[len] != '/' || edge_percent_decode(&name, rest, len) < 0 || name.len == 0)
        return false;
    memcpy(ret->method, name.data, name.len + 1);
    return read_query(rest + len + 1, ret) && ret->rid.len > 0;
}

static bool read_desired(const char *rest, struct edge_incoming *ret)
{
    return !*rest || read_query(rest, ret);
}

/* Whose it is the connection says: ids are not compared. */
static bool read_c2d(const char *rest, struct edge_incoming *ret)
{
    size_t device = strcspn(rest, "/");
    const char *bag = behind(rest + device, "/messages/devicebound");

    if (device == 0 || !bag || (*bag && *bag != '/'))
        return false;
    bag += *bag == '/';
    ret->bag = (struct edge_bytes){(const uint8_t *) bag, strlen(bag)};
    return true;
}

void edge_incoming_read(const char *topic, struct edge_incoming *ret)
{
    static const struct {
        const char *prefix;
        enum edge_incoming_kind kind;
        bool (*read)(const char *rest, struct edge_incoming *ret);
    } kinds[] = {
        {"$iothub/twin/res/", EDGE_INCOMING_ANSWER, read_answer},
        {"$iothub/twin/PATCH/properties/desired/", EDGE_INCOMING_DESIRED, read_desired},
        {"$iothub/methods/POST/", EDGE_INCOMING_METHOD, read_method},
        {"devices/", EDGE_INCOMING_C2D, read_c2d},
    };

    *ret = (struct edge_incoming){0};
    for (size_t i = 0; i < EDGE_ARRAY_LEN(kinds); i++) {
        const char *rest = behind(topic, kinds[i].prefix);

        if (rest && kinds[i].read(rest, ret))
            ret->kind = kinds[i].kind;
    }
}
