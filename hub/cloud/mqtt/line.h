/* hub/cloud/mqtt/line.h - what the files of this room share: the lines, one for each identity, and
 * what is asked of them. Loop thread.
 *
 *            need       slot       token        stream       CONNACK 0
 *     IDLE ------> QUEUED ---> ASKING ---> DIALLING ---> OPENING ------> UP <------.
 *       ^             ^          ^             ^            |            |         |
 *       |             | time     |             |            | any loss   | renewal |
 *       '-- no need --+------ PAUSED <---------+------------+------------+         |
 *                                              |                         v         |
 *                                              '-- DRAINING <--- RENEWING (slot, token)
 *
 * The line of $edgeHub itself is the first, needs no slot, is never idle; its loss is the loss of
 * all, because then nobody upstairs believes in the others. */
#ifndef HUB_CLOUD_MQTT_LINE_H
#define HUB_CLOUD_MQTT_LINE_H

#include "common/base/map.h"
#include "common/iothub/incoming.h"
#include "common/iothub/topic.h"
#include "common/net/dial.h"
#include "hub/cloud/mqtt/mqtt.h"
#include "hub/cloud/mqtt/wire.h"

enum {
    HUB_LINES_MAX = 20000,
    HUB_LINES_OPENING = 8,      /* slots: lines opening at once */
    HUB_LINE_WAITING_MAX = 256, /* messages not sent yet, and their bytes */
    HUB_LINE_WAITING_BYTES = 4 * 1024 * 1024,
    HUB_LINE_ASKS_MAX = 64,  /* twin requests under way */
    HUB_LINE_LOCKS_MAX = 64, /* cloud-to-device messages not settled */
};

/** Something asked for, until its `done`. Owned by the list it is in. */
struct hub_call {
    struct hub_call *next;
    enum hub_call_kind { HUB_CALL_SEND, HUB_CALL_REPLY, HUB_CALL_GET, HUB_CALL_PATCH } kind;
    union {
        hub_done *sent;
        hub_twin_done *got;
        hub_version_done *patched;
    } done;
    void *arg;
    struct hub_line *line;  /* while its failure is on its way: see hub_line.failing */
    struct edge_buf text;   /* topic, and behind it the payload */
    size_t topic;           /* bytes of the topic */
    uint32_t rid;           /* twin requests */
    int64_t due_ms;         /* twin requests */
    bool asked;             /* twin requests: sent */
    enum hub_result result; /* once it has failed */
    char why[160];
};
struct hub_calls_list {
    struct hub_call *first, **last;
    unsigned count;
    size_t bytes;
};
void hub_calls_init(struct hub_calls_list *list);
void hub_calls_add(struct hub_calls_list *list, struct hub_call *call);
/** @return the first, or NULL */
struct hub_call *hub_calls_take(struct hub_calls_list *list);
/** @return false when it is not in the list */
bool hub_calls_remove(struct hub_calls_list *list, struct hub_call *call);
/** Its `done` is not called. */
void hub_call_free(struct hub_call *call);

enum hub_line_state {
    LINE_IDLE,
    LINE_PAUSED,
    LINE_QUEUED,
    LINE_ASKING,
    LINE_DIALLING,
    LINE_OPENING,
    LINE_UP,
    LINE_RENEW_QUEUED, /* up, and waits for a slot */
    LINE_RENEW_ASKING, /* up, and waits for the next token */
    LINE_DRAINING,     /* up, and sends nothing more */
    LINE_STATES
};

enum hub_line_event {
    LINE_EV_NEED,
    LINE_EV_SLOT,
    LINE_EV_TOKEN,
    LINE_EV_STREAM,
    LINE_EV_UP,
    LINE_EV_RENEW,
    LINE_EV_DRAINED,
    LINE_EVENTS
};

/** A cloud-to-device message; PUBACKs leave in the order of arrival. */
struct hub_lock {
    uint16_t id;
    bool accepted;
    int64_t expires_ms; /* then IoT Hub has given up waiting as well */
};

