/* hub/core/methods.h - what the files of direct methods share. Loop thread.
 *
 *   methods.c        calls: made, answered, forgotten
 *   methods_cloud.c  IoT Hub calls a client, or $edgeHub itself
 *   methods_local.c  a module calls a client
 *
 *             invoke --target not there--> WAITING --subscribes--+
 *                +-------------------------------------------> SENT --reply--> ended
 *   request -----+   (not there: answered 404 at once)           '--deadline--> ended or forgotten
 */
#ifndef HUB_CORE_METHODS_H
#define HUB_CORE_METHODS_H

#include "hub/core/internal.h"

enum {
    HUB_CALLS_MAX = 1000,      /* under way */
    HUB_CALLS_CLIENT_MAX = 64, /* of them to one client */
    HUB_CALL_CLOUD_S = 330,    /* IoT Hub itself waits no longer than 300 */
    HUB_CALL_NAME_MAX = 100,   /* bytes of a method's name */
    HUB_CALL_RID_MAX = 256,    /* bytes of IoT Hub's request ids */
    HUB_CALL_PAYLOAD_MAX = 128 * 1024,
    HUB_CALLS_BYTES_MAX = 8 * 1024 * 1024, /* of payloads that wait for their client */
};

enum hub_call_state { HUB_CALL_WAITING, HUB_CALL_SENT };
struct hub_call {
    struct hub_task all;       /* in hub_methods.calls */
    struct hub_call *next;     /* of the client */
    struct hub_client *client; /* the target */
    enum hub_call_state state;
    char rid[41]; /* towards the client */
    int64_t started_ms, deadline_ms;
    char *cloud_rid; /* IoT Hub's; NULL: a module calls */
    /* A module's. */
    char caller[2 * EDGE_ID_MAX + 2];
    char *name;
    uint8_t *payload;
    size_t len;
    unsigned response_s;
    void (*done)(enum hub_result result, const char *why, int status, struct edge_bytes payload,
                 void *arg);
    void *arg;
};
struct hub_calls {
    struct hub_call *first;
    unsigned count;
};

struct hub_methods {
    struct hub_core *core;
    struct edge_json *permissions; /* NULL: everybody everybody */
    struct hub_task calls;         /* a ring of all; this is none */
    unsigned count;
    uint32_t number;          /* of the last rid */
    int64_t begun;            /* makes rids differ from those of an earlier process */
    struct edge_timer *timer; /* for the earliest deadline */
    size_t bytes;             /* of payloads that wait for their client */
    struct hub_task refuse;   /* answers `refused`, at the next turn */
    struct hub_refusal *refused;
};

/** A call to @p client that will end at @p deadline. @return NULL: too many, or no memory */
struct hub_call *hub_call_create(struct hub_client *client, int64_t deadline_ms);
void hub_call_until(struct hub_call *call, int64_t deadline_ms);
/** Hand it to the client, which listens. @p payload not JSON or empty: null */
void hub_call_send(struct hub_call *call, const char *name, struct edge_bytes payload);
/** It has not been sent; nobody hears of it. */
void hub_call_drop(struct hub_call *call);

/** To IoT Hub: a failure as it words them itself. */
void hub_methods_fail(struct hub_core *core, const struct edge_identity *who, const char *rid,
                      enum hub_result result, const char *why);
/** Whoever was refused hears of it. */
void hub_methods_refuse(struct hub_task *task);

#endif
