/* hub/cloud/amqp/trunk.h - what the files of this room share: the one connection (the trunk), the
 * identities on it (twigs) with a session each, their links (limbs), and what is asked (parcels).
 * Loop thread.
 *
 *   the trunk            time       token        stream        OPEN         200
 *               PAUSED ------> ASKING ---> DIALLING ---> OPENING ---> PROVING ---> UP
 *                  ^             |            |             |            |          |
 *                  '-------------+------------+-- any loss -+------------+----------'
 *
 *   a twig               need, while the trunk is up
 *                 IDLE ------------------------------> OPEN     a session, links as they are needed
 *                 ^  ^---- trunk lost, or unneeded -----'|
 *                 '--------- time ---------- PAUSED <----'      refused, or a link has failed
 *
 * What the core asks only enters lists; the turn of the loop that follows does the work. */
#ifndef HUB_CLOUD_AMQP_TRUNK_H
#define HUB_CLOUD_AMQP_TRUNK_H

#include "common/base/map.h"
#include "common/iothub/topic.h"
#include "common/net/dial.h"
#include "hub/amqp/link.h"
#include "hub/cloud/amqp/amqp.h"
#include "hub/cloud/amqp/engine.h"

enum {
    HUB_TWIGS_MAX = 20000,
    HUB_TRUNK_IDENTITIES_MAX = 990,                         /* IoT Hub: 995 devices a connection */
    HUB_TRUNK_LINKS_MAX = 6 * HUB_TRUNK_IDENTITIES_MAX + 2, /* all that each may have; of $cbs */
    HUB_TRUNK_FLYING_BYTES = 4 * 1024 * 1024,
    HUB_TRUNK_KEPT_BYTES = 32 * 1024 * 1024,   /* of everything asked for */
    HUB_TRUNK_PARTIAL_BYTES = 8 * 1024 * 1024, /* of unfinished messages that come */
    HUB_TWIG_WAITING_MAX = 256,                /* messages not sent yet */
    HUB_TWIG_FLYING_MAX = 256,                 /* and without an answer */
    HUB_TWIG_ASKS_MAX = 64,                    /* twin requests */
    HUB_TWIG_REPLIES_MAX = 64,                 /* to methods, not sent yet */
    HUB_TWIG_LOCKS_MAX = 16,                   /* cloud-to-device messages not settled */
};

struct hub_twig;
struct hub_limb;

/* ---- who waits ---- */

/** Identities that wait for what all share, first come, first served. */
struct hub_line {
    struct hub_twig *first, **last;
};

/* line.c */

void hub_line_init(struct hub_line *line);
/** It keeps its place when it is in this line, and leaves another. */
void hub_line_join(struct hub_line *line, struct hub_twig *twig);
/** If it is in one. */
void hub_line_leave(struct hub_twig *twig);

/* ---- what is asked ---- */

/** Until its `done`. Owned by the list it is in. */
struct hub_parcel {
    struct hub_parcel *next;
    enum hub_parcel_kind {
        PARCEL_SEND,
        PARCEL_GET,
        PARCEL_PATCH,
        PARCEL_WATCH, /* desired properties; nobody's but ours */
        PARCEL_REPLY
    } kind;
    union {
        hub_done *sent;
        hub_twin_done *got;
        hub_version_done *patched;
    } done;
    void *arg;
    struct hub_twig *twig;   /* while its failure is on its way: see hub_twig.failing */
    struct edge_buf encoded; /* the message */
    char id[37];             /* of twin requests */
    pn_delivery_t *delivery; /* of a message that is under way */
    bool asked;              /* a twin request is under way */
    size_t kept;             /* bytes, in trunk.kept_bytes */
    int64_t due_ms;
    enum hub_result result; /* once it has failed */
    char why[160];
};
struct hub_parcels {
    struct hub_parcel *first, **last;
    unsigned count;
};
void hub_parcels_init(struct hub_parcels *list);
void hub_parcels_add(struct hub_parcels *list, struct hub_parcel *parcel);
/** @return the first, or NULL */
struct hub_parcel *hub_parcels_take(struct hub_parcels *list);
/** @return false when it is not in the list */
bool hub_parcels_remove(struct hub_parcels *list, struct hub_parcel *parcel);

/* ---- links ---- */

enum hub_limb_place {
    LIMB_EVENTS,
    LIMB_C2D,
    LIMB_TWIN_ASK,
    LIMB_TWIN_TELL,
    LIMB_CALL,
    LIMB_CALL_REPLY,
    LIMB_PLACES,
};

