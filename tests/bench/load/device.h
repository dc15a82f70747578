/* tests/bench/load/device.h - one connection, plain or TLS: how it comes up, is lost and comes
 * back, and bytes gathered into one write a turn. What they mean is protocol.h's. Loop thread. */
#ifndef TESTS_BENCH_LOAD_DEVICE_H
#define TESTS_BENCH_LOAD_DEVICE_H

#include "common/iothub/identity.h"
#include "tests/bench/load/load.h"

enum { DEVICE_FILTERS_MAX = 2, DEVICE_NAME_SIZE = 2 * EDGE_ID_MAX + 2, DEVICE_LINKS = 3 };

struct device;
/** What it is there for. */
struct device_role {
    /** Messages @p first to @p last of its own have been acknowledged. May be NULL. */
    void (*acked)(struct device *device, uint32_t first, uint32_t last);
    /** The server takes more messages. May be NULL. */
    void (*ready)(struct device *device);
    /** A message has come; what the protocol answers goes with the others. May be NULL. */
    void (*received)(struct device *device, struct edge_bytes body);
};

struct device {
    struct load *load;
    const struct device_role *role;
    struct edge_identity who;
    char name[DEVICE_NAME_SIZE];
    char *filters[DEVICE_FILTERS_MAX]; /* what it listens to; owned */
    unsigned nfilters;
    struct edge_dial *dial;
    struct edge_stream *stream;
    struct edge_buf in;     /* a packet that has not come whole */
    struct edge_buf out;    /* for device_flush */
    struct device *partner; /* has something to write when messages have come here, or NULL */
    bool up, over;
    struct edge_timer *timer; /* until the next try; NULL: it does not come back */
    unsigned tries;
    uint64_t lost_us; /* 0: it is not lost */
    uint32_t sent;    /* messages, on all its connections */

    /* The protocol's; zero when it begins. */
    struct talk {
        unsigned subscribed;                 /* MQTT: filters that were answered */
        uint32_t handles[DEVICE_LINKS];      /* AMQP, from here on: the server's names of links */
        uint32_t limit;                      /* of `sent` */
        uint32_t transfers, received, given; /* that have come; messages among them; credit */
        uint32_t unsettled, last;            /* messages to settle, and the last of them */
    } talk;
};

/** @param name  "device" or "device/module" @return 0, EDGE_EINVALID, -ENOMEM */
EDGE_MUST_CHECK int device_init(struct device *device, struct load *load, const char *name,
                                const struct device_role *role);
/** Listen to it when it connects. @return 0, -ENOMEM, EDGE_ELIMIT */
EDGE_MUST_CHECK int device_filter(struct device *device, const char *filter);
void device_connect(struct device *device);
void device_flush(struct device *device);
void device_fini(struct device *device);

/** For the protocol: a token, which the caller frees; NULL without memory, or without a key. */
char *device_token(const struct device *device);
/** It is up. */
void device_settle(struct device *device);
/** It is no more, or not until it comes again. */
void device_lose(struct device *device, const char *reason);

#endif
