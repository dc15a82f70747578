#include "hub/mqtt/user.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/json/utf8.h"

static struct edge_bytes part(const uint8_t *from, const uint8_t *to)
{
    return (struct edge_bytes){from, (size_t) (to - from)};
}

static char *copy(struct edge_bytes text)
{
    return text.len > 0 ? strndup((const char *) text.data, text.len) : strdup("");
}

/* A value decoded; as it stands when its encoding is broken or hides what is no text. */
static char *decoded(struct edge_bytes text)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf out = EDGE_BUF_INIT(text.len + 1);

    if (text.len == 0 || edge_percent_decode(&out, (const char *) text.data, text.len) < 0 ||
        !edge_utf8_valid(out.data, out.len))
        return copy(text);
    return edge_buf_take(&out);
}

/* How the first SDK with modules ended it. */
static const char preview[] = "/api-version=2017-06-30/DeviceClientType=Microsoft.Azure.Devices."
                              "Client/1.5.1-preview-003";

static const uint8_t *find_preview(struct edge_bytes text)
{
    size_t len = sizeof preview - 1;

    if (text.len < len || memcmp(text.data + text.len - len, preview, len) != 0)
        return NULL;
    return text.data + text.len - len;
}

/* Between the path and the query: at "/?", which an id may also begin with, or at the last '/'.
 * @return where the query begins, or NULL */
static const uint8_t *find_query(struct edge_bytes text, struct edge_bytes *ret_path)
{
    const uint8_t *end = text.data + text.len;
    const uint8_t *slash = memchr(text.data, '/', text.len);
    const uint8_t *mark = slash ? memmem(slash + 1, (size_t) (end - slash - 1), "/?", 2) : NULL;

    if (mark) {
        *ret_path = part(text.data, mark);
        return mark + 2;
    }
    slash = find_preview(text);
    if (!slash)
        slash = memrchr(text.data, '/', text.len);
    if (!slash)
        return NULL;
    *ret_path = part(text.data, slash);
    return slash + 1;
}

static int take_path(struct edge_bytes path, struct hub_mqtt_user *ret, struct edge_err *err)
{
    const uint8_t *end = path.data + path.len;
    const uint8_t *slash = path.len ? memchr(path.data, '/', path.len) : NULL;
    struct edge_bytes id;

    if (!slash || slash == path.data)
        return edge_fail(err, EDGE_EINVALID,
                         "user name is not host/device[/module]/?api-version=…");
    ret->host = copy(part(path.data, slash));
    if (!ret->host)
        return -ENOMEM;
    id = part(slash + 1, end);
    if (edge_identity_parse((const char *) id.data, id.len, &ret->who) < 0)
        return edge_fail(err, EDGE_EINVALID, "user name names no valid device or module");
    return 0;
}

static bool named(struct edge_bytes name, const char *wanted)
{
    return name.len == strlen(wanted) && memcmp(name.data, wanted, name.len) == 0;
}

static int take_field(struct edge_bytes name, struct edge_bytes value, struct hub_mqtt_user *ret,
                      bool *ret_version)
{
    char **place = NULL;

    if (named(name, "api-version"))
        *ret_version = *ret_version || value.len > 0;
    else if (named(name, "DeviceClientType"))
        place = &ret->client;
    else if (named(name, "model-id"))
        place = &ret->model_id;
    else if (named(name, "auth-chain"))
        place = &ret->auth_chain;
    if (!place || *place)
        return 0;
    *place = decoded(value);
    return *place ? 0 : -ENOMEM;
}

static int take_query(struct edge_bytes query, struct hub_mqtt_user *ret, struct edge_err *err)
{
    const uint8_t *end = query.data + query.len;
    bool version = false;
    int rc = 0;

    for (const uint8_t *at = query.data; at < end && rc == 0;) {
        const uint8_t *stop = memchr(at, '&', (size_t) (end - at));
        const uint8_t *equals;

        stop = stop ? stop : end;
        equals = memchr(at, '=', (size_t) (stop - at));
        if (equals)
            rc = take_field(part(at, equals), part(equals + 1, stop), ret, &version);
        at = stop + 1;
    }
    if (rc == 0 && !version)
        return edge_fail(err, EDGE_EINVALID, "user name has no api-version");
    return rc;
}

int hub_mqtt_user_parse(struct edge_bytes text, struct hub_mqtt_user *ret, struct edge_err *err)
{
    struct edge_bytes path;
    const uint8_t *query;
    char **const texts[] = {&ret->client, &ret->model_id, &ret->auth_chain};
    int rc;

    *ret = (struct hub_mqtt_user){0};
    query = text.len > 0 ? find_query(text, &path) : NULL;
    if (!query)
        return edge_fail(err, EDGE_EINVALID,
                         "user name is not host/device[/module]/?api-version=…");
    rc = take_path(path, ret, err);
    if (rc == 0)
        rc = take_query(part(query, text.data + text.len), ret, err);
    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(texts); i++) {
        if (!*texts[i])
            *texts[i] = strdup("");
        if (!*texts[i])
            rc = -ENOMEM;
    }
    return rc;
}

void hub_mqtt_user_fini(struct hub_mqtt_user *user)
{
    free(user->host);
    free(user->client);
    free(user->model_id);
    free(user->auth_chain);
    *user = (struct hub_mqtt_user){0};
}
