/* tests/bench/load/device.h - one connection: TLS, CONNECT with a token of its own, SUBSCRIBE, and
 * packets gathered into one write a turn. Loop thread. */
#ifndef TESTS_BENCH_LOAD_DEVICE_H
#define TESTS_BENCH_LOAD_DEVICE_H

#include "common/iothub/identity.h"
#include "hub/mqtt/codec.h"
#include "tests/bench/load/load.h"

enum { DEVICE_FILTERS_MAX = 2, DEVICE_NAME_SIZE = 2 * EDGE_ID_MAX + 2 };

struct device {
    struct load *load;
    struct edge_identity who;
    char name[DEVICE_NAME_SIZE];
    char *filters[DEVICE_FILTERS_MAX]; /* owned */
    unsigned nfilters, subscribed;
    struct edge_dial *dial;
    struct edge_stream *stream;
    struct edge_buf in;  /* a packet that has not come whole */
    struct edge_buf out; /* for device_flush */
    bool up, over;
    struct edge_timer *timer; /* until the next try; NULL: it does not come back */
    unsigned tries;
    uint64_t lost_us; /* 0: it is not lost */
    /** A packet that is not part of coming up; what it appends to `out` goes with the others. */
    void (*take)(struct device *device, const struct mqtt_packet *packet);
};

/** @param name  "device" or "device/module" @return 0, EDGE_EINVALID */
EDGE_MUST_CHECK int device_init(struct device *device, struct load *load, const char *name,
                                void (*take)(struct device *device,
                                             const struct mqtt_packet *packet));
/** Subscribe when it connects. @return 0, -ENOMEM, EDGE_ELIMIT */
EDGE_MUST_CHECK int device_filter(struct device *device, const char *filter);
void device_connect(struct device *device);
void device_flush(struct device *device);
void device_fini(struct device *device);

#endif
