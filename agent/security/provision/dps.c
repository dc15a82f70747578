#include "agent/security/provision/dps.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/iothub/identity.h"

enum { POLL_S = 5, MAX_WAIT_S = 60 };

bool sec_hub_valid(const char *text)
{
    size_t len = strlen(text);

    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char) *c) && !strchr(".-:", *c))
            return false;
    }
    return len > 0 && len < 254 && isalnum((unsigned char) *text);
}

/* It becomes a piece of a path. */
static bool operation_valid(const char *text)
{
    size_t len = strlen(text);

    for (const char *c = text; *c; c++) {
        if (!isalnum((unsigned char) *c) && !strchr(".-_", *c))
            return false;
    }
    return len > 0 && len < sizeof((struct sec_dps_result *) 0)->operation && *text != '.';
}

static int assigned(const struct edge_json *state, struct sec_dps_result *ret, struct edge_err *err)
{
    const char *hub = edge_json_str(edge_json_get(state, "assignedHub"), "");
    const char *device = edge_json_str(edge_json_get(state, "deviceId"), "");

    if (!sec_hub_valid(hub) || !edge_id_valid(device, strlen(device)))
        return edge_fail(err, EDGE_EPROTOCOL,
                         "DPS assigned this device without a valid assignedHub and deviceId");
    (void) snprintf(ret->hub, sizeof ret->hub, "%s", hub);
    (void) snprintf(ret->device, sizeof ret->device, "%s", device);
    return SEC_DPS_ASSIGNED;
}

static int assigning(const struct sec_cloud_answer *answer, struct sec_dps_result *ret,
                     struct edge_err *err)
{
    const char *operation = edge_json_str(edge_json_get(answer->body, "operationId"), "");

    if (!operation_valid(operation))
        return edge_fail(err, EDGE_EPROTOCOL, "DPS answers without a valid operationId");
    (void) snprintf(ret->operation, sizeof ret->operation, "%s", operation);
    ret->wait_s = answer->retry_after_s > 0 ? answer->retry_after_s : POLL_S;
    if (ret->wait_s > MAX_WAIT_S)
        ret->wait_s = MAX_WAIT_S;
    return SEC_DPS_ASSIGNING;
}

static int refused(const struct edge_json *state, const char *status, struct edge_err *err)
{
    return edge_fail(
        err, EDGE_EREMOTE, "DPS: the registration is %s: %.300s", status,
        edge_json_str(edge_json_get(state, "errorMessage"), "look at the enrolment in the portal"));
}

int sec_dps_read(const struct sec_cloud_answer *answer, struct sec_dps_result *ret,
                 struct edge_err *err)
{
    const struct edge_json *state = edge_json_get(answer->body, "registrationState");
    const char *status = edge_json_str(edge_json_get(answer->body, "status"), "");

    if (answer->status != 200 && answer->status != 202)
        return sec_cloud_refused(answer, "DPS does not register this device", err);
    if (strcmp(status, "assigned") == 0)
        return assigned(state, ret, err);
    if (strcmp(status, "assigning") == 0 || strcmp(status, "unassigned") == 0)
        return assigning(answer, ret, err);
    if (strcmp(status, "failed") == 0 || strcmp(status, "disabled") == 0)
        return refused(state, status, err);
    return edge_fail(err, EDGE_EPROTOCOL, "DPS answers with an unknown status");
}
