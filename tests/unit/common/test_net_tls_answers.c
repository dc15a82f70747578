/* What TLS answers by itself, to a peer that may never read it: the stream below is no socket, and
 * counts. */
#include "tests/unit/test.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#include "common/net/base.h"
#include "common/net/tls_stream.h"
#include "tests/unit/common/pki.h"

enum { ASKED = 20 * 1000, ENOUGH = 256 * 1024 };

/* The way to the peer. */
struct way {
    struct edge_stream base;
    SSL *peer;
    bool read; /* the peer reads at once */
    size_t queued;
};

static struct way *way_of(const struct edge_stream *stream)
{
    return EDGE_CONTAINER_OF(stream, struct way, base);
}

static void on_read(struct edge_stream *stream, bool wanted)
{
    (void) stream;
    (void) wanted;
}

static void on_write(struct edge_stream *stream, const void *data, size_t len)
{
    struct way *way = way_of(stream);

    if (way->read)
        assert_int_equal(BIO_write(SSL_get_rbio(way->peer), data, (int) len), len);
    else
        way->queued += len;
}

static size_t queued(const struct edge_stream *stream)
{
    return way_of(stream)->queued;
}

static const char *address(const struct edge_stream *stream)
{
    (void) stream;
    return "peer";
}

static void on_close(struct edge_stream *stream)
{
    stream_release(stream);
}

static void on_free(struct edge_stream *stream)
{
    free(way_of(stream));
}

static const struct stream_kind kind = {
    .read = on_read,
    .write = on_write,
    .queued = queued,
    .address = address,
    .close = on_close,
    .finish = on_close,
    .free = on_free,
};

/* A server's stream over it, and the peer as OpenSSL has it. */
static struct world {
    struct edge_loop *loop;
    struct edge_tls_server *tls;
    struct way *way;
    struct edge_stream *stream;
    SSL_CTX *ctx;
    SSL *peer;
    bool ready, ended;
    int end_rc;
} w;

static void on_ready(int rc, const struct edge_err *err, void *arg)
{
    (void) arg;
    if (rc < 0)
        fail_msg("%s", err->text);
    w.ready = true;
}

static void on_data(struct edge_bytes data, void *arg)
{
    (void) arg;
    edge_stream_write(w.stream, data.data, data.len);
}

static void on_end(int rc, void *arg)
{
    (void) arg;
    w.ended = true;
    w.end_rc = rc;
}

/* What the peer has written arrives. */
static void carry(void)
{
    char data[4096];
    int n;

    while ((n = BIO_read(SSL_get_wbio(w.peer), data, sizeof data)) > 0)
        stream_deliver(&w.way->base, data, (size_t) n);
}

static int setup(void **state)
{
    static const struct edge_stream_handler handler = {.on_data = on_data, .on_end = on_end};
    struct pki ca = pki_ca("CA", NULL);
    struct pki id = pki_server(&ca);
    struct edge_tls_server_options options = {id.pem, id.key_pem, false};
    (void) state;

    memset(&w, 0, sizeof w);
    assert_int_equal(edge_loop_create(&w.loop), 0);
    assert_int_equal(edge_tls_server_create(&options, &w.tls, NULL), 0);
    w.ctx = SSL_CTX_new(TLS_client_method());
    w.peer = SSL_new(w.ctx);
    SSL_set_bio(w.peer, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(w.peer);
    w.way = calloc(1, sizeof *w.way);
    stream_init(&w.way->base, &kind, w.loop);
    w.way->peer = w.peer;
    w.way->read = true;
    w.stream = tls_over(w.loop, &w.way->base, edge_tls_accept(w.tls), on_ready, NULL);
    for (int i = 0; i < 4 && !w.ready; i++) {
        (void) SSL_do_handshake(w.peer);
        carry();
    }
    assert_true(w.ready);
    edge_stream_attach(w.stream, &handler, NULL);
    pki_free(&ca);
    pki_free(&id);
    return 0;
}

static int teardown(void **state)
{
    (void) state;
    edge_stream_close(w.stream);
    SSL_free(w.peer);
    SSL_CTX_free(w.ctx);
    edge_loop_destroy(w.loop);
    edge_tls_server_destroy(w.tls);
    ERR_clear_error();
    return 0;
}

static unsigned ask_for_new_keys(void)
{
    unsigned n = 0;

    for (; n < ASKED && !w.ended; n++) {
        char byte;

        assert_int_equal(SSL_key_update(w.peer, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(w.peer), 1);
        carry();
        if (w.way->read)
            assert_int_equal(SSL_read(w.peer, &byte, 1), -1);
    }
    return n;
}

static void test_a_peer_that_reads_may_have_new_keys_as_often_as_it_likes(void **state)
{
    char byte = 0;
    (void) state;

    assert_int_equal(ask_for_new_keys(), ASKED);
    assert_int_equal(SSL_write(w.peer, "x", 1), 1);
    carry();
    assert_int_equal(SSL_read(w.peer, &byte, 1), 1);
    assert_int_equal(byte, 'x');
}

static void test_who_asks_and_never_reads_is_dropped(void **state)
{
    (void) state;
    w.way->read = false;
    assert_true(ask_for_new_keys() < ASKED);
    assert_int_equal(w.end_rc, EDGE_EPROTOCOL);
    assert_true(w.way->queued < ENOUGH);
}

/* What the owner has queued is no answer. */
static void test_an_owner_may_have_much_queued(void **state)
{
    char *data = calloc(1, ENOUGH);
    (void) state;

    w.way->read = false;
    edge_stream_write(w.stream, data, ENOUGH);
    free(data);
    assert_int_equal(SSL_key_update(w.peer, SSL_KEY_UPDATE_REQUESTED), 1);
    assert_int_equal(SSL_do_handshake(w.peer), 1);
    carry();
    assert_false(w.ended);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_a_peer_that_reads_may_have_new_keys_as_often_as_it_likes),
        TEST(test_who_asks_and_never_reads_is_dropped),
        TEST(test_an_owner_may_have_much_queued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
