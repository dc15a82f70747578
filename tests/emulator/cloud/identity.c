#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/emulator/cloud/internal.h"

enum { MODULES_MAX = 50, REASON_MAX = 128 };

struct cloud_live *cloud_live(struct cloud *cloud, const char *device, const char *module,
                              bool make)
{
    char key[CLOUD_KEY];
    struct cloud_live *live;

    cloud_key(device, module, key);
    live = edge_map_get(&cloud->live, key);
    if (live || !make)
        return live;
    live = calloc(1, sizeof *live);
    if (!live || edge_map_set(&cloud->live, key, live) < 0) {
        free(live);
        return NULL;
    }
    return live;
}

int cloud_identity_load(struct cloud *cloud, const char *device, const char *module,
                        struct edge_json **ret, struct edge_err *err)
{
    int rc = cloud_load(cloud, STORE_IDENTITIES, device, module, ret);

    if (rc == STORE_ABSENT && *module) {
        struct edge_json *owner = NULL;

        rc = cloud_load(cloud, STORE_IDENTITIES, device, "", &owner);
        edge_json_free(owner);
        if (rc == 0)
            return cloud_refuse(err, CLOUD_NO_MODULE, "module %s of device %s is not registered",
                                module, device);
    }
    if (rc == STORE_ABSENT)
        return cloud_refuse(err, CLOUD_NO_DEVICE, "device %s is not registered", device);
    return rc;
}

bool cloud_identity_is_edge(const struct edge_json *device)
{
    return edge_json_bool(edge_json_get(edge_json_get(device, "capabilities"), "iotEdge"), false);
}

static int set_time(struct edge_json *object, const char *name, int64_t ns)
{
    char text[EDGE_TIME_TEXT];

    edge_time_format(ns ? ns : EDGE_TIME_NEVER, text);
    return edge_json_set_str(object, name, text);
}

static int64_t c2d_count(struct cloud *cloud, const char *device, const char *module)
{
    char queue[EDGE_ID_MAX + 3];
    int64_t count = 0;

    cloud_c2d_queue(device, queue);
    if (!*module && store_queued(cloud->store, queue, &count) == 0)
        return count;
    return 0;
}

int cloud_identity_show(struct cloud *cloud, struct edge_json *identity)
{
    const char *device = edge_json_str(edge_json_get(identity, "deviceId"), "");
    const char *module = edge_json_str(edge_json_get(identity, "moduleId"), "");
    const struct cloud_live *live = cloud_live(cloud, device, module, false);
    int rc = edge_json_set_str(identity, "connectionState",
                               live && live->session ? "Connected" : "Disconnected");

    if (rc == 0)
        rc = set_time(identity, "connectionStateUpdatedTime", live ? live->state_ns : 0);
    if (rc == 0)
        rc = set_time(identity, "lastActivityTime", live ? live->activity_ns : 0);
    if (rc == 0)
        rc = edge_json_set_int(identity, "cloudToDeviceMessageCount",
                               c2d_count(cloud, device, module));
    return rc;
}

int cloud_identity_get(struct cloud *cloud, const char *device, const char *module,
                       struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    int rc = cloud_identity_load(cloud, device, module, &identity, err);

    if (rc == 0)
        rc = cloud_identity_show(cloud, identity);
    if (rc == 0)
        *ret = EDGE_TAKE(identity);
    return rc;
}

/* What a new identity is before anything wanted is written into it. */
static struct edge_json *blank(struct cloud *cloud, const char *device, const char *module)
{
    struct edge_json *identity = edge_json_new_object();
    char text[EDGE_TIME_TEXT];

    snprintf(text, sizeof text, "%" PRId64, cloud_now_ns(cloud));
    if (!identity || edge_json_set_str(identity, "deviceId", device) < 0 ||
        (*module && edge_json_set_str(identity, "moduleId", module) < 0) ||
        (*module && edge_json_set(identity, "managedBy", NULL) < 0) ||
        edge_json_set_str(identity, "generationId", text) < 0 ||
        edge_json_set(identity, "etag", NULL) < 0 ||
        edge_json_set_str(identity, "status", "enabled") < 0 ||
        edge_json_set(identity, "statusReason", NULL) < 0 ||
        set_time(identity, "statusUpdatedTime", 0) < 0)
        return edge_json_free(identity);
    return identity;
}

