#include "agent/containerd/events.h"

#include <errno.h>
#include <stdatomic.h>
#include <unistd.h>

#include "agent/containerd/call.h"
#include "agent/containerd/wire.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "proto/containerd/task_events.pb-c.h"

enum { BARRIER_EVERY_MS = 50, BARRIER_TRIES = 400, FILTER_MAX = 1024 };

static const ProtobufCServiceDescriptor *const service = &events__events__descriptor;

static bool decode_start(const TaskEvents__TaskStart *m, struct agent_ctrd_event *ret)
{
    ret->kind = AGENT_CTRD_EVENT_START;
    ret->id = m->container_id;
    ret->pid = m->pid;
    return true;
}

static bool decode_exit(const TaskEvents__TaskExit *m, struct agent_ctrd_event *ret)
{
    ret->kind = AGENT_CTRD_EVENT_EXIT;
    ret->id = m->container_id;
    ret->pid = m->pid;
    ret->exit_code = m->exit_status;
    ret->at_ns = wire_time(m->exited_at);
    return strcmp(m->id, m->container_id) == 0;
}

static bool decode_oom(const TaskEvents__TaskOOM *m, struct agent_ctrd_event *ret)
{
    ret->kind = AGENT_CTRD_EVENT_OOM;
    ret->id = m->container_id;
    return true;
}

static bool decode_delete(const TaskEvents__TaskDelete *m, struct agent_ctrd_event *ret)
{
    ret->kind = AGENT_CTRD_EVENT_DELETE;
    ret->id = m->container_id;
    ret->pid = m->pid;
    ret->exit_code = m->exit_status;
    ret->at_ns = wire_time(m->exited_at);
    return !m->id[0] || strcmp(m->id, m->container_id) == 0;
}

static const ProtobufCMessageDescriptor *type_of(const Google__Any *event)
{
    static const ProtobufCMessageDescriptor *const types[] = {
        &task_events__task_start__descriptor,
        &task_events__task_exit__descriptor,
        &task_events__task_oom__descriptor,
        &task_events__task_delete__descriptor,
    };

    for (size_t i = 0; i < EDGE_ARRAY_LEN(types); i++) {
        if (wire_any_is(event, types[i]->name))
            return types[i];
    }
    return NULL;
}

bool events_decode(const Events__Envelope *envelope, struct agent_ctrd_event *ret, void **ret_owner)
{
    const ProtobufCMessageDescriptor *type = type_of(envelope->event);
    void *msg;

    *ret_owner = NULL;
    if (!type)
        return false;
    msg = wire_any_unpack(envelope->event, type);
    if (!msg) {
        edge_debug("containerd event cannot be decoded topic=%s", envelope->topic);
        return false;
    }
    *ret_owner = msg;
    *ret = (struct agent_ctrd_event){.at_ns = wire_time(envelope->timestamp)};
    if (type == &task_events__task_start__descriptor)
        return decode_start(msg, ret);
    if (type == &task_events__task_exit__descriptor)
        return decode_exit(msg, ret);
    if (type == &task_events__task_oom__descriptor)
        return decode_oom(msg, ret);
    return decode_delete(msg, ret);
}

bool events_is_barrier(const Events__Envelope *envelope, const char *token)
{
    const Google__Any *event = envelope->event;

    return strcmp(envelope->topic, EVENTS_BARRIER_TOPIC) == 0 && event &&
           event->value.len == strlen(token) &&
           memcmp(event->value.data, token, event->value.len) == 0;
}

/* namespace=="<ns>",topic… : containerd sends everybody's events unless told otherwise. */
static char *filter(const char *ns, const char *topic)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf buf = EDGE_BUF_INIT(FILTER_MAX);

    (void) edge_buf_puts(&buf, "namespace==");
    (void) wire_quote(&buf, ns);
    (void) edge_buf_printf(&buf, ",topic%s", topic);
    return edge_buf_take(&buf);
}

static int subscribe(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                     struct ctrd_stream *ret, struct edge_err *err)
{
    Events__SubscribeRequest request = EVENTS__SUBSCRIBE_REQUEST__INIT;
    EDGE_CLEANUP(edge_free) char *tasks = filter(ctrd->ns, "~=\"^/tasks/\"");
    EDGE_CLEANUP(edge_free) char *barrier = filter(ctrd->ns, "==\"" EVENTS_BARRIER_TOPIC "\"");
    const char *filters[] = {tasks, barrier};
    int rc;

    if (!tasks || !barrier)
        return edge_fail(err, -ENOMEM, "out of memory");
    request.filters = filters;
    request.n_filters = EDGE_ARRAY_LEN(filters);
    rc = ctrd_stream_open(ctrd, call, service, "Subscribe", ret, err);
    if (rc < 0)
        return rc;
    rc = ctrd_stream_send(ret, &request.base, err);
    if (rc < 0)
        return rc;
    ctrd_stream_half_close(ret);
    return 0;
}

