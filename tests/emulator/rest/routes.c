#include "tests/emulator/rest/call.h"

#define READ    CLOUD_REGISTRY_READ
#define WRITE   CLOUD_REGISTRY_WRITE
#define SERVICE CLOUD_SERVICE
#define E_READ  CLOUD_ENROLLMENT_READ
#define E_WRITE CLOUD_ENROLLMENT_WRITE

/* The first that matches; fixed names stand before "?". */
const struct rest_route rest_routes[] = {
    {"GET", "/devices", REST_SERVICE, READ, REST_NO_BODY, rest_devices},
    {"POST", "/devices", REST_SERVICE, WRITE, REST_JSON, rest_bulk},
    {"POST", "/devices/query", REST_SERVICE, READ, REST_JSON, rest_query_run},
    {"GET", "/devices/?", REST_EITHER, READ, REST_NO_BODY, rest_identity_get},
    {"PUT", "/devices/?", REST_SERVICE, WRITE, REST_JSON, rest_identity_put},
    {"DELETE", "/devices/?", REST_SERVICE, WRITE, REST_NO_BODY, rest_identity_delete},
    {"GET", "/devices/?/modules", REST_EITHER, READ, REST_NO_BODY, rest_modules},
    {"GET", "/devices/?/modules/?", REST_EITHER, READ, REST_NO_BODY, rest_identity_get},
    {"PUT", "/devices/?/modules/?", REST_EITHER, WRITE, REST_JSON, rest_identity_put},
    {"DELETE", "/devices/?/modules/?", REST_EITHER, WRITE, REST_NO_BODY, rest_identity_delete},
    {"PUT", "/devices/?/?", REST_SERVICE, WRITE, REST_NO_BODY, rest_bad_id}, /* "a%2Fb" */
    {"DELETE", "/devices/?/commands", REST_SERVICE, SERVICE, REST_NO_BODY, rest_purge},
    {"POST", "/devices/?/applyConfigurationContent", REST_SERVICE, WRITE, REST_JSON, rest_apply},
    {"GET", "/statistics/devices", REST_SERVICE, READ, REST_NO_BODY, rest_statistics},
    {"GET", "/statistics/service", REST_SERVICE, READ, REST_NO_BODY, rest_service_statistics},

    {"GET", "/twins/?", REST_SERVICE, SERVICE, REST_NO_BODY, rest_twin_get},
    {"PATCH", "/twins/?", REST_SERVICE, SERVICE, REST_JSON, rest_twin_patch},
    {"PUT", "/twins/?", REST_SERVICE, SERVICE, REST_JSON, rest_twin_replace},
    {"GET", "/twins/?/modules/?", REST_SERVICE, SERVICE, REST_NO_BODY, rest_twin_get},
    {"PATCH", "/twins/?/modules/?", REST_SERVICE, SERVICE, REST_JSON, rest_twin_patch},
    {"PUT", "/twins/?/modules/?", REST_SERVICE, SERVICE, REST_JSON, rest_twin_replace},
    {"POST", "/twins/?/methods", REST_SERVICE, SERVICE, REST_JSON, rest_method},
    {"POST", "/twins/?/modules/?/methods", REST_SERVICE, SERVICE, REST_JSON, rest_method},

    {"GET", "/configurations", REST_SERVICE, READ, REST_NO_BODY, rest_configurations},
    {"POST", "/configurations/testQueries", REST_SERVICE, READ, REST_JSON, rest_configuration_test},
    {"GET", "/configurations/?", REST_SERVICE, READ, REST_NO_BODY, rest_configuration_get},
    {"PUT", "/configurations/?", REST_SERVICE, WRITE, REST_JSON, rest_configuration_put},
    {"DELETE", "/configurations/?", REST_SERVICE, WRITE, REST_NO_BODY, rest_configuration_delete},

    {"GET", "/jobs/v2/query", REST_SERVICE, SERVICE, REST_NO_BODY, rest_jobs},
    {"GET", "/jobs/v2/?", REST_SERVICE, SERVICE, REST_NO_BODY, rest_job_get},
    {"PUT", "/jobs/v2/?", REST_SERVICE, SERVICE, REST_JSON, rest_job_put},
    {"POST", "/jobs/v2/?/cancel", REST_SERVICE, SERVICE, REST_OPTIONAL, rest_job_cancel},

    {"GET", "/devices/?/modules/?/devicesAndModulesInDeviceScope", REST_DEVICE, 0, REST_NO_BODY,
     rest_scope},
    {"GET", "/devices/?/modules/?/deviceAndModuleInDeviceScope", REST_DEVICE, 0, REST_NO_BODY,
     rest_scope_one},
    {"POST", "/devices/?/modules/?/devicesAndModulesInTargetDeviceScope", REST_DEVICE, 0, REST_JSON,
     rest_target_scope},
    {"POST", "/devices/?/modules/?/getDeviceAndModuleOnBehalfOf", REST_DEVICE, 0, REST_JSON,
     rest_target_one},
    {"POST", "/devices/?/messages/events", REST_DEVICE, 0, REST_RAW, rest_events},
    {"POST", "/devices/?/modules/?/messages/events", REST_DEVICE, 0, REST_RAW, rest_events},
    {"GET", "/devices/?/messages/devicebound", REST_DEVICE, 0, REST_NO_BODY, rest_devicebound},
    {"DELETE", "/devices/?/messages/devicebound/?", REST_DEVICE, 0, REST_NO_BODY, rest_complete},
    {"POST", "/devices/?/messages/devicebound/?/abandon", REST_DEVICE, 0, REST_NO_BODY,
     rest_abandon},
    {"POST", "/devices/?/files", REST_DEVICE, 0, REST_JSON, rest_upload},
    {"POST", "/devices/?/files/notifications", REST_DEVICE, 0, REST_JSON, rest_uploaded},
    {"POST", "/devices/?/files/notifications/?", REST_DEVICE, 0, REST_JSON, rest_uploaded},

    {"POST", "/enrollments", REST_ENROLLER, E_WRITE, REST_JSON, rest_enrollment_bulk},
    {"POST", "/enrollments/query", REST_ENROLLER, E_READ, REST_JSON, rest_enrollments},
    {"POST", "/enrollmentGroups/query", REST_ENROLLER, E_READ, REST_JSON, rest_enrollments},
    {"GET", "/enrollments/?", REST_ENROLLER, E_READ, REST_NO_BODY, rest_enrollment_get},
    {"PUT", "/enrollments/?", REST_ENROLLER, E_WRITE, REST_JSON, rest_enrollment_put},
    {"DELETE", "/enrollments/?", REST_ENROLLER, E_WRITE, REST_NO_BODY, rest_enrollment_delete},
    {"GET", "/enrollmentGroups/?", REST_ENROLLER, E_READ, REST_NO_BODY, rest_enrollment_get},
    {"PUT", "/enrollmentGroups/?", REST_ENROLLER, E_WRITE, REST_JSON, rest_enrollment_put},
    {"DELETE", "/enrollmentGroups/?", REST_ENROLLER, E_WRITE, REST_NO_BODY, rest_enrollment_delete},
    {"POST", "/enrollments/?/attestationmechanism", REST_ENROLLER, E_READ, REST_OPTIONAL,
     rest_attestation},
    {"POST", "/enrollmentGroups/?/attestationmechanism", REST_ENROLLER, E_READ, REST_OPTIONAL,
     rest_attestation},
    {"GET", "/registrations/?", REST_ENROLLER, CLOUD_REGISTRATION_READ, REST_NO_BODY,
     rest_registration_get},
    {"DELETE", "/registrations/?", REST_ENROLLER, CLOUD_REGISTRATION_WRITE, REST_NO_BODY,
     rest_registration_delete},
    {"POST", "/registrations/?/query", REST_ENROLLER, CLOUD_REGISTRATION_READ, REST_OPTIONAL,
     rest_registrations},
    {"PUT", "/?/registrations/?/register", REST_OWN, 0, REST_OPTIONAL, rest_register},
    {"GET", "/?/registrations/?/operations/?", REST_OWN, 0, REST_NO_BODY, rest_operation},
};
const size_t rest_nroutes = EDGE_ARRAY_LEN(rest_routes);
