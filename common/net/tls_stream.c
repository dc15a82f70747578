/* OpenSSL between two streams: a BIO of our own lets it read where the bytes lie and write straight
 * into the stream below, so that an idle connection keeps no buffers. */
#include "common/net/tls_stream.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <pthread.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/net/base.h"

enum {
    RECORD_MAX = 16 * 1024,
    /* Bytes TLS says by itself (new keys, alerts) to a peer that reads nothing: an attack. */
    ANSWERS_MAX = 64 * 1024,
};

struct tls_stream {
    struct edge_stream base;
    struct edge_stream *below; /* NULL once closed or finished */
    SSL *ssl;
    struct edge_bytes in; /* what has come and OpenSSL has not taken; borrowed */
    size_t answered;      /* by TLS itself since nothing was queued */
    bool writing;         /* it is the owner who does */
    struct edge_tls_peer *peer;
    void (*ready)(int rc, const struct edge_err *err, void *arg); /* NULL after the handshake */
    void *ready_arg;
    int64_t heard_ms;
    bool heard;
};

static struct tls_stream *self(const struct edge_stream *stream)
{
    return EDGE_CONTAINER_OF(stream, struct tls_stream, base);
}

/* The BIO. */

static int bio_read(BIO *bio, char *data, size_t len, size_t *ret_len)
{
    struct tls_stream *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (s->in.len == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    *ret_len = len < s->in.len ? len : s->in.len;
    memcpy(data, s->in.data, *ret_len);
    s->in.data += *ret_len;
    s->in.len -= *ret_len;
    return 1;
}

static void note_answer(struct tls_stream *s, size_t len)
{
    if (edge_stream_queued(s->below) == 0)
        s->answered = 0;
    s->answered += len;
}

static int bio_write(BIO *bio, const char *data, size_t len, size_t *ret_len)
{
    struct tls_stream *s = BIO_get_data(bio);

    BIO_clear_retry_flags(bio);
    if (!s->below)
        return 0;
    if (!s->writing)
        note_answer(s, len);
    edge_stream_write(s->below, data, len);
    *ret_len = len;
    return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void) bio;
    (void) number;
    (void) pointer;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;

static void make_method(void)
{
    method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "edge stream");
    if (!method)
        return;
    BIO_meth_set_read_ex(method, bio_read);
    BIO_meth_set_write_ex(method, bio_write);
    BIO_meth_set_ctrl(method, bio_ctrl);
}

static BIO *make_bio(struct tls_stream *s)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    BIO *bio;

    pthread_once(&once, make_method);
    bio = method ? BIO_new(method) : NULL;
    if (bio) {
        BIO_set_data(bio, s);
        BIO_set_init(bio, 1);
    }
    return bio;
}

/* From below. */

static void tell_ready(struct tls_stream *s, int rc, const struct edge_err *err)
{
    void (*ready)(int rc, const struct edge_err *err, void *arg) = s->ready;

    s->ready = NULL;
    if (s->base.left)
        return;
    ready(rc, err, s->ready_arg);
    if (s->below && !s->base.reading)
        edge_stream_pause(s->below, true);
}

static void shake(struct tls_stream *s)
{
    struct edge_err err = {0};
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(s->ssl);
    if (rc == 1) {
        rc = edge_tls_peer_of(s->ssl, &s->peer);
        tell_ready(s, rc, &err);
    } else if (SSL_get_error(s->ssl, rc) != SSL_ERROR_WANT_READ) {
        s->base.over = true; /* what else comes is not looked at */
        tell_ready(s, edge_tls_failure(s->ssl, &err), &err);
    }
}

/* @return false when there is nothing more for now, or ever */
static bool read_record(struct tls_stream *s)
{
    static _Thread_local char room[RECORD_MAX];
    int n;

    ERR_clear_error();
    n = SSL_read(s->ssl, room, sizeof room);
    if (s->answered > ANSWERS_MAX) {
        stream_end(&s->base, EDGE_EPROTOCOL);
        return false;
    }
    if (n > 0) {
        stream_deliver(&s->base, room, (size_t) n);
        return true;
    }
    switch (SSL_get_error(s->ssl, n)) {
    case SSL_ERROR_WANT_READ:
        break;
    case SSL_ERROR_ZERO_RETURN:
        stream_end(&s->base, 0);
        break;
    default:
        stream_end(&s->base, edge_tls_failure(s->ssl, NULL));
        break;
    }
    return false;
}