static int publish_barrier(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                           const char *token, struct edge_err *err)
{
    struct agent_ctrd_call unary = {.cancel = call ? call->cancel : NULL};
    Events__PublishRequest request = EVENTS__PUBLISH_REQUEST__INIT;
    Google__Any event = GOOGLE__ANY__INIT;

    event.type_url = "edge/barrier";
    event.value = (ProtobufCBinaryData){strlen(token), (uint8_t *) (uintptr_t) token};
    request.topic = EVENTS_BARRIER_TOPIC;
    request.event = &event;
    return ctrd_unary(ctrd, &unary, service, "Publish", &request.base, NULL, err);
}

/* @return 0 when the barrier has come back, CTRD_QUIET when it is time to publish it again, or the
 * failure. The clock decides, not silence: other events may come all the time. */
static int await_barrier(struct ctrd_stream *s, const char *token, struct edge_err *err)
{
    int64_t until = edge_now_ms() + BARRIER_EVERY_MS;
    int64_t left;

    while ((left = until - edge_now_ms()) > 0) {
        EDGE_CLEANUP(pb_free) Events__Envelope *envelope = NULL;
        int rc = ctrd_stream_recv(s, (int) left, &envelope, err);

        if (rc != 0 && rc != EDGE_EPROTOCOL)
            return rc;
        if (rc == 0 && events_is_barrier(envelope, token))
            return 0;
    }
    return CTRD_QUIET;
}

static char *new_token(void)
{
    static atomic_uint count;

    return edge_format("%ld.%lld.%u", (long) getpid(), (long long) edge_now_ms(),
                       atomic_fetch_add(&count, 1));
}

/* A subscription is not acknowledged, and what is published before it has taken effect is lost:
 * publish until it comes back. */
static int pass_barrier(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                        struct ctrd_stream *s, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *token = new_token();

    if (!token)
        return edge_fail(err, -ENOMEM, "out of memory");
    for (int i = 0; i < BARRIER_TRIES; i++) {
        int rc = publish_barrier(ctrd, call, token, err);

        if (rc == 0)
            rc = await_barrier(s, token, err);
        if (rc != CTRD_QUIET)
            return rc;
    }
    return edge_fail(err, -ETIMEDOUT, "containerd at %s does not deliver events", ctrd->uri);
}

static int deliver_one(struct ctrd_stream *s, void (*fn)(const struct agent_ctrd_event *, void *),
                       void *arg, struct edge_err *err)
{
    EDGE_CLEANUP(pb_free) Events__Envelope *envelope = NULL;
    EDGE_CLEANUP(pb_free) void *owner = NULL;
    struct agent_ctrd_event ev;
    int rc = ctrd_stream_recv(s, -1, &envelope, err);

    if (rc == EDGE_EPROTOCOL) {
        edge_debug("containerd event skipped text=%s", err ? err->text : "");
        return 0;
    }
    if (rc == 0 && events_decode(envelope, &ev, &owner))
        fn(&ev, arg);
    return rc;
}

int agent_ctrd_events_run(struct agent_ctrd *ctrd, const struct agent_ctrd_call *call,
                          void (*fn)(const struct agent_ctrd_event *ev, void *arg), void *arg,
                          struct edge_err *err)
{
    struct agent_ctrd_call forever = {.timeout_ms = -1, .cancel = call ? call->cancel : NULL};
    struct agent_ctrd_event barrier = {.kind = AGENT_CTRD_EVENT_BARRIER, .id = ""};
    EDGE_CLEANUP(ctrd_stream_close) struct ctrd_stream s = {0};
    int rc;

    rc = subscribe(ctrd, &forever, &s, err);
    if (rc == 0)
        rc = pass_barrier(ctrd, call, &s, err);
    if (rc == 0) {
        barrier.at_ns = edge_wall_ns();
        fn(&barrier, arg);
    }
    while (rc == 0)
        rc = deliver_one(&s, fn, arg, err);
    if (rc == CTRD_END)
        return edge_fail(err, EDGE_EREMOTE, "containerd at %s ended the event stream", ctrd->uri);
    return rc;
}
