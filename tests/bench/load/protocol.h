/* tests/bench/load/protocol.h - what is said on a connection: mqtt.c or amqp.c, whichever is
 * linked. Loop thread. */
#ifndef TESTS_BENCH_LOAD_PROTOCOL_H
#define TESTS_BENCH_LOAD_PROTOCOL_H

#include "tests/bench/load/device.h"

/** Connected: log in and ask for what it listens to; device_settle when that is done. */
void protocol_begin(struct device *device);
/** Bytes have come; what they are goes to the device's role. @return how many were used, or
 * negative: it ends */
ssize_t protocol_take(struct device *device, struct edge_bytes data);

/** Where a publisher's messages go; owned by the caller; NULL without memory. */
char *protocol_target(const struct device *device);
/** Where those for a module come from; owned by the caller; NULL without memory. */
char *protocol_inputs(const struct device *device);
/** Append what every message looks like; its body is the end of it. @return 0 or negative */
EDGE_MUST_CHECK int protocol_message(const struct device *device, const char *target,
                                     struct edge_buf *out);
/** Make a copy of that, @p len bytes, message @p number. */
void protocol_number(const struct device *device, char *message, size_t len, uint32_t number);
/** Does the server take one more? */
bool protocol_ready(const struct device *device);

#endif
