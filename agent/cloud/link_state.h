/* agent/cloud/link_state.h - what the parts of the link share: link.c opens, closes and pauses it,
 * link_token.c asks who we are and for a token, link_mqtt.c dials and begins MQTT. Loop thread. */
#ifndef AGENT_CLOUD_LINK_STATE_H
#define AGENT_CLOUD_LINK_STATE_H

#include "agent/cloud/ask.h"
#include "agent/cloud/link.h"
#include "agent/cloud/mqtt.h"

enum link_state {
    LINK_WAITING,  /* a pause */
    LINK_ASKING,   /* the worker asks edge-securityd who we are, and for a token */
    LINK_DIALLING, /* the tunnel connects */
    LINK_OPENING,  /* MQTT begins */
    LINK_UP,
    LINK_RENEWING, /* up, while the worker brings the next token */
};

struct agent_link {
    struct agent_link_config cfg;
    enum link_state state;
    char *product;
    struct edge_cancel *cancel;
    struct edge_pool *pool;
    struct edge_timer *timer;  /* the end of a pause, or the time to renew */
    struct edge_timer *reopen; /* outside of the call that asks for it */
    char why[640];             /* of the reopening asked for */
    struct agent_ask *ask;
    struct agent_device device;
    char *token;
    struct agent_mqtt *mqtt;
    unsigned failures;        /* since a connection last served its purpose */
    bool settled;             /* this one does */
    int64_t up_ms;            /* since when this one is up */
    char said[640];           /* what was told last, "" after success */
    unsigned refusals;        /* how often in a row IoT Hub did not take the credentials */
    int64_t reprovisioned_ms; /* 0: never */
};

/* link.c */
/** The connection has ended, or did not come about: on_down is told, and a pause begins.
 * @param why  copied first: it may lie in what is let go */
void link_lost(struct agent_link *link, const char *why);
/** @param why  lies in nothing that is let go   @param again  the reason was told before, but for
 * its details */
void link_lost_for(struct agent_link *link, const char *why, bool again);
/** Timers, MQTT and what it is dialled by. */
void link_let_go(struct agent_link *link);
void link_forget_token(struct agent_link *link);

/* link_token.c */
/** Ask on the worker, and go on with the answer. @p state: LINK_ASKING, or LINK_RENEWING while the
 * old token lasts. Without memory: later */
void link_ask(struct agent_link *link, enum link_state state);

/* link_mqtt.c */
/** Connect with the token there is; it is forgotten once it has been sent. */
void link_dial(struct agent_link *link);

#endif