struct hub_limb_kind {
    bool sends;
    bool settled;        /* at most once: settled by who sends */
    const char *suffix;  /* of its address */
    const char *channel; /* "twin": both links of the pair say so; or NULL */
    unsigned window;     /* credit kept up, of what we receive */
    /** Attached, or there is credit. */
    void (*ready)(struct hub_limb *limb);
    /** A whole message, until @p delivery is settled; NULL for what we send. */
    void (*message)(struct hub_limb *limb, const struct hub_amqp_message *message,
                    pn_delivery_t *delivery);
    /** The peer's word about something sent unsettled; NULL: there is no such thing. */
    void (*updated)(struct hub_limb *limb, pn_delivery_t *delivery);
    /** The peer has ended it; it is forgotten already. */
    void (*ended)(struct hub_limb *limb, const char *condition, const char *why);
};
struct hub_limb {
    struct hub_trunk *trunk;
    struct hub_twig *twig; /* NULL: of $cbs */
    const struct hub_limb_kind *kind;
    pn_link_t *engine; /* NULL: there is none */
    bool attached;
    struct edge_buf partial; /* the message that is coming */
    bool too_large;
};

/* limb.c */

/** Attach. @param properties  texts   @return 0, -ENOMEM */
EDGE_MUST_CHECK int hub_limb_attach(struct hub_limb *limb, pn_session_t *session,
                                    const char *address, const struct hub_amqp_pair *properties,
                                    size_t n);
/** Detach, if there is something attached. */
void hub_limb_drop(struct hub_limb *limb);
/** Its session or connection is gone. */
void hub_limb_forget(struct hub_limb *limb);
/** May a message be sent? */
bool hub_limb_clear(const struct hub_limb *limb);
/** Send; it is clear. @return the delivery, or NULL when it was sent settled */
pn_delivery_t *hub_limb_send(struct hub_limb *limb, const struct edge_buf *encoded, bool settled);
/** Settle what came, and keep the credit up. @param kept  messages of the limb still not settled */
void hub_limb_settle(struct hub_limb *limb, pn_delivery_t *delivery, enum hub_outcome outcome,
                     unsigned kept);
/** PN_LINK_* and PN_DELIVERY. */
void hub_limb_event(pn_event_t *event);

/* ---- identities ---- */

enum hub_twig_state { TWIG_IDLE, TWIG_OPEN, TWIG_PAUSED, TWIG_STATES };

struct hub_lock {
    uint64_t number; /* 0: free */
    pn_delivery_t *delivery;
};
struct hub_twig {
    struct hub_trunk *trunk;
    struct hub_twig *next, **link; /* of all twigs */
    struct hub_twig *next_due;     /* to be looked at in this turn */
    bool due;
    struct hub_line *line; /* it waits in; or NULL */
    struct hub_twig *next_in_line, **line_link;
    struct edge_identity who;
    char name[2 * EDGE_ID_MAX + 2];
    enum hub_twig_state state;
    struct edge_timer *timer; /* of the state: pause, idleness */
    struct edge_timer *clock; /* of what is asked, and of links being attached */
    unsigned failures;
    enum hub_result refused; /* HUB_OK, or why IoT Hub does not take it */

    unsigned wanted; /* features */
    char *client, *model_id;
    bool ready_due; /* `ready` is owed for a new wish or connection */

    pn_session_t *session; /* while open */
    struct hub_limb limbs[LIMB_PLACES];
    int64_t attach_due_ms; /* by when links being attached should be; 0: none is */
    char *channel;         /* com.microsoft:channel-correlation-id, without its prefix */
    enum { WATCH_OFF, WATCH_ASKED, WATCH_ON } watch; /* desired properties */

    struct hub_parcels waiting; /* messages not sent yet */
    struct hub_parcels flying;  /* messages without an answer */
    struct hub_parcels asks;    /* twin requests */
    struct hub_parcels replies; /* to methods */
    unsigned failing;           /* of its messages, in trunk.failed: later ones fail as well */
    struct hub_lock locks[HUB_TWIG_LOCKS_MAX];
    int64_t opened_ms; /* when it got its session */
    int64_t used_ms;   /* when something was last asked of it, or came for it */
};

/* twig.c: the life of a twig */

