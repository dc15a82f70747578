#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/internal.h"

enum { BULK_MAX = 100 };

int cloud_devices(struct cloud *cloud, const char *after, size_t top, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = edge_json_new_array();
    char a[STORE_NAME], b[STORE_NAME];
    int rc = list ? 0 : -ENOMEM;

    /* Modules sort behind their device; \x7f lies behind all that an id may hold. */
    snprintf(a, sizeof a, "%s", after);
    snprintf(b, sizeof b, "%s", *after ? "\x7f" : "");
    while (rc == 0 && edge_json_len(list) < top) {
        struct edge_json *identity = NULL;

        rc = cloud_next(cloud, STORE_IDENTITIES, a, b, &identity);
        if (rc != 0)
            break;
        if (*b) {
            edge_json_free(identity);
            snprintf(b, sizeof b, "\x7f");
            continue;
        }
        rc = cloud_identity_show(cloud, identity);
        if (rc == 0)
            rc = edge_json_append(list, identity);
        else
            edge_json_free(identity);
    }
    if (rc >= 0)
        *ret = EDGE_TAKE(list);
    return rc < 0 ? rc : 0;
}

int cloud_modules(struct cloud *cloud, const char *device, struct edge_json **ret,
                  struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *list = edge_json_new_array();
    EDGE_CLEANUP(edge_json_free) struct edge_json *owner = NULL;
    char a[STORE_NAME], b[STORE_NAME] = "";
    int rc = cloud_identity_load(cloud, device, "", &owner, err);

    if (rc != 0)
        return rc;
    snprintf(a, sizeof a, "%s", device);
    for (;;) {
        struct edge_json *identity = NULL;

        rc = list ? cloud_next(cloud, STORE_IDENTITIES, a, b, &identity) : -ENOMEM;
        if (rc != 0 || strcmp(a, device) != 0) {
            edge_json_free(identity);
            break;
        }
        rc = cloud_identity_show(cloud, identity);
        if (rc == 0)
            rc = edge_json_append(list, identity);
        else
            edge_json_free(identity);
        if (rc < 0)
            break;
    }
    if (rc >= 0)
        *ret = EDGE_TAKE(list);
    return rc < 0 ? rc : 0;
}

/* Bulk */

static int bulk_one(struct cloud *cloud, const struct edge_json *one, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = edge_json_copy(one);
    EDGE_CLEANUP(edge_json_free) struct edge_json *done = NULL;
    const char *id = edge_json_str(edge_json_get(one, "id"), "");
    const char *module = edge_json_str(edge_json_get(one, "moduleId"), "");
    const char *mode = edge_json_str(edge_json_get(one, "importMode"), "createOrUpdate");
    const char *etag = edge_json_str(edge_json_get(one, "eTag"), "*");
    int rc;

    if (!wanted)
        return -ENOMEM;
    if (!edge_json_is(wanted, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "an operation is an object");
    edge_json_del(wanted, "deviceId");
    if (strcmp(mode, "delete") == 0 || strcmp(mode, "deleteIfMatchETag") == 0)
        return cloud_identity_delete(cloud, id, module, strcmp(mode, "delete") == 0 ? "*" : etag,
                                     err);
    if (strcmp(mode, "update") == 0 || strcmp(mode, "updateIfMatchETag") == 0)
        return cloud_identity_put(cloud, id, module, wanted,
                                  strcmp(mode, "update") == 0 ? "*" : etag, &done, err);
    if (strcmp(mode, "create") != 0 && strcmp(mode, "createOrUpdate") != 0 &&
        strcmp(mode, "createOrUpdateIfMatchETag") != 0)
        return cloud_refuse(err, CLOUD_INVALID, "importMode is none that is known");
    rc = cloud_identity_put(cloud, id, module, wanted, NULL, &done, err);
    if ((rc == CLOUD_DEVICE_EXISTS || rc == CLOUD_MODULE_EXISTS) && strcmp(mode, "create") != 0)
        rc = cloud_identity_put(cloud, id, module, wanted,
                                strcmp(mode, "createOrUpdate") == 0 ? "*" : etag, &done, err);
    return rc;
}

static int note_error(struct edge_json *errors, const struct edge_json *one, int rc,
                      const struct edge_err *err)
{
    struct edge_json *note = edge_json_new_object();
    const char *name;

    cloud_status(rc, &name);
    if (!note ||
        edge_json_set_str(note, "deviceId", edge_json_str(edge_json_get(one, "id"), "")) < 0 ||
        edge_json_set_str(note, "errorCode", name) < 0 ||
        edge_json_set_str(note, "errorStatus", err->text) < 0) {
        edge_json_free(note);
        return -ENOMEM;
    }
    return edge_json_append(errors, note);
}

int cloud_bulk(struct cloud *cloud, const struct edge_json *operations, struct edge_json **ret,
               struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = edge_json_new_object();
    struct edge_json *errors = result ? edge_json_need_array(result, "errors") : NULL;
    size_t n = edge_json_len(operations);

    if (!errors || !edge_json_need_array(result, "warnings"))
        return -ENOMEM;
    if (!edge_json_is(operations, EDGE_JSON_ARRAY) || n == 0 || n > BULK_MAX)
        return cloud_refuse(err, CLOUD_INVALID, "1 to %d operations are expected", BULK_MAX);
    for (size_t i = 0; i < n; i++) {
        struct edge_err why = {0};
        int rc = bulk_one(cloud, edge_json_at(operations, i), &why);

        if (rc < 0)
            return rc;
        if (rc > 0 && note_error(errors, edge_json_at(operations, i), rc, &why) < 0)
            return -ENOMEM;
    }
    if (edge_json_set_bool(result, "isSuccessful", edge_json_len(errors) == 0) < 0)
        return -ENOMEM;
    *ret = EDGE_TAKE(result);
    return 0;
}

int cloud_statistics(struct cloud *cloud, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = edge_json_new_object();
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    int64_t total = 0;
    int64_t enabled = 0;
    int rc = 0;

    while (rc == 0) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;

        rc = cloud_next(cloud, STORE_IDENTITIES, a, b, &identity);
        if (rc != 0 || *b)
            continue;
        total++;
        enabled += strcmp(edge_json_str(edge_json_get(identity, "status"), ""), "enabled") == 0;
    }
    if (rc < 0)
        return rc;
    if (edge_json_set_int(result, "totalDeviceCount", total) < 0 ||
        edge_json_set_int(result, "enabledDeviceCount", enabled) < 0 ||
        edge_json_set_int(result, "disabledDeviceCount", total - enabled) < 0)
        return -ENOMEM;
    *ret = EDGE_TAKE(result);
    return 0;
}

