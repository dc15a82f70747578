/* tests/fuzz/upstream_place.h - what a fuzzed link to IoT Hub stands between: dials that give fake
 * streams, a token for whoever asks, a core that counts the answers it is owed. One at a time. */
#ifndef EDGE_FUZZ_UPSTREAM_PLACE_H
#define EDGE_FUZZ_UPSTREAM_PLACE_H

#include "hub/cloud/protocol.h"
#include "tests/unit/hub/fake_stream.h"

struct upstream_place {
    const struct hub_cloud_kind *kind;
    struct edge_loop *loop; /* the same for all inputs */
    void *upstream;
    struct edge_stream *streams[8]; /* of the dials so far */
    unsigned nstreams;
    unsigned owed;            /* answers */
    bool up;                  /* as the link said last */
    enum hub_outcome outcome; /* of every message that comes */
};
extern struct upstream_place place;

/** @param settle  how messages are settled */
void upstream_open(const struct hub_cloud_kind *kind, enum hub_cloud_protocol protocol,
                   const struct edge_identity *self, enum hub_outcome settle);
/** Two sends when @p how has the bit 4, twin questions when it has 8. */
void upstream_ask(const struct edge_identity *who, uint8_t how);
/** Into the first stream until it ends, in pieces of five when @p how has the bit 2. */
void upstream_feed(const uint8_t *data, size_t size, uint8_t how, void (*each)(uint8_t how));
/** Aborts unless every answer has been given, once. */
void upstream_close(void);

#endif
