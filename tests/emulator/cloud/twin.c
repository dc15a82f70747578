#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/iothub/twin.h"
#include "tests/emulator/cloud/internal.h"

/* A stored twin: version, tags, and of desired and reported the properties, the metadata apart and
 * the version. */
static struct edge_json *blank(struct cloud *cloud)
{
    struct edge_json *twin = edge_json_new_object();
    char now[EDGE_TIME_TEXT];

    cloud_time(cloud, now);
    if (!twin || edge_json_set_int(twin, "version", 1) < 0 ||
        !edge_json_need_object(twin, "tags") || !edge_json_need_object(twin, "desired") ||
        !edge_json_need_object(twin, "reported") ||
        edge_json_set_int(twin, "desiredVersion", 1) < 0 ||
        edge_json_set_int(twin, "reportedVersion", 1) < 0 ||
        cloud_meta_touch(edge_json_need_object(twin, "desiredMeta"), NULL, now, 0) < 0 ||
        cloud_meta_touch(edge_json_need_object(twin, "reportedMeta"), NULL, now, 0) < 0)
        return edge_json_free(twin);
    return twin;
}

int cloud_twin_make(struct cloud *cloud, const char *device, const char *module)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = blank(cloud);

    return twin ? cloud_save(cloud, STORE_TWINS, device, module, twin) : -ENOMEM;
}

int cloud_twin_load(struct cloud *cloud, const char *device, const char *module,
                    struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    int rc = cloud_load(cloud, STORE_TWINS, device, module, ret);

    if (rc != STORE_ABSENT)
        return rc;
    rc = cloud_identity_load(cloud, device, module, &identity, err);
    return rc == 0 ? EDGE_ESTORE : rc; /* they are made together */
}

static int count_up(struct edge_json *twin, const char *name)
{
    return edge_json_set_int(twin, name, edge_json_int(edge_json_get(twin, name), 0) + 1);
}

int cloud_twin_save(struct cloud *cloud, const char *device, const char *module,
                    struct edge_json *twin)
{
    int rc = count_up(twin, "version");

    return rc == 0 ? cloud_save(cloud, STORE_TWINS, device, module, twin) : rc;
}

/* Showing */

static struct edge_json *section(const struct edge_json *twin, const char *name, const char *meta,
                                 const char *version)
{
    struct edge_json *shown = edge_json_copy(edge_json_get(twin, name));

    if (!shown ||
        (meta &&
         edge_json_set(shown, "$metadata", edge_json_copy(edge_json_get(twin, meta))) < 0) ||
        edge_json_set_int(shown, "$version", edge_json_int(edge_json_get(twin, version), 0)) < 0)
        return edge_json_free(shown);
    return shown;
}

char *cloud_twin_device_text(const struct edge_json *twin)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *shown = edge_json_new_object();

    if (!shown ||
        edge_json_set(shown, "desired", section(twin, "desired", NULL, "desiredVersion")) < 0 ||
        edge_json_set(shown, "reported", section(twin, "reported", NULL, "reportedVersion")) < 0)
        return NULL;
    return edge_json_text(shown);
}

static int show_etags(struct edge_json *shown, const struct edge_json *identity,
                      const struct edge_json *twin)
{
    char etag[24];
    int rc;

    cloud_etag_of((uint64_t) edge_json_int(edge_json_get(twin, "version"), 1), etag);
    rc = edge_json_set_str(shown, "etag", etag);
    return rc == 0 ? edge_json_set_str(shown, "deviceEtag",
                                       edge_json_str(edge_json_get(identity, "etag"), ""))
                   : rc;
}

/* Members of the identity that the twin shows under the same or another name. */
static int show_identity(struct edge_json *shown, const struct edge_json *identity)
{
    static const char *const pairs[][2] = {
        {"status", "status"},
        {"statusUpdatedTime", "statusUpdateTime"},
        {"statusReason", "statusReason"},
        {"connectionState", "connectionState"},
        {"connectionStateUpdatedTime", "connectionStateUpdatedTime"},
        {"lastActivityTime", "lastActivityTime"},
        {"cloudToDeviceMessageCount", "cloudToDeviceMessageCount"},
    };
    const struct edge_json *authentication = edge_json_get(identity, "authentication");
    int rc = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(pairs) && rc == 0; i++) {
        const struct edge_json *value = edge_json_get(identity, pairs[i][0]);

        if (value)
            rc = edge_json_set(shown, pairs[i][1], edge_json_copy(value));
    }
    if (rc == 0)
        rc = edge_json_set_str(shown, "authenticationType",
                               edge_json_str(edge_json_get(authentication, "type"), "sas"));
    if (rc == 0)
        rc = edge_json_set(shown, "x509Thumbprint",
                           edge_json_copy(edge_json_get(authentication, "x509Thumbprint")));
    return rc;
}

