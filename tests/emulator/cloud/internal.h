/* tests/emulator/cloud/internal.h - what the files of this room share. */
#ifndef TESTS_EMULATOR_CLOUD_INTERNAL_H
#define TESTS_EMULATOR_CLOUD_INTERNAL_H

#include "common/base/clock.h"
#include "common/base/map.h"
#include "tests/emulator/cloud/cloud.h"

enum { CLOUD_KEY = 2 * EDGE_ID_MAX + 2, CLOUD_TEXT_MAX = 4 * 1024 * 1024 };

/** What is known of an identity beyond the store; gone with the process. */
struct cloud_live {
    struct hub_session *session; /* NULL: not connected */
    int64_t activity_ns;         /* 0: never */
    int64_t state_ns;            /* of the last change of connectionState */
};

struct hub_session {
    struct cloud *cloud;
    struct hub_session *next, *prev;              /* of all */
    struct hub_session *next_dirty, **link_dirty; /* of those with something to deliver */
    struct edge_identity who;
    struct hub_events events;
    void *arg;
    enum hub_protocol protocol;
    bool keep;
    bool paused;
    unsigned features;
    char *chain; /* whom an edge hub speaks for, and by what; NULL: nobody speaks for it */
    char auth_method[128];
    char generation_id[40];
    char model_id[129];
    struct edge_timer *expiry;
    int64_t until_s;
    struct cloud_pending *pendings, **pendings_end;
};

struct cloud {
    struct edge_loop *loop;
    struct store *store;
    char *hostname;
    char *dps_host;
    char *device_ca;
    char *blob_host, *blob_container, *blob_sas;
    unsigned partitions;
    int64_t retention;
    unsigned max_devices;
    bool dps;
    struct hub_backend backend;
    struct cloud_faults faults;

    struct edge_map live; /* "device" or "device/module" to struct cloud_live */
    struct hub_session sessions;
    unsigned nsessions;
    struct hub_session *dirty;

    struct edge_timer *turn; /* there are dirty sessions or due watches */
    struct edge_timer *late; /* the first of held may be let go */
    struct edge_timer *due;  /* messages expire, locks end */
    struct cloud_wait held;  /* on disk, kept back by latency or frost */
    struct cloud_watch watches[CLOUD_TOPICS];
    bool watches_due;

    struct cloud_method *methods;
    unsigned nmethods;
    uint64_t last_rid;
    struct cloud_configuration *configurations; /* read once; the highest priority first */
    bool configurations_read;
    struct cloud_job *jobs; /* scheduled, not yet done */
};

/* cloud.c */

/** Have on_turn run at the loop's next turn. */
void cloud_turn(struct cloud *cloud);
/** Tell the watchers of a topic, later. */
void cloud_notify(struct cloud *cloud, enum cloud_topic topic);
/** Look anew when the next message expires. */
void cloud_rearm(struct cloud *cloud);
/** 7 fraction digits, now. */
void cloud_time(const struct cloud *cloud, char text[EDGE_TIME_TEXT]);

/* document.c: JSON in the store */

EDGE_MUST_CHECK int cloud_load(struct cloud *cloud, enum store_table table, const char *a,
                               const char *b, struct edge_json **ret);
EDGE_MUST_CHECK int cloud_save(struct cloud *cloud, enum store_table table, const char *a,
                               const char *b, const struct edge_json *value);
/** As store_next; the text is parsed. */
EDGE_MUST_CHECK int cloud_next(struct cloud *cloud, enum store_table table, char *a, char *b,
                               struct edge_json **ret);
/** Does an If-Match (`*`, `"*"`, `x`, `"x"`; NULL matches) match this ETag? */
bool cloud_etag_matches(const char *wanted, const char *etag);
/** A new ETag: base64 of digits. */
void cloud_etag_make(char text[24]);
/** The ETag of a counter: base64 of its eight bytes. */
void cloud_etag_of(uint64_t counter, char text[24]);
/** "device" or "device/module" */
void cloud_key(const char *device, const char *module, char key[CLOUD_KEY]);
/** edge_fail for refusals: fill @p err, return @p refusal. */
int cloud_refuse(struct edge_err *err, int refusal, const char *fmt, ...) EDGE_PRINTF(3, 4);

