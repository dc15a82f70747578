#include "hub/amqp/address.h"

#include <string.h>
#include <strings.h>

#include "common/base/encode.h"

/* The next segment of a path; @p path moves behind it. */
static struct edge_bytes segment(const char **path)
{
    const char *at = *path, *end = strchr(at, '/');

    if (!end)
        end = at + strlen(at);
    *path = *end ? end + 1 : end;
    return (struct edge_bytes){(const uint8_t *) at, (size_t) (end - at)};
}

static bool is(struct edge_bytes text, const char *literal)
{
    return text.len == strlen(literal) &&
           strncasecmp((const char *) text.data, literal, text.len) == 0;
}

/* An id, percent-decoded; one that does not decode is taken as it stands ('%' may be part). */
static bool id_of(struct edge_bytes encoded, char id[EDGE_ID_MAX + 1])
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(EDGE_ID_MAX);
    const char *at = (const char *) encoded.data;
    size_t len = encoded.len;

    if (edge_percent_decode(&text, at, len) == 0 && text.len > 0) {
        at = text.data;
        len = text.len;
    }
    if (len > EDGE_ID_MAX || !edge_id_valid(at, len))
        return false;
    memcpy(id, at, len);
    id[len] = '\0';
    return true;
}

/* "devices/d[/modules/m]" at the front of @p path, which moves behind it. */
static bool who_of(const char **path, struct edge_identity *ret)
{
    const char *at;

    *ret = (struct edge_identity){0};
    if (!is(segment(path), "devices") || !id_of(segment(path), ret->device))
        return false;
    at = *path;
    if (!is(segment(&at), "modules"))
        return true;
    *path = at;
    return id_of(segment(path), ret->module);
}

enum hub_amqp_kind_of_link hub_amqp_address(const char *address, bool client_sends,
                                            struct edge_identity *ret)
{
    const char *path = address + (*address == '/');

    if (!who_of(&path, ret))
        return HUB_AMQP_LINK_OTHER;
    if (strcasecmp(path, "messages/events") == 0 && (client_sends || ret->module[0]))
        return client_sends ? HUB_AMQP_LINK_EVENTS : HUB_AMQP_LINK_INPUTS;
    if (strcasecmp(path, "messages/devicebound") == 0 && !client_sends)
        return HUB_AMQP_LINK_C2D;
    if (strcasecmp(path, "twin") == 0)
        return client_sends ? HUB_AMQP_LINK_TWIN_ASK : HUB_AMQP_LINK_TWIN_TELL;
    if (strcasecmp(path, "methods/devicebound") == 0)
        return client_sends ? HUB_AMQP_LINK_CALL_REPLY : HUB_AMQP_LINK_CALL;
    return HUB_AMQP_LINK_OTHER;
}

bool hub_amqp_audience(const char *audience, struct edge_identity *ret)
{
    const char *path = audience;

    if (strstr(audience, "://") || segment(&path).len == 0)
        return false;
    return who_of(&path, ret) && *path == '\0';
}

bool hub_amqp_user(const char *user, const char *host, struct edge_identity *ret)
{
    const char *at = strrchr(user, '@'), *hub, *path = user;
    struct edge_bytes device;
    size_t len;

    *ret = (struct edge_identity){0};
    if (!at || at - user > 3 * (EDGE_ID_MAX * 2 + 10))
        return false;
    hub = at + 1;
    if (strncasecmp(hub, "sas.", 4) == 0)
        hub += 4;
    len = strlen(hub);
    if (len == 0 || strncasecmp(host, hub, len) != 0 || (host[len] != '.' && host[len] != '\0'))
        return false;
    device = segment(&path);
    if (path > at) /* one segment: the device, up to the '@' */
        return id_of((struct edge_bytes){device.data, (size_t) (at - user)}, ret->device);
    if (!id_of(device, ret->device) || !is(segment(&path), "modules") || path >= at)
        return false;
    return id_of((struct edge_bytes){(const uint8_t *) path, (size_t) (at - path)}, ret->module);
}
