/* tests/emulator/rest/call.h - one request on its way through this room. */
#ifndef TESTS_EMULATOR_REST_CALL_H
#define TESTS_EMULATOR_REST_CALL_H

#include "tests/emulator/rest/rest.h"

enum { REST_PARTS = 7, REST_HEADERS = 40 };
enum { REST_LATER = 1000 }; /* what a handler returns that answers by itself */

struct rest {
    struct cloud *cloud;
    struct rest_call *calls;
};

struct rest_header {
    char *name;
    char *value;
};

struct rest_call {
    struct rest *rest;
    struct cloud *cloud;
    struct rest_call *next, **link;
    struct edge_exchange *exchange;
    struct cloud_wait wait;
    struct cloud_method *method; /* under way, to be cancelled */

    char *path; /* cut into parts */
    const char *part[REST_PARTS];
    struct edge_json *body; /* of the request; NULL: none */

    /* The answer. */
    int status;
    const char *type;
    char *text;
    size_t len;
    struct rest_header headers[REST_HEADERS];
    size_t nheaders;
};

/** What a route asks of the client. */
enum rest_auth {
    REST_SERVICE,  /* a policy's token with the rights */
    REST_DEVICE,   /* the device (or module) of the path itself */
    REST_EITHER,   /* one of them */
    REST_ENROLLER, /* like REST_SERVICE, for the name of device provisioning */
    REST_OWN,      /* the handler looks by itself */
};
enum rest_body {
    REST_NO_BODY,  /* ignored */
    REST_JSON,     /* JSON, must be there */
    REST_OPTIONAL, /* JSON or nothing */
    REST_RAW,      /* the handler takes the bytes */
};
struct rest_route {
    const char *method;
    const char *path; /* "/devices/?/modules/?" */
    enum rest_auth auth;
    unsigned rights; /* enum cloud_right */
    enum rest_body body;
    int (*serve)(struct rest_call *call, struct edge_err *err);
};
extern const struct rest_route rest_routes[];
extern const size_t rest_nroutes;

/* call.c */

void rest_header(struct rest_call *call, const char *name, const char *value);
/** Fill @p err, return @p refusal. */
int rest_refuse(struct edge_err *err, int refusal, const char *fmt, ...) EDGE_PRINTF(3, 4);
/** The answer is @p value, which becomes the call's; its "etag" is the header ETag. @return 0 or
 * -ENOMEM */
int rest_give(struct rest_call *call, struct edge_json *value);
/** Answer when it is safe: with what was given, or with the refusal. */
void rest_finish(struct rest_call *call, int rc, const struct edge_err *err);
const char *rest_query(const struct rest_call *call, const char *name);
const char *rest_in_header(const struct rest_call *call, const char *name);
/** What the client has shown in TLS, or NULL. */
const struct edge_tls_peer *rest_certificate(const struct rest_call *call);
/** A query parameter or header that is a number from 1 to @p most. @return 0 or CLOUD_INVALID */
int rest_number(const char *text, size_t most, size_t normal, size_t *ret, struct edge_err *err);

/* The handlers, by file. */
#define REST_HANDLER(name) int name(struct rest_call *call, struct edge_err *err)
REST_HANDLER(rest_devices);
REST_HANDLER(rest_bulk);
REST_HANDLER(rest_identity_get);
REST_HANDLER(rest_identity_put);
REST_HANDLER(rest_identity_delete);
REST_HANDLER(rest_bad_id);
REST_HANDLER(rest_modules);
REST_HANDLER(rest_statistics);
REST_HANDLER(rest_service_statistics);
REST_HANDLER(rest_purge);
REST_HANDLER(rest_scope);
REST_HANDLER(rest_scope_one);
REST_HANDLER(rest_target_scope);
REST_HANDLER(rest_target_one);
REST_HANDLER(rest_twin_get);
REST_HANDLER(rest_twin_patch);
REST_HANDLER(rest_twin_replace);
REST_HANDLER(rest_method);
REST_HANDLER(rest_apply);
REST_HANDLER(rest_configurations);
REST_HANDLER(rest_configuration_get);
REST_HANDLER(rest_configuration_put);
REST_HANDLER(rest_configuration_delete);
REST_HANDLER(rest_configuration_test);
REST_HANDLER(rest_query_run);
REST_HANDLER(rest_job_put);
REST_HANDLER(rest_job_get);
REST_HANDLER(rest_job_cancel);
REST_HANDLER(rest_jobs);
REST_HANDLER(rest_events);
REST_HANDLER(rest_devicebound);
REST_HANDLER(rest_complete);
REST_HANDLER(rest_abandon);
REST_HANDLER(rest_upload);
REST_HANDLER(rest_uploaded);
REST_HANDLER(rest_enrollment_get);
REST_HANDLER(rest_enrollment_put);
REST_HANDLER(rest_enrollment_delete);
REST_HANDLER(rest_enrollment_bulk);
REST_HANDLER(rest_attestation);
REST_HANDLER(rest_enrollments);
REST_HANDLER(rest_registration_get);
REST_HANDLER(rest_registration_delete);
REST_HANDLER(rest_registrations);
REST_HANDLER(rest_register);
REST_HANDLER(rest_operation);

#endif