struct hub_twig *hub_twig_create(struct hub_trunk *trunk, const struct edge_identity *who);
/** What was asked of it must be gone. */
void hub_twig_free(struct hub_twig *twig);
/** Do what there is to do, in a turn of its own. */
void hub_twig_tend(struct hub_twig *twig);
/** Has anything been asked of it, and not been answered? */
bool hub_twig_busy(const struct hub_twig *twig);
/** How long links are kept without need, and with it when others wait for their session. */
int64_t hub_twig_linger_ms(const struct hub_twig *twig);
/** Give up its session and its links. */
void hub_twig_rest(struct hub_twig *twig);
/** It is idle, and has not been needed for long. */
bool hub_twig_forgotten(const struct hub_twig *twig);
/** End a session that nobody needs, now or when IoT Hub has answered its BEGIN. */
void hub_twig_end(pn_session_t *session);
/** IoT Hub does not take it (HUB_REFUSED, HUB_NOT_FOUND), or something is wrong with its links:
 * everything under way fails, and it pauses. */
void hub_twig_fail(struct hub_twig *twig, enum hub_result result, const char *why);
/** The trunk is lost. */
void hub_twig_lost(struct hub_twig *twig, const char *why);
void hub_twig_want(struct hub_trunk *trunk, const struct edge_identity *who,
                   const struct hub_wish *wish);

/* room.c: more identities than a connection carries
 *
 *   no session --wanted, busy--> a session --- unneeded, or a minute old and not busy --.
 *     ^   |  wanted, no room          ^       and the one used least lately             |
 *     |   '------> waits in the lobby-'                                                 |
 *     '--------------------------------------------- others need one -------------------' */

/** May it have a session? Another may lose its own. */
bool hub_room_for(struct hub_twig *twig);
/** There is none: what has been asked of it fails, and when it is wanted it waits. */
void hub_room_miss(struct hub_twig *twig);
/** There may be room for those who wait. */
void hub_room_look(struct hub_trunk *trunk);
/** There is, if its session may go. */
void hub_room_free(const struct hub_twig *twig);
/** The time for another look. */
void hub_room_on_timer(void *trunk);

/* fit.c: which links a twig needs */

extern const struct hub_limb_kind hub_limb_kinds[LIMB_PLACES];
/** Attach and detach as it is needed. @return 0, EDGE_EUNAVAILABLE, -ENOMEM */
EDGE_MUST_CHECK int hub_twig_fit(struct hub_twig *twig);
void hub_twig_drop(struct hub_twig *twig, enum hub_limb_place place);
/** Is everything attached that brings what is wanted? */
bool hub_twig_listens(const struct hub_twig *twig);

/* send.c: messages */

void hub_twig_send(struct hub_trunk *trunk, const struct edge_identity *who,
                   const struct edge_message *message, hub_done *done, void *arg);
/** Send what waits, as far as there is credit. */
void hub_twig_pump(struct hub_twig *twig);
void hub_twig_outcome(struct hub_limb *limb, pn_delivery_t *delivery);

/* ask.c: twin requests and replies to methods */

void hub_twig_get(struct hub_trunk *trunk, const struct edge_identity *who, hub_twin_done *done,
                  void *arg);
void hub_twig_patch(struct hub_trunk *trunk, const struct edge_identity *who, const char *patch,
                    size_t len, hub_version_done *done, void *arg);
void hub_twig_reply(struct hub_trunk *trunk, const struct edge_identity *who, const char *rid,
                    int status, struct edge_bytes payload);
void hub_twig_ask(struct hub_twig *twig);
void hub_twig_told(struct hub_limb *limb, const struct hub_amqp_message *message,
                   pn_delivery_t *delivery);

/* come.c: methods and cloud-to-device messages */

void hub_twig_called(struct hub_limb *limb, const struct hub_amqp_message *message,
                     pn_delivery_t *delivery);
void hub_twig_deliver(struct hub_limb *limb, const struct hub_amqp_message *message,
                      pn_delivery_t *delivery);
void hub_twig_settle(struct hub_trunk *trunk, const struct edge_identity *who, uint64_t lock,
                     enum hub_outcome outcome);

/* parcel.c: what has been asked, its time and its failure */

/** @return NULL without memory */
struct hub_parcel *hub_parcel_new(enum hub_parcel_kind kind, void *arg);
/** Its `done` is not called. */
void hub_parcel_free(struct hub_trunk *trunk, struct hub_parcel *parcel);
/** It is no longer under way: IoT Hub has answered, or nobody waits for that. */
void hub_parcel_landed(struct hub_trunk *trunk, struct hub_parcel *parcel);
/** The twig that may be asked now, and has a turn then; or NULL: the parcel is on its way back. */
struct hub_twig *hub_parcel_twig(struct hub_trunk *trunk, const struct edge_identity *who,
                                 struct hub_parcel *parcel);
/** Its `done` comes in the next turn. @param twig  whose it is, or NULL */
void hub_parcel_fail(struct hub_trunk *trunk, struct hub_twig *twig, struct hub_parcel *parcel,
                     enum hub_result result, const char *why);
