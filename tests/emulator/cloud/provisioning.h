/* tests/emulator/cloud/provisioning.h - device provisioning (DPS) without its protocols: who is
 * enrolled is made a device of this hub. Loop thread. Sources: cloud.md 14, agent.md 7.2.
 *
 * Refusals are those of cloud.h; towards devices their shape is cloud_dps_error's. */
#ifndef TESTS_EMULATOR_CLOUD_PROVISIONING_H
#define TESTS_EMULATOR_CLOUD_PROVISIONING_H

#include "tests/emulator/cloud/cloud.h"

enum { CLOUD_REGISTRATION_MAX = 128 };

/** The service's name in TLS and tokens: "dps" in place of the hub's first label. */
const char *cloud_dps_host(const struct cloud *cloud);

/* Devices. */

/** Does the token or the certificate prove an enrolled registration of this scope?
 * @return 0, CLOUD_UNAUTHORIZED, negative */
EDGE_MUST_CHECK int cloud_dps_prove(struct cloud *cloud, const char *scope,
                                    const char *registration, const char *token,
                                    const struct edge_tls_peer *certificate, struct edge_err *err);
struct cloud_dps_answer {
    int status;             /* 202: ask again in retry_s; 200: the end, well or not */
    unsigned retry_s;       /* 0: no need */
    struct edge_json *body; /* given */
};
/** Register one that is proved: begin an operation. @param request  {"registrationId","payload"?}
 */
EDGE_MUST_CHECK int cloud_dps_register(struct cloud *cloud, const char *registration,
                                       const struct edge_json *request,
                                       const struct edge_tls_peer *certificate,
                                       struct cloud_dps_answer *ret, struct edge_err *err);
/** How far is the operation? */
EDGE_MUST_CHECK int cloud_dps_operation(struct cloud *cloud, const char *registration,
                                        const char *operation, struct cloud_dps_answer *ret,
                                        struct edge_err *err);
/** What a device is told of a refusal: {"errorCode":401002,"trackingId":…,"message":…}. NULL
 * without memory. */
struct edge_json *cloud_dps_error(struct cloud *cloud, int rc, const struct edge_err *err);

/* Services. @p group: enrollment groups instead of individual enrollments. */

EDGE_MUST_CHECK int cloud_enrollment_get(struct cloud *cloud, bool group, const char *id,
                                         struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_enrollment_put(struct cloud *cloud, bool group, const char *id,
                                         const struct edge_json *wanted, const char *etag,
                                         struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_enrollment_delete(struct cloud *cloud, bool group, const char *id,
                                            const char *etag, struct edge_err *err);
/** The attestation with its keys. */
EDGE_MUST_CHECK int cloud_enrollment_attestation(struct cloud *cloud, bool group, const char *id,
                                                 struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_enrollments(struct cloud *cloud, bool group, struct edge_json **ret);
EDGE_MUST_CHECK int cloud_registration_get(struct cloud *cloud, const char *id,
                                           struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_registration_delete(struct cloud *cloud, const char *id,
                                              struct edge_err *err);
/** Registrations that came by this group. */
EDGE_MUST_CHECK int cloud_registrations(struct cloud *cloud, const char *group,
                                        struct edge_json **ret);

#endif