static int read_status(struct cloud *cloud, struct edge_json *identity,
                       const struct edge_json *wanted, struct edge_err *err)
{
    const char *status = edge_json_str(edge_json_get(wanted, "status"), NULL);
    const char *reason = edge_json_str(edge_json_get(wanted, "statusReason"), NULL);
    int rc;

    if (status && strcmp(status, "enabled") != 0 && strcmp(status, "disabled") != 0)
        return cloud_refuse(err, CLOUD_INVALID, "status is neither enabled nor disabled");
    if (reason && strlen(reason) > REASON_MAX)
        return cloud_refuse(err, CLOUD_INVALID, "statusReason is longer than %d", REASON_MAX);
    if (reason && edge_json_set_str(identity, "statusReason", reason) < 0)
        return -ENOMEM;
    if (!status || strcmp(status, edge_json_str(edge_json_get(identity, "status"), "")) == 0)
        return 0;
    rc = edge_json_set_str(identity, "status", status);
    return rc == 0 ? set_time(identity, "statusUpdatedTime", cloud_now_ns(cloud)) : rc;
}

static int read_parents(struct edge_json *identity, const struct edge_json *wanted, bool edge,
                        struct edge_err *err)
{
    static const char prefix[] = "ms-azure-iot-edge://";
    const char *scope = edge_json_str(edge_json_get(wanted, "deviceScope"), NULL);
    const struct edge_json *parents = edge_json_get(wanted, "parentScopes");
    struct edge_json *kept;

    if (edge_json_has(wanted, "parentScopes")) {
        kept = edge_json_is(parents, EDGE_JSON_ARRAY) ? edge_json_copy(parents)
                                                      : edge_json_new_array();
        if (edge_json_set(identity, "parentScopes", kept) < 0)
            return -ENOMEM;
    }
    if (edge || !scope || !*scope)
        return 0;
    if (strncmp(scope, prefix, sizeof prefix - 1) != 0)
        return cloud_refuse(err, CLOUD_INVALID, "deviceScope does not begin with %s", prefix);
    kept = edge_json_new_array();
    if (!kept || edge_json_append(kept, edge_json_new_str(scope)) < 0 ||
        edge_json_set(identity, "parentScopes", kept) < 0)
        return -ENOMEM;
    return edge_json_set_str(identity, "deviceScope", scope);
}

/* An edge device's own scope is made once and stays. */
static int read_device(struct edge_json *identity, const struct edge_json *wanted,
                       struct edge_err *err)
{
    const struct edge_json *asked = edge_json_get(edge_json_get(wanted, "capabilities"), "iotEdge");
    bool edge = edge_json_bool(asked, cloud_identity_is_edge(identity));
    const char *generation = edge_json_str(edge_json_get(identity, "generationId"), "");
    struct edge_json *capabilities = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *scope = NULL;

    if (cloud_identity_is_edge(identity) && !edge) {
        edge_json_free(capabilities);
        return cloud_refuse(err, CLOUD_INVALID, "an edge device cannot become another device");
    }
    if (edge_json_set_bool(capabilities, "iotEdge", edge) < 0) {
        edge_json_free(capabilities);
        return -ENOMEM;
    }
    if (edge_json_set(identity, "capabilities", capabilities) < 0)
        return -ENOMEM;
    if (edge) {
        scope = edge_format("ms-azure-iot-edge://%s-%s",
                            edge_json_str(edge_json_get(identity, "deviceId"), ""), generation);
        if (!scope || edge_json_set_str(identity, "deviceScope", scope) < 0)
            return -ENOMEM;
    }
    return read_parents(identity, wanted, edge, err);
}

static int read_module(struct edge_json *identity, const struct edge_json *wanted)
{
    const char *manager = edge_json_str(edge_json_get(wanted, "managedBy"), NULL);

    return manager ? edge_json_set_str(identity, "managedBy", manager) : 0;
}

static int read_wanted(struct cloud *cloud, struct edge_json *identity,
                       const struct edge_json *wanted, struct edge_err *err)
{
    const struct edge_json *asked = edge_json_get(wanted, "authentication");
    struct edge_json *authentication = NULL;
    char etag[24];
    int rc = read_status(cloud, identity, wanted, err);

    if (rc == 0)
        rc = cloud_authentication_read(asked, edge_json_get(identity, "authentication"),
                                       &authentication, err);
    if (rc == 0)
        rc = edge_json_set(identity, "authentication", authentication);
    if (rc == 0)
        rc = edge_json_has(identity, "moduleId") ? read_module(identity, wanted)
                                                 : read_device(identity, wanted, err);
    cloud_etag_make(etag);
    return rc == 0 ? edge_json_set_str(identity, "etag", etag) : rc;
}

