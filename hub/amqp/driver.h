/* hub/amqp/driver.h - between a stream's bytes and proton's engine, for either side
 * (hub/cloud/amqp is on the other). Loop thread; on the path of every message. */
#ifndef HUB_AMQP_DRIVER_H
#define HUB_AMQP_DRIVER_H

#include <proton/connection_driver.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/net/stream.h"

enum {
    HUB_AMQP_QUEUED_HIGH = 256 * 1024
}; /* bytes in the stream before the engine keeps the rest */

/** Bytes into the engine. @return false when it takes no more */
static inline bool hub_amqp_driver_feed(pn_connection_driver_t *driver, struct edge_bytes bytes)
{
    while (bytes.len > 0) {
        pn_rwbytes_t room = pn_connection_driver_read_buffer_sized(driver, bytes.len);
        size_t n = room.size < bytes.len ? room.size : bytes.len;

        if (n == 0)
            return false;
        memcpy(room.start, bytes.data, n);
        pn_connection_driver_read_done(driver, n);
        bytes.data += n;
        bytes.len -= n;
    }
    return true;
}

/** What the engine has to say into the stream, as far as that has room. */
static inline void hub_amqp_driver_flush(pn_connection_driver_t *driver, struct edge_stream *stream)
{
    while (edge_stream_queued(stream) < HUB_AMQP_QUEUED_HIGH) {
        pn_bytes_t out = pn_connection_driver_write_buffer(driver);

        if (out.size == 0)
            break;
        edge_stream_write(stream, out.start, out.size);
        pn_connection_driver_write_done(driver, out.size);
    }
}

#endif
