#include "tests/emulator/cloud/provisioning.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "common/crypto/hmac.h"
#include "tests/emulator/cloud/attest.h"
#include "tests/emulator/cloud/internal.h"

enum { RETRY_S = 1, ACCEPTED = 202, DONE = 200 };

static const char id_scope[] = "0ne00000001"; /* that devices must name */

const char *cloud_dps_host(const struct cloud *cloud)
{
    return cloud->dps_host;
}

struct edge_json *cloud_dps_error(struct cloud *cloud, int rc, const struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    const char *name;
    int status = cloud_status(rc, &name);
    char tracking[EDGE_UUID_SIZE] = "";
    char now[EDGE_TIME_TEXT];

    cloud_time(cloud, now);
    edge_ignore(edge_uuid(tracking));
    if (!body || edge_json_set_int(body, "errorCode", status * 1000 + 2) < 0 ||
        edge_json_set_str(body, "trackingId", tracking) < 0 ||
        edge_json_set_str(body, "message", rc > 0 ? err->text : "Internal error") < 0 ||
        edge_json_set_str(body, "timestampUtc", now) < 0)
        return NULL;
    return EDGE_TAKE(body);
}

/* Who is enrolled: by itself, or in the first group that the proof fits. */

/* What a device shows of itself. */
struct proof {
    const char *registration;
    const struct edge_sas *sas; /* or NULL */
    const struct edge_tls_peer *certificate;
    int64_t now_s;
};
struct enrolled {
    struct edge_json *doc;
    bool group;
    char id[STORE_NAME];
};

static bool fits(const struct proof *proof, const struct edge_json *doc, bool group)
{
    const struct edge_json *attestation = edge_json_get(doc, "attestation");

    if (proof->sas)
        return cloud_attest_token(attestation, group, proof->registration, proof->sas);
    return proof->certificate && strcmp(proof->certificate->cn, proof->registration) == 0 &&
           cloud_attest_certificate(attestation, group, proof->certificate, proof->now_s);
}

static int find_group(struct cloud *cloud, const struct proof *proof, struct enrolled *ret)
{
    char b[STORE_NAME] = "";

    ret->group = true;
    *ret->id = '\0';
    for (;;) {
        EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
        int rc = cloud_next(cloud, STORE_GROUPS, ret->id, b, &doc);

        if (rc != 0)
            return rc;
        if (fits(proof, doc, true)) {
            ret->doc = EDGE_TAKE(doc);
            return 0;
        }
    }
}

/* @return 0 (doc is given), CLOUD_UNAUTHORIZED, negative */
static int find_enrolled(struct cloud *cloud, const struct proof *proof, struct enrolled *ret,
                         struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *own = NULL;
    int rc = cloud_load(cloud, STORE_ENROLLMENTS, proof->registration, "", &own);

    memset(ret, 0, sizeof *ret);
    if (rc == 0 && !fits(proof, own, false))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the proof does not fit the enrollment");
    if (rc == 0) {
        snprintf(ret->id, sizeof ret->id, "%s", proof->registration);
        ret->doc = EDGE_TAKE(own);
        return 0;
    }
    rc = rc == STORE_ABSENT ? find_group(cloud, proof, ret) : rc;
    return rc == STORE_ABSENT ? cloud_refuse(err, CLOUD_UNAUTHORIZED, "Unauthorized: not enrolled")
                              : rc;
}

static int check_token(struct cloud *cloud, const struct edge_sas *sas, const char *registration,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_free)
    char *resource = edge_format("%s/registrations/%s", id_scope, registration);

    if (!resource)
        return -ENOMEM;
    if (strcasecmp(sas->resource, resource) != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token is for another resource");
    if (!sas->skn || strcmp(sas->skn, "registration") != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token's skn is not registration");
    if (sas->se <= cloud_now_s(cloud))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token has expired");
    return 0;
}

static int prove_token(struct cloud *cloud, struct proof *proof, const char *token,
                       struct enrolled *ret, struct edge_err *err)
{
    struct edge_sas sas;
    struct edge_err why = {0};
    int rc = edge_sas_parse(token, strlen(token), &sas, &why);

    if (rc < 0)
        rc = cloud_refuse(err, CLOUD_UNAUTHORIZED, "the token cannot be read: %s", why.text);
    else
        rc = check_token(cloud, &sas, proof->registration, err);
    proof->sas = &sas;
    if (rc == 0)
        rc = find_enrolled(cloud, proof, ret, err);
    proof->sas = NULL;
    edge_sas_fini(&sas);
    return rc;
}

/* The enrollment that was proved is remembered with the registration: a later call of the same
 * connection shows no token again. */
static int remember(struct cloud *cloud, const char *registration, const struct enrolled *e)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
    int rc = cloud_load(cloud, STORE_REGISTRATIONS, registration, "", &doc);

    if (rc == STORE_ABSENT) {
        doc = edge_json_new_object();
        rc = edge_json_set_str(doc, "registrationId", registration);
        if (rc == 0)
            rc = edge_json_set_str(doc, "status", "unassigned");
    }
    if (rc == 0)
        rc = edge_json_set_bool(doc, "byGroup", e->group);
    if (rc == 0)
        rc = edge_json_set_str(doc, "enrollmentGroupId", e->group ? e->id : NULL);
    return rc == 0 ? cloud_save(cloud, STORE_REGISTRATIONS, registration, "", doc) : rc;
}