struct hub_line {
    struct hub_lines *lines;
    struct hub_line *next, **link; /* of all lines */
    struct edge_identity who;
    char name[2 * EDGE_ID_MAX + 2];
    enum hub_line_state state;
    struct edge_timer *timer;     /* of the state: pause, renewal, idleness, drain */
    struct edge_timer *clock;     /* of twin requests */
    struct hub_line *next_queued; /* for a slot */
    struct hub_line *next_due;    /* to be looked at in the next turn */
    bool due, slot;
    struct hub_token_ask *ask; /* a token is on its way */
    char *token;               /* for the connection about to be opened */
    int64_t until_s;           /* its end */
    struct edge_dial *dial;
    struct hub_wire *wire;
    bool clean; /* this connection keeps no session */
    unsigned failures;
    enum hub_result refused; /* HUB_OK, or why IoT Hub does not take it */

    unsigned wanted; /* features */
    char *client, *model_id;
    unsigned on, granted; /* subscribed to; acknowledged */
    bool twins;           /* it has asked for its twin: answers are subscribed to */
    bool ready_due;       /* `ready` is owed for a new wish or connection */

    struct hub_calls_list waiting; /* messages and replies not sent yet */
    struct hub_calls_list flying;  /* messages without a PUBACK */
    struct hub_calls_list asks;    /* twin requests */
    unsigned failing;              /* of its messages, in lines.failed: later ones fail as well */
    uint32_t epoch;                /* of the connection: part of a lock */
    struct hub_lock locks[HUB_LINE_LOCKS_MAX]; /* in order of arrival */
    unsigned nlocks;
    int64_t again_ms; /* when to connect anew, so that something comes again; or 0 */
    int64_t renew_ms; /* when to, for the next token */
    int64_t up_ms;    /* since when it is up */
    int64_t used_ms;  /* when something was last asked of it */
};

struct hub_lines {
    struct hub_cloud_options options; /* texts are ours */
    struct hub_tokens tokens;
    struct edge_map map; /* name -> struct hub_line */
    struct hub_line *all;
    struct hub_line *self;
    struct hub_line *queue, **queue_last; /* for a slot */
    unsigned opening;                     /* slots taken */
    struct hub_line *due;                 /* to be looked at in the next turn */
    unsigned keep_s, self_keep_s;         /* keep-alive */
    struct hub_calls_list failed;         /* their `done` comes in the next turn */
    struct edge_timer *turn;
    uint32_t last_rid; /* of twin requests */
    bool up, closing;
    bool probing;   /* a twin request of our own is under way */
    char said[640]; /* why it is unreachable, as told last */
};

/* lines.c */

/** Have the line looked at in the next turn. */
void hub_lines_attend(struct hub_line *line);
/** Its `done` comes in the next turn, with @p result. */
void hub_lines_fail(struct hub_lines *lines, struct hub_call *call, enum hub_result result,
                    const char *why);
/** The self line is up, or down. */
void hub_lines_up(struct hub_lines *lines);
void hub_lines_down(struct hub_lines *lines, const char *why);
/** NULL: nothing is asked or wanted of it. */
struct hub_line *hub_lines_find(const struct hub_lines *lines, const struct edge_identity *who);
/** Find or make. NULL: no memory, or too many. */
struct hub_line *hub_lines_need(struct hub_lines *lines, const struct edge_identity *who);
/** Wait for a slot; LINE_EV_SLOT comes, perhaps in this call. */
void hub_lines_queue(struct hub_line *line);
/** Out of the queue, and the slot given back. */
void hub_lines_unqueue(struct hub_line *line);

/* line.c: the life of a line */

struct hub_line *hub_line_create(struct hub_lines *lines, const struct edge_identity *who);
/** Its calls must be gone. */
void hub_line_free(struct hub_line *line);
/** Something is wanted of it: begin, if it is idle and may. */
void hub_line_start(struct hub_line *line);
void hub_line_step(struct hub_line *line, enum hub_line_event event);
/** The connection, or the way to it: everything under way fails, it is tried again after a pause.
 */