static int count_modules(struct cloud *cloud, const char *device, unsigned *ret)
{
    char a[STORE_NAME], b[STORE_NAME] = "";
    int rc;

    snprintf(a, sizeof a, "%s", device);
    *ret = 0;
    for (;;) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);

        rc = store_next(cloud->store, STORE_IDENTITIES, a, b, &text);
        if (rc != 0 || strcmp(a, device) != 0)
            return rc < 0 ? rc : 0;
        ++*ret;
    }
}

static int check_room(struct cloud *cloud, const char *device, const char *module,
                      struct edge_err *err)
{
    unsigned modules = 0;
    int64_t all = 0;
    int rc;

    if (*module) {
        rc = count_modules(cloud, device, &modules);
        if (rc == 0 && modules >= MODULES_MAX)
            return cloud_refuse(err, CLOUD_TOO_MANY_MODULES, "device %s has %d modules already",
                                device, MODULES_MAX);
        return rc;
    }
    rc = store_count(cloud->store, STORE_IDENTITIES, &all);
    if (rc == 0 && all >= cloud->max_devices)
        return cloud_refuse(err, CLOUD_TOO_MANY_DEVICES, "there are %u identities already",
                            cloud->max_devices);
    return rc;
}

static int check_names(const char *device, const char *module, const struct edge_json *wanted,
                       struct edge_err *err)
{
    const char *named_device = edge_json_str(edge_json_get(wanted, "deviceId"), device);
    const char *named_module = edge_json_str(edge_json_get(wanted, "moduleId"), module);

    if (!edge_id_valid(device, strlen(device)))
        return cloud_refuse(err, CLOUD_INVALID, "the device id is not valid");
    if (*module && !edge_id_valid(module, strlen(module)))
        return cloud_refuse(err, CLOUD_INVALID, "the module id is not valid");
    if (strcmp(device, named_device) != 0 || strcmp(module, named_module) != 0)
        return cloud_refuse(err, CLOUD_INVALID, "the ids of address and body differ");
    return 0;
}

static bool is_system_module(const char *module)
{
    return strcmp(module, "$edgeAgent") == 0 || strcmp(module, "$edgeHub") == 0;
}

static int create(struct cloud *cloud, const char *device, const char *module,
                  struct edge_json **ret, struct edge_err *err)
{
    struct edge_json *owner = NULL;
    bool edge;
    int rc;

    if (*module) {
        rc = cloud_identity_load(cloud, device, "", &owner, err);
        if (rc != 0)
            return rc;
        edge = cloud_identity_is_edge(owner);
        edge_json_free(owner);
        if (*module == '$' && !(edge && is_system_module(module)))
            return cloud_refuse(err, CLOUD_INVALID, "a module's name cannot begin with $");
    }
    rc = check_room(cloud, device, module, err);
    if (rc != 0)
        return rc;
    *ret = blank(cloud, device, module);
    return *ret ? 0 : -ENOMEM;
}

static int system_module(struct cloud *cloud, const char *device, const char *module)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    struct edge_json *authentication = NULL;
    struct edge_json *wanted = edge_json_new_object();
    char etag[24];
    int rc = cloud_load(cloud, STORE_IDENTITIES, device, module, &identity);

    if (rc != STORE_ABSENT) {
        edge_json_free(wanted);
        return rc;
    }
    identity = blank(cloud, device, module);
    if (!identity || edge_json_set_str(wanted, "type", "none") < 0) {
        edge_json_free(wanted);
        return -ENOMEM;
    }
    rc = cloud_authentication_read(wanted, NULL, &authentication, NULL);
    edge_json_free(wanted);
    cloud_etag_make(etag);
    if (rc == 0)
        rc = edge_json_set(identity, "authentication", authentication);
    if (rc == 0)
        rc = edge_json_set_str(identity, "etag", etag);
    if (rc == 0)
        rc = edge_json_set_str(identity, "managedBy", "iotEdge");
    if (rc == 0)
        rc = cloud_twin_make(cloud, device, module);
    return rc == 0 ? cloud_save(cloud, STORE_IDENTITIES, device, module, identity) : rc;
}

