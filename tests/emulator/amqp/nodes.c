#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/emulator/amqp/internal.h"

struct service *service_create(struct edge_loop *loop, struct cloud *cloud, const char *entity,
                               unsigned port)
{
    struct service *service = calloc(1, sizeof *service);

    if (!service)
        return NULL;
    service->loop = loop;
    service->cloud = cloud;
    service->port = port;
    service->entity = edge_strdup(entity);
    if (!service->entity)
        return service_destroy(service);
    return service;
}

struct service *service_destroy(struct service *service)
{
    if (service)
        free(service->entity);
    free(service);
    return NULL;
}

bool service_is_entity(const struct service *service, const char *text, size_t len)
{
    const char *const names[] = {"messages/events", service->entity};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        if (strlen(names[i]) == len && strncasecmp(text, names[i], len) == 0)
            return true;
    }
    return false;
}

bool service_may(const struct service *service, const struct hub_amqp_link *link, const char *path)
{
    EDGE_CLEANUP(edge_free)
    char *audience = edge_format("%s%s", cloud_hostname(service->cloud), path);

    return audience && hub_amqp_granted(hub_amqp_link_connection(link), audience);
}

bool service_may_read(const struct service *service, const struct hub_amqp_link *link,
                      const char *path)
{
    const char *const names[] = {"messages/events", service->entity};

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        EDGE_CLEANUP(edge_free)
        char *audience =
            edge_format("sb://%s/%s%s", cloud_hostname(service->cloud), names[i], path);

        if (audience && hub_amqp_granted(hub_amqp_link_connection(link), audience))
            return true;
    }
    return service_may(service, link, "/messages/events");
}

/* Where is the Event Hub? az asks so, and expects a name of one segment. */
static int redirect(struct service *service, struct hub_amqp_link *link)
{
    const char *host = cloud_hostname(service->cloud);
    EDGE_CLEANUP(edge_free)
    char *address =
        edge_format("amqps://%s:%u/%s/$management", host, service->port, service->entity);
    struct hub_amqp_value name = {.kind = HUB_AMQP_STRING,
                                  .s = {(const uint8_t *) host, strlen(host)}};
    struct hub_amqp_value there = {.kind = HUB_AMQP_STRING,
                                   .s = {(const uint8_t *) address, address ? strlen(address) : 0}};
    struct hub_amqp_pair info[] = {
        {"hostname", name},
        {"network-host", name},
        {"port", {.kind = HUB_AMQP_INT, .i = service->port}},
        {"address", there},
    };

    if (!service_may_read(service, link, "/$management"))
        hub_amqp_refuse(link, "amqp:unauthorized-access", "a token of the service is needed");
    else
        hub_amqp_redirect(link, info, EDGE_ARRAY_LEN(info));
    return 0;
}

static int attach(struct hub_amqp_link *link, const struct hub_amqp_attach *attach, void *arg)
{
    struct service *service = arg;
    const char *address = attach->address;
    size_t len = strlen(address), tail = strlen("/$management");

    if (strcasecmp(address, "/messages/devicebound") == 0 && attach->client_sends)
        return service_c2d_attach(service, link);
    if (strcasecmp(address, "/messages/servicebound/feedback") == 0 && !attach->client_sends)
        return service_feedback_attach(service, link, false);
    if (strcasecmp(address, "/messages/servicebound/filenotifications") == 0 &&
        !attach->client_sends)
        return service_feedback_attach(service, link, true);
    if (strcmp(address, "$management") == 0)
        return service_management_attach(service, link, attach);
    if (len > tail && strcmp(address + len - tail, "/$management") == 0 &&
        service_is_entity(service, address + 1, len - tail - 1))
        return redirect(service, link);
    return attach->client_sends ? HUB_AMQP_NOT_MINE : service_reader_attach(service, link, attach);
}

static int refused(int rc, const struct edge_err *why, struct edge_err *err)
{
    return rc == 0 ? 0 : edge_fail(err, EDGE_EAUTH, "%s", rc > 0 ? why->text : edge_strerror(rc));
}

static int token(struct hub_amqp_connection *connection, const char *audience, const char *text,
                 int64_t *ret_until_s, struct edge_err *err, void *arg)
{
    struct service *service = arg;
    const char *host = cloud_hostname(service->cloud);
    size_t len = strlen(host);
    struct edge_err why = {0};
    bool events = strncasecmp(audience, "sb://", 5) == 0;
    const char *path = events ? audience + 5 : audience;

    (void) connection;
    if (strncasecmp(path, host, len) != 0 || (path[len] != '\0' && path[len] != '/'))
        return HUB_AMQP_NOT_MINE;
    path += len;
    if (events)
        return refused(
            cloud_authorize_events(service->cloud, text, path + (*path == '/'), ret_until_s, &why),
            &why, err);
    return refused(cloud_authorize(service->cloud, text, CLOUD_SERVICE, NULL, path, false, NULL,
                                   ret_until_s, &why),
                   &why, err);
}

/* "<policy>@sas.root.<first label of the hub's name>" */
static int plain(struct hub_amqp_connection *connection, const char *user, const char *password,
                 char audience[HUB_AMQP_AUDIENCE_SIZE], int64_t *ret_until_s, struct edge_err *err,
                 void *arg)
{
    struct service *service = arg;
    const char *host = cloud_hostname(service->cloud), *at = strstr(user, "@sas.root.");
    struct edge_err why = {0};
    char policy[129];
    size_t len;

    (void) connection;
    if (!at)
        return HUB_AMQP_NOT_MINE;
    len = strlen(at + strlen("@sas.root."));
    if (strncasecmp(at + strlen("@sas.root."), host, len) != 0 ||
        (host[len] != '.' && host[len] != '\0') || (size_t) (at - user) >= sizeof policy)
        return edge_fail(err, EDGE_EAUTH, "the user is of another hub");
    (void) snprintf(policy, sizeof policy, "%.*s", (int) (at - user), user);
    (void) snprintf(audience, HUB_AMQP_AUDIENCE_SIZE, "%s", host);
    return refused(cloud_authorize(service->cloud, password, CLOUD_SERVICE, NULL, "", false, policy,
                                   ret_until_s, &why),
                   &why, err);
}

const struct hub_amqp_nodes service_nodes = {attach, token, plain};