int cloud_dps_prove(struct cloud *cloud, const char *scope, const char *registration,
                    const char *token, const struct edge_tls_peer *certificate,
                    struct edge_err *err)
{
    struct proof proof = {
        .registration = registration,
        .certificate = certificate,
        .now_s = cloud_now_s(cloud),
    };
    struct enrolled enrolled = {0};
    int rc;

    if (!cloud->dps)
        return cloud_refuse(err, CLOUD_NOT_FOUND, "device provisioning is not served");
    if (strcmp(scope, id_scope) != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the id scope is another");
    if (strlen(registration) > CLOUD_REGISTRATION_MAX || !*registration)
        return cloud_refuse(err, CLOUD_INVALID, "the registration id is not valid");
    rc = token && *token ? prove_token(cloud, &proof, token, &enrolled, err)
                         : find_enrolled(cloud, &proof, &enrolled, err);
    if (rc == 0)
        rc = remember(cloud, registration, &enrolled);
    edge_json_free(enrolled.doc);
    return rc;
}

/* Making the device */

static int write_keys(struct edge_json *authentication, const struct edge_json *attestation,
                      bool group, const char *registration)
{
    struct edge_json *keys = edge_json_need_object(authentication, "symmetricKey");
    char *pair[2];
    int rc = cloud_attest_keys(attestation, group, registration, pair);

    if (rc < 0)
        return rc;
    rc = edge_json_set_str(authentication, "type", "sas");
    if (rc == 0)
        rc = edge_json_set_str(keys, "primaryKey", pair[0]);
    if (rc == 0)
        rc = edge_json_set_str(keys, "secondaryKey", pair[1]);
    free(pair[0]);
    free(pair[1]);
    return rc;
}

static int write_thumbprint(struct edge_json *authentication, const struct edge_tls_peer *peer)
{
    struct edge_json *prints = edge_json_need_object(authentication, "x509Thumbprint");
    int rc = edge_json_set_str(authentication, "type", "selfSigned");

    return rc == 0 ? edge_json_set_str(prints, "primaryThumbprint", peer ? peer->sha256 : "") : rc;
}

static struct edge_json *wanted_device(const struct edge_json *enrollment, bool group,
                                       const char *registration, const struct edge_tls_peer *peer)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *wanted = edge_json_new_object();
    const struct edge_json *attestation = edge_json_get(enrollment, "attestation");
    const struct edge_json *capabilities = edge_json_get(enrollment, "capabilities");
    bool keys = strcmp(edge_json_str(edge_json_get(attestation, "type"), ""), "symmetricKey") == 0;
    struct edge_json *authentication =
        wanted ? edge_json_need_object(wanted, "authentication") : NULL;

    if (!authentication || (keys ? write_keys(authentication, attestation, group, registration)
                                 : write_thumbprint(authentication, peer)) < 0)
        return NULL;
    if (capabilities && edge_json_set(wanted, "capabilities", edge_json_copy(capabilities)) < 0)
        return NULL;
    return EDGE_TAKE(wanted);
}

static int write_twin(struct cloud *cloud, const char *device, const struct edge_json *enrollment)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *done = NULL;
    const struct edge_json *twin = edge_json_get(enrollment, "initialTwin");

    return twin ? cloud_twin_put(cloud, device, "", twin, false, NULL, &done, NULL) : 0;
}

static int make_device(struct cloud *cloud, const char *device, const struct edge_json *enrollment,
                       bool group, const char *registration, const struct edge_tls_peer *peer,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free)
    struct edge_json *wanted = wanted_device(enrollment, group, registration, peer);
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    int rc = wanted ? cloud_identity_put(cloud, device, "", wanted, NULL, &made, err) : -ENOMEM;

    if (rc == CLOUD_DEVICE_EXISTS)
        return cloud_identity_put(cloud, device, "", wanted, "*", &made, err);
    return rc == 0 ? write_twin(cloud, device, enrollment) : rc;
}

/* Registering */

static int load_enrollment(struct cloud *cloud, const struct edge_json *registration,
                           struct edge_json **ret)
{
    bool group = edge_json_bool(edge_json_get(registration, "byGroup"), false);
    const char *id = edge_json_str(
        edge_json_get(registration, group ? "enrollmentGroupId" : "registrationId"), "");

    return cloud_load(cloud, group ? STORE_GROUPS : STORE_ENROLLMENTS, id, "", ret);
}