static int show_state(struct edge_json *shown, const struct edge_json *twin)
{
    struct edge_json *properties;
    int rc = edge_json_set_str(shown, "modelId", edge_json_str(edge_json_get(twin, "modelId"), ""));

    if (rc == 0)
        rc = edge_json_set_int(shown, "version", edge_json_int(edge_json_get(twin, "version"), 1));
    if (rc == 0)
        rc = edge_json_set(shown, "tags", edge_json_copy(edge_json_get(twin, "tags")));
    properties = edge_json_need_object(shown, "properties");
    if (rc == 0)
        rc = edge_json_set(properties, "desired",
                           section(twin, "desired", "desiredMeta", "desiredVersion"));
    if (rc == 0)
        rc = edge_json_set(properties, "reported",
                           section(twin, "reported", "reportedMeta", "reportedVersion"));
    return rc;
}

static int show_rest(struct edge_json *shown, const struct edge_json *identity,
                     const struct edge_json *twin)
{
    static const char *const names[] = {"capabilities", "deviceScope", "parentScopes"};
    const struct edge_json *deployed = edge_json_get(twin, "configurations");
    int rc = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names) && rc == 0; i++) {
        const struct edge_json *value = edge_json_get(identity, names[i]);

        if (value)
            rc = edge_json_set(shown, names[i], edge_json_copy(value));
    }
    if (rc == 0 && deployed)
        rc = edge_json_set(shown, "configurations", edge_json_copy(deployed));
    return rc;
}

struct edge_json *cloud_twin_show(struct cloud *cloud, const struct edge_json *identity,
                                  const struct edge_json *twin)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *shown = edge_json_new_object();
    EDGE_CLEANUP(edge_json_free) struct edge_json *full = edge_json_copy(identity);
    const char *module = edge_json_str(edge_json_get(identity, "moduleId"), NULL);

    if (!full || cloud_identity_show(cloud, full) < 0)
        return NULL;
    if (!shown ||
        edge_json_set_str(shown, "deviceId",
                          edge_json_str(edge_json_get(identity, "deviceId"), "")) < 0 ||
        (module && edge_json_set_str(shown, "moduleId", module) < 0) ||
        show_etags(shown, identity, twin) < 0 || show_identity(shown, full) < 0 ||
        show_state(shown, twin) < 0 || show_rest(shown, identity, twin) < 0)
        return NULL;
    return EDGE_TAKE(shown);
}

int cloud_twin_get(struct cloud *cloud, const char *device, const char *module,
                   struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *identity = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    int rc = cloud_identity_load(cloud, device, module, &identity, err);

    if (rc == 0)
        rc = cloud_twin_load(cloud, device, module, &twin, err);
    if (rc != 0)
        return rc;
    *ret = cloud_twin_show(cloud, identity, twin);
    return *ret ? 0 : -ENOMEM;
}

/* Changing */

static int over_limit(struct edge_err *err, int rc, const char *what, const struct edge_err *why)
{
    if (rc != EDGE_EINVALID && rc != EDGE_ELIMIT)
        return rc;
    return cloud_refuse(err, CLOUD_INVALID, "%s: %s", what,
                        *why->text ? why->text : edge_strerror(rc));
}

/* What a twin shows about itself comes back in whole twins; merging passes it over. */
static bool names_allowed(const struct edge_json *wanted)
{
    for (edge_json_foreach (it, wanted)) {
        if (it.name[0] == '$' && strcmp(it.name, "$version") != 0 &&
            strcmp(it.name, "$metadata") != 0)
            return false;
    }
    return true;
}

