#include "hub/http/request.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/json/json.h"

enum { SECONDS_DEFAULT = 30, SECONDS_LEAST = 5, SECONDS_MOST = 300 };

static int read_seconds(const struct edge_json *body, const char *name, int64_t least,
                        int64_t fallback, unsigned *ret, struct edge_err *err)
{
    const struct edge_json *value = edge_json_get(body, name);
    int64_t number = fallback;

    if (value && !edge_json_is(value, EDGE_JSON_INT))
        return edge_fail(err, EDGE_EINVALID, "%s is no whole number", name);
    if (value)
        number = edge_json_int(value, fallback);
    if (number < least || number > SECONDS_MOST)
        return edge_fail(err, EDGE_EINVALID, "%s is %lld; %lld to %d are allowed", name,
                         (long long) number, (long long) least, SECONDS_MOST);
    *ret = (unsigned) number;
    return 0;
}

static int read_name(const struct edge_json *body, char **ret, struct edge_err *err)
{
    const char *name = edge_json_str(edge_json_get(body, "methodName"), "");

    if (!*name)
        return edge_fail(err, EDGE_EINVALID, "methodName is missing");
    if (strlen(name) > HUB_METHOD_NAME_MAX)
        return edge_fail(err, EDGE_EINVALID, "methodName is longer than %d characters",
                         HUB_METHOD_NAME_MAX);
    *ret = strdup(name);
    return *ret ? 0 : -ENOMEM;
}

static int read_payload(const struct edge_json *body, char **ret, struct edge_err *err)
{
    *ret = edge_json_text(edge_json_get(body, "payload"));
    if (!*ret)
        return -ENOMEM;
    if (strlen(*ret) > HUB_METHOD_PAYLOAD_MAX)
        return edge_fail(err, EDGE_ELIMIT, "the payload is larger than %d bytes",
                         HUB_METHOD_PAYLOAD_MAX);
    return 0;
}

int hub_method_request_read(struct edge_bytes body, struct hub_method_request *ret,
                            struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    int rc;

    *ret = (struct hub_method_request){0};
    rc = edge_json_parse((const char *) body.data, body.len, &json, err);
    if (rc < 0)
        return edge_wrap(err, rc, "the body is no JSON");
    if (!edge_json_is(json, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the body is no JSON object");
    rc = read_name(json, &ret->name, err);
    if (rc == 0)
        rc = read_payload(json, &ret->payload, err);
    if (rc == 0)
        rc = read_seconds(json, "responseTimeoutInSeconds", SECONDS_LEAST, SECONDS_DEFAULT,
                          &ret->response_s, err);
    if (rc == 0)
        rc = read_seconds(json, "connectTimeoutInSeconds", 0, 0, &ret->connect_s, err);
    return rc;
}

void hub_method_request_fini(struct hub_method_request *request)
{
    free(request->name);
    free(request->payload);
    *request = (struct hub_method_request){0};
}

static int take_id(const char *from, const char *to, char id[EDGE_ID_MAX + 1])
{
    size_t len = (size_t) (to - from);

    if (!edge_id_valid(from, len))
        return EDGE_EINVALID;
    memcpy(id, from, len);
    id[len] = '\0';
    return 0;
}

static const char *behind(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

int hub_method_path(const char *path, struct edge_identity *ret)
{
    const char *device = behind(path, "/twins/");
    const char *end = device ? strchr(device, '/') : NULL;
    const char *module;

    *ret = (struct edge_identity){0};
    if (!end)
        return HUB_PATH_OTHER;
    if (strcmp(end, "/methods") == 0)
        return take_id(device, end, ret->device);
    module = behind(end, "/modules/");
    if (!module || take_id(device, end, ret->device) < 0)
        return module ? EDGE_EINVALID : HUB_PATH_OTHER;
    end = strchr(module, '/');
    if (!end || strcmp(end, "/methods") != 0)
        return HUB_PATH_OTHER;
    return take_id(module, end, ret->module);
}
