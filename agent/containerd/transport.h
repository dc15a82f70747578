/* agent/containerd/transport.h - bytes to a gRPC server and back; knows no protobuf. Internal.
 * Blocking; any thread. A stream belongs to one thread at a time. */
#ifndef AGENT_CONTAINERD_TRANSPORT_H
#define AGENT_CONTAINERD_TRANSPORT_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/cancel.h"
#include "common/base/err.h"

enum { TRANSPORT_MAX_MESSAGE = 16 * 1024 * 1024 }; /* as containerd's own */

struct transport;
struct transport_stream;

struct transport_call {
    const char *path;           /* "/package.Service/Method" */
    const char *ns;             /* containerd-namespace */
    const char *lease;          /* containerd-lease, or NULL */
    int timeout_ms;             /* negative: none */
    struct edge_cancel *cancel; /* may be NULL; borrowed until the call or stream is over */
};

/** How a call ended. The numbers are gRPC's. */
struct transport_status {
    int code;
    char text[400]; /* UTF-8, one line */
};
enum {
    TRANSPORT_OK = 0,
    TRANSPORT_CANCELLED = 1,
    TRANSPORT_UNKNOWN = 2,
    TRANSPORT_INVALID_ARGUMENT = 3,
    TRANSPORT_DEADLINE_EXCEEDED = 4,
    TRANSPORT_NOT_FOUND = 5,
    TRANSPORT_ALREADY_EXISTS = 6,
    TRANSPORT_PERMISSION_DENIED = 7,
    TRANSPORT_RESOURCE_EXHAUSTED = 8,
    TRANSPORT_FAILED_PRECONDITION = 9,
    TRANSPORT_ABORTED = 10,
    TRANSPORT_OUT_OF_RANGE = 11,
    TRANSPORT_UNIMPLEMENTED = 12,
    TRANSPORT_INTERNAL = 13,
    TRANSPORT_UNAVAILABLE = 14,
    TRANSPORT_DATA_LOSS = 15,
    TRANSPORT_UNAUTHENTICATED = 16,
};

/** A message: @p data is the owner's, from malloc, and may be NULL when @p len is 0. */
struct transport_msg {
    uint8_t *data;
    size_t len;
};

/** @param uri  "unix:///path" or a plain path. Does not dial. */
EDGE_MUST_CHECK int transport_open(const char *uri, struct transport **ret, struct edge_err *err);
/** Every call and stream must be over. Accepts NULL; returns NULL. */
struct transport *transport_close(struct transport *t);

/** One message there, one back.
 * @param request  taken over, also on failure
 * @param reply  set when @p st is TRANSPORT_OK
 * @return 0 when @p st is filled, or -ENOMEM */
EDGE_MUST_CHECK int transport_unary(struct transport *t, const struct transport_call *call,
                                    struct transport_msg request, struct transport_msg *reply,
                                    struct transport_status *st);

/* Streams. The call's timeout bounds each send and recv, not the whole. */
enum {
    TRANSPORT_ENDED = 1, /* no more to be had or sent: transport_stream_finish says why */
    TRANSPORT_QUIET = 2, /* nothing came in the given time; the stream goes on */
};
/** @return 0 also without a server: the stream then ends at once */
EDGE_MUST_CHECK int transport_stream_open(struct transport *t, const struct transport_call *call,
                                          struct transport_stream **ret);
/** @param msg  taken over, also on failure   @return 0 or TRANSPORT_ENDED */
EDGE_MUST_CHECK int transport_stream_send(struct transport_stream *s, struct transport_msg msg);
/** No more will be sent. */
void transport_stream_half_close(struct transport_stream *s);
/** @param wait_ms  -1: the call's timeout, which ends the stream; otherwise TRANSPORT_QUIET follows
 * @return 0, TRANSPORT_ENDED, TRANSPORT_QUIET or -ENOMEM */
EDGE_MUST_CHECK int transport_stream_recv(struct transport_stream *s, int wait_ms,
                                          struct transport_msg *ret);
/** Throw away what is still coming and wait for the end. */
void transport_stream_finish(struct transport_stream *s, struct transport_status *st);
/** Cancels what goes on. Accepts NULL; returns NULL. */
struct transport_stream *transport_stream_close(struct transport_stream *s);
EDGE_DEFINE_CLEANUP(struct transport_stream *, transport_stream_close)

#endif
