/* tests/bench/load/publisher.h - one device of a load: connects with TLS and a token of its own,
 * subscribes, publishes telemetry with QoS 1 and measures each PUBACK. Loop thread. */
#ifndef TESTS_BENCH_LOAD_PUBLISHER_H
#define TESTS_BENCH_LOAD_PUBLISHER_H

#include "common/net/dial.h"
#include "tests/bench/load/histogram.h"

enum { LOAD_WINDOW_MAX = 64 };

/** What all of them share. */
struct load {
    struct edge_loop *loop;
    struct edge_tls_client *tls; /* NULL: plain TCP */
    const char *host;            /* dialled */
    uint16_t port;
    const char *hub;       /* in user names and tokens */
    struct edge_bytes key; /* of every device */
    int64_t until_s;       /* of the tokens */
    unsigned window;       /* messages each may have unacknowledged, below LOAD_WINDOW_MAX */
    bool subscribe;        /* to the two topics of twins */
    bool refill;           /* send the next message as soon as one is acknowledged */
    const uint8_t *body;
    size_t size;
    struct histogram acks;
    unsigned up; /* accepted, and subscribed when that is asked for */
    uint64_t sent;
    uint64_t acked;
    unsigned lost;    /* connections that ended, before or after */
    char reason[200]; /* of the first that did */
    /** One more is up, or has failed to come up. */
    void (*settled)(void *arg);
    void *arg;
};

struct publisher;
/** @param name  "device" or "device/module" @return NULL without memory */
struct publisher *publisher_create(struct load *load, const char *name);
void publisher_connect(struct publisher *p);
/** Send one message. @return false when its window is full or it is not up */
bool publisher_send(struct publisher *p);
bool publisher_idle(const struct publisher *p);
struct publisher *publisher_destroy(struct publisher *p);
uint64_t load_now_us(void);

#endif
