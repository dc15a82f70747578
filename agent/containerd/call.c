#include "agent/containerd/call.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "common/json/utf8.h"

int ctrd_code(int status)
{
    switch (status) {
    case TRANSPORT_OK:
        return 0;
    case TRANSPORT_CANCELLED:
        return -ECANCELED;
    case TRANSPORT_INVALID_ARGUMENT:
        return EDGE_EINVALID;
    case TRANSPORT_DEADLINE_EXCEEDED:
        return -ETIMEDOUT;
    case TRANSPORT_NOT_FOUND:
        return -ENOENT;
    case TRANSPORT_ALREADY_EXISTS:
        return -EEXIST;
    case TRANSPORT_PERMISSION_DENIED:
    case TRANSPORT_UNAUTHENTICATED:
        return EDGE_EAUTH;
    case TRANSPORT_RESOURCE_EXHAUSTED:
    case TRANSPORT_OUT_OF_RANGE:
        return EDGE_ELIMIT;
    case TRANSPORT_FAILED_PRECONDITION:
        return EDGE_ECONFLICT;
    case TRANSPORT_UNIMPLEMENTED:
        return EDGE_EUNSUPPORTED;
    case TRANSPORT_UNAVAILABLE:
        return EDGE_EUNAVAILABLE;
    default:
        return EDGE_EREMOTE;
    }
}

/* A method and where it is called: what paths and error texts are made of. */
struct site {
    struct agent_ctrd *ctrd;
    const ProtobufCServiceDescriptor *service;
    const ProtobufCMethodDescriptor *method;
};

static struct site site_of(struct agent_ctrd *ctrd, const ProtobufCServiceDescriptor *service,
                           const char *method)
{
    struct site site = {ctrd, service,
                        protobuf_c_service_descriptor_get_method_by_name(service, method)};

    assert(site.method);
    return site;
}

static int fail_status(const struct site *site, const struct transport_status *st,
                       struct edge_err *err)
{
    int code = ctrd_code(st->code);

    (void) edge_fail(err, code, "containerd at %s, %s %s: %s", site->ctrd->uri,
                     site->service->short_name, site->method->name,
                     st->text[0] ? st->text : edge_strerror(code));
    if (err)
        err->status = st->code;
    return code;
}

static int fail_here(const struct site *site, int code, struct edge_err *err)
{
    return edge_fail(err, code, "containerd at %s, %s %s: %s", site->ctrd->uri,
                     site->service->short_name, site->method->name,
                     code == -ENOMEM ? "out of memory" : edge_strerror(code));
}

static bool value_utf8(const ProtobufCFieldDescriptor *field, const void *value, const char **where)
{
    const char *text;
    const ProtobufCMessage *sub;

    if (field->type == PROTOBUF_C_TYPE_STRING) {
        memcpy(&text, value, sizeof text);
        *where = field->name;
        return !text || edge_utf8_valid(text, strlen(text));
    }
    memcpy(&sub, value, sizeof sub);
    return !sub || ctrd_message_utf8(sub, where);
}

static bool field_utf8(const ProtobufCMessage *msg, const ProtobufCFieldDescriptor *field,
                       const char **where)
{
    const char *member = (const char *) msg + field->offset;
    const char *items = NULL;
    size_t n;

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return value_utf8(field, member, where);
    memcpy(&n, (const char *) msg + field->quantifier_offset, sizeof n);
    memcpy(&items, member, sizeof items);
    for (size_t i = 0; i < n; i++) {
        if (!value_utf8(field, items + i * sizeof(void *), where))
            return false;
    }
    return true;
}