static void on_below_data(struct edge_bytes data, void *arg)
{
    struct tls_stream *s = arg;
    bool more = true;

    stream_hold(&s->base);
    s->heard = true;
    if (s->ready)
        s->heard_ms = edge_now_ms();
    s->in = data;
    if (s->ready)
        shake(s);
    while (!s->ready && more && !s->base.left && !s->base.over)
        more = read_record(s);
    s->in = (struct edge_bytes){0};
    stream_release(&s->base);
}

static void on_below_end(int rc, void *arg)
{
    struct tls_stream *s = arg;
    struct edge_err err = {0};

    stream_hold(&s->base);
    if (rc == 0)
        rc = -ECONNRESET; /* without close_notify it may have been cut */
    if (s->ready) {
        edge_fail(&err, rc, "the other side left during the TLS handshake");
        tell_ready(s, rc, &err);
    } else {
        stream_end(&s->base, rc);
    }
    stream_release(&s->base);
}

static void on_below_drain(void *arg)
{
    struct tls_stream *s = arg;

    stream_drained(&s->base);
}

/* From above. */

static void tls_read(struct edge_stream *stream, bool wanted)
{
    edge_stream_pause(self(stream)->below, !wanted);
}

static void tls_write(struct edge_stream *stream, const void *data, size_t len)
{
    struct tls_stream *s = self(stream);
    const char *at = data;
    bool done = true;

    s->writing = true;
    while (done && len > 0) {
        int part = len > INT_MAX ? INT_MAX : (int) len;

        ERR_clear_error();
        done = SSL_write(s->ssl, at, part) == part;
        at += part;
        len -= (size_t) part;
    }
    s->writing = false;
    if (!done)
        stream_end_later(stream, edge_tls_failure(s->ssl, NULL));
}

static size_t tls_queued(const struct edge_stream *stream)
{
    return edge_stream_queued(self(stream)->below);
}

static bool tls_peer(const struct edge_stream *stream, pid_t *pid, uid_t *uid, gid_t *gid)
{
    return edge_stream_peer(self(stream)->below, pid, uid, gid);
}

static const char *tls_address(const struct edge_stream *stream)
{
    return edge_stream_address(self(stream)->below);
}

static const struct edge_tls_peer *tls_certificate(const struct edge_stream *stream)
{
    return self(stream)->peer;
}

static void tls_close(struct edge_stream *stream)
{
    struct tls_stream *s = self(stream);

    s->below = edge_stream_close(s->below);
    stream_release(stream);
}

static void tls_finish(struct edge_stream *stream)
{
    struct tls_stream *s = self(stream);

    ERR_clear_error();
    if (!s->ready && (!stream->over || stream->end_rc == 0))
        (void) SSL_shutdown(s->ssl);
    ERR_clear_error();
    s->below = edge_stream_finish(s->below);
    stream_release(stream);
}

static void tls_free(struct edge_stream *stream)
{
    struct tls_stream *s = self(stream);

    SSL_free(s->ssl);
    edge_tls_peer_free(s->peer);
    free(s);
}

int64_t tls_heard_ms(const struct edge_stream *stream)
{
    return self(stream)->heard_ms;
}

bool tls_was_heard(const struct edge_stream *stream)
{
    return self(stream)->heard;
}

static const struct stream_kind kind = {
    .read = tls_read,
    .write = tls_write,
    .queued = tls_queued,
    .peer = tls_peer,
    .address = tls_address,
    .certificate = tls_certificate,
    .close = tls_close,
    .finish = tls_finish,
    .free = tls_free,
};

static const struct edge_stream_handler from_below = {
    .on_data = on_below_data,
    .on_drain = on_below_drain,
    .on_end = on_below_end,
};

struct edge_stream *tls_over(struct edge_loop *loop, struct edge_stream *below, SSL *ssl,
                             void (*ready)(int rc, const struct edge_err *err, void *arg),
                             void *arg)
{
    struct tls_stream *s = calloc(1, sizeof *s);
    BIO *bio = s && ssl ? make_bio(s) : NULL;

    if (!bio) {
        SSL_free(ssl);
        free(s);
        return edge_stream_close(below);
    }
    stream_init(&s->base, &kind, loop);
    s->below = below;
    s->ssl = ssl;
    s->ready = ready;
    s->ready_arg = arg;
    s->heard_ms = edge_now_ms();
    SSL_set_bio(ssl, bio, bio);
    edge_stream_attach(below, &from_below, s);
    ERR_clear_error();
    if (!SSL_is_server(ssl)) /* speaks first; cannot end here, for nothing has come yet */
        (void) SSL_do_handshake(ssl);
    ERR_clear_error();
    return &s->base;
}