/* Scope: the edge device itself, the devices below it, and the modules of the edge devices. */

static struct edge_json *scope_result(void)
{
    struct edge_json *result = edge_json_new_object();

    if (!result || !edge_json_need_array(result, "devices") ||
        !edge_json_need_array(result, "modules"))
        return edge_json_free(result);
    return result;
}

static int load_edge(struct cloud *cloud, const char *edge, struct edge_json **ret,
                     struct edge_err *err)
{
    int rc = cloud_identity_load(cloud, edge, "", ret, err);

    if (rc == 0 && !cloud_identity_is_edge(*ret))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "%s is no edge device", edge);
    return rc;
}

static int add_scoped(struct edge_json *result, const char *list, struct edge_json *identity)
{
    return edge_json_append(edge_json_get(result, list), identity);
}

int cloud_scope(struct cloud *cloud, const char *edge, const char *after, size_t top,
                struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = scope_result();
    EDGE_CLEANUP(edge_json_free) struct edge_json *owner = NULL;
    const char *slash = strchr(after, '/');
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    char last[CLOUD_KEY] = "";
    bool inside = false;
    size_t found = 0;
    int rc = load_edge(cloud, edge, &owner, err);

    if (rc != 0 || !result)
        return rc != 0 ? rc : -ENOMEM;
    if (slash)
        snprintf(b, sizeof b, "%s", slash + 1);
    snprintf(a, sizeof a, "%.*s", (int) (slash ? slash - after : (long) strlen(after)), after);
    inside = *b && strcmp(a, edge) == 0;
    while (rc == 0) {
        struct edge_json *identity = NULL;

        rc = cloud_next(cloud, STORE_IDENTITIES, a, b, &identity);
        if (rc == 0 && !*b)
            inside =
                cloud_in_scope(identity, edge_json_str(edge_json_get(owner, "deviceScope"), ""));
        if (rc != 0 || (*b ? strcmp(a, edge) != 0 : !inside)) {
            edge_json_free(identity);
            continue;
        }
        if (found++ == top) {
            edge_json_free(identity);
            break;
        }
        cloud_key(a, b, last);
        rc = add_scoped(result, *b ? "modules" : "devices", identity);
    }
    if (rc < 0 || (rc == 0 && edge_json_set_str(result, "continuationLink", last) < 0))
        return rc < 0 ? rc : -ENOMEM;
    *ret = EDGE_TAKE(result);
    return 0;
}

int cloud_scope_one(struct cloud *cloud, const char *edge, const char *device, const char *module,
                    struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = scope_result();
    EDGE_CLEANUP(edge_json_free) struct edge_json *owner = NULL;
    struct edge_json *identity = NULL;
    int rc = load_edge(cloud, edge, &owner, err);

    if (rc == 0)
        rc = cloud_identity_load(cloud, device, "", &identity, err);
    if (rc != 0)
        return rc;
    if (!cloud_in_scope(identity, edge_json_str(edge_json_get(owner, "deviceScope"), ""))) {
        edge_json_free(identity);
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "%s is not in the scope of %s", device, edge);
    }
    rc = result ? add_scoped(result, "devices", identity) : -ENOMEM;
    if (rc == 0 && *module) {
        rc = cloud_identity_load(cloud, device, module, &identity, err);
        if (rc == 0)
            rc = add_scoped(result, "modules", identity);
    }
    if (rc == 0)
        *ret = EDGE_TAKE(result);
    return rc;
}
