/* tests/emulator/cloud/cloud.h - a local IoT Hub without its protocols: identities, twins, methods,
 * messages, configurations, enrolments. REST, MQTT and AMQP stand in front of it. Loop thread.
 *
 * A call returns 0, a refusal (enum cloud_refusal, positive: IoT Hub says no, `err` has the words
 * for the client), or a negative code (the store or memory failed). Nothing is on disk when a call
 * returns: answer through cloud_wait. */
#ifndef TESTS_EMULATOR_CLOUD_CLOUD_H
#define TESTS_EMULATOR_CLOUD_CLOUD_H

#include "common/json/json.h"
#include "common/loop/loop.h"
#include "hub/core/backend.h"
#include "tests/emulator/store/store.h"

struct cloud;

struct cloud_options {
    struct edge_loop *loop;
    struct store *store;
    const char *hostname;  /* copied */
    const char *device_ca; /* PEM of the CAs registered for devices, or NULL; copied */
    unsigned partitions;   /* of telemetry; 0: 4 */
    int64_t retention;     /* events a partition; 0: 100,000 */
    unsigned max_devices;  /* 0: 100,000 */
    const char *blob_host; /* of file uploads, "host[:port]"; NULL: none is configured */
    const char *blob_container;
    const char *blob_sas; /* query text handed to devices, without '?' */
    bool dps;             /* serve device provisioning */
};
EDGE_MUST_CHECK int cloud_create(const struct cloud_options *options, struct cloud **ret,
                                 struct edge_err *err);
/** Sessions get HUB_UNAVAILABLE. Accepts NULL; returns NULL. */
struct cloud *cloud_destroy(struct cloud *cloud);
EDGE_DEFINE_CLEANUP(struct cloud *, cloud_destroy)
/** For the protocol heads; valid until cloud_destroy. */
const struct hub_backend *cloud_backend(struct cloud *cloud);
const char *cloud_hostname(const struct cloud *cloud);
/** The cloud's clock: the machine's and the offset of its knob. */
int64_t cloud_now_ns(const struct cloud *cloud);
int64_t cloud_now_s(const struct cloud *cloud);

/* Refusals. */

enum cloud_refusal {
    CLOUD_INVALID = 1, /* 400 ArgumentInvalid */
    CLOUD_BAD_VERSION, /* 400 InvalidProtocolVersion */
    CLOUD_BAD_QUERY,   /* 400 InvalidQuery... */
    CLOUD_UNAUTHORIZED,
    CLOUD_QUOTA,            /* 403 IotHubQuotaExceeded */
    CLOUD_QUEUE_FULL,       /* 403 DeviceMaximumQueueDepthExceeded */
    CLOUD_TOO_MANY_DEVICES, /* 403 */
    CLOUD_TOO_MANY_MODULES, /* 403 */
    CLOUD_NO_DEVICE,        /* 404 DeviceNotFound */
    CLOUD_NO_MODULE,        /* 404 ModuleNotFound */
    CLOUD_NOT_FOUND,        /* 404 NotFound */
    CLOUD_NO_CONFIGURATION, /* 404 ConfigurationNotFound */
    CLOUD_NO_JOB,           /* 404 JobNotFound */
    CLOUD_OFFLINE,          /* 404 DeviceNotOnline */
    CLOUD_NO_MESSAGE,       /* 404: the lock is not known */
    CLOUD_NO_METHOD,        /* 405 */
    CLOUD_DEVICE_EXISTS,    /* 409 DeviceAlreadyExists */
    CLOUD_MODULE_EXISTS,    /* 409 ModuleAlreadyExistsOnDevice */
    CLOUD_EXISTS,           /* 409 */
    CLOUD_STALE,            /* 412 PreconditionFailed */
    CLOUD_LOCK_LOST,        /* 412 DeviceMessageLockLost */
    CLOUD_TOO_LARGE,        /* 413 MessageTooLarge */
    CLOUD_THROTTLED,        /* 429 ThrottlingException */
    CLOUD_TIMEOUT,          /* 504 GatewayTimeout */
    CLOUD_REFUSALS
};
/** The HTTP status and IoT Hub's name of an outcome; a negative one is 500 ServerError. */
int cloud_status(int rc, const char **ret_name);
/** The six-digit code in device-side errors: {"errorCode":404001,…}. */
int cloud_device_code(int rc);
enum hub_result cloud_hub_result(int rc);

/* Answers. */

