/* hub/core/internal.h - what the files of this room share. Loop thread.
 *
 *   identity --first named--> hub_client --open--> hub_session (one, or none)
 *
 * A client is everything known of an identity: its session, its queues, its twin. It is made when
 * it is first named (a session, a queue on disk, a kept session) and forgotten when nothing of that
 * is left. Data plane: client.c, session.c, router.c, inputs.c, outbox.c. Control plane: twins.c,
 * methods.c, c2d.c, config.c, report.c. */
#ifndef HUB_CORE_INTERNAL_H
#define HUB_CORE_INTERNAL_H

#include "common/base/map.h"
#include "common/routing/routing.h"
#include "hub/core/core.h"
#include "hub/core/metrics.h"

struct hub_inputs; /* inputs.c: queues of a module and what is under way to it */
struct hub_wanted; /* wanted.c: which of them its client has subscribed to */
struct hub_outbox; /* outbox.c: a sender's queues to IoT Hub */
struct hub_twin;   /* twins.c */
struct hub_calls;  /* methods.c: direct methods under way to a client */
struct hub_c2d;    /* c2d.c: cloud-to-device messages it has not settled; never without a session */

/** Something to be done at the next turn of the loop, once, however often it is asked for: events
 * never come from within a call. Embedded; zero it but for `run`. */
struct hub_task {
    void (*run)(struct hub_task *task);
    struct hub_task *prev, *next; /* NULL: not waiting */
};

struct hub_client {
    struct hub_core *core;
    struct hub_client *prev, *next; /* of all: hub_core.first */
    struct edge_identity who;
    char
        name[2 * EDGE_ID_MAX + 2]; /* "device/module": key of hub_core.clients, kind of documents */
    struct hub_session *session;   /* NULL: not connected */
    unsigned features;             /* of the session, or of the kept one it may come back to */
    unsigned wished;               /* of those: what the upstream has been told */
    int64_t linger_ms;             /* until when it is told nothing less; 0: it has been told all */
    bool renamed;                  /* the upstream has been told another product or model */
    bool kept;                     /* a session of it is on disk */
    unsigned saving;               /* writes of that under way */
    char *product, *model_id;      /* of the last session; or NULL */
    int64_t connected_ns, disconnected_ns; /* wall clock, 0: never */
    struct hub_inputs *inputs;             /* NULL: no queue leads to it */
    struct hub_wanted *wanted;             /* NULL: all of them */
    struct hub_outbox *outbox;             /* NULL: nothing waits in its name */
    struct hub_twin *twin;                 /* NULL: nothing is known */
    struct hub_calls *calls;               /* NULL: none */
    struct hub_c2d *c2d;                   /* NULL: none */
};

struct hub_session {
    struct hub_client *client;
    struct hub_events events;
    void *arg;
    enum hub_protocol protocol;
    struct edge_timer *expiry;
    int64_t until_s;      /* wall clock */
    struct hub_task tell; /* `fresh` */
    unsigned fresh;       /* features switched on that the control plane has not been told of */
    bool keep;
    bool forgets; /* a kept one's deletion may not be on disk yet, and nobody waits for it */
    bool paused;
    unsigned pending; /* answers that will come (store, twins); it is freed after the last */
    bool ended;       /* nothing more is told; only answers with HUB_GONE */
};

