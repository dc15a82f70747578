#include "agent/cloud/incoming.h"

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
static bool read_query(const char *text, struct agent_incoming *ret)
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
    return ret->rid.len <= AGENT_RID_MAX;
}

static bool read_answer(const char *rest, struct agent_incoming *ret)
{
    size_t len = strcspn(rest, "/");
    int64_t status;

    if (len != 3 || rest[len] != '/' || !read_number(rest, len, &status))
        return false;
    ret->status = (int) status;
    return read_query(rest + len + 1, ret) && ret->rid.len > 0;
}

static bool read_method(const char *rest, struct agent_incoming *ret)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf name = EDGE_BUF_INIT(AGENT_METHOD_NAME_MAX);
    size_t len = strcspn(rest, "/");

    if (len == 0 || rest[len] != '/' || edge_percent_decode(&name, rest, len) < 0 || name.len == 0)
        return false;
    memcpy(ret->method, name.data, name.len + 1);
    return read_query(rest + len + 1, ret) && ret->rid.len > 0;
}

static bool read_desired(const char *rest, struct agent_incoming *ret)
{
    return !*rest || read_query(rest, ret);
}

void agent_incoming_read(const char *topic, struct agent_incoming *ret)
{
    static const struct {
        const char *prefix;
        enum agent_incoming_kind kind;
        bool (*read)(const char *rest, struct agent_incoming *ret);
    } kinds[] = {
        {"$iothub/twin/res/", AGENT_INCOMING_ANSWER, read_answer},
        {"$iothub/twin/PATCH/properties/desired/", AGENT_INCOMING_DESIRED, read_desired},
        {"$iothub/methods/POST/", AGENT_INCOMING_METHOD, read_method},
    };

    *ret = (struct agent_incoming){0};
    for (size_t i = 0; i < EDGE_ARRAY_LEN(kinds); i++) {
        const char *rest = behind(topic, kinds[i].prefix);

        if (rest && kinds[i].read(rest, ret))
            ret->kind = kinds[i].kind;
    }
}