bool ctrd_message_utf8(const ProtobufCMessage *msg, const char **ret_field)
{
    for (unsigned i = 0; i < msg->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &msg->descriptor->fields[i];

        if (field->type != PROTOBUF_C_TYPE_STRING && field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (!field_utf8(msg, field, ret_field))
            return false;
    }
    return true;
}

/* containerd 1.6 takes any bytes for text and 2.x does not; what one keeps the other chokes on. */
static int pack(const struct site *site, const ProtobufCMessage *request, struct transport_msg *ret,
                struct edge_err *err)
{
    const char *field = "";

    if (!ctrd_message_utf8(request, &field))
        return edge_fail(err, EDGE_EINVALID, "containerd %s %s: field %s is not UTF-8",
                         site->service->short_name, site->method->name, field);
    ret->len = protobuf_c_message_get_packed_size(request);
    if (ret->len > TRANSPORT_MAX_MESSAGE)
        return edge_fail(err, EDGE_ELIMIT, "containerd %s %s: request of %zu bytes is too large",
                         site->service->short_name, site->method->name, ret->len);
    ret->data = malloc(ret->len ? ret->len : 1);
    if (!ret->data)
        return fail_here(site, -ENOMEM, err);
    protobuf_c_message_pack(request, ret->data);
    return 0;
}

/* Takes the message over. */
static int unpack(const struct site *site, struct transport_msg msg, void *ret_reply,
                  struct edge_err *err)
{
    ProtobufCMessage *reply = NULL;

    if (ret_reply)
        reply = protobuf_c_message_unpack(site->method->output, NULL, msg.len, msg.data);
    free(msg.data);
    if (!ret_reply)
        return 0;
    if (!reply)
        return edge_fail(err, EDGE_EPROTOCOL, "containerd at %s, %s %s: answer cannot be decoded",
                         site->ctrd->uri, site->service->short_name, site->method->name);
    memcpy(ret_reply, &reply, sizeof(void *));
    return 0;
}

static struct transport_call call_of(const struct site *site, const struct agent_ctrd_call *call,
                                     const char *path)
{
    struct transport_call made = {
        .path = path, .ns = site->ctrd->ns, .timeout_ms = AGENT_CTRD_TIMEOUT_MS};

    if (call) {
        made.lease = call->lease;
        made.cancel = call->cancel;
        if (call->timeout_ms != 0)
            made.timeout_ms = call->timeout_ms;
    }
    return made;
}

int ctrd_unary(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
               const ProtobufCServiceDescriptor *service, const char *method,
               const ProtobufCMessage *request, void *ret_reply, struct edge_err *err)
{
    struct site site = site_of(ctrd, service, method);
    EDGE_CLEANUP(edge_free) char *path = edge_format("/%s/%s", service->name, method);
    struct transport_status st = {0};
    struct transport_msg msg = {0};
    struct transport_call made;
    int rc;

    if (!path)
        return fail_here(&site, -ENOMEM, err);
    rc = pack(&site, request, &msg, err);
    if (rc < 0)
        return rc;

    made = call_of(&site, call, path);
    rc = transport_unary(ctrd->transport, &made, msg, &msg, &st);
    if (rc < 0)
        return fail_here(&site, rc, err);
    if (st.code != TRANSPORT_OK)
        return fail_status(&site, &st, err);
    return unpack(&site, msg, ret_reply, err);
}

int ctrd_stream_open(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                     const ProtobufCServiceDescriptor *service, const char *method,
                     struct ctrd_stream *ret, struct edge_err *err)
{
    struct site site = site_of(ctrd, service, method);
    EDGE_CLEANUP(edge_free) char *path = edge_format("/%s/%s", service->name, method);
    struct transport_call made = call_of(&site, call, path);
    struct transport_stream *stream;
    int rc = -ENOMEM;

    if (path)
        rc = transport_stream_open(ctrd->transport, &made, &stream);
    if (rc < 0)
        return fail_here(&site, rc, err);
    *ret = (struct ctrd_stream){ctrd, stream, service, site.method};
    return 0;
}

static struct site stream_site(const struct ctrd_stream *s)
{
    return (struct site){s->ctrd, s->service, s->method};
}

int ctrd_stream_finish(struct ctrd_stream *s, struct edge_err *err)
{
    struct site site = stream_site(s);
    struct transport_status st = {0};

    transport_stream_finish(s->stream, &st);
    return st.code == TRANSPORT_OK ? 0 : fail_status(&site, &st, err);
}

int ctrd_stream_send(struct ctrd_stream *s, const ProtobufCMessage *request, struct edge_err *err)
{
    struct site site = stream_site(s);
    struct transport_msg msg = {0};
    int rc = pack(&site, request, &msg, err);

    if (rc < 0)
        return rc;
    rc = transport_stream_send(s->stream, msg);
    if (rc == 0)
        return 0;
    rc = ctrd_stream_finish(s, err);
    return rc < 0 ? rc : fail_here(&site, EDGE_EPROTOCOL, err);
}

int ctrd_stream_recv(struct ctrd_stream *s, int wait_ms, void *ret_reply, struct edge_err *err)
{
    struct site site = stream_site(s);
    struct transport_msg msg = {0};
    int rc = transport_stream_recv(s->stream, wait_ms, &msg);

    if (rc == TRANSPORT_QUIET)
        return CTRD_QUIET;
    if (rc == TRANSPORT_ENDED) {
        rc = ctrd_stream_finish(s, err);
        return rc < 0 ? rc : CTRD_END;
    }
    if (rc < 0)
        return fail_here(&site, rc, err);
    return unpack(&site, msg, ret_reply, err);
}

void ctrd_stream_close(struct ctrd_stream *s)
{
    s->stream = transport_stream_close(s->stream);
}
