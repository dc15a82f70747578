#include "agent/security/identities/hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/encode.h"
#include "common/iothub/identity.h"

#define API "?api-version=2017-11-08-preview"

enum { HTTP_OK = 200, HTTP_NO_CONTENT = 204, HTTP_NOT_FOUND = 404, HTTP_CONFLICT = 409 };

static char *url_of(const struct sec_hub *hub, const char *module)
{
    struct edge_buf url = EDGE_BUF_INIT(4096);

    edge_ignore(edge_buf_printf(&url, "https://%s/devices/", hub->host));
    edge_ignore(edge_percent_encode(&url, hub->device, strlen(hub->device)));
    edge_ignore(edge_buf_puts(&url, "/modules"));
    if (module) {
        edge_ignore(edge_buf_puts(&url, "/"));
        edge_ignore(edge_percent_encode(&url, module, strlen(module)));
    }
    edge_ignore(edge_buf_puts(&url, API));
    return edge_buf_take(&url);
}

static int request(struct sec_hub *hub, const char *method, const char *module, const char *body,
                   bool overwrite, struct sec_cloud_answer *ret, struct edge_err *err)
{
    struct edge_identity who = {0};
    EDGE_CLEANUP(edge_free) char *url = url_of(hub, module);
    EDGE_CLEANUP(edge_free) char *resource = NULL;
    struct sec_cloud_call call = {
        .method = method,
        .url = url,
        .body = body,
        .overwrite = overwrite,
        .credential = &hub->credential,
    };
    int rc;

    (void) snprintf(who.device, sizeof who.device, "%s", hub->device);
    resource = edge_identity_resource(&who, hub->host);
    if (!url || !resource)
        return -ENOMEM;
    call.resource = resource;
    hub->status = 0;
    hub->retry_after_s = 0;
    rc = hub->cloud->call(hub->cloud, &call, ret, err);
    hub->status = ret->status;
    hub->retry_after_s = ret->retry_after_s;
    return rc < 0 ? edge_wrap(err, rc, "IoT Hub") : 0;
}

static bool take(char *to, size_t size, const struct edge_json *from)
{
    const char *text = edge_json_str(from, "");

    (void) snprintf(to, size, "%s", text);
    return strlen(text) < size;
}

int sec_hub_read(const struct edge_json *body, struct sec_hub_module *ret)
{
    const struct edge_json *keys =
        edge_json_get(edge_json_get(body, "authentication"), "symmetricKey");

    *ret = (struct sec_hub_module){0};
    if (!take(ret->id, sizeof ret->id, edge_json_get(body, "moduleId")) ||
        !take(ret->generation, sizeof ret->generation, edge_json_get(body, "generationId")) ||
        !take(ret->managed_by, sizeof ret->managed_by, edge_json_get(body, "managedBy")) ||
        !take(ret->primary_key, sizeof ret->primary_key, edge_json_get(keys, "primaryKey")))
        return EDGE_EPROTOCOL;
    if (!edge_id_valid(ret->id, strlen(ret->id)) ||
        !edge_id_valid(ret->generation, strlen(ret->generation)))
        return EDGE_EPROTOCOL;
    return 0;
}

static int read_module(const struct sec_cloud_answer *answer, const char *module,
                       struct sec_hub_module *ret, struct edge_err *err)
{
    int rc = sec_hub_read(answer->body, ret);

    if (rc < 0 || strcmp(ret->id, module) != 0)
        return edge_fail(err, EDGE_EPROTOCOL, "IoT Hub's answer about the identity %s is malformed",
                         module);
    return 0;
}

int sec_hub_get(struct sec_hub *hub, const char *module, struct sec_hub_module *ret,
                struct edge_err *err)
{
    EDGE_CLEANUP(sec_cloud_answer_fini) struct sec_cloud_answer answer = {0};
    int rc = request(hub, "GET", module, NULL, false, &answer, err);

    if (rc < 0)
        return rc;
    if (answer.status != HTTP_OK)
        return sec_cloud_refused(&answer, "cannot read the identity of a module", err);
    return read_module(&answer, module, ret, err);
}

static char *put_body(const struct sec_hub *hub, const char *module, const char *managed_by,
                      const struct sec_hub_keys *keys)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    struct edge_json *authentication;
    struct edge_json *symmetric;

    if (!body || edge_json_set_str(body, "moduleId", module) < 0 ||
        edge_json_set_str(body, "deviceId", hub->device) < 0 ||
        edge_json_set_str(body, "managedBy", managed_by) < 0)
        return NULL;
    if (!keys)
        return edge_json_text(body);
    authentication = edge_json_need_object(body, "authentication");
    symmetric = authentication ? edge_json_need_object(authentication, "symmetricKey") : NULL;
    if (!symmetric || edge_json_set_str(body, "generationId", keys->generation) < 0 ||
        edge_json_set_str(authentication, "type", "sas") < 0 ||
        edge_json_set_str(symmetric, "primaryKey", keys->primary) < 0 ||
        edge_json_set_str(symmetric, "secondaryKey", keys->secondary) < 0)
        return NULL;
    return edge_json_text(body);
}

int sec_hub_put(struct sec_hub *hub, const char *module, const char *managed_by,
                const struct sec_hub_keys *keys, struct sec_hub_module *ret, struct edge_err *err)
{
    EDGE_CLEANUP(sec_cloud_answer_fini) struct sec_cloud_answer answer = {0};
    char *body = put_body(hub, module, managed_by, keys);
    int rc;

    if (!body)
        return -ENOMEM;
    rc = request(hub, "PUT", module, body, keys != NULL, &answer, err);
    (void) edge_wipe(body);
    if (rc < 0)
        return rc;
    if (answer.status == HTTP_CONFLICT && !keys)
        return EDGE_ECONFLICT;
    if (answer.status != HTTP_OK && answer.status != 201)
        return sec_cloud_refused(&answer, "cannot write the identity of a module", err);
    return read_module(&answer, module, ret, err);
}

int sec_hub_delete(struct sec_hub *hub, const char *module, struct edge_err *err)
{
    EDGE_CLEANUP(sec_cloud_answer_fini) struct sec_cloud_answer answer = {0};
    int rc = request(hub, "DELETE", module, NULL, true, &answer, err);

    if (rc < 0)
        return rc;
    if (answer.status == HTTP_NO_CONTENT || answer.status == HTTP_OK ||
        answer.status == HTTP_NOT_FOUND)
        return 0;
    return sec_cloud_refused(&answer, "cannot delete the identity of a module", err);
}

int sec_hub_list(struct sec_hub *hub, struct sec_hub_module *ret, size_t *ret_len,
                 struct edge_err *err)
{
    EDGE_CLEANUP(sec_cloud_answer_fini) struct sec_cloud_answer answer = {0};
    int rc = request(hub, "GET", NULL, NULL, false, &answer, err);
    size_t len;

    if (rc < 0)
        return rc;
    if (answer.status != HTTP_OK)
        return sec_cloud_refused(&answer, "cannot list the identities of modules", err);
    if (!edge_json_is(answer.body, EDGE_JSON_ARRAY))
        return edge_fail(err, EDGE_EPROTOCOL, "IoT Hub's list of identities is malformed");
    len = edge_json_len(answer.body);
    *ret_len = 0;
    for (size_t i = 0; i < len && *ret_len < SEC_HUB_MODULES; i++) {
        if (sec_hub_read(edge_json_at(answer.body, i), &ret[*ret_len]) == 0)
            (*ret_len)++;
    }
    return 0;
}