/** Somebody who answers a client. Embed it; zero it before the first use. */
struct cloud_wait {
    struct store_wait store_;
    struct cloud *cloud_;
    struct cloud_wait *next_, *prev_;
    int64_t due_ms_;
    int rc_;
    void (*fn)(int rc, struct cloud_wait *wait);
};
/** Have @p fn called at a later turn when all that was written is on disk, the latency has passed,
 * and the cloud is not frozen. In the order of the calls. @p fn gets 0 or a negative code. */
void cloud_wait(struct cloud *cloud, struct cloud_wait *wait,
                void (*fn)(int rc, struct cloud_wait *wait));
void cloud_unwait(struct cloud_wait *wait);

/* Service tokens. */

enum cloud_right {
    CLOUD_REGISTRY_READ = 1,
    CLOUD_REGISTRY_WRITE = 2,
    CLOUD_SERVICE = 4,
    CLOUD_DEVICE = 8,
    CLOUD_ENROLLMENT_READ = 16,
    CLOUD_ENROLLMENT_WRITE = 32,
    CLOUD_REGISTRATION_READ = 64,
    CLOUD_REGISTRATION_WRITE = 128,
};
/** Make or replace a policy; its rights follow from its name (service, device, registryRead,
 * registryReadWrite, provisioningserviceowner); iothubowner and other names may do everything, also
 * to enrolments.
 * @param key  base64, NULL: keep the one there is, or make one */
EDGE_MUST_CHECK int cloud_policy_put(struct cloud *cloud, const char *name, const char *key,
                                     struct edge_err *err);
/** The policy's base64 key; the caller frees it. @return 0, CLOUD_NOT_FOUND, negative */
EDGE_MUST_CHECK int cloud_policy_key(struct cloud *cloud, const char *name, char **ret);
/** Is @p token of a policy that has all of @p rights, not expired, and signed for @p path ("" the
 * hub itself, "/messages/events") or above? @param host  whose resource it must be for; NULL: the
 * hub itself   @param raw_key  also accept the key's text unencoded, as Event Hubs clients hash
 * with it   @param policy  the name it must have (SASL), or NULL
 * @return 0 or CLOUD_UNAUTHORIZED */
EDGE_MUST_CHECK int cloud_authorize(struct cloud *cloud, const char *token, unsigned rights,
                                    const char *host, const char *path, bool raw_key,
                                    const char *policy, int64_t *ret_until_s, struct edge_err *err);
/** The same for a token whose audience is an Event Hubs entity, "sb://host/entity…". */
EDGE_MUST_CHECK int cloud_authorize_events(struct cloud *cloud, const char *token,
                                           const char *entity, int64_t *ret_until_s,
                                           struct edge_err *err);
/** May this client act for @p who (a device for its modules, too)? For REST of the device side. */
EDGE_MUST_CHECK int cloud_authorize_device(struct cloud *cloud, const char *token,
                                           const struct edge_tls_peer *certificate,
                                           const struct edge_identity *who, struct edge_err *err);

/* Identities: JSON as in the service REST. @p module is "" for a device. Values are given in
 * *ret, for edge_json_free. @p etag: an If-Match, "*" for any, NULL for none. */

EDGE_MUST_CHECK int cloud_identity_get(struct cloud *cloud, const char *device, const char *module,
                                       struct edge_json **ret, struct edge_err *err);
