/* hub/core/backend.h - what stands behind a protocol head: identities, messages, twins, methods,
 * and nothing of MQTT or AMQP. The heads (hub/mqtt, hub/amqp) call it; the local cloud of the tests
 * implements it, and so will the hub. Loop thread.
 *
 * Every `done` is called exactly once, perhaps before the call returns; what its arg points to must
 * live until then. A session ends by close (the head's wish) or by events.closed (the backend's);
 * `done`s outstanding at that time still come, with HUB_GONE. */
#ifndef HUB_CORE_BACKEND_H
#define HUB_CORE_BACKEND_H

#include "common/iothub/identity.h"
#include "common/iothub/message.h"
#include "common/iothub/topic.h"
#include "common/tls/tls.h"

enum hub_result {
    HUB_OK,
    HUB_BAD,         /* malformed, or against a limit of its document: 400 */
    HUB_REFUSED,     /* not who it claims, or not allowed: 401 */
    HUB_NOT_FOUND,   /* 404 */
    HUB_CONFLICT,    /* 409, 412 */
    HUB_TOO_LARGE,   /* 413 */
    HUB_QUOTA,       /* 403: a quota is used up; trying again does not help now */
    HUB_THROTTLED,   /* 429 */
    HUB_FAILED,      /* 500 */
    HUB_UNAVAILABLE, /* 503: later */
    HUB_TIMEOUT,     /* 504 */
    HUB_GONE,        /* the session ended meanwhile */
};

enum hub_protocol { HUB_MQTT, HUB_MQTT_WS, HUB_AMQP, HUB_AMQP_WS };

/** Who wants in. All borrowed for the call. */
struct hub_claim {
    struct edge_identity who;
    const char *host;  /* the hub's name as the client wrote it (user name, OPEN), or NULL */
    const char *token; /* SAS text, or NULL */
    const struct edge_tls_peer *certificate; /* shown in TLS, or NULL */
    enum hub_protocol protocol;
    const char *client;   /* DeviceClientType or client-version, or "" */
    const char *model_id; /* or "" */
    /** "who;edge;…;edge": the last speaks for who, and token or certificate are those of its
     * $edgeHub; "": who speaks for itself. */
    const char *auth_chain;
    const char *address; /* of the peer, for the log */
};
/** How an accepted claim was proved; copied by who keeps it. */
struct hub_grant {
    enum hub_result result;
    int64_t until_s;  /* wall clock: when the token or certificate ends; INT64_MAX: never */
    char reason[160]; /* of a refusal, for the log and for clients that show it */
};

/** What the backend says to a session. Never from within a call of the same session. */
struct hub_events {
    /** A cloud-to-device message or an input. @p lock is given back to `settle`. A
     * delivery_count above 0 means it has been sent before. */
    void (*deliver)(const struct edge_message *message, uint64_t lock, void *arg);
    /** Desired properties have changed: @p patch is JSON with its "$version". */
    void (*desired)(const char *patch, size_t len, int64_t version, void *arg);
    /** A direct method; answered by `method_reply` with this @p rid (at most 40 characters). */
    void (*method)(const char *rid, const char *name, struct edge_bytes payload, void *arg);
    /** The session is over and its pointer invalid: HUB_CONFLICT another connection of this
     * identity, HUB_REFUSED disabled, deleted or expired, HUB_UNAVAILABLE the backend ends. The
     * head drops the client. */
    void (*closed)(enum hub_result why, void *arg);
};

enum hub_outcome {
    HUB_ACCEPTED,
    HUB_REJECTED, /* never again: dead-lettered */
    HUB_RELEASED, /* again, later: the delivery count goes up */
    HUB_MODIFIED, /* the same */
};

struct hub_session; /* of the backend */
typedef void hub_done(enum hub_result result, const char *why, void *arg);
/** @p json: the twin document on HUB_OK, borrowed */
typedef void hub_twin_done(enum hub_result result, const char *why, const char *json, size_t len,
                           void *arg);
typedef void hub_version_done(enum hub_result result, const char *why, int64_t version, void *arg);
typedef void hub_grant_done(const struct hub_grant *grant, void *arg);

struct hub_backend_ops {
    /** May this client be who it claims? Also for a renewed token of an open session. */
    void (*authenticate)(void *backend, const struct hub_claim *claim, hub_grant_done *done,
                         void *arg);

    /** Begin a session for an identity that has been granted. An older one of the same identity is
     * closed first. The claim is as it was authenticated, but perhaps without its token.
     * @param keep   what is undelivered and subscribed outlives the connection (MQTT clean = 0)
     * @param ret_features  what a kept session was subscribed to (enum edge_feature); 0 when new
     * @return 0, HUB_RESUMED, HUB_FORGETTING: that there was an older one is not forgotten on disk
     * yet, `subscribe`, even to nothing, tells when it is; or negative */
    int (*open)(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                bool keep, const struct hub_events *events, void *arg, unsigned *ret_features,
                struct hub_session **ret);
    /** The client has gone. What was delivered and not settled will come again. */
    void (*close)(struct hub_session *session);
    /** The token was renewed. */
    void (*extend)(struct hub_session *session, const struct hub_grant *grant);

    /** Of a module: its client wants this input (HUB_EVERY_INPUT: all of them), or no longer. It
     * is in force with the `subscribe` that follows, and ends when INPUTS is switched off; a
     * session that never names one gets all. NULL: the backend has no inputs.
     * @return how many are wanted now, EDGE_ELIMIT (50), -ENOMEM */
    int (*input)(struct hub_session *session, const char *name, bool on);
    /** Switch features on or off; for a kept session this is on disk when @p done is called. */
    void (*subscribe)(struct hub_session *session, unsigned on, unsigned off, hub_done *done,
                      void *arg);
    /** Telemetry or an output: HUB_OK when it is safe. The message is borrowed for the call. */
    void (*send)(struct hub_session *session, const struct edge_message *message, hub_done *done,
                 void *arg);
    void (*twin_get)(struct hub_session *session, hub_twin_done *done, void *arg);
    void (*twin_patch)(struct hub_session *session, const char *patch, size_t len,
                       hub_version_done *done, void *arg);
    /** @return false when no method with this rid waits (any more) */
    bool (*method_reply)(struct hub_session *session, const char *rid, int status,
                         struct edge_bytes payload);
    void (*settle)(struct hub_session *session, uint64_t lock, enum hub_outcome outcome);
    /** Deliver nothing more until called with false: the client reads slowly or has given no
     * credit. A session begins unpaused. Also from within `deliver`. */
    void (*pause)(struct hub_session *session, bool paused);
};
enum { HUB_RESUMED = 1, HUB_FORGETTING };
#define HUB_EVERY_INPUT "#" /* no name of an input */

/** Borrowed by the heads; outlives them. */
struct hub_backend {
    const struct hub_backend_ops *ops;
    void *self;
};

#endif
