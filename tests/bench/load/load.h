/* tests/bench/load/load.h - what all connections of a load share. Loop thread. */
#ifndef TESTS_BENCH_LOAD_LOAD_H
#define TESTS_BENCH_LOAD_LOAD_H

#include "common/net/dial.h"
#include "tests/bench/load/histogram.h"

enum { LOAD_WINDOW_MAX = 1024, LOAD_TIME_SIZE = 8, LOAD_PACKET_MAX = 512 * 1024 };

struct load {
    struct edge_loop *loop;
    struct edge_tls_client *tls; /* NULL: plain TCP */
    const char *host;            /* dialled */
    uint16_t port;
    const char *hub;       /* in user names and tokens */
    struct edge_bytes key; /* of every device; no data: no user name, no token */
    int64_t until_s;       /* of the tokens */
    const char *bag;       /* properties of every message, as they stand in a topic */
    unsigned window;       /* messages each may have unacknowledged, at most LOAD_WINDOW_MAX */
    uint64_t messages;     /* no more than these; 0: as many as go in the time */
    bool keep;             /* sessions stay when it leaves */
    bool twins;            /* subscribe to the two topics of twins */
    bool through;          /* a place in the window is free when the message has come */
    bool refill;           /* send the next message as soon as one is acknowledged */
    const uint8_t *body;   /* a message carries its time of sending in its first bytes */
    size_t size;
    uint64_t turn_us; /* when the turn of the loop began */
    struct histogram acks;
    struct histogram ends; /* from sending to the subscriber */
    unsigned up;           /* accepted, and subscribed when that is asked for */
    uint64_t sent;
    uint64_t acked;
    uint64_t received;
    uint64_t first_us, last_us; /* of those */
    unsigned lost;              /* connections that ended, before or after */
    bool again;                 /* who is lost, or does not come up, tries again */
    unsigned returned;          /* lost, and up again */
    unsigned failed, refused;   /* tries that came to nothing; refused by CONNACK */
    uint64_t first_lost_us, last_up_us;
    struct histogram outages; /* from being lost to being up again */
    char reason[200];         /* of the first that did */
    /** One more is up, or has failed to come up. */
    void (*settled)(void *arg);
    void *arg;
};

uint64_t load_now_us(void);

#endif
