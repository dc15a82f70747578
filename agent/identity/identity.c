/* The identity API: the device, identities of modules, their workload folders. */
#include "agent/identity/identity.h"

#include <errno.h>
#include <stdlib.h>

#include "common/workload/call.h"

enum { IDENTITIES_MAX = 1000 };

static int ask(const struct agent_identity_daemon *daemon, const char *method, const char *path,
               const struct edge_json *body, struct edge_json **ret, struct edge_err *err)
{
    const struct edge_daemon_call call = {

        .socket = daemon->identity_socket,
        .cancel = daemon->cancel,
        .method = method,
        .path = path,
        .body = body,
    };

    return path ? edge_daemon_call(&call, ret, err) : -ENOMEM;
}

/* ---- the device ---- */

int agent_identity_device(const struct agent_identity_daemon *daemon, struct agent_device *ret,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    struct agent_device device = {0};
    int rc = ask(daemon, "GET", "/device", NULL, &answer, err);

    if (rc == 0)
        rc = edge_daemon_take(answer, "hubName", &device.hub_name, err);
    if (rc == 0)
        rc = edge_daemon_take(answer, "deviceId", &device.device_id, err);
    if (rc == 0)
        rc = edge_daemon_take(answer, "generationId", &device.generation_id, err);
    if (rc < 0)
        agent_device_fini(&device);
    else
        *ret = device;
    return rc;
}

void agent_device_fini(struct agent_device *device)
{
    free(device->hub_name);
    free(device->device_id);
    free(device->generation_id);
    *device = (struct agent_device){0};
}

int agent_identity_reprovision(const struct agent_identity_daemon *daemon, struct edge_err *err)
{
    return ask(daemon, "POST", "/device/reprovision", NULL, NULL, err);
}

/* ---- identities of modules ---- */

void agent_module_identity_fini(struct agent_module_identity *id)
{
    free(id->module_id);
    free(id->generation_id);
    free(id->managed_by);
    *id = (struct agent_module_identity){0};
}

struct agent_module_identity *agent_identities_free(struct agent_module_identity *ids, size_t len)
{
    for (size_t i = 0; ids && i < len; i++)
        agent_module_identity_fini(&ids[i]);
    free(ids);
    return NULL;
}

static int read_identity(const struct edge_json *object, struct agent_module_identity *ret,
                         struct edge_err *err)
{
    struct agent_module_identity id = {0};
    int rc = edge_daemon_take(object, "moduleId", &id.module_id, err);

    if (rc == 0)
        rc = edge_daemon_take(object, "generationId", &id.generation_id, err);
    if (rc == 0) {
        id.managed_by = strdup(edge_json_str(edge_json_get(object, "managedBy"), ""));
        rc = id.managed_by ? 0 : -ENOMEM;
    }
    if (rc < 0)
        agent_module_identity_fini(&id);
    else
        *ret = id;
    return rc;
}

int agent_identity_list(const struct agent_identity_daemon *daemon,
                        struct agent_module_identity **ret, size_t *ret_len, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    struct agent_module_identity *ids;
    const struct edge_json *array;
    size_t len;
    int rc = ask(daemon, "GET", "/identities", NULL, &answer, err);

    if (rc < 0)
        return rc;
    array = edge_json_get(answer, "identities");
    len = edge_json_len(array);
    if (!edge_json_is(array, EDGE_JSON_ARRAY))
        return edge_fail(err, EDGE_EPROTOCOL, "edge-securityd's answer has no identities");
    if (len > IDENTITIES_MAX)
        return edge_fail(err, EDGE_ELIMIT, "more than %d identities", IDENTITIES_MAX);
    ids = calloc(len + 1, sizeof *ids);
    if (!ids)
        return -ENOMEM;
    for (size_t i = 0; rc == 0 && i < len; i++)
        rc = read_identity(edge_json_at(array, i), &ids[i], err);
    if (rc < 0) {
        agent_identities_free(ids, len);
        return rc;
    }
    *ret = ids;
    *ret_len = len;
    return 0;
}

int agent_identity_ensure(const struct agent_identity_daemon *daemon, const char *module_id,
                          struct agent_module_identity *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    int rc;

    if (!body || edge_json_set_str(body, "moduleId", module_id) < 0 ||
        edge_json_set_str(body, "managedBy", "IotEdge") < 0)
        return -ENOMEM;
    rc = ask(daemon, "POST", "/identities", body, &answer, err);
    return rc < 0 ? rc : read_identity(answer, ret, err);
}

int agent_identity_delete(const struct agent_identity_daemon *daemon, const char *module_id,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_daemon_path("/identities/", module_id, "");

    return ask(daemon, "DELETE", path, NULL, NULL, err);
}

/* ---- workload folders ---- */

int agent_identity_workload(const struct agent_identity_daemon *daemon, const char *module_id,
                            const char *cgroup, char **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_daemon_path("/modules/", module_id, "/workload");
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    EDGE_CLEANUP(edge_json_free) struct edge_json *answer = NULL;
    EDGE_CLEANUP(edge_free) char *folder = NULL;
    int rc;

    if (!body || edge_json_set_str(body, "cgroup", cgroup) < 0)
        return -ENOMEM;
    rc = ask(daemon, "PUT", path, body, &answer, err);
    if (rc == 0)
        rc = edge_daemon_take(answer, "directory", &folder, err);
    if (rc == 0 && folder[0] != '/')
        rc = edge_fail(err, EDGE_EPROTOCOL, "edge-securityd's folder is not an absolute path");
    if (rc == 0)
        *ret = EDGE_TAKE(folder);
    return rc;
}

int agent_identity_workload_remove(const struct agent_identity_daemon *daemon,
                                   const char *module_id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = edge_daemon_path("/modules/", module_id, "/workload");

    return ask(daemon, "DELETE", path, NULL, NULL, err);
}