struct hub_core {
    struct hub_core_options options;
    struct hub_backend backend;
    const struct hub_upstream *upstream; /* NULL: not started, or ended */
    bool online;                         /* upstream is connected */
    struct edge_map clients;             /* name -> struct hub_client */
    struct hub_client *first;            /* of all clients */
    unsigned sessions;
    struct hub_router *router;   /* router.c */
    struct hub_config *config;   /* config.c */
    struct hub_report *report;   /* report.c: what $edgeHub's twin says of clients */
    struct hub_methods *methods; /* methods.c */
    struct hub_twins *twins;     /* twins.c: what is due, what is in memory */
    struct hub_metrics *metrics; /* metrics.c */
    struct hub_pipe *pipe;       /* pipe.c: what is under way to IoT Hub */
    struct hub_life *life;       /* turn.c */
    struct edge_timer *minute;   /* expiry and the ledger's check */
    struct hub_drain {
        struct edge_timer *timer;
        void (*done)(void *arg); /* NULL: nobody waits */
        void *arg;
    } drain;                   /* hub_core_drain */
    struct edge_timer *linger; /* client.c: wishes that are over */
    struct edge_timer *turn;   /* turn.c: runs `tasks` */
    struct hub_task tasks;     /* a ring; this is no task */
    struct edge_buf scratch;   /* a record being delivered */
    bool ending;               /* nobody comes in, nobody is forgotten */
    bool checking, unbalanced; /* the ledger */
    unsigned minutes;          /* that the timer has come */
    uint64_t checked;          /* commits of the store when it was last checked */
    char away[256];            /* why IoT Hub cannot be reached, as it was logged last */
    int64_t offline_ns;        /* wall clock: since when; 0: it never was online */
};

/* core.c */

/** While the core drains: IoT Hub has answered for everything it was sent. */
void hub_core_drained(struct hub_core *core);

/* turn.c - what is done later */

EDGE_MUST_CHECK int hub_turn_create(struct hub_core *core);
void hub_later(struct hub_core *core, struct hub_task *task);
/** It is not run. */
void hub_never(struct hub_task *task);
void hub_turn_destroy(struct hub_core *core);

/** Rings of tasks. */
void hub_ring_init(struct hub_task *ring);
void hub_ring_add(struct hub_task *ring, struct hub_task *task);
/** The first, taken out; NULL: there is none. */
struct hub_task *hub_ring_take(struct hub_task *ring);

/** Answers of the store, the upstream and hub/auth may come when the core has gone: who waits
 * for one keeps this instead of the core. */
struct hub_life;
struct hub_life *hub_life_hold(struct hub_core *core);
/** Once for each hold. @return NULL: it has gone */
struct hub_core *hub_life_release(struct hub_life *life);

/* client.c */

struct hub_client *hub_client_find(struct hub_core *core, const struct edge_identity *who);
/** Find or make. NULL without memory. */
struct hub_client *hub_client_need(struct hub_core *core, const struct edge_identity *who);
/** Forget it if nothing is left of it. @return whether it is gone */
bool hub_client_tidy(struct hub_client *client);
/** Of all clients, at the end: no session is left. */
void hub_clients_free(struct hub_core *core);
/** Tell the upstream what this client wants: DESIRED, METHODS, C2D of who is connected. Less than
 * before is told a while later: clients that have lost their connection come back. */
void hub_client_wish(struct hub_client *client);
/** hub_core.linger */
void hub_clients_on_linger(void *core);
/** Is it connected and subscribed to all of @p features? */
bool hub_client_listens(const struct hub_client *client, unsigned features);

/* session.c */

/** backend_ops' own, in session.c and backend.c. */
extern const struct hub_backend_ops hub_core_ops;
int hub_session_open(void *backend, const struct hub_claim *claim, const struct hub_grant *grant,
                     bool keep, const struct hub_events *events, void *arg, unsigned *ret_features,
                     struct hub_session **ret);
void hub_session_close(struct hub_session *session);
void hub_session_extend(struct hub_session *session, const struct hub_grant *grant);
void hub_session_subscribe(struct hub_session *session, unsigned on, unsigned off, hub_done *done,
                           void *arg);
/** The clock may have jumped: look again at when it expires. */
void hub_session_tick(struct hub_session *session);
/** End a session from our side: events.closed with @p why. */
void hub_session_expel(struct hub_session *session, enum hub_result why);
/** Hold a session's memory for an answer to come; every hold has its release. */
void hub_session_hold(struct hub_session *session);
void hub_session_release(struct hub_session *session);
/** Kept sessions from disk. */
EDGE_MUST_CHECK int hub_sessions_load(struct hub_core *core, struct edge_err *err);
void hub_sessions_end(struct hub_core *core);

