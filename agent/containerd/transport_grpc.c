#include "agent/containerd/transport_grpc.h"

#include <errno.h>
#include <grpc/byte_buffer_reader.h>
#include <grpc/grpc_security.h>
#include <grpc/support/alloc.h>
#include <grpc/support/log.h>
#include <grpc/support/time.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/log.h"
#include "common/json/utf8.h"

/* The core's own lines are for who debugs it; failures reach the operator as statuses. */
static void log_line(gpr_log_func_args *args)
{
    if (args->severity == GPR_LOG_SEVERITY_ERROR)
        edge_debug("grpc file=%s line=%d text=%s", args->file, args->line, args->message);
}

static void core_setup(void)
{
    gpr_set_log_function(log_line);
}

static grpc_arg int_arg(const char *key, int value)
{
    return (grpc_arg){
        .type = GRPC_ARG_INTEGER, .key = (char *) (uintptr_t) key, .value.integer = value};
}

/* Reconnect soon and for ever: containerd is on the same machine. The core's "minimum" is what an
 * attempt may take: nobody there is known at once, but a busy machine greets late. */
static grpc_channel *create_channel(const char *target)
{
    grpc_arg list[] = {
        int_arg(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, TRANSPORT_MAX_MESSAGE),
        int_arg(GRPC_ARG_MAX_SEND_MESSAGE_LENGTH, TRANSPORT_MAX_MESSAGE),
        int_arg(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100),
        int_arg(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5000),
        int_arg(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2000),
        int_arg(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
        int_arg(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
        int_arg(GRPC_ARG_ENABLE_CHANNELZ, 0),
        int_arg(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1),
    };
    grpc_channel_args args = {.num_args = EDGE_ARRAY_LEN(list), .args = list};
    grpc_channel_credentials *creds = grpc_insecure_credentials_create();
    grpc_channel *channel = grpc_channel_create(target, creds, &args);

    grpc_channel_credentials_release(creds);
    return channel;
}

static const char *socket_path(const char *uri)
{
    static const char scheme[] = "unix://";

    return strncmp(uri, scheme, sizeof scheme - 1) == 0 ? uri + sizeof scheme - 1 : uri;
}

int transport_open(const char *uri, struct transport **ret, struct edge_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    const char *path = socket_path(uri);
    EDGE_CLEANUP(edge_free) char *target = NULL;
    EDGE_CLEANUP(edge_free) char *copy = edge_strdup(path);
    EDGE_CLEANUP(edge_free) struct transport *t = NULL;

    if (path[0] != '/')
        return edge_fail(err, EDGE_EINVALID, "containerd address %s is not unix:///path", uri);
    target = edge_format("unix:%s", path);
    t = calloc(1, sizeof *t);
    if (!target || !copy || !t)
        return edge_fail(err, -ENOMEM, "out of memory");

    pthread_once(&once, core_setup);
    grpc_init();
    t->path = EDGE_TAKE(copy);
    t->channel = create_channel(target);
    *ret = EDGE_TAKE(t);
    return 0;
}

struct transport *transport_close(struct transport *t)
{
    if (!t)
        return NULL;
    grpc_channel_destroy(t->channel);
    grpc_shutdown_blocking();
    free(t->path);
    free(t);
    return NULL;
}

gpr_timespec wire_in_ms(int ms)
{
    if (ms < 0)
        return gpr_inf_future(GPR_CLOCK_MONOTONIC);
    return gpr_time_add(gpr_now(GPR_CLOCK_MONOTONIC), gpr_time_from_millis(ms, GPR_TIMESPAN));
}

static void cancel_call(void *arg)
{
    struct wire_call *w = arg;

    (void) grpc_call_cancel(w->call, NULL);
}

static void add_metadata(struct wire_call *w, const char *key, const char *value)
{
    if (value)
        w->metadata[w->nmetadata++] = (grpc_metadata){
            .key = grpc_slice_from_static_string(key),
            .value = grpc_slice_from_copied_string(value),
        };
}

void wire_queue_destroy(grpc_completion_queue *cq)
{
    grpc_completion_queue_shutdown(cq);
    (void) grpc_completion_queue_pluck(cq, NULL, wire_in_ms(-1), NULL);
    grpc_completion_queue_destroy(cq);
}

void wire_call_init(struct wire_call *w, struct transport *t, const struct transport_call *call)
{
    grpc_slice path = grpc_slice_from_copied_string(call->path);

    wire_wake(t, call);
    *w = (struct wire_call){.cancel = edge_cancel_ref(call->cancel)};
    w->cq = grpc_completion_queue_create_for_pluck(NULL);
    w->call = grpc_channel_create_call(t->channel, NULL, GRPC_PROPAGATE_DEFAULTS, w->cq, path, NULL,
                                       wire_in_ms(-1), NULL);
    grpc_slice_unref(path);
    grpc_metadata_array_init(&w->initial);
    grpc_metadata_array_init(&w->trailing);
    w->details = grpc_empty_slice();
    add_metadata(w, "containerd-namespace", call->ns);
    add_metadata(w, "containerd-lease", call->lease);
    w->hook = (struct edge_cancel_hook){.fn = cancel_call, .arg = w};
    edge_cancel_add_hook(w->cancel, &w->hook);
}

void wire_call_fini(struct wire_call *w)
{
    edge_cancel_remove_hook(w->cancel, &w->hook);
    edge_cancel_unref(w->cancel);
    grpc_call_unref(w->call);
    wire_queue_destroy(w->cq);
    for (size_t i = 0; i < w->nmetadata; i++)
        grpc_slice_unref(w->metadata[i].value);
    grpc_metadata_array_destroy(&w->initial);
    grpc_metadata_array_destroy(&w->trailing);
    grpc_slice_unref(w->details);
}

int wire_start(struct wire_call *w, const grpc_op *ops, size_t n, void *tag)
{
    return grpc_call_start_batch(w->call, ops, n, tag, NULL) == GRPC_CALL_OK ? 0 : -EIO;
}

int wire_wait(struct wire_call *w, void *tag, int wait_ms)
{
    grpc_event ev = grpc_completion_queue_pluck(w->cq, tag, wire_in_ms(wait_ms), NULL);

    if (ev.type == GRPC_QUEUE_TIMEOUT)
        return WIRE_TIMEOUT;
    return ev.type == GRPC_OP_COMPLETE && ev.success ? WIRE_OK : WIRE_FAILED;
}

int wire_wait_or_cancel(struct wire_call *w, void *tag, int wait_ms)
{
    int rc = wire_wait(w, tag, wait_ms);

    if (rc != WIRE_TIMEOUT)
        return rc;
    w->timed_out_ms = wait_ms > 0 ? wait_ms : 1;
    cancel_call(w);
    return wire_wait(w, tag, -1);
}

grpc_op wire_op_metadata(struct wire_call *w)
{
    return (grpc_op){
        .op = GRPC_OP_SEND_INITIAL_METADATA,
        .data.send_initial_metadata = {.count = w->nmetadata, .metadata = w->metadata},
    };
}

grpc_op wire_op_initial(struct wire_call *w)
{
    return (grpc_op){
        .op = GRPC_OP_RECV_INITIAL_METADATA,
        .data.recv_initial_metadata.recv_initial_metadata = &w->initial,
    };
}

grpc_op wire_op_status(struct wire_call *w)
{
    return (grpc_op){
        .op = GRPC_OP_RECV_STATUS_ON_CLIENT,
        .data.recv_status_on_client = {.trailing_metadata = &w->trailing,
                                       .status = &w->status,
                                       .status_details = &w->details},
    };
}

/* What the server says may end in a log line and in the cloud's JSON. */
static void copy_text(char *to, size_t size, const char *from, size_t len)
{
    size_t used = 0;

    while (len > 0) {
        size_t step = edge_utf8_char(from, len);
        size_t take = step ? step : 1;

        if (used + take >= size)
            break;
        if (step)
            memcpy(to + used, from, step);
        else
            to[used] = '?';
        used += take;
        from += take;
        len -= take;
    }
    to[used] = '\0';
}

void wire_status(const struct wire_call *w, struct transport_status *st)
{
    st->code = (int) w->status;
    copy_text(st->text, sizeof st->text, (const char *) GRPC_SLICE_START_PTR(w->details),
              GRPC_SLICE_LENGTH(w->details));
    if (w->timed_out_ms > 0 && w->status == GRPC_STATUS_CANCELLED) {
        st->code = TRANSPORT_DEADLINE_EXCEEDED;
        (void) snprintf(st->text, sizeof st->text, "no answer within %d ms", w->timed_out_ms);
    }
}

grpc_byte_buffer *wire_buffer(struct transport_msg msg)
{
    grpc_slice slice = msg.len ? grpc_slice_new(msg.data, msg.len, free) : grpc_empty_slice();
    grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);

    if (!msg.len)
        free(msg.data);
    grpc_slice_unref(slice);
    return buffer;
}

int wire_message(grpc_byte_buffer *buffer, struct transport_msg *ret)
{
    grpc_byte_buffer_reader reader;
    size_t len = grpc_byte_buffer_length(buffer);
    uint8_t *data = malloc(len ? len : 1);
    size_t used = 0;
    grpc_slice slice;

    if (!data || !grpc_byte_buffer_reader_init(&reader, buffer)) {
        free(data);
        grpc_byte_buffer_destroy(buffer);
        return -ENOMEM;
    }
    while (grpc_byte_buffer_reader_next(&reader, &slice)) {
        memcpy(data + used, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
        used += GRPC_SLICE_LENGTH(slice);
        grpc_slice_unref(slice);
    }
    grpc_byte_buffer_reader_destroy(&reader);
    grpc_byte_buffer_destroy(buffer);
    *ret = (struct transport_msg){.data = data, .len = used};
    return 0;
}
