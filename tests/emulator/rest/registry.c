#include <errno.h>
#include <string.h>

#include "common/base/encode.h"
#include "tests/emulator/rest/call.h"

enum { LIST_MAX = 1000, SCOPE_PAGE = 10, SCOPE_PAGE_MAX = 100, LINK_MAX = 4096 };

/* "/devices/d" or "/devices/d/modules/m" */
static const char *module_of(const struct rest_call *call)
{
    return call->part[3] ? call->part[3] : "";
}

REST_HANDLER(rest_devices)
{
    struct edge_json *list = NULL;
    size_t top;
    int rc = rest_number(rest_query(call, "top"), LIST_MAX, LIST_MAX, &top, err);

    if (rc == 0)
        rc = cloud_devices(call->cloud, "", top, &list);
    return rc == 0 ? rest_give(call, list) : rc;
}

REST_HANDLER(rest_bulk)
{
    struct edge_json *result = NULL;
    int rc = cloud_bulk(call->cloud, call->body, &result, err);

    if (rc != 0)
        return rc;
    call->status = edge_json_bool(edge_json_get(result, "isSuccessful"), false) ? 200 : 400;
    return rest_give(call, result);
}

REST_HANDLER(rest_identity_get)
{
    struct edge_json *identity = NULL;
    int rc = cloud_identity_get(call->cloud, call->part[1], module_of(call), &identity, err);

    return rc == 0 ? rest_give(call, identity) : rc;
}

REST_HANDLER(rest_identity_put)
{
    struct edge_json *identity = NULL;
    int rc = cloud_identity_put(call->cloud, call->part[1], module_of(call), call->body,
                                rest_in_header(call, "if-match"), &identity, err);

    return rc == 0 ? rest_give(call, identity) : rc;
}

REST_HANDLER(rest_identity_delete)
{
    return cloud_identity_delete(call->cloud, call->part[1], module_of(call),
                                 rest_in_header(call, "if-match"), err);
}

REST_HANDLER(rest_bad_id)
{
    (void) call;
    return rest_refuse(err, CLOUD_INVALID, "the device id is not valid");
}

REST_HANDLER(rest_modules)
{
    struct edge_json *list = NULL;
    int rc = cloud_modules(call->cloud, call->part[1], &list, err);

    return rc == 0 ? rest_give(call, list) : rc;
}

REST_HANDLER(rest_statistics)
{
    struct edge_json *result = NULL;
    int rc = cloud_statistics(call->cloud, &result);

    (void) err;
    return rc == 0 ? rest_give(call, result) : rc;
}

REST_HANDLER(rest_service_statistics)
{
    struct edge_json *result = edge_json_new_object();

    (void) err;
    edge_ignore(edge_json_set_int(result, "connectedDeviceCount", cloud_sessions(call->cloud)));
    return rest_give(call, result);
}

REST_HANDLER(rest_purge)
{
    struct edge_json *result;
    int64_t count;
    int rc = cloud_c2d_purge(call->cloud, call->part[1], &count, err);

    if (rc != 0)
        return rc;
    result = edge_json_new_object();
    if (edge_json_set_int(result, "totalMessagesPurged", count) < 0 ||
        edge_json_set_str(result, "deviceId", call->part[1]) < 0 ||
        edge_json_set(result, "moduleId", NULL) < 0) {
        edge_json_free(result);
        return -ENOMEM;
    }
    return rest_give(call, result);
}

/* What edge hubs ask; only $edgeHub may. */
static int check_hub(const struct rest_call *call, struct edge_err *err)
{
    if (strcmp(call->part[3], "$edgeHub") == 0)
        return 0;
    return rest_refuse(err, CLOUD_UNAUTHORIZED, "only $edgeHub may ask");
}

/* A page's end is told as the address of the next page. */
static char *link_of(const struct rest_call *call, const char *after, size_t count)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(LINK_MAX);

    edge_buf_puts(&text, "/devices/");
    edge_percent_encode(&text, call->part[1], strlen(call->part[1]));
    edge_buf_printf(&text,
                    "/modules/%%24edgeHub/devicesAndModulesInDeviceScope?deviceCount=%zu"
                    "&continuationToken=",
                    count);
    edge_percent_encode(&text, after, strlen(after));
    edge_buf_printf(&text, "&api-version=%s", rest_query(call, "api-version"));
    return edge_buf_take(&text);
}

static int give_scope(struct rest_call *call, struct edge_json *result, size_t count, bool link)
{
    const char *after = edge_json_str(edge_json_get(result, "continuationLink"), "");
    EDGE_CLEANUP(edge_free) char *text = NULL;

    if (*after && link) {
        text = link_of(call, after, count);
        if (!text || edge_json_set_str(result, "continuationLink", text) < 0) {
            edge_json_free(result);
            return -ENOMEM;
        }
    }
    return rest_give(call, result);
}

REST_HANDLER(rest_scope)
{
    const char *after = rest_query(call, "continuationToken");
    struct edge_json *result = NULL;
    size_t count = 0;
    int rc = check_hub(call, err);

    if (rc == 0)
        rc = rest_number(rest_query(call, "deviceCount"), SCOPE_PAGE_MAX, SCOPE_PAGE, &count, err);
    if (rc == 0)
        rc = cloud_scope(call->cloud, call->part[1], after ? after : "", count, &result, err);
    return rc == 0 ? give_scope(call, result, count, true) : rc;
}

REST_HANDLER(rest_scope_one)
{
    const char *device = rest_query(call, "targetDeviceId");
    const char *module = rest_query(call, "targetModuleId");
    struct edge_json *result = NULL;
    int rc = check_hub(call, err);

    if (rc == 0)
        rc = cloud_scope_one(call->cloud, call->part[1], device ? device : call->part[1],
                             module ? module : "", &result, err);
    return rc == 0 ? rest_give(call, result) : rc;
}

/* Whose scope the body asks for: of the first edge of its chain. */
static int chain_of(struct rest_call *call, struct edge_identity *ret, struct edge_err *err)
{
    const char *chain = edge_json_str(edge_json_get(call->body, "authChain"), NULL);
    int rc = check_hub(call, err);

    return rc == 0 ? cloud_scope_chain(call->cloud, chain && *chain ? chain : call->part[1],
                                       call->part[1], ret, err)
                   : rc;
}

REST_HANDLER(rest_target_scope)
{
    int64_t size = edge_json_int(edge_json_get(call->body, "pageSize"), SCOPE_PAGE);
    const char *after = edge_json_str(edge_json_get(call->body, "continuationLink"), "");
    struct edge_json *result = NULL;
    struct edge_identity edge;
    int rc = chain_of(call, &edge, err);

    if (size < 1 || size > SCOPE_PAGE_MAX)
        size = SCOPE_PAGE;
    if (rc == 0)
        rc = cloud_scope(call->cloud, edge.device, after, (size_t) size, &result, err);
    return rc == 0 ? give_scope(call, result, (size_t) size, false) : rc;
}

REST_HANDLER(rest_target_one)
{
    const char *device = edge_json_str(edge_json_get(call->body, "targetDeviceId"), "");
    const char *module = edge_json_str(edge_json_get(call->body, "targetModuleId"), "");
    struct edge_json *result = NULL;
    struct edge_identity edge;
    int rc = chain_of(call, &edge, err);

    if (rc == 0)
        rc = cloud_scope_one(call->cloud, edge.device, device, module, &result, err);
    return rc == 0 ? rest_give(call, result) : rc;
}