/* identity.c */

struct cloud_live *cloud_live(struct cloud *cloud, const char *device, const char *module,
                              bool make);
/** The stored identity, keys and all. @return 0, CLOUD_NO_DEVICE, CLOUD_NO_MODULE, negative */
EDGE_MUST_CHECK int cloud_identity_load(struct cloud *cloud, const char *device, const char *module,
                                        struct edge_json **ret, struct edge_err *err);
bool cloud_identity_is_edge(const struct edge_json *device);
/** The stored form to the one shown; in place. */
EDGE_MUST_CHECK int cloud_identity_show(struct cloud *cloud, struct edge_json *identity);
/** Make a module unless there is one. */
EDGE_MUST_CHECK int cloud_module_need(struct cloud *cloud, const char *device, const char *module,
                                      struct edge_err *err);

/* authentication.c: read what a service writes, into the stored form */

EDGE_MUST_CHECK int cloud_authentication_read(const struct edge_json *wanted,
                                              const struct edge_json *old, struct edge_json **ret,
                                              struct edge_err *err);

/* auth.c */

/** @param ret_auth  "sas" or "x509"; @return 0, CLOUD_UNAUTHORIZED, … */
EDGE_MUST_CHECK int cloud_prove(struct cloud *cloud, const char *token,
                                const struct edge_tls_peer *certificate,
                                const struct edge_identity *who, int64_t *ret_until_s,
                                struct edge_err *err);
void cloud_authenticate(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                        void *arg);

/* chain.c: edge devices that speak for others */

/** Is a device (as stored) the edge device of this scope, or a child of it? */
bool cloud_in_scope(const struct edge_json *device, const char *scope);
/** Read "target;edge;…;edge": all of them there and enabled, each in the scope of the next.
 * @param ret_actor  $edgeHub of the last   @return 0, CLOUD_UNAUTHORIZED, CLOUD_NO_DEVICE, … */
EDGE_MUST_CHECK int cloud_chain(struct cloud *cloud, const char *chain,
                                struct edge_identity *ret_target, struct edge_identity *ret_actor,
                                struct edge_err *err);
/** cloud_prove for a claim with an auth_chain. */
EDGE_MUST_CHECK int cloud_prove_chain(struct cloud *cloud, const struct hub_claim *claim,
                                      int64_t *ret_until_s, struct edge_err *err);

/* twin.c */

/** A new identity's twin. */
EDGE_MUST_CHECK int cloud_twin_make(struct cloud *cloud, const char *device, const char *module);
/** The stored twin. @return 0, CLOUD_NO_DEVICE, … */
EDGE_MUST_CHECK int cloud_twin_load(struct cloud *cloud, const char *device, const char *module,
                                    struct edge_json **ret, struct edge_err *err);
EDGE_MUST_CHECK int cloud_twin_save(struct cloud *cloud, const char *device, const char *module,
                                    struct edge_json *twin);
/** The service's form of a stored twin and its identity. NULL without memory. */
struct edge_json *cloud_twin_show(struct cloud *cloud, const struct edge_json *identity,
                                  const struct edge_json *twin);
/** Make the desired section what @p wanted says; merge or replace; check limits, count the version
 * up, tell the live session. The twin is changed in place, not saved. */
EDGE_MUST_CHECK int cloud_twin_desire(struct cloud *cloud, const struct edge_identity *who,
                                      struct edge_json *twin, const struct edge_json *wanted,
                                      bool replace, struct edge_err *err);
/** The device's own view: {"desired":…,"reported":…} with versions. */
char *cloud_twin_device_text(const struct edge_json *twin);
/** A patch of reported properties by the device. */
EDGE_MUST_CHECK int cloud_twin_report(struct cloud *cloud, const struct edge_identity *who,
                                      const char *patch, size_t len, int64_t *ret_version,
                                      struct edge_err *err);

/* metadata.c: $lastUpdated of each property */