void hub_parcels_fail(struct hub_twig *twig, struct hub_parcels *list, enum hub_result result,
                      const char *why);
/** Everything under way. */
void hub_parcels_fail_all(struct hub_twig *twig, enum hub_result result, const char *why);
/** What was not answered in time fails; a turn for the rest. */
void hub_parcels_overdue(struct hub_twig *twig);
void hub_parcels_clock(struct hub_twig *twig);
/** Call the `done`s of what has failed. */
void hub_parcels_tell(struct hub_trunk *trunk);

/* ---- the connection ---- */

enum hub_trunk_state {
    TRUNK_NONE,
    TRUNK_PAUSED,
    TRUNK_ASKING,
    TRUNK_DIALLING,
    TRUNK_OPENING,
    TRUNK_PROVING,
    TRUNK_UP,
    TRUNK_STATES
};

struct hub_token_ask;
struct hub_trunk {
    struct hub_cloud_options options; /* texts are ours */
    struct hub_tokens tokens;
    char container[40];
    uint8_t random[8]; /* what our ids begin with */
    uint64_t next_id;  /* of requests, links, locks */
    enum hub_trunk_state state;
    struct edge_timer *timer;   /* of the state: pause, answers */
    struct edge_timer *renewal; /* while up: of the token */
    unsigned failures;
    int64_t up_ms; /* since when it is up */
    struct edge_dial *dial;
    struct hub_engine *engine;
    struct hub_token_ask *ask; /* a token is on its way */
    char *token;               /* for the put-token about to be sent */
    int64_t until_s;           /* its end */
    pn_session_t *session;     /* of $cbs */
    struct hub_limb cbs_ask, cbs_tell;
    bool probing;    /* that is to see whether IoT Hub is still there */
    char put_id[37]; /* of the put-token under way; "": none */

    struct edge_map map; /* name -> struct hub_twig */
    struct hub_twig *all;
    struct hub_twig *due; /* to be looked at in the next turn */
    struct edge_timer *turn;
    unsigned nsessions, nlinks;
    size_t kept_bytes, flying_bytes, partial_bytes;
    struct hub_line choked;    /* wait for flying_bytes, or for the peer to read */
    bool roomy;                /* they have a turn */
    struct hub_line lobby;     /* wait for a session */
    struct edge_timer *room;   /* while some do: when to look */
    int64_t crowded_ms;        /* when that was last told of */
    bool serving;              /* it is the turn of one who has waited */
    struct hub_parcels failed; /* their `done` comes in the next turn */
    bool up, closing;
    char said[640]; /* why it is unreachable, as told last */
};

/* trunk.c */

/** Have the twig looked at in the next turn. */
void hub_trunk_attend(struct hub_twig *twig);
/** NULL: nothing is asked or wanted of it. */
struct hub_twig *hub_trunk_find(const struct hub_trunk *trunk, const struct edge_identity *who);
/** Find or make. NULL: no memory, or too many. */
struct hub_twig *hub_trunk_need(struct hub_trunk *trunk, const struct edge_identity *who);
/** May a message be sent? Who comes later does not go first. */
bool hub_trunk_clear(const struct hub_trunk *trunk);
/** There may be room for those who are choked. */
void hub_trunk_unchoke(struct hub_trunk *trunk);
/** A UUID of our own. */
void hub_trunk_id(struct hub_trunk *trunk, char text[37]);
bool hub_trunk_is_self(const struct hub_twig *twig);

/* life.c: the states */

/** Begin, in the next turn. */
void hub_trunk_start(struct hub_trunk *trunk);
void hub_trunk_on_timer(void *trunk);
void hub_trunk_on_renewal(void *trunk);
/** Lost, or not to be had: everything under way fails, and it pauses. */
void hub_trunk_lost(struct hub_trunk *trunk, const char *why);
/** Whatever the connection had, without a word to anybody. */
void hub_trunk_let_go(struct hub_trunk *trunk);
/** The put-token has its answer: 200. */
void hub_trunk_proved(struct hub_trunk *trunk);
/** Something was not answered in time: ask the service itself. */
void hub_trunk_probe(struct hub_trunk *trunk);

/* cbs.c: tokens in band */

/** Attach the pair. @return 0 or negative */
EDGE_MUST_CHECK int hub_cbs_open(struct hub_trunk *trunk);
/** Put trunk->token as soon as that can be; the answer is hub_trunk_proved or a loss. */
void hub_cbs_put(struct hub_trunk *trunk);

#endif