/** Create (no etag; CLOUD_DEVICE_EXISTS) or update. */
EDGE_MUST_CHECK int cloud_identity_put(struct cloud *cloud, const char *device, const char *module,
                                       const struct edge_json *wanted, const char *etag,
                                       struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_identity_delete(struct cloud *cloud, const char *device,
                                          const char *module, const char *etag,
                                          struct edge_err *err);
/** An array of devices, at most @p top, after the device @p after ("" at the start). */
EDGE_MUST_CHECK int cloud_devices(struct cloud *cloud, const char *after, size_t top,
                                  struct edge_json **ret);
EDGE_MUST_CHECK int cloud_modules(struct cloud *cloud, const char *device, struct edge_json **ret,
                                  struct edge_err *err);
/** The registry's bulk operation: an array in, {isSuccessful, errors, warnings} out. */
EDGE_MUST_CHECK int cloud_bulk(struct cloud *cloud, const struct edge_json *operations,
                               struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_statistics(struct cloud *cloud, struct edge_json **ret);
/** What edge hubs ask: the identities in the scope of an edge device. @param after  a page's
 * continuation or ""   @return {"devices":[…],"modules":[…],"continuationLink":…} */
EDGE_MUST_CHECK int cloud_scope(struct cloud *cloud, const char *edge, const char *after,
                                size_t top, struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_scope_one(struct cloud *cloud, const char *edge, const char *device,
                                    const char *module, struct edge_json **ret,
                                    struct edge_err *err);
/** May @p actor's hub ask what is below the first edge of "edge;…;actor"? @param ret  that edge */
EDGE_MUST_CHECK int cloud_scope_chain(struct cloud *cloud, const char *chain, const char *actor,
                                      struct edge_identity *ret, struct edge_err *err);

/* Twins, in the service's form. */

EDGE_MUST_CHECK int cloud_twin_get(struct cloud *cloud, const char *device, const char *module,
                                   struct edge_json **ret, struct edge_err *err);
/** @param replace  tags and desired become what is given; else merged */
EDGE_MUST_CHECK int cloud_twin_put(struct cloud *cloud, const char *device, const char *module,
                                   const struct edge_json *wanted, bool replace, const char *etag,
                                   struct edge_json **ret, struct edge_err *err);

/* Direct methods. */

struct cloud_method;
/** @p json: the device's answer, {"status":…,"payload":…}, on rc 0; else the words are in err */
typedef void cloud_method_done(int rc, const struct edge_err *err, const char *json, size_t len,
                               void *arg);
/** Invoke; @p done comes once, from a later turn. @p body is the service's request.
 * @return 0, or a refusal at once (done does not come) */
EDGE_MUST_CHECK int cloud_method_invoke(struct cloud *cloud, const char *device, const char *module,
                                        const struct edge_json *body, cloud_method_done *done,
                                        void *arg, struct cloud_method **ret, struct edge_err *err);
/** The caller has gone: done does not come. */
void cloud_method_cancel(struct cloud_method *method);

/* Cloud-to-device messages and their feedback. */

enum { CLOUD_C2D_MAX = 50, CLOUD_DELIVERIES_MAX = 10, CLOUD_LOCK_S = 60 };
/** Queue for a device (modules are refused). Message id, expiry (absolute, ms since 1970 as text or
 * RFC 3339), ack and properties are the message's. */
EDGE_MUST_CHECK int cloud_c2d_send(struct cloud *cloud, const char *device,
                                   const struct edge_message *message, struct edge_err *err);
/** Delete what is queued. @return the count in ret */
EDGE_MUST_CHECK int cloud_c2d_purge(struct cloud *cloud, const char *device, int64_t *ret,
                                    struct edge_err *err);
/** Receive one under a lock, as over HTTP. @return 0, CLOUD_NO_MESSAGE when there is none */
EDGE_MUST_CHECK int cloud_c2d_receive(struct cloud *cloud, const char *device,
                                      struct edge_message *ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_c2d_settle(struct cloud *cloud, const char *device, const char *lock,
                                     enum hub_outcome outcome, struct edge_err *err);

/** Feedback for services: a batch of records is received under a lock and settled. */
struct cloud_feedback {
    char *json; /* array of records; for free() */
    uint64_t lock;
    char lock_token[37];
    uint32_t delivery_count;
    int64_t enqueued_ns;
};
/** @return 0 or CLOUD_NO_MESSAGE */
EDGE_MUST_CHECK int cloud_feedback_receive(struct cloud *cloud, struct cloud_feedback *ret);
void cloud_feedback_settle(struct cloud *cloud, uint64_t lock, enum hub_outcome outcome);
/** The same for records of finished file uploads. */
EDGE_MUST_CHECK int cloud_upload_receive(struct cloud *cloud, struct cloud_feedback *ret);
void cloud_upload_settle(struct cloud *cloud, uint64_t lock, enum hub_outcome outcome);

/* Telemetry. */

/** What came in: the message, and facts about its sender. */
struct cloud_event {
    int64_t sequence; /* also the offset, as text */
    int64_t enqueued_ns;
    struct edge_message message; /* for edge_message_fini */
    struct edge_identity who;
    char auth_method[128]; /* JSON: {"scope":"device","type":"sas","issuer":"iothub"} */
    char generation_id[40];
};
unsigned cloud_partitions(const struct cloud *cloud);
EDGE_MUST_CHECK int cloud_event_range(struct cloud *cloud, unsigned partition,
                                      struct store_range *ret);
/** The first event with a sequence of @p from or more. @return 0, STORE_ABSENT, negative */
EDGE_MUST_CHECK int cloud_event_read(struct cloud *cloud, unsigned partition, int64_t from,
                                     struct cloud_event *ret);
EDGE_MUST_CHECK int cloud_event_since(struct cloud *cloud, unsigned partition, int64_t ns,
                                      int64_t *ret_sequence);
/** A device's telemetry as by HTTP. @p message is borrowed. */
EDGE_MUST_CHECK int cloud_telemetry(struct cloud *cloud, const struct edge_identity *who,
                                    const struct edge_message *message, struct edge_err *err);

/** Somebody to be told, at a later turn and merged, that there may be something new. */
struct cloud_watch {
    struct cloud_watch *next_, *prev_;
    bool due_;
    void (*fn)(struct cloud_watch *watch); /* may end its own watch, no other */
};
enum cloud_topic { CLOUD_TELEMETRY, CLOUD_FEEDBACK, CLOUD_UPLOADS, CLOUD_TOPICS };
void cloud_watch(struct cloud *cloud, enum cloud_topic topic, struct cloud_watch *watch,
                 void (*fn)(struct cloud_watch *watch));
void cloud_unwatch(struct cloud_watch *watch);

/* Configurations (deployments). */

EDGE_MUST_CHECK int cloud_configuration_get(struct cloud *cloud, const char *id,
                                            struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_configurations(struct cloud *cloud, size_t top, struct edge_json **ret);
EDGE_MUST_CHECK int cloud_configuration_put(struct cloud *cloud, const char *id,
                                            const struct edge_json *wanted, const char *etag,
                                            struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_configuration_delete(struct cloud *cloud, const char *id,
                                               const char *etag, struct edge_err *err);
EDGE_MUST_CHECK int cloud_configuration_test(struct cloud *cloud, const struct edge_json *request,
                                             struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_apply(struct cloud *cloud, const char *device,
                                const struct edge_json *content, struct edge_err *err);

/* Queries. */

struct cloud_page {
    size_t max;               /* items; 0: 100 */
    const char *continuation; /* of the page before, or NULL */
    struct edge_json *items;  /* array, given */
    const char *type;         /* "Twin", "DeviceJob", "JobResponse", "Raw" */
    char *next;               /* given; NULL: this is the last */
};
EDGE_MUST_CHECK int cloud_query(struct cloud *cloud, const char *sql, struct cloud_page *page,
                                struct edge_err *err);

/* Jobs v2. */

EDGE_MUST_CHECK int cloud_job_put(struct cloud *cloud, const char *id,
                                  const struct edge_json *wanted, struct edge_json **ret,
                                  struct edge_err *err);
EDGE_MUST_CHECK int cloud_job_get(struct cloud *cloud, const char *id, struct edge_json **ret,
                                  struct edge_err *err);
EDGE_MUST_CHECK int cloud_job_cancel(struct cloud *cloud, const char *id, struct edge_json **ret,
                                     struct edge_err *err);
/** @param type, status  NULL: all */
EDGE_MUST_CHECK int cloud_jobs(struct cloud *cloud, const char *type, const char *status,
                               struct cloud_page *page, struct edge_err *err);

/* File uploads. */

EDGE_MUST_CHECK int cloud_upload_begin(struct cloud *cloud, const char *device,
                                       const struct edge_json *request, struct edge_json **ret,
                                       struct edge_err *err);
EDGE_MUST_CHECK int cloud_upload_end(struct cloud *cloud, const char *device,
                                     const char *correlation, const struct edge_json *request,
                                     struct edge_err *err);

/* Knobs for faults. */

struct cloud_faults {
    int64_t latency_ms;
    int64_t clock_offset_s;
    bool refuse;       /* new connections */
    bool throttle;     /* 429 for every request */
    bool freeze;       /* accept, answer nothing */
    int64_t lose_acks; /* of the next so many messages: stored, never acknowledged; then the
                          connection that sent the last is dropped */
};
void cloud_faults_get(const struct cloud *cloud, struct cloud_faults *ret);
void cloud_faults_set(struct cloud *cloud, const struct cloud_faults *faults);
/** Drop the connection of an identity ("d", "d/m"), or all with NULL. @return how many */
unsigned cloud_drop(struct cloud *cloud, const char *identity);
unsigned cloud_sessions(const struct cloud *cloud);

#endif