/** Note in @p meta that @p patch was applied. @param version  of desired; 0: not told */
EDGE_MUST_CHECK int cloud_meta_touch(struct edge_json *meta, const struct edge_json *patch,
                                     const char *now, int64_t version);

/* session.c, owed.c */

/** Something may be waiting for this identity's session. */
void cloud_wake(struct cloud *cloud, const char *device, const char *module);
/** End the identity's session, if it has one. */
void cloud_close_session(struct cloud *cloud, const char *device, const char *module,
                         enum hub_result why);
/** A device has changed: end the sessions by chains it is in that do not hold any more. */
void cloud_check_chains(struct cloud *cloud, const char *device);
/** End the sessions of a device and of its modules. */
void cloud_close_device(struct cloud *cloud, const char *device, enum hub_result why);
/** The open session of an identity that has these features, or NULL. */
struct hub_session *cloud_session_with(struct cloud *cloud, const char *device, const char *module,
                                       unsigned features);
/** Tell the session about a change; @p patch becomes its own. */
EDGE_MUST_CHECK int cloud_push_desired(struct hub_session *session, char *patch, int64_t version);
void cloud_sessions_rearm(struct cloud *cloud);
extern const struct hub_backend_ops cloud_backend_ops;

/* c2d.c */

/** "d:<device>" */
void cloud_c2d_queue(const char *device, char queue[EDGE_ID_MAX + 3]);
void cloud_c2d_deliver(struct hub_session *session);
void cloud_c2d_settled(struct hub_session *session, uint64_t lock, enum hub_outcome outcome);
void cloud_c2d_expire(struct cloud *cloud);

/* feedback.c */

/** Queue a record if the message's ack asks for this kind. @param status  "Success" and so on */
EDGE_MUST_CHECK int cloud_feedback_add(struct cloud *cloud, const char *device,
                                       const struct edge_json *head, const char *status);

/** Queue a record of a finished upload. */
EDGE_MUST_CHECK int cloud_upload_add(struct cloud *cloud, const struct edge_json *record);

/* message.c: messages in the store */

/** The head of a stored message; NULL without memory. */
struct edge_json *cloud_message_head(const struct edge_message *message);
EDGE_MUST_CHECK int cloud_message_read(const struct edge_json *head, const void *body, size_t len,
                                       struct edge_message *ret);

/* method.c */

/** The session takes methods now: those waiting for it are sent. */
void cloud_methods_ready(struct hub_session *session);
void cloud_methods_gone(struct hub_session *session);
void cloud_methods_end(struct cloud *cloud);
bool cloud_method_answer(struct hub_session *session, const char *rid, int status,
                         struct edge_bytes payload);

/* telemetry.c */

EDGE_MUST_CHECK int cloud_telemetry_add(struct cloud *cloud, const struct edge_identity *who,
                                        const char *auth_method, const char *generation_id,
                                        const struct edge_message *message, struct edge_err *err);

/* configuration.c */

/** One of the deployments, ready to be matched. */
struct cloud_configuration {
    struct cloud_configuration *next;
    struct edge_json *doc;
    struct query *target;
    const char *id; /* of doc */
    const char *etag;
    const char *created;
    int64_t priority;
    const struct edge_json *modules; /* modulesContent, or NULL */
    const struct edge_json *device;  /* deviceContent, or NULL */
    bool layered;
};
EDGE_MUST_CHECK int cloud_configurations_read(struct cloud *cloud);
void cloud_configurations_forget(struct cloud *cloud);
/** Is each entry made of "properties.desired" and "properties.desired.a.b"? */
EDGE_MUST_CHECK int cloud_content_check(const struct edge_json *content, struct edge_err *err);

/* deploy.c */

/** Decide anew what is deployed on a device: its tags, or the configurations, have changed. */
EDGE_MUST_CHECK int cloud_deploy(struct cloud *cloud, const char *device);
EDGE_MUST_CHECK int cloud_deploy_all(struct cloud *cloud);

/* job.c */

void cloud_jobs_end(struct cloud *cloud);
/** After a start: what was scheduled is again. */
EDGE_MUST_CHECK int cloud_jobs_resume(struct cloud *cloud);

#endif
