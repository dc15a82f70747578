/* agent/containerd/transport_grpc.h - what the two files over gRPC's C core share. Internal. */
#ifndef AGENT_CONTAINERD_TRANSPORT_GRPC_H
#define AGENT_CONTAINERD_TRANSPORT_GRPC_H

#include <grpc/byte_buffer.h>
#include <grpc/grpc.h>

#include "agent/containerd/transport.h"

struct transport {
    grpc_channel *channel;
    char *path; /* of the socket */
};

/** A call on the wire, with a completion queue of its own: any number of threads may wait, each for
 * its own call, and while they wait they do gRPC's polling. */
struct wire_call {
    grpc_call *call;
    grpc_completion_queue *cq;
    struct edge_cancel *cancel;
    struct edge_cancel_hook hook;
    int timed_out_ms; /* set: cancelled because it took longer than this */
    grpc_metadata metadata[2];
    size_t nmetadata;
    grpc_metadata_array initial;
    grpc_metadata_array trailing;
    grpc_status_code status;
    grpc_slice details;
};

/** Have a failed connection tried again if that is worth while. */
void wire_wake(struct transport *t, const struct transport_call *call);
/** That far from now; negative: never. */
gpr_timespec wire_in_ms(int ms);
void wire_queue_destroy(grpc_completion_queue *cq);

/** Make a call, without starting anything. Time limits are ours alone, in wire_wait_or_cancel: a
 * server that knows of one may answer at that very moment with an error of its own. */
void wire_call_init(struct wire_call *w, struct transport *t, const struct transport_call *call);
void wire_call_fini(struct wire_call *w);
/** Start operations that complete under @p tag. @return 0 or -EIO when the core refuses */
int wire_start(struct wire_call *w, const grpc_op *ops, size_t n, void *tag);
enum { WIRE_OK = 0, WIRE_FAILED = 1, WIRE_TIMEOUT = 2 };
/** @param wait_ms  negative: for ever */
int wire_wait(struct wire_call *w, void *tag, int wait_ms);
/** The same, but a timeout cancels the call and waits for the end of it. */
int wire_wait_or_cancel(struct wire_call *w, void *tag, int wait_ms);

grpc_op wire_op_metadata(struct wire_call *w);
grpc_op wire_op_initial(struct wire_call *w);
grpc_op wire_op_status(struct wire_call *w);
void wire_status(const struct wire_call *w, struct transport_status *st);

/** Takes the message over. */
grpc_byte_buffer *wire_buffer(struct transport_msg msg);
/** Copies and destroys @p buffer. @return 0 or -ENOMEM */
int wire_message(grpc_byte_buffer *buffer, struct transport_msg *ret);

#endif
