/* agent/containerd/call.h - one protobuf message there, one or many back, and statuses as our
 * codes. Internal to the room. */
#ifndef AGENT_CONTAINERD_CALL_H
#define AGENT_CONTAINERD_CALL_H

#include <protobuf-c/protobuf-c.h>

#include "agent/containerd/client.h"
#include "agent/containerd/transport.h"

struct agent_ctrd {
    struct transport *transport;
    char *uri;
    char *ns;
};

/** For `EDGE_CLEANUP(pb_free) Tasks__GetResponse *reply = NULL`: an unpacked message of any type.
 */
static inline void pb_freep(void *var)
{
    ProtobufCMessage *msg;

    memcpy(&msg, var, sizeof msg);
    if (msg)
        protobuf_c_message_free_unpacked(msg, NULL);
}

/** Our code for a gRPC status. */
int ctrd_code(int status);

/**
 * Call @p method of @p service.
 * @param ret_reply  address of a pointer to the method's reply type, or NULL when it is of no use
 */
EDGE_MUST_CHECK int ctrd_unary(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                               const ProtobufCServiceDescriptor *service, const char *method,
                               const ProtobufCMessage *request, void *ret_reply,
                               struct edge_err *err);

/** A streaming call. Its errors name the method by themselves. */
struct ctrd_stream {
    struct agent_ctrd *ctrd;
    struct transport_stream *stream;
    const ProtobufCServiceDescriptor *service;
    const ProtobufCMethodDescriptor *method;
};
EDGE_MUST_CHECK int ctrd_stream_open(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                                     const ProtobufCServiceDescriptor *service, const char *method,
                                     struct ctrd_stream *ret, struct edge_err *err);
/** @return 0 or why the stream has ended; EDGE_EPROTOCOL stands for a proper end */
EDGE_MUST_CHECK int ctrd_stream_send(struct ctrd_stream *s, const ProtobufCMessage *request,
                                     struct edge_err *err);
static inline void ctrd_stream_half_close(struct ctrd_stream *s)
{
    transport_stream_half_close(s->stream);
}
enum { CTRD_END = TRANSPORT_ENDED, CTRD_QUIET = TRANSPORT_QUIET };
/** @param wait_ms  -1: the call's timeout
 * @return 0, CTRD_END after a proper end, CTRD_QUIET, or the failure the stream ended with */
EDGE_MUST_CHECK int ctrd_stream_recv(struct ctrd_stream *s, int wait_ms, void *ret_reply,
                                     struct edge_err *err);
/** Wait for the end. @return 0 or the failure */
int ctrd_stream_finish(struct ctrd_stream *s, struct edge_err *err);
void ctrd_stream_close(struct ctrd_stream *s);
static inline void ctrd_stream_closep(struct ctrd_stream *s)
{
    ctrd_stream_close(s);
}

/** @return whether every string in @p msg, at any depth, is UTF-8; if not, the field's name */
bool ctrd_message_utf8(const ProtobufCMessage *msg, const char **ret_field);

#endif
