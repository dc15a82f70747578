#include "tests/emulator/cloud/provisioning.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/emulator/rest/call.h"

/* Services: "/enrollments/e", "/enrollmentGroups/g" */

static bool is_group(const struct rest_call *call)
{
    return strcmp(call->part[0], "enrollmentGroups") == 0;
}

REST_HANDLER(rest_enrollment_get)
{
    struct edge_json *found = NULL;
    int rc = cloud_enrollment_get(call->cloud, is_group(call), call->part[1], &found, err);

    return rc == 0 ? rest_give(call, found) : rc;
}

REST_HANDLER(rest_enrollment_put)
{
    struct edge_json *made = NULL;
    int rc = cloud_enrollment_put(call->cloud, is_group(call), call->part[1], call->body,
                                  rest_in_header(call, "if-match"), &made, err);

    return rc == 0 ? rest_give(call, made) : rc;
}

REST_HANDLER(rest_enrollment_delete)
{
    return cloud_enrollment_delete(call->cloud, is_group(call), call->part[1],
                                   rest_in_header(call, "if-match"), err);
}

REST_HANDLER(rest_attestation)
{
    struct edge_json *found = NULL;
    int rc = cloud_enrollment_attestation(call->cloud, is_group(call), call->part[1], &found, err);

    return rc == 0 ? rest_give(call, found) : rc;
}

REST_HANDLER(rest_enrollments)
{
    struct edge_json *list = NULL;
    int rc = cloud_enrollments(call->cloud, is_group(call), &list);

    (void) err;
    rest_header(call, "x-ms-item-type", is_group(call) ? "EnrollmentGroup" : "Enrollment");
    return rc == 0 ? rest_give(call, list) : rc;
}

/* {"mode":"create|update|updateIfMatchETag|delete","enrollments":[…]} */
static int bulk_one(struct rest_call *call, const char *mode, const struct edge_json *one,
                    struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *made = NULL;
    const char *id = edge_json_str(edge_json_get(one, "registrationId"), "");
    const char *etag = edge_json_str(edge_json_get(one, "etag"), "*");

    if (strcmp(mode, "delete") == 0)
        return cloud_enrollment_delete(call->cloud, false, id, "*", err);
    if (strcmp(mode, "create") == 0)
        return cloud_enrollment_put(call->cloud, false, id, one, NULL, &made, err);
    if (strcmp(mode, "update") == 0)
        return cloud_enrollment_put(call->cloud, false, id, one, "*", &made, err);
    if (strcmp(mode, "updateIfMatchETag") == 0)
        return cloud_enrollment_put(call->cloud, false, id, one, etag, &made, err);
    return rest_refuse(err, CLOUD_INVALID, "mode is none that is known");
}

static int note_error(struct edge_json *errors, const struct edge_json *one, int rc,
                      const struct edge_err *err)
{
    struct edge_json *note = edge_json_new_object();
    const char *id = edge_json_str(edge_json_get(one, "registrationId"), "");

    if (!note || edge_json_set_str(note, "registrationId", id) < 0 ||
        edge_json_set_int(note, "errorCode", cloud_device_code(rc)) < 0 ||
        edge_json_set_str(note, "errorStatus", err->text) < 0) {
        edge_json_free(note);
        return -ENOMEM;
    }
    return edge_json_append(errors, note);
}

REST_HANDLER(rest_enrollment_bulk)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *result = edge_json_new_object();
    const struct edge_json *list = edge_json_get(call->body, "enrollments");
    const char *mode = edge_json_str(edge_json_get(call->body, "mode"), "");
    struct edge_json *errors = result ? edge_json_need_array(result, "errors") : NULL;

    if (!errors)
        return -ENOMEM;
    if (edge_json_len(list) < 1 || edge_json_len(list) > 10)
        return rest_refuse(err, CLOUD_INVALID, "1 to 10 enrollments are expected");
    for (size_t i = 0; i < edge_json_len(list); i++) {
        const struct edge_json *one = edge_json_at(list, i);
        struct edge_err why = {0};
        int rc = bulk_one(call, mode, one, &why);

        if (rc < 0 || (rc > 0 && note_error(errors, one, rc, &why) < 0))
            return rc < 0 ? rc : -ENOMEM;
    }
    if (edge_json_set_bool(result, "isSuccessful", edge_json_len(errors) == 0) < 0)
        return -ENOMEM;
    return rest_give(call, EDGE_TAKE(result));
}

REST_HANDLER(rest_registration_get)
{
    struct edge_json *found = NULL;
    int rc = cloud_registration_get(call->cloud, call->part[1], &found, err);

    return rc == 0 ? rest_give(call, found) : rc;
}

REST_HANDLER(rest_registration_delete)
{
    return cloud_registration_delete(call->cloud, call->part[1], err);
}

REST_HANDLER(rest_registrations)
{
    struct edge_json *list = NULL;
    int rc = cloud_registrations(call->cloud, call->part[1], &list);

    (void) err;
    rest_header(call, "x-ms-item-type", "DeviceRegistration");
    return rc == 0 ? rest_give(call, list) : rc;
}

/* Devices: "/<scope>/registrations/<id>/register", "…/operations/<operation>" */

/* A device is told of refusals in a shape of its own. */
static int refuse_device(struct rest_call *call, int rc, struct edge_err *err)
{
    const char *name;

    call->status = cloud_status(rc, &name);
    return rest_give(call, cloud_dps_error(call->cloud, rc, err));
}

static int give_answer(struct rest_call *call, struct cloud_dps_answer *answer)
{
    char text[16];

    call->status = answer->status;
    if (answer->retry_s > 0) {
        snprintf(text, sizeof text, "%u", answer->retry_s);
        rest_header(call, "Retry-After", text);
    }
    return rest_give(call, answer->body);
}

static int prove(struct rest_call *call, struct edge_err *err)
{
    return cloud_dps_prove(call->cloud, call->part[0], call->part[2],
                           rest_in_header(call, "authorization"), rest_certificate(call), err);
}

REST_HANDLER(rest_register)
{
    struct cloud_dps_answer answer = {0};
    int rc = prove(call, err);

    if (rc == 0)
        rc = cloud_dps_register(call->cloud, call->part[2], call->body, rest_certificate(call),
                                &answer, err);
    return rc == 0 ? give_answer(call, &answer) : refuse_device(call, rc, err);
}

REST_HANDLER(rest_operation)
{
    struct cloud_dps_answer answer = {0};
    int rc = prove(call, err);

    if (rc == 0)
        rc = cloud_dps_operation(call->cloud, call->part[2], call->part[4], &answer, err);
    return rc == 0 ? give_answer(call, &answer) : refuse_device(call, rc, err);
}
