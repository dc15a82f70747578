#include "hub/core/config_read.h"

#include <errno.h>

void hub_settings_fini(struct hub_settings *settings)
{
    settings->routes = edge_routes_free(settings->routes);
    settings->permissions = edge_json_free(settings->permissions);
}

/* A whole number, absent or null: @p ret stays as it is. */
static int read_int(const struct edge_json *object, const char *name, int64_t *ret,
                    struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(object, name);

    if (value && edge_json_loose_int(value, ret) < 0)
        return edge_fail(err, EDGE_EINVALID, "%s is no whole number", name);
    return 0;
}

/* An object, absent or null: NULL. */
static int read_object(const struct edge_json *object, const char *name,
                       const struct edge_json **ret, struct edge_err *err)
{
    *ret = edge_json_get_nocase(object, name);
    if (*ret && !edge_json_is(*ret, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "%s is no object", name);
    return 0;
}

static int read_policy(const struct edge_json *limits, enum hub_store_policy *ret,
                       struct edge_err *err)
{
    const struct edge_json *value = edge_json_get_nocase(limits, "policy");
    const char *text = edge_json_str(value, "");

    if (!value || strcmp(text, "refuse") == 0)
        *ret = HUB_STORE_REFUSE_NEW;
    else if (strcmp(text, "dropOldest") == 0)
        *ret = HUB_STORE_DROP_OLDEST;
    else
        return edge_fail(err, EDGE_EINVALID,
                         "storeLimits.policy is neither \"refuse\" nor \"dropOldest\"");
    return 0;
}

static int read_limits(const struct edge_json *store, struct hub_settings *ret,
                       struct edge_err *err)
{
    const struct edge_json *limits;
    int64_t max = 0;
    int rc = read_object(store, "storeLimits", &limits, err);

    if (rc == 0)
        rc = read_int(limits, "maxSizeBytes", &max, err);
    if (rc == 0)
        rc = read_policy(limits, &ret->policy, err);
    if (rc < 0)
        return rc;
    if (limits && edge_json_get_nocase(limits, "maxSizeBytes") && max <= 0)
        return edge_fail(err, EDGE_EINVALID, "storeLimits.maxSizeBytes is not above 0");
    ret->max_bytes = (uint64_t) max;
    return 0;
}

/* Negative is for ever, as IoT Edge has it; so is 0, which would keep nothing. */
static int read_store(const struct edge_json *desired, struct hub_settings *ret,
                      struct edge_err *err)
{
    const struct edge_json *store;
    int rc = read_object(desired, "storeAndForwardConfiguration", &store, err);

    ret->ttl_s = HUB_TTL_DEFAULT_S;
    if (rc == 0)
        rc = read_int(store, "timeToLiveSecs", &ret->ttl_s, err);
    if (rc == 0)
        rc = read_limits(store, ret, err);
    if (ret->ttl_s < 0)
        ret->ttl_s = 0;
    return rc;
}

static int check_targets(const char *caller, const struct edge_json *targets, size_t *names,
                         struct edge_err *err)
{
    if (!edge_json_is(targets, EDGE_JSON_ARRAY))
        return edge_fail(err, EDGE_EINVALID,
                         "directMethodPermissions: what %.100s may call is no list", caller);
    for (size_t i = 0; i < edge_json_len(targets); i++) {
        if (!edge_json_is(edge_json_at(targets, i), EDGE_JSON_STRING))
            return edge_fail(err, EDGE_EINVALID,
                             "directMethodPermissions: %.100s lists what is no text", caller);
    }
    *names += 1 + edge_json_len(targets);
    return 0;
}

static int read_permissions(const struct edge_json *desired, struct hub_settings *ret,
                            struct edge_err *err)
{
    const struct edge_json *permissions;
    size_t names = 0;
    int rc = read_object(desired, "directMethodPermissions", &permissions, err);

    if (rc < 0 || !permissions)
        return rc;
    for (edge_json_foreach (it, permissions)) {
        rc = check_targets(it.name, it.value, &names, err);
        if (rc < 0)
            return rc;
    }
    if (names > HUB_PERMISSIONS_MAX)
        return edge_fail(err, EDGE_ELIMIT, "directMethodPermissions has more than %d names",
                         HUB_PERMISSIONS_MAX);
    ret->permissions = edge_json_copy(permissions);
    return ret->permissions ? 0 : edge_fail(err, -ENOMEM, "no memory");
}

int hub_settings_read(const struct edge_json *desired, struct hub_settings *ret,
                      struct edge_err *err)
{
    const struct edge_json *routes = edge_json_get_nocase(desired, "routes");
    const struct edge_json *version = edge_json_get_nocase(desired, "schemaVersion");
    const char *schema = edge_json_str(version, NULL);
    int rc;

    *ret = (struct hub_settings){0};
    if (!edge_json_is(desired, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the desired properties are no object");
    if (!version && !routes)
        schema = "1.0";
    rc = edge_routes_read(routes, schema, false, &ret->routes, err);
    if (rc == 0)
        rc = read_store(desired, ret, err);
    if (rc == 0)
        rc = read_permissions(desired, ret, err);
    return rc;
}
