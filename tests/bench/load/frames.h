/* tests/bench/load/frames.h - the frames an AMQP client sends, all on channel 0. Appended; failures
 * stay in @p out (edge_buf_error). Pure; any thread. Source: OASIS AMQP 1.0 part 2. */
#ifndef TESTS_BENCH_LOAD_FRAMES_H
#define TESTS_BENCH_LOAD_FRAMES_H

#include <stdbool.h>

#include "common/base/bytes.h"

enum {
    AMQP_OPEN = 0x10,
    AMQP_BEGIN,
    AMQP_ATTACH,
    AMQP_FLOW,
    AMQP_TRANSFER,
    AMQP_DISPOSITION,
    AMQP_DETACH,
    AMQP_END,
    AMQP_CLOSE,
};
enum { AMQP_HEADER = 8, AMQP_ACCEPTED = 0x24, AMQP_NUMBER_AT = 26 /* of a transfer, 4 bytes */ };

/** The header of the protocol, OPEN and BEGIN. @param next  number of the next transfer */
void amqp_begin(struct edge_buf *out, const char *container, const char *host, uint32_t next);
/** @param sends  from here to @p address, else the other way; @p count: deliveries before */
void amqp_attach(struct edge_buf *out, const char *name, uint32_t handle, bool sends,
                 const char *address, uint32_t count);
/** Credit for a link. @param transfers  that have come in the session; @p count: on the link */
void amqp_credit(struct edge_buf *out, uint32_t handle, uint32_t transfers, uint32_t count,
                 uint32_t credit);
/** Deliveries @p first to @p last are accepted and settled. */
void amqp_accept(struct edge_buf *out, uint32_t first, uint32_t last);
/** A transfer without its message, which is to be appended. @return what to give to close */
size_t amqp_transfer_open(struct edge_buf *out, uint32_t handle, uint32_t number);
void amqp_frame_close(struct edge_buf *out, size_t at);
/** Give a transfer another number: its delivery-id and its tag. */
void amqp_renumber(char *frame, uint32_t number);

uint32_t amqp_u32(const void *at);

#endif