static int after_save(struct cloud *cloud, const char *device, const char *module,
                      const struct edge_json *identity)
{
    int rc = 0;

    if (strcmp(edge_json_str(edge_json_get(identity, "status"), ""), "disabled") == 0 && !*module)
        cloud_close_device(cloud, device, HUB_REFUSED);
    if (*module)
        return 0;
    cloud_check_chains(cloud, device);
    if (!cloud_identity_is_edge(identity))
        return 0;
    rc = system_module(cloud, device, "$edgeAgent");
    if (rc == 0)
        rc = system_module(cloud, device, "$edgeHub");
    return rc == 0 ? cloud_deploy(cloud, device) : rc;
}

int cloud_identity_put(struct cloud *cloud, const char *device, const char *module,
                       const struct edge_json *wanted, const char *etag, struct edge_json **ret,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    bool created = false;
    int rc = check_names(device, module, wanted, err);

    if (rc != 0)
        return rc;
    rc = cloud_identity_load(cloud, device, module, &identity, err);
    if (rc == 0 && !etag)
        return cloud_refuse(err, *module ? CLOUD_MODULE_EXISTS : CLOUD_DEVICE_EXISTS,
                            "%s is registered already", *module ? module : device);
    if (rc == 0 && !cloud_etag_matches(etag, edge_json_str(edge_json_get(identity, "etag"), "")))
        return cloud_refuse(err, CLOUD_STALE, "%s has changed: its ETag is another",
                            *module ? module : device);
    if (!etag && (rc == CLOUD_NO_DEVICE || rc == CLOUD_NO_MODULE)) {
        rc = create(cloud, device, module, &identity, err);
        created = true;
    }
    if (rc == 0)
        rc = read_wanted(cloud, identity, wanted, err);
    if (rc == 0)
        rc = cloud_save(cloud, STORE_IDENTITIES, device, module, identity);
    if (rc == 0 && created)
        rc = cloud_twin_make(cloud, device, module);
    if (rc == 0)
        rc = after_save(cloud, device, module, identity);
    if (rc == 0)
        rc = cloud_identity_show(cloud, identity);
    if (rc == 0)
        *ret = EDGE_TAKE(identity);
    return rc;
}

int cloud_module_need(struct cloud *cloud, const char *device, const char *module,
                      struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = edge_json_new_object();
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    int rc;

    if (!wanted || edge_json_set_str(wanted, "managedBy", "iotEdge") < 0)
        return -ENOMEM;
    rc = cloud_identity_put(cloud, device, module, wanted, NULL, &made, err);
    return rc == CLOUD_MODULE_EXISTS ? 0 : rc;
}

static int forget(struct cloud *cloud, const char *device, const char *module)
{
    char key[CLOUD_KEY];
    int rc = store_del(cloud->store, STORE_IDENTITIES, device, module);

    cloud_close_session(cloud, device, module, HUB_REFUSED);
    cloud_key(device, module, key);
    free(edge_map_remove(&cloud->live, key));
    if (rc == 0)
        rc = store_del(cloud->store, STORE_TWINS, device, module);
    return rc == 0 ? store_del(cloud->store, STORE_SESSIONS, device, module) : rc;
}

static int forget_modules(struct cloud *cloud, const char *device)
{
    char a[STORE_NAME], b[STORE_NAME] = "";
    int rc = 0;

    snprintf(a, sizeof a, "%s", device);
    while (rc == 0) {
        EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(CLOUD_TEXT_MAX);

        rc = store_next(cloud->store, STORE_IDENTITIES, a, b, &text);
        if (rc != 0 || strcmp(a, device) != 0)
            break;
        rc = forget(cloud, a, b);
    }
    return rc < 0 ? rc : 0;
}

int cloud_identity_delete(struct cloud *cloud, const char *device, const char *module,
                          const char *etag, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    char queue[EDGE_ID_MAX + 3];
    int rc = cloud_identity_load(cloud, device, module, &identity, err);

    if (rc != 0)
        return rc;
    if (!cloud_etag_matches(etag, edge_json_str(edge_json_get(identity, "etag"), "")))
        return cloud_refuse(err, CLOUD_STALE, "%s has changed: its ETag is another",
                            *module ? module : device);
    if (*module)
        return is_system_module(module)
                   ? cloud_refuse(err, CLOUD_INVALID, "%s belongs to the device", module)
                   : forget(cloud, device, module);
    cloud_c2d_queue(device, queue);
    rc = forget_modules(cloud, device);
    if (rc == 0)
        rc = forget(cloud, device, "");
    cloud_check_chains(cloud, device);
    return rc == 0 ? store_purge(cloud->store, queue) : rc;
}
