/* Who this hub is, from its environment. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/iothub/connection_string.h"
#include "hub/workload/workload.h"

enum { HOST_MAX = 255, TEXT_MAX = 1024 };

#define HUB_MODULE  "$edgeHub"
#define API_VERSION "2020-07-07"

struct reading {
    const char *(*get)(const char *name);
    struct hub_self *self;
    struct edge_err *err;
};

/* The value of the first of these names that has one, or NULL. */
static const char *value_of(const struct reading *r, const char *name, const char *other)
{
    const char *text = r->get(name);

    if ((!text || !*text) && other)
        text = r->get(other);
    return text && *text ? text : NULL;
}

static bool is_host(const char *text)
{
    size_t len = strlen(text);

    return len > 0 && len <= HOST_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") ==
               len;
}

static int set_host(const struct reading *r, const char *name, const char *text, char **ret)
{
    if (!text)
        return edge_fail(r->err, EDGE_EINVALID,
                         "the environment has no %s: edge-agent sets it for $edgeHub", name);
    if (!is_host(text))
        return edge_fail(r->err, EDGE_EINVALID, "%s is not the name of a host", name);
    *ret = edge_strdup(text);
    return *ret ? 0 : -ENOMEM;
}

static int set_id(const struct reading *r, const char *name, const char *text,
                  char ret[EDGE_ID_MAX + 1])
{
    if (!text)
        return edge_fail(r->err, EDGE_EINVALID,
                         "the environment has no %s: edge-agent sets it for $edgeHub", name);
    if (!edge_id_valid(text, strlen(text)))
        return edge_fail(r->err, EDGE_EINVALID, "%s is not an id of IoT Hub", name);
    memcpy(ret, text, strlen(text) + 1);
    return 0;
}

static int set_text(const struct reading *r, const char *name, const char *fallback, char **ret)
{
    const char *text = value_of(r, name, NULL);

    if (!text)
        text = fallback;
    if (!text)
        return edge_fail(r->err, EDGE_EINVALID, "the environment has no %s", name);
    if (strlen(text) > TEXT_MAX)
        return edge_fail(r->err, EDGE_EINVALID, "%s is longer than %d bytes", name, TEXT_MAX);
    *ret = edge_strdup(text);
    return *ret ? 0 : -ENOMEM;
}

static int read_hostname(const struct reading *r)
{
    return set_host(r, "EdgeDeviceHostName",
                    value_of(r, "EdgeDeviceHostName", "EDGEDEVICEHOSTNAME"), &r->self->hostname);
}

/* The parent's name is set for a hub below another one alone. */
static int set_upstream(const struct reading *r, const char *gateway)
{
    return set_host(r, "IOTEDGE_GATEWAYHOSTNAME", gateway ? gateway : r->self->hub_name,
                    &r->self->upstream);
}

static int read_module(const struct reading *r)
{
    struct hub_self *self = r->self;
    int rc = set_host(r, "IOTEDGE_IOTHUBHOSTNAME", value_of(r, "IOTEDGE_IOTHUBHOSTNAME", NULL),
                      &self->hub_name);

    if (rc == 0)
        rc = set_upstream(r, value_of(r, "IOTEDGE_GATEWAYHOSTNAME", NULL));
    if (rc == 0)
        rc = read_hostname(r);
    if (rc == 0)
        rc = set_id(r, "IOTEDGE_DEVICEID", value_of(r, "IOTEDGE_DEVICEID", NULL), self->who.device);
    if (rc == 0)
        rc = set_id(r, "IOTEDGE_MODULEID", value_of(r, "IOTEDGE_MODULEID", NULL), self->who.module);
    if (rc == 0)
        rc = set_text(r, "IOTEDGE_MODULEGENERATIONID", NULL, &self->generation_id);
    if (rc == 0)
        rc = set_text(r, "IOTEDGE_WORKLOADURI", NULL, &self->workload_uri);
    if (rc == 0)
        rc = set_text(r, "IOTEDGE_APIVERSION", API_VERSION, &self->api_version);
    if (rc == 0 && (!self->workload_uri || strncmp(self->workload_uri, "unix:///", 8) != 0))
        rc = edge_fail(r->err, EDGE_EINVALID, "IOTEDGE_WORKLOADURI is not unix:///<path>");
    return rc;
}

static int take_connection_string(const struct reading *r, const char *text)
{
    struct edge_connection_string cs = {0};
    struct hub_self *self = r->self;
    int rc = edge_connection_string_parse(text, &cs, r->err);

    if (rc < 0)
        edge_wrap(r->err, rc, "IotHubConnectionString");
    else if (!cs.key || !cs.module_id || strcmp(cs.module_id, HUB_MODULE) != 0)
        rc = edge_fail(r->err, EDGE_EINVALID,
                       "IotHubConnectionString must be the one of the module $edgeHub, with its "
                       "SharedAccessKey");
    if (rc == 0)
        rc = set_host(r, "HostName", cs.hostname, &self->hub_name);
    if (rc == 0)
        rc = set_upstream(r, cs.gateway);
    if (rc == 0)
        rc = set_id(r, "DeviceId", cs.device_id, self->who.device);
    if (rc == 0)
        rc = set_id(r, "ModuleId", cs.module_id, self->who.module);
    if (rc == 0)
        self->key = EDGE_TAKE(cs.key);
    edge_connection_string_fini(&cs);
    return rc;
}

static int read_developer(const struct reading *r, const char *connection_string)
{
    struct hub_self *self = r->self;
    int rc = take_connection_string(r, connection_string);

    if (rc == 0)
        rc = read_hostname(r);
    if (rc == 0)
        rc = set_text(r, "EdgeHubDevServerCertificateFile", NULL, &self->certificate_file);
    if (rc == 0)
        rc = set_text(r, "EdgeHubDevServerPrivateKeyFile", NULL, &self->key_file);
    if (rc == 0)
        rc = set_text(r, "EdgeHubDevTrustBundleFile", NULL, &self->trust_file);
    if (rc == 0)
        rc = set_text(r, "IOTEDGE_MODULEGENERATIONID", "0", &self->generation_id);
    return rc;
}

int hub_self_read(const char *(*get)(const char *name), struct hub_self *ret, struct edge_err *err)
{
    struct hub_self self = {0};
    const struct reading r = {get, &self, err};
    const char *developer = value_of(&r, "IotHubConnectionString", "EdgeHubConnectionString");
    int rc = developer ? read_developer(&r, developer) : read_module(&r);

    if (rc < 0)
        hub_self_fini(&self);
    else
        *ret = self;
    return rc;
}

void hub_self_fini(struct hub_self *self)
{
    free(self->hub_name);
    free(self->upstream);
    free(self->hostname);
    free(self->generation_id);
    free(self->workload_uri);
    free(self->api_version);
    (void) edge_wipe(self->key);
    free(self->certificate_file);
    free(self->key_file);
    free(self->trust_file);
    *self = (struct hub_self){0};
}