/* @p section merged with or replaced by @p wanted, checked. @param ret  given */
static int changed(const struct edge_json *section, const struct edge_json *wanted, bool replace,
                   const struct edge_twin_limits *limits, const char *what, struct edge_json **ret,
                   struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *made = replace || !section ? edge_json_new_object() : edge_json_copy(section);
    struct edge_err why = {0};
    int rc;

    if (!made)
        return -ENOMEM;
    if (wanted && !edge_json_is(wanted, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "%s is no object", what);
    if (!names_allowed(wanted))
        return cloud_refuse(err, CLOUD_INVALID, "%s: a name cannot begin with $", what);
    rc = wanted ? edge_twin_merge(made, wanted) : 0;
    if (rc == 0)
        rc = edge_twin_check(made, limits, &why);
    if (rc < 0)
        return over_limit(err, rc, what, &why);
    *ret = EDGE_TAKE(made);
    return 0;
}

static int push(struct cloud *cloud, const struct edge_identity *who, const struct edge_json *patch,
                int64_t version)
{
    struct hub_session *session =
        cloud_session_with(cloud, who->device, who->module, EDGE_FEATURE_DESIRED);
    EDGE_CLEANUP(edge_json_free) struct edge_json *sent = NULL;
    char *text;

    if (!session)
        return 0;
    sent = edge_json_copy(patch);
    if (!sent || edge_json_set_int(sent, "$version", version) < 0)
        return -ENOMEM;
    edge_json_del(sent, "$metadata");
    text = edge_json_text(sent);
    return text ? cloud_push_desired(session, text, version) : -ENOMEM;
}

/* A device is told of a replacement by the patch that has the same effect. */
int cloud_twin_desire(struct cloud *cloud, const struct edge_identity *who, struct edge_json *twin,
                      const struct edge_json *wanted, bool replace, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *patch = NULL;
    const struct edge_json *old = edge_json_get(twin, "desired");
    int64_t version = edge_json_int(edge_json_get(twin, "desiredVersion"), 0) + 1;
    char now[EDGE_TIME_TEXT];
    int rc = changed(old, wanted, replace, &edge_twin_limits_properties, "properties.desired",
                     &made, err);

    if (rc != 0)
        return rc;
    patch = replace ? edge_twin_diff(old, made) : edge_json_copy(wanted);
    if (!patch)
        return -ENOMEM;
    cloud_time(cloud, now);
    rc = cloud_meta_touch(edge_json_need_object(twin, "desiredMeta"), patch, now, version);
    if (rc == 0)
        rc = edge_json_set(twin, "desired", EDGE_TAKE(made));
    if (rc == 0)
        rc = edge_json_set_int(twin, "desiredVersion", version);
    return rc == 0 ? push(cloud, who, patch, version) : rc;
}

static int change_tags(struct edge_json *twin, const struct edge_json *wanted, bool replace,
                       struct edge_err *err)
{
    struct edge_json *made = NULL;
    int rc = changed(edge_json_get(twin, "tags"), edge_json_get(wanted, "tags"), replace,
                     &edge_twin_limits_tags, "tags", &made, err);

    return rc == 0 ? edge_json_set(twin, "tags", made) : rc;
}

static int change(struct cloud *cloud, const struct edge_identity *who, struct edge_json *twin,
                  const struct edge_json *wanted, bool replace, struct edge_err *err)
{
    const struct edge_json *properties = edge_json_get(wanted, "properties");
    int rc = 0;

    if (edge_json_has(wanted, "tags") || replace)
        rc = change_tags(twin, wanted, replace || !edge_json_get(wanted, "tags"), err);
    if (rc == 0 && (edge_json_has(properties, "desired") || replace))
        rc = cloud_twin_desire(cloud, who, twin, edge_json_get(properties, "desired"),
                               replace || !edge_json_get(properties, "desired"), err);
    return rc;
}

static bool twin_etag_matches(const struct edge_json *twin, const char *wanted)
{
    char etag[24];

    cloud_etag_of((uint64_t) edge_json_int(edge_json_get(twin, "version"), 1), etag);
    return cloud_etag_matches(wanted, etag);
}

int cloud_twin_put(struct cloud *cloud, const char *device, const char *module,
                   const struct edge_json *wanted, bool replace, const char *etag,
                   struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct edge_identity who = {0};
    int rc = cloud_twin_load(cloud, device, module, &twin, err);

    if (rc != 0)
        return rc;
    memcpy(who.device, device, strlen(device) + 1); /* registered: it is short enough */
    memcpy(who.module, module, strlen(module) + 1);
    if (!edge_json_is(wanted, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "a twin is an object");
    if (!twin_etag_matches(twin, etag))
        return cloud_refuse(err, CLOUD_STALE, "the twin has changed: its ETag is another");
    rc = change(cloud, &who, twin, wanted, replace, err);
    if (rc == 0)
        rc = cloud_twin_save(cloud, device, module, twin);
    if (rc == 0 && !*module)
        rc = cloud_deploy(cloud, device);
    return rc == 0 ? cloud_twin_get(cloud, device, module, ret, err) : rc;
}

int cloud_twin_report(struct cloud *cloud, const struct edge_identity *who, const char *patch,
                      size_t len, int64_t *ret_version, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *twin = NULL;
    struct edge_json *made = NULL;
    struct edge_err why = {0};
    char now[EDGE_TIME_TEXT];
    int rc = edge_json_parse(patch, len, &wanted, &why);

    if (rc < 0)
        return over_limit(err, rc, "the patch", &why);
    if (!edge_json_is(wanted, EDGE_JSON_OBJECT))
        return cloud_refuse(err, CLOUD_INVALID, "a patch is an object");
    rc = cloud_twin_load(cloud, who->device, who->module, &twin, err);
    if (rc == 0)
        rc = changed(edge_json_get(twin, "reported"), wanted, false, &edge_twin_limits_properties,
                     "properties.reported", &made, err);
    if (rc != 0)
        return rc;
    *ret_version = edge_json_int(edge_json_get(twin, "reportedVersion"), 0) + 1;
    cloud_time(cloud, now);
    rc = edge_json_set(twin, "reported", made);
    if (rc == 0)
        rc = cloud_meta_touch(edge_json_need_object(twin, "reportedMeta"), wanted, now, 0);
    if (rc == 0)
        rc = edge_json_set_int(twin, "reportedVersion", *ret_version);
    return rc == 0 ? cloud_twin_save(cloud, who->device, who->module, twin) : rc;
}
