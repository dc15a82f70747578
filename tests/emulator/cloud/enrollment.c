#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "tests/emulator/cloud/internal.h"
#include "tests/emulator/cloud/provisioning.h"

static enum store_table table_of(bool group)
{
    return group ? STORE_GROUPS : STORE_ENROLLMENTS;
}

static bool id_valid(const char *id)
{
    size_t len = strlen(id);

    return len > 0 && len <= CLOUD_REGISTRATION_MAX &&
           strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:") == len;
}

static int load(struct cloud *cloud, bool group, const char *id, struct edge_json **ret,
                struct edge_err *err)
{
    int rc = cloud_load(cloud, table_of(group), id, "", ret);

    return rc == STORE_ABSENT ? cloud_refuse(err, CLOUD_NOT_FOUND, "there is no enrollment %s", id)
                              : rc;
}

/* Keys are shown by the attestation mechanism alone. */
static void hide_keys(struct edge_json *enrollment)
{
    struct edge_json *attestation = edge_json_get(enrollment, "attestation");

    if (edge_json_is(attestation, EDGE_JSON_OBJECT))
        edge_json_del(attestation, "symmetricKey");
}

int cloud_enrollment_get(struct cloud *cloud, bool group, const char *id, struct edge_json **ret,
                         struct edge_err *err)
{
    int rc = load(cloud, group, id, ret, err);

    if (rc == 0)
        hide_keys(*ret);
    return rc;
}

int cloud_enrollment_attestation(struct cloud *cloud, bool group, const char *id,
                                 struct edge_json **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *enrollment = NULL;
    int rc = load(cloud, group, id, &enrollment, err);

    if (rc != 0)
        return rc;
    *ret = edge_json_copy(edge_json_get(enrollment, "attestation"));
    return *ret ? 0 : -ENOMEM;
}

static int read_attestation(struct edge_json *made, const struct edge_json *old,
                            struct edge_err *err)
{
    struct edge_json *attestation = edge_json_get(made, "attestation");
    const char *type = edge_json_str(edge_json_get(attestation, "type"), "");
    struct edge_json *keys = NULL;
    int rc;

    if (strcmp(type, "x509") == 0)
        return edge_json_is(edge_json_get(attestation, "x509"), EDGE_JSON_OBJECT)
                   ? 0
                   : cloud_refuse(err, CLOUD_INVALID, "attestation.x509 is missing");
    if (strcmp(type, "symmetricKey") != 0)
        return cloud_refuse(err, CLOUD_INVALID, "attestation.type is symmetricKey or x509");
    /* The same rules as for a device's own keys: given, kept or made. */
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = edge_json_copy(attestation);

    if (!wanted || edge_json_set_str(wanted, "type", "sas") < 0)
        return -ENOMEM;
    rc = cloud_authentication_read(wanted, edge_json_get(old, "attestation"), &keys, err);
    if (rc == 0)
        rc = edge_json_set(attestation, "symmetricKey",
                           edge_json_copy(edge_json_get(keys, "symmetricKey")));
    edge_json_free(keys);
    return rc;
}

static int stamp(struct cloud *cloud, struct edge_json *made, const struct edge_json *old)
{
    char now[EDGE_TIME_TEXT];
    char etag[24];
    int rc;

    cloud_time(cloud, now);
    cloud_etag_make(etag);
    rc = edge_json_set_str(made, "etag", etag);
    if (rc == 0)
        rc = edge_json_set_str(made, "createdDateTimeUtc",
                               edge_json_str(edge_json_get(old, "createdDateTimeUtc"), now));
    if (rc == 0)
        rc = edge_json_set_str(made, "lastUpdatedDateTimeUtc", now);
    if (rc == 0 && !edge_json_get(made, "provisioningStatus"))
        rc = edge_json_set_str(made, "provisioningStatus", "enabled");
    return rc;
}

int cloud_enrollment_put(struct cloud *cloud, bool group, const char *id,
                         const struct edge_json *wanted, const char *etag, struct edge_json **ret,
                         struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *old = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    const char *name = group ? "enrollmentGroupId" : "registrationId";
    int rc;

    if (!id_valid(id) || !edge_json_is(wanted, EDGE_JSON_OBJECT) ||
        strcmp(edge_json_str(edge_json_get(wanted, name), id), id) != 0)
        return cloud_refuse(err, CLOUD_INVALID, "%s is not valid, or not the address's", name);
    rc = load(cloud, group, id, &old, err);
    if (rc == 0 && !etag)
        return cloud_refuse(err, CLOUD_EXISTS, "enrollment %s exists already", id);
    if (rc == 0 && !cloud_etag_matches(etag, edge_json_str(edge_json_get(old, "etag"), "")))
        return cloud_refuse(err, CLOUD_STALE, "enrollment %s has changed", id);
    if (rc < 0 || (rc > 0 && etag))
        return rc;
    made = edge_json_copy(wanted);
    rc = made ? edge_json_set_str(made, name, id) : -ENOMEM;
    if (rc == 0)
        rc = read_attestation(made, old, err);
    if (rc == 0)
        rc = stamp(cloud, made, old);
    if (rc == 0)
        rc = cloud_save(cloud, table_of(group), id, "", made);
    if (rc == 0)
        *ret = EDGE_TAKE(made);
    return rc;
}

int cloud_enrollment_delete(struct cloud *cloud, bool group, const char *id, const char *etag,
                            struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *old = NULL;
    int rc = load(cloud, group, id, &old, err);

    if (rc != 0)
        return rc;
    if (!cloud_etag_matches(etag, edge_json_str(edge_json_get(old, "etag"), "")))
        return cloud_refuse(err, CLOUD_STALE, "enrollment %s has changed", id);
    return store_del(cloud->store, table_of(group), id, "");
}

/* All of a table, or those whose @p name is @p value. */
static int list(struct cloud *cloud, enum store_table table, const char *name, const char *value,
                struct edge_json **ret)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *all = edge_json_new_array();
    char a[STORE_NAME] = "", b[STORE_NAME] = "";
    int rc = all ? 0 : -ENOMEM;

    while (rc == 0) {
        struct edge_json *doc = NULL;

        rc = cloud_next(cloud, table, a, b, &doc);
        if (rc != 0)
            break;
        hide_keys(doc);
        if (name && strcmp(edge_json_str(edge_json_get(doc, name), ""), value) != 0)
            edge_json_free(doc);
        else
            rc = edge_json_append(all, doc);
    }
    if (rc >= 0)
        *ret = EDGE_TAKE(all);
    return rc < 0 ? rc : 0;
}

int cloud_enrollments(struct cloud *cloud, bool group, struct edge_json **ret)
{
    return list(cloud, table_of(group), NULL, NULL, ret);
}

int cloud_registrations(struct cloud *cloud, const char *group, struct edge_json **ret)
{
    return list(cloud, STORE_REGISTRATIONS, "enrollmentGroupId", group, ret);
}

int cloud_registration_get(struct cloud *cloud, const char *id, struct edge_json **ret,
                           struct edge_err *err)
{
    int rc = cloud_load(cloud, STORE_REGISTRATIONS, id, "", ret);

    if (rc == STORE_ABSENT)
        return cloud_refuse(err, CLOUD_NOT_FOUND, "there is no registration %s", id);
    if (rc == 0)
        edge_json_del(*ret, "operationId");
    return rc;
}

int cloud_registration_delete(struct cloud *cloud, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *old = NULL;
    int rc = cloud_registration_get(cloud, id, &old, err);

    return rc == 0 ? store_del(cloud->store, STORE_REGISTRATIONS, id, "") : rc;
}