void hub_line_lost(struct hub_line *line, enum hub_result result, const char *why);
/** IoT Hub does not take this identity. */
void hub_line_refused(struct hub_line *line, enum hub_result result, const char *why);
void hub_line_no_token(struct hub_line *line, const char *why);
/** Everything under way fails; it is idle. */
void hub_line_stop(struct hub_line *line, const char *why);
/** Cloud-to-device messages are for a session that is kept: open anew, in order, without one. */
void hub_line_fit_session(struct hub_line *line);
/** Open anew some time later: something that was released comes again then. */
void hub_line_again(struct hub_line *line);
/** Its times have changed. */
void hub_line_rearm(struct hub_line *line);
/** While draining: go on when all is done. */
void hub_line_drained(struct hub_line *line);
/** It is idle, and has not been needed for long. */
bool hub_line_forgotten(const struct hub_line *line);
/** It may send. */
static inline bool hub_line_serves(const struct hub_line *line)
{
    return line->state >= LINE_UP && line->state < LINE_DRAINING;
}

/* connect.c: token, dial, connection */

void hub_line_ask_token(struct hub_line *line);
void hub_line_forget_token(struct hub_line *line);
void hub_line_dial(struct hub_line *line);
/** Whatever the connection had is void. */
void hub_line_disconnect(struct hub_line *line, bool goodbye);

/* calls.c: messages and replies; what all calls have in common */

void hub_line_send(struct hub_lines *lines, const struct edge_identity *who,
                   const struct edge_message *message, hub_done *done, void *arg);
void hub_line_reply(struct hub_lines *lines, const struct edge_identity *who, const char *rid,
                    int status, struct edge_bytes payload);
/** Send what waits, as far as there is room. */
void hub_line_pump(struct hub_line *line);
void hub_line_acked(struct hub_line *line, struct hub_call *call);
void hub_line_fail_all(struct hub_line *line, enum hub_result result, const char *why);
/* For both files: */
struct hub_call *hub_call_new(enum hub_call_kind kind, void *arg);
/** The topic is complete: the payload behind it. @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int hub_call_payload(struct hub_call *call, const void *data, size_t len);
enum hub_result hub_result_of(int rc);
/** @return the line of @p who, if something may be asked of it now; NULL: the call has failed */
struct hub_line *hub_line_for(struct hub_lines *lines, const struct edge_identity *who,
                              struct hub_call *call);
void hub_line_fail(struct hub_line *line, struct hub_call *call, enum hub_result result,
                   const char *why);
EDGE_MUST_CHECK int hub_line_publish(struct hub_line *line, struct hub_call *call, uint8_t qos);

/* asks.c: twin requests */

void hub_line_twin_get(struct hub_lines *lines, const struct edge_identity *who,
                       hub_twin_done *done, void *arg);
void hub_line_twin_patch(struct hub_lines *lines, const struct edge_identity *who,
                         const char *patch, size_t len, hub_version_done *done, void *arg);
void hub_line_pump_asks(struct hub_line *line);
void hub_line_answer(struct hub_line *line, const struct edge_incoming *in,
                     struct edge_bytes payload);
/** Some have waited too long: the line is lost. */
void hub_line_overdue(struct hub_line *line);
/** Another line has been lost: is IoT Hub still there? An answer to a ping says little; if a twin
 * request is not answered soon, the self line is lost. */
void hub_lines_probe(struct hub_lines *lines);

/* wishes.c: subscriptions, and what comes by them */

/** Messages that nobody has settled in time, and that would hold up those behind them. */
void hub_line_expire(struct hub_line *line, int64_t now_ms);

void hub_line_want(struct hub_lines *lines, const struct edge_identity *who,
                   const struct hub_wish *wish);
void hub_line_settle(struct hub_lines *lines, const struct edge_identity *who, uint64_t lock,
                     enum hub_outcome outcome);
/** A connection begins. @param present  IoT Hub has kept the subscriptions of an earlier one */
void hub_line_subscribe_all(struct hub_line *line, bool present);
/** Make subscriptions as they are wanted. */
void hub_line_subscribe(struct hub_line *line);
void hub_line_granted(struct hub_line *line, unsigned feature);
/** `ready`, if it is owed and all is in place. */
void hub_line_say_ready(struct hub_line *line);
void hub_line_take(struct hub_line *line, const struct mqtt_publish *publish);

#endif