/* record.c - messages as bytes of the store; pure */

/** A message as it lies in its record: all text and the body are borrowed from the bytes,
 * nothing is to be freed. */
struct hub_record {
    struct edge_message message; /* with EDGE_SYS_ORIGIN_… of the sender */
    struct edge_identity sender;
    struct edge_property properties[EDGE_PROPERTIES_MAX];
};
/** Appended; what the message claims of its origin is passed over. @return 0, EDGE_ELIMIT,
 * -ENOMEM
 */
EDGE_MUST_CHECK int hub_record_write(const struct edge_message *message,
                                     const struct edge_identity *sender, struct edge_buf *out);
/** @return 0 or EDGE_EPROTOCOL */
EDGE_MUST_CHECK int hub_record_read(struct edge_bytes bytes, struct hub_record *ret);

/* router.c */

enum { HUB_SOURCE_MAX = 1024 };

EDGE_MUST_CHECK int hub_router_create(struct hub_core *core, struct hub_router **ret);
/** New routes, at once and as a whole; @p routes becomes the router's. Queues that no route
 * leads to any more are cleared (HUB_DROP_ROUTE), unless their messages can still be delivered.
 */
void hub_router_set(struct hub_router *router, struct edge_routes *routes, int64_t default_ttl_s);
/** Route one message of @p sender and store it: HUB_OK when it is on disk in every queue it
 * goes to, or goes nowhere. HUB_THROTTLED: the store is full, HUB_FAILED: it broke.
 * @param source  "/messages/…", "/twinChangeNotifications"   @param more  system properties
 * besides the message's own, or NULL   @param done  may be NULL */
void hub_router_send(struct hub_router *router, const char *source,
                     const struct edge_identity *sender, const struct edge_message *message,
                     const struct edge_route_property *more, size_t nmore, hub_done *done,
                     void *arg);
struct hub_router *hub_router_destroy(struct hub_router *router);

/* inputs.c, deliver.c */

/** Queues on disk and of new routes find their clients. @param routed  a route leads there now
 */
void hub_inputs_add(struct hub_core *core, struct hub_queue *queue, const struct edge_identity *who,
                    const char *input, uint32_t priority, bool routed);
/** New routes: first no route leads anywhere, then hub_inputs_add, then what none leads to is
 * cleared, unless its module listens or will. */
void hub_inputs_unroute(struct hub_core *core);
void hub_inputs_prune(struct hub_core *core);
/** The session has changed: opened, paused or not, INPUTS on or off, ended (what is under way
 * comes again). */
void hub_inputs_session(struct hub_client *client);
void hub_inputs_each(const struct hub_client *client,
                     void (*fn)(const struct hub_queue *queue, const char *input, uint32_t priority,
                                void *arg),
                     void *arg);
/** @return false when the lock is none of its */
bool hub_inputs_settle(struct hub_client *client, uint64_t lock, enum hub_outcome outcome);
void hub_inputs_free(struct hub_client *client);

/* outbox.c, pipe.c */

EDGE_MUST_CHECK int hub_pipe_create(struct hub_core *core);
void hub_outbox_add(struct hub_core *core, struct hub_queue *queue, const struct edge_identity *who,
                    uint32_t priority);
/** The queue of @p client with @p priority, made when there is none. NULL without memory. */
struct hub_queue *hub_outbox_queue(struct hub_client *client, uint32_t priority);
/** The upstream is there or gone. */
void hub_outbox_online(struct hub_core *core);
/** Once a minute: free one that is empty and stays so. */
void hub_outbox_tick(struct hub_client *client);
/** Calls @p fn for each queue. */
void hub_outbox_each(const struct hub_client *client,
                     void (*fn)(const struct hub_queue *queue, uint32_t priority, void *arg),
                     void *arg);