static int set_state(struct cloud *cloud, struct edge_json *doc, const char *status)
{
    char now[EDGE_TIME_TEXT];
    char etag[24];

    cloud_time(cloud, now);
    cloud_etag_make(etag);
    if (edge_json_set_str(doc, "status", status) < 0 ||
        edge_json_set_str(doc, "lastUpdatedDateTimeUtc", now) < 0 ||
        edge_json_set_str(doc, "etag", etag) < 0 ||
        (!edge_json_get(doc, "createdDateTimeUtc") &&
         edge_json_set_str(doc, "createdDateTimeUtc", now) < 0))
        return -ENOMEM;
    return 0;
}

static int assign(struct cloud *cloud, struct edge_json *doc, const char *registration,
                  const struct edge_json *enrollment, const struct edge_tls_peer *peer)
{
    const char *device = edge_json_str(edge_json_get(enrollment, "deviceId"), registration);
    struct edge_err err = {0};
    int rc =
        make_device(cloud, device, enrollment, edge_json_bool(edge_json_get(doc, "byGroup"), false),
                    registration, peer, &err);

    if (rc > 0) {
        if (edge_json_set_int(doc, "errorCode", cloud_device_code(rc)) < 0 ||
            edge_json_set_str(doc, "errorMessage", err.text) < 0)
            return -ENOMEM;
        return set_state(cloud, doc, "failed");
    }
    if (rc < 0 || edge_json_set_str(doc, "assignedHub", cloud->hostname) < 0 ||
        edge_json_set_str(doc, "deviceId", device) < 0 ||
        edge_json_set_str(doc, "substatus", "initialAssignment") < 0)
        return rc < 0 ? rc : -ENOMEM;
    edge_json_del(doc, "errorCode");
    edge_json_del(doc, "errorMessage");
    return set_state(cloud, doc, "assigned");
}

static int begin_operation(struct edge_json *doc)
{
    EDGE_CLEANUP(edge_free) char *operation = NULL;
    char uuid[EDGE_UUID_SIZE];
    int rc = edge_uuid(uuid);

    if (rc < 0)
        return rc;
    operation = edge_format("4.%.8s.%s", uuid, uuid + 9);
    return operation ? edge_json_set_str(doc, "operationId", operation) : -ENOMEM;
}

int cloud_dps_register(struct cloud *cloud, const char *registration,
                       const struct edge_json *request, const struct edge_tls_peer *certificate,
                       struct cloud_dps_answer *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *enrollment = NULL;
    const char *named = edge_json_str(edge_json_get(request, "registrationId"), registration);
    bool enabled;
    int rc;

    if (strcasecmp(named, registration) != 0)
        return cloud_refuse(err, CLOUD_INVALID, "the registration ids of address and body differ");
    rc = cloud_load(cloud, STORE_REGISTRATIONS, registration, "", &doc);
    if (rc == 0)
        rc = load_enrollment(cloud, doc, &enrollment);
    if (rc != 0)
        return rc < 0 ? rc : cloud_refuse(err, CLOUD_UNAUTHORIZED, "not enrolled");
    enabled = strcmp(edge_json_str(edge_json_get(enrollment, "provisioningStatus"), "enabled"),
                     "enabled") == 0;
    rc = enabled ? assign(cloud, doc, registration, enrollment, certificate)
                 : set_state(cloud, doc, "disabled");
    if (rc == 0)
        rc = begin_operation(doc);
    if (rc == 0)
        rc = cloud_save(cloud, STORE_REGISTRATIONS, registration, "", doc);
    if (rc != 0)
        return rc;
    ret->status = ACCEPTED;
    ret->retry_s = RETRY_S;
    ret->body = edge_json_new_object();
    if (edge_json_set_str(ret->body, "operationId",
                          edge_json_str(edge_json_get(doc, "operationId"), "")) == 0 &&
        edge_json_set_str(ret->body, "status", "assigning") == 0)
        return 0;
    edge_json_free(ret->body);
    return -ENOMEM;
}

int cloud_dps_operation(struct cloud *cloud, const char *registration, const char *operation,
                        struct cloud_dps_answer *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *doc = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *body = edge_json_new_object();
    int rc = cloud_load(cloud, STORE_REGISTRATIONS, registration, "", &doc);

    if (rc < 0)
        return rc;
    if (rc == STORE_ABSENT ||
        strcmp(edge_json_str(edge_json_get(doc, "operationId"), ""), operation) != 0)
        return cloud_refuse(err, CLOUD_NOT_FOUND, "the operation is not known");
    rc = edge_json_set_str(body, "operationId", operation);
    if (rc == 0)
        rc = edge_json_set_str(body, "status", edge_json_str(edge_json_get(doc, "status"), ""));
    edge_json_del(doc, "operationId");
    edge_json_del(doc, "byGroup");
    edge_json_del(doc, "enrollmentGroupId");
    if (rc == 0)
        rc = edge_json_set(body, "registrationState", EDGE_TAKE(doc));
    if (rc < 0)
        return rc;
    *ret = (struct cloud_dps_answer){.status = DONE, .body = EDGE_TAKE(body)};
    return 0;
}