/** IoT Hub does not take this sender now. */
void hub_outbox_refused(struct hub_client *client);
void hub_outbox_free(struct hub_client *client);
void hub_pipe_destroy(struct hub_core *core);

/* twins.c */

/** backend_ops.twin_get, twin_patch. */
void hub_twins_get(struct hub_session *session, hub_twin_done *done, void *arg);
void hub_twins_patch(struct hub_session *session, const char *patch, size_t len,
                     hub_version_done *done, void *arg);
/** DESIRED was switched on, or a session that has it was opened. */
void hub_twins_subscribed(struct hub_client *client);
/** Upstream events. */
void hub_twins_ready(struct hub_client *client);
void hub_twins_desired(struct hub_client *client, const char *patch, size_t len);
void hub_twins_online(struct hub_core *core);
void hub_twins_free(struct hub_client *client);
/** Its document goes, unless something is under way for it. */
void hub_twins_forget(struct hub_core *core, const struct edge_identity *who);
/** Makes hub_core.twins; finds whose reported properties still wait for IoT Hub. */
EDGE_MUST_CHECK int hub_twins_load(struct hub_core *core, struct edge_err *err);
/** After hub_twins_free of every client. */
void hub_twins_destroy(struct hub_core *core);

/* methods.c */

EDGE_MUST_CHECK int hub_methods_create(struct hub_core *core, struct hub_methods **ret);
/** The client has (again) subscribed to methods: who waits for that is served. */
void hub_methods_available(struct hub_client *client);
/** Its session has ended. */
void hub_methods_gone(struct hub_client *client);
/** From IoT Hub, also for $edgeHub: @p client may be the hub's own. */
void hub_methods_request(struct hub_client *client, const char *rid, const char *name,
                         struct edge_bytes payload);
bool hub_methods_reply(struct hub_session *session, const char *rid, int status,
                       struct edge_bytes payload);
/** Who may call whom: {"caller": ["target", "*"]}; NULL: everybody everybody. Becomes ours. */
void hub_methods_permit(struct hub_methods *methods, struct edge_json *permissions);
struct hub_methods *hub_methods_destroy(struct hub_methods *methods);

/* c2d.c - cloud-to-device messages pass through; they stay in IoT Hub until they are settled */

void hub_c2d_message(struct hub_client *client, const struct edge_message *message, uint64_t lock);
/** @return false when the lock is none of its */
bool hub_c2d_settle(struct hub_client *client, uint64_t lock, enum hub_outcome outcome);
/** The session has changed, as for inputs. */
void hub_c2d_session(struct hub_client *client);
/** All locks are void. */
void hub_c2d_offline(struct hub_core *core);

/* config.c - $edgeHub's own twin: routes, storeAndForwardConfiguration, permissions */

EDGE_MUST_CHECK int hub_config_create(struct hub_core *core, struct hub_config **ret,
                                      struct edge_err *err);
/** The upstream is open: says what is wanted of it for $edgeHub. */
void hub_config_start(struct hub_core *core);
void hub_config_online(struct hub_core *core);
void hub_config_desired(struct hub_core *core, const char *patch, size_t len);
struct hub_config *hub_config_destroy(struct hub_config *config);

/* report.c - $edgeHub's reported properties: lastDesiredStatus, clients; merged, and not too
 * often
 */

EDGE_MUST_CHECK int hub_report_create(struct hub_core *core, struct hub_report **ret);
void hub_report_status(struct hub_report *report, int code, const char *description,
                       int64_t desired_version);
/** It has connected or gone. */
void hub_report_client(struct hub_report *report, const struct hub_client *client);
void hub_report_online(struct hub_report *report);
struct hub_report *hub_report_destroy(struct hub_report *report);

#endif
