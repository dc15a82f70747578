/* Streams on a loop thread of its own; the tests are blocking clients, with plain sockets or with
 * OpenSSL. What a client says first decides what the server does. */
#include "tests/unit/test.h"

#include <errno.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/net/listen.h"
#include "tests/unit/common/pki.h"

enum { BIG = 8 * 1024 * 1024, HANDSHAKE_MS = 400 };

struct guest {
    struct edge_stream *stream;
    struct guest *next;
    struct guest **link;
    char mode; /* 0: not yet known */
    bool paused;
    struct edge_timer *later;
    int64_t sum;
};

struct house {
    struct guest *guests;
    struct edge_loop *loop;
    struct edge_tls_server *tls;
    struct edge_listener *listener;
    pthread_t thread;
    char dir[64];
    char path[100];
    uint16_t port;
    int streams;
    int ended; /* counts ends */
    int end_rc;
    int64_t heard;   /* bytes, while the guest is held up or counts */
    int64_t said;    /* bytes of an endless answer */
    int inside;      /* calls of stream.h under way */
    int nested;      /* callbacks that came from within one: must stay 0 */
    int paused_data; /* callbacks that came while paused: must stay 0 */
};

static struct house house;
static struct pki ca;
static struct pki server_id;

static int count(int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

static void bump(int *number)
{
    __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST);
}

static void wait_for(int *number, int least)
{
    int64_t limit = edge_now_ms() + 10000;

    while (count(number) < least) {
        assert_true(edge_now_ms() < limit);
        (void) poll(NULL, 0, 5);
    }
}

static void say(struct guest *guest, const void *data, size_t len)
{
    house.inside++;
    edge_stream_write(guest->stream, data, len);
    house.inside--;
}

static void leave(struct guest *guest, bool politely)
{
    house.inside++;
    if (politely)
        edge_stream_finish(guest->stream);
    else
        edge_stream_close(guest->stream);
    house.inside--;
    edge_timer_destroy(guest->later);
    *guest->link = guest->next;
    if (guest->next)
        guest->next->link = guest->link;
    free(guest);
}

static void pause_guest(struct guest *guest, bool paused)
{
    guest->paused = paused;
    house.inside++;
    edge_stream_pause(guest->stream, paused);
    house.inside--;
}

static void on_later(void *arg)
{
    pause_guest(arg, false);
}

static void say_endlessly(void *arg)
{
    static char block[16 * 1024];
    struct guest *guest = arg;

    house.nested += house.inside > 0;
    while (guest->mode == 'E' && edge_stream_queued(guest->stream) < 256 * 1024) {
        say(guest, block, sizeof block);
        __atomic_add_fetch(&house.said, (int64_t) sizeof block, __ATOMIC_SEQ_CST);
    }
}

static void say_big(struct guest *guest)
{
    char *big = malloc(BIG);

    assert_non_null(big);
    for (int i = 0; i < BIG; i++)
        big[i] = (char) (i % 251);
    say(guest, big, BIG);
    free(big);
    leave(guest, true);
}

static void say_who(struct guest *guest)
{
    const struct edge_tls_peer *shown = edge_stream_certificate(guest->stream);
    struct edge_cert_info info = {0};
    char text[300];
    pid_t pid = 0;
    uid_t uid = 0;
    gid_t gid = 0;
    bool known = edge_stream_peer(guest->stream, &pid, &uid, &gid);
    int len;

    if (shown)
        assert_int_equal(edge_cert_read(shown->chain_pem, &info, NULL), 0);
    len = snprintf(text, sizeof text, "%s %d %s %u %s", edge_stream_address(guest->stream),
                   known && pid == getpid(), shown ? shown->cn : "-", info.count,
                   shown && strcmp(shown->sha1, info.sha1) == 0 ? shown->sha1 : "-");
    say(guest, text, (size_t) len);
    leave(guest, true);
}

static void on_data(struct edge_bytes data, void *arg)
{
    struct guest *guest = arg;

    house.nested += house.inside > 0;
    house.paused_data += guest->paused;
    if (!guest->mode)
        guest->mode = (char) data.data[0];
    __atomic_add_fetch(&house.heard, (int64_t) data.len, __ATOMIC_SEQ_CST);
    switch (guest->mode) {
    case 'e': /* echo */
    case 'h': /* echo, and a word after the end */
        say(guest, data.data, data.len);
        break;
    case 'B': /* a big answer, then the end */
        say_big(guest);
        break;
    case 'E': /* endless */
        say_endlessly(guest);
        break;
    case 'w':
        say_who(guest);
        break;
    case 'c':
        leave(guest, false);
        break;
    case 'p': /* listens a little, every now and then; sums up at the end */
        for (size_t i = 0; i < data.len; i++)
            guest->sum = (guest->sum * 31 + data.data[i]) % 1000003;
        pause_guest(guest, true);
        edge_timer_arm(guest->later, 1);
        break;
    case 'P': /* never listens again */
        pause_guest(guest, true);
        break;
    default:
        break;
    }
}

static void on_end(int rc, void *arg)
{
    struct guest *guest = arg;
    char text[32];

    house.nested += house.inside > 0;
    __atomic_store_n(&house.end_rc, rc, __ATOMIC_SEQ_CST);
    bump(&house.ended);
    if (guest->mode == 'h')
        say(guest, "bye", 3);
    if (guest->mode == 'p')
        say(guest, text, (size_t) snprintf(text, sizeof text, "%lld", (long long) guest->sum));
    leave(guest, rc == 0);
}

static void on_stream(struct edge_stream *stream, void *arg)
{
    static const struct edge_stream_handler handler = {on_data, say_endlessly, on_end};
    struct guest *guest = calloc(1, sizeof *guest);

    (void) arg;
    bump(&house.streams);
    guest->stream = stream;
    guest->next = house.guests;
    guest->link = &house.guests;
    if (guest->next)
        guest->next->link = &guest->next;
    house.guests = guest;
    guest->later = edge_timer_create(house.loop, on_later, guest);
    house.inside++;
    edge_stream_attach(stream, &handler, guest);
    house.inside--;
}

static void *serve(void *arg)
{
    (void) arg;
    edge_loop_run(house.loop);
    house.listener = edge_listener_close(house.listener);
    while (house.guests)
        leave(house.guests, false);
    house.loop = edge_loop_destroy(house.loop);
    return NULL;
}

static void stop(void *arg)
{
    (void) arg;
    edge_loop_stop(house.loop);
}

static int open_house(const char *uri, bool with_tls)
{
    struct edge_tls_server_options tls = {server_id.pem, server_id.key_pem, true};
    struct edge_listener_options options = {
        .uri = uri, .max_handshakes = 2, .handshake_ms = HANDSHAKE_MS, .on_stream = on_stream};
    struct edge_err err = {0};

    if (with_tls && edge_tls_server_create(&tls, &house.tls, &err) < 0)
        fail_msg("%s", err.text);
    options.tls = house.tls;
    assert_int_equal(edge_loop_create(&house.loop), 0);
    if (edge_listen(house.loop, &options, &house.listener, &err) < 0)
        fail_msg("%s", err.text);
    house.port = edge_listener_port(house.listener);
    return pthread_create(&house.thread, NULL, serve, NULL);
}

static int setup_unix(void **state)
{
    char uri[120];
    (void) state;

    memset(&house, 0, sizeof house);
    (void) snprintf(house.dir, sizeof house.dir, "/tmp/edge-test-net-XXXXXX");
    if (!mkdtemp(house.dir))
        return -1;
    (void) snprintf(house.path, sizeof house.path, "%s/run/x.sock", house.dir);
    (void) snprintf(uri, sizeof uri, "unix://%s", house.path);
    return open_house(uri, false);
}

static int setup_tcp(void **state)
{
    (void) state;
    memset(&house, 0, sizeof house);
    return open_house("tcp://127.0.0.1:0", false);
}

static int setup_tls(void **state)
{
    (void) state;
    memset(&house, 0, sizeof house);
    return open_house("tcp://127.0.0.1:0", true);
}

static int teardown(void **state)
{
    (void) state;
    edge_loop_post(house.loop, stop, NULL);
    pthread_join(house.thread, NULL);
    edge_tls_server_destroy(house.tls);
    assert_int_equal(house.nested, 0);
    assert_int_equal(house.paused_data, 0);
    return house.dir[0] ? edge_remove_tree(house.dir, NULL) : 0;
}

/* A client: a socket, perhaps with TLS. */
struct client {
    int fd;
    SSL *ssl;
};

static int dial_fd(void)
{
    struct sockaddr_un there = {.sun_family = AF_UNIX};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(house.port)};
    struct timeval limit = {10, 0};
    int fd = socket(house.port ? AF_INET : AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    memcpy(there.sun_path, house.path, strlen(house.path));
    if (house.port)
        assert_int_equal(connect(fd, (struct sockaddr *) &address, sizeof address), 0);
    else
        assert_int_equal(connect(fd, (struct sockaddr *) &there, sizeof there), 0);
    (void) setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    (void) setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    return fd;
}

/* @param ctx  NULL: plain */
static struct client dial(SSL_CTX *ctx, SSL_SESSION *session)
{
    struct client c = {dial_fd(), NULL};

    if (!ctx)
        return c;
    c.ssl = SSL_new(ctx);
    SSL_set_fd(c.ssl, c.fd);
    SSL_set1_host(c.ssl, "localhost");
    if (session)
        SSL_set_session(c.ssl, session);
    if (SSL_connect(c.ssl) != 1)
        fail_msg("handshake: %s", ERR_reason_error_string(ERR_peek_error()));
    return c;
}

static void hang_up(struct client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

static void tell(struct client *c, const void *data, size_t len)
{
    if (c->ssl) {
        assert_int_equal(SSL_write(c->ssl, data, (int) len), len);
        return;
    }
    while (len > 0) {
        ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL);

        assert_true(n > 0);
        data = (const char *) data + n;
        len -= (size_t) n;
    }
}

/* @return bytes, 0 at an orderly end, negative */
static int hear(struct client *c, char *data, size_t len)
{
    if (!c->ssl)
        return (int) recv(c->fd, data, len, 0);
    return SSL_read(c->ssl, data, (int) len);
}

static void hear_all(struct client *c, char *data, size_t len)
{
    while (len > 0) {
        int n = hear(c, data, len);

        assert_true(n > 0);
        data += n;
        len -= (size_t) n;
    }
}

/* The end of what the server says, said properly. */
static void assert_ended(struct client *c)
{
    char byte;
    int n = hear(c, &byte, 1);

    assert_true(n <= 0);
    if (c->ssl)
        assert_int_equal(SSL_get_error(c->ssl, n), SSL_ERROR_ZERO_RETURN);
    else
        assert_int_equal(n, 0);
}

static SSL_CTX *make_ctx(int version, const struct pki *id, const struct pki *through)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    BIO *bio = BIO_new_mem_buf(ca.pem, -1);
    X509 *root = PEM_read_bio_X509(bio, NULL, NULL, NULL);

    X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), root);
    X509_free(root);
    BIO_free(bio);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_min_proto_version(ctx, version);
    SSL_CTX_set_max_proto_version(ctx, version);
    if (!id)
        return ctx;
    bio = BIO_new_mem_buf(id->pem, -1);
    root = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    assert_int_equal(SSL_CTX_use_certificate(ctx, root), 1);
    X509_free(root);
    BIO_free(bio);
    bio = BIO_new_mem_buf(id->key_pem, -1);
    {
        EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, key), 1);
        EVP_PKEY_free(key);
    }
    BIO_free(bio);
    if (through) {
        bio = BIO_new_mem_buf(through->pem, -1);
        SSL_CTX_add0_chain_cert(ctx, PEM_read_bio_X509(bio, NULL, NULL, NULL));
        BIO_free(bio);
    }
    return ctx;
}

static SSL_CTX *ctx_for_house(void)
{
    return house.tls ? make_ctx(TLS1_3_VERSION, NULL, NULL) : NULL;
}

static void test_bytes_come_back(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    char text[32] = {0};
    (void) state;

    tell(&c, "e", 1);
    hear_all(&c, text, 1);
    tell(&c, "hello", 5);
    hear_all(&c, text, 5);
    assert_string_equal(text, "hello");
    hang_up(&c);
    wait_for(&house.ended, 1);
    SSL_CTX_free(ctx);
}

static void test_a_big_answer_arrives_whole_before_the_end(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    char *big = malloc(BIG);
    (void) state;

    tell(&c, "B", 1);
    tell(&c, "unread", 6); /* which must not make the kernel reset the connection */
    hear_all(&c, big, BIG);
    for (int i = 0; i < BIG; i++) {
        if (big[i] != (char) (i % 251))
            fail_msg("byte %d", i);
    }
    assert_ended(&c);
    free(big);
    hang_up(&c);
    SSL_CTX_free(ctx);
}

static int64_t wait_until_steady(int64_t *number)
{
    int64_t before = -1;
    int64_t now = 0;

    while (now != before || now == 0) {
        before = now;
        (void) poll(NULL, 0, 50);
        now = __atomic_load_n(number, __ATOMIC_SEQ_CST);
    }
    return now;
}

static void test_a_writer_waits_for_a_slow_reader(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    static char block[16 * 1024];
    int64_t said;
    (void) state;

    tell(&c, "E", 1);
    said = wait_until_steady(&house.said);
    assert_true(said < 16 * 1024 * 1024);
    for (int64_t heard = 0; heard < said + 1024 * 1024; heard += (int64_t) sizeof block)
        hear_all(&c, block, sizeof block);
    assert_true(__atomic_load_n(&house.said, __ATOMIC_SEQ_CST) > said);
    hang_up(&c);
    wait_for(&house.ended, 1);
    SSL_CTX_free(ctx);
}

static void test_a_paused_reader_holds_the_peer_up(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    struct timeval soon = {0, 300 * 1000};
    static char block[16 * 1024];
    int64_t sent = 0;
    int n = 1;
    (void) state;

    tell(&c, "P", 1);
    (void) setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    for (; n > 0 && sent<64 * 1024 * 1024; sent += n> 0 ? n : 0)
        n = c.ssl ? SSL_write(c.ssl, block, sizeof block)
                  : (int) send(c.fd, block, sizeof block, MSG_NOSIGNAL);
    assert_true(n < 0);
    assert_true(__atomic_load_n(&house.heard, __ATOMIC_SEQ_CST) <= 64 * 1024);
    hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_nothing_is_lost_by_pausing(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    static char data[1024 * 1024];
    char text[32] = {0};
    char expected[32];
    int64_t sum = 0;
    int n;
    (void) state;

    for (size_t i = 0; i < sizeof data; i++) {
        data[i] = i == 0 ? 'p' : (char) (i % 127);
        sum = (sum * 31 + data[i]) % 1000003;
    }
    tell(&c, data, sizeof data);
    if (c.ssl)
        SSL_shutdown(c.ssl);
    else
        shutdown(c.fd, SHUT_WR);
    n = hear(&c, text, sizeof text - 1);
    assert_true(n > 0);
    (void) snprintf(expected, sizeof expected, "%lld", (long long) sum);
    assert_string_equal(text, expected);
    assert_ended(&c);
    hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_after_the_peers_end_a_word_still_reaches_it(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    char text[8] = {0};
    (void) state;

    tell(&c, "h", 1);
    if (c.ssl)
        SSL_shutdown(c.ssl);
    else
        shutdown(c.fd, SHUT_WR);
    hear_all(&c, text, 4);
    assert_string_equal(text, "hbye");
    assert_ended(&c);
    assert_int_equal(count(&house.end_rc), 0);
    hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_a_handler_may_close_within_its_call(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    (void) state;

    for (int i = 0; i < 5; i++) {
        struct client c = dial(ctx, NULL);
        char byte;

        tell(&c, "c", 1);
        assert_true(hear(&c, &byte, 1) <= 0);
        hang_up(&c);
    }
    assert_int_equal(count(&house.ended), 0);
    SSL_CTX_free(ctx);
}

static void test_a_torn_connection_is_told_from_an_end(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    struct client c = dial(ctx, NULL);
    struct linger reset = {1, 0};
    char byte;
    (void) state;

    tell(&c, "e", 1);
    hear_all(&c, &byte, 1);
    if (!c.ssl)
        (void) setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    hang_up(&c); /* TLS: without close_notify */
    wait_for(&house.ended, 1);
    assert_int_equal(count(&house.end_rc), -ECONNRESET);
    SSL_CTX_free(ctx);
}

static void ask_who(struct client *c, char text[300])
{
    int n;

    tell(c, "w", 1);
    n = hear(c, text, 299);
    assert_true(n > 0);
    text[n] = '\0';
    assert_ended(c);
}

static void test_who_is_there_is_known(void **state)
{
    struct client c = dial(NULL, NULL);
    char text[300];
    (void) state;

    ask_who(&c, text);
    if (house.port)
        assert_memory_equal(text, "127.0.0.1:", 10);
    else
        assert_string_equal(text, "unix 1 - 0 -");
    hang_up(&c);
}

/* A client's whole chain is known, in a resumed session as well. */
static void show_chain(int version)
{
    struct pki sub = pki_ca("Sub", &ca);
    struct pki id = pki_client("device-1", &sub);
    SSL_CTX *ctx = make_ctx(version, &id, &sub);
    struct client c = dial(ctx, NULL);
    SSL_SESSION *session;
    struct edge_cert_info info;
    char expected[100];
    char text[300];

    assert_int_equal(edge_cert_read(id.pem, &info, NULL), 0);
    (void) snprintf(expected, sizeof expected, "0 device-1 2 %s", info.sha1);
    ask_who(&c, text);
    assert_string_equal(strchr(text, ' ') + 1, expected);
    session = SSL_get1_session(c.ssl);
    SSL_shutdown(c.ssl);
    hang_up(&c);
    for (int i = 0; i < 2; i++) {
        c = dial(ctx, session);
        assert_int_equal(SSL_session_reused(c.ssl), 1);
        ask_who(&c, text);
        assert_string_equal(strchr(text, ' ') + 1, expected);
        SSL_SESSION_free(session);
        session = SSL_get1_session(c.ssl);
        SSL_shutdown(c.ssl);
        hang_up(&c);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    pki_free(&sub);
    pki_free(&id);
}

static void test_a_clients_chain_is_known_also_after_resumption(void **state)
{
    (void) state;
    show_chain(TLS1_3_VERSION);
    show_chain(TLS1_2_VERSION);
}

static void test_old_versions_and_weak_ciphers_are_refused(void **state)
{
    SSL_CTX *ctx = make_ctx(TLS1_1_VERSION, NULL, NULL);
    SSL *ssl;
    int fd;
    (void) state;

    for (int i = 0; i < 2; i++) {
        if (i == 1) { /* no forward secrecy */
            SSL_CTX_free(ctx);
            ctx = make_ctx(TLS1_2_VERSION, NULL, NULL);
            SSL_CTX_set_cipher_list(ctx, "AES128-GCM-SHA256:@SECLEVEL=0");
        } else {
            SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
        }
        fd = dial_fd();
        ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fd);
        assert_int_not_equal(SSL_connect(ssl), 1);
        SSL_free(ssl);
        close(fd);
    }
    assert_int_equal(count(&house.streams), 0);
    ERR_clear_error();
    SSL_CTX_free(ctx);
}

static void test_a_slow_handshake_is_given_up_and_makes_others_wait(void **state)
{
    SSL_CTX *ctx = ctx_for_house();
    int64_t begun = edge_now_ms();
    struct client silent[2] = {{dial_fd(), NULL}, {dial_fd(), NULL}};
    struct client c;
    char byte = 0;
    (void) state;

    (void) poll(NULL, 0, 50); /* they are at the door first */
    c = dial(ctx, NULL);      /* is let in when they are sent away */
    assert_true(edge_now_ms() - begun >= HANDSHAKE_MS - 50);
    assert_true(edge_now_ms() - begun < 5000);
    tell(&c, "e", 1);
    hear_all(&c, &byte, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recv(silent[i].fd, &byte, 1, 0), 0);
        close(silent[i].fd);
    }
    assert_int_equal(count(&house.streams), 1);
    hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_garbage_is_no_handshake(void **state)
{
    struct client c = dial(NULL, NULL);
    char byte;
    (void) state;

    tell(&c, "GET / HTTP/1.1\r\n\r\n", 18);
    while (recv(c.fd, &byte, 1, 0) > 0) { /* an alert */
    }
    hang_up(&c);
    assert_int_equal(count(&house.streams), 0);
}

static char *reload_pem;
static char *reload_key;
static int reload_rc;
static int reloaded;

static void reload(void *arg)
{
    (void) arg;
    reload_rc = edge_tls_server_reload(house.tls, reload_pem, reload_key, NULL);
    bump(&reloaded);
}

static void test_a_new_certificate_is_shown_to_new_connections(void **state)
{
    static const char *const names[] = {"localhost", NULL};
    struct pki fresh = pki_issue(
        (struct edge_cert_order){.use = EDGE_CERT_SERVER, .cn = "fresh", .dns = names}, &ca);
    SSL_CTX *ctx = ctx_for_house();
    struct client before = dial(ctx, NULL);
    struct client after;
    X509_NAME *name;
    char cn[32];
    (void) state;

    reload_pem = fresh.pem;
    reload_key = server_id.key_pem; /* does not fit: nothing changes */
    edge_loop_post(house.loop, reload, NULL);
    wait_for(&reloaded, 1);
    assert_int_equal(reload_rc, EDGE_EINVALID);
    reload_key = fresh.key_pem;
    edge_loop_post(house.loop, reload, NULL);
    wait_for(&reloaded, 2);
    assert_int_equal(reload_rc, 0);
    after = dial(ctx, NULL);
    name = X509_get_subject_name(SSL_get0_peer_certificate(after.ssl));
    assert_true(X509_NAME_get_text_by_NID(name, NID_commonName, cn, sizeof cn) > 0);
    assert_string_equal(cn, "fresh");
    tell(&before, "e", 1);
    hear_all(&before, cn, 1);
    hang_up(&before);
    hang_up(&after);
    SSL_CTX_free(ctx);
    pki_free(&fresh);
}

static int setup_group(void **state)
{
    (void) state;
    ca = pki_ca("Test Root", NULL);
    server_id = pki_server(&ca);
    return 0;
}

static int teardown_group(void **state)
{
    (void) state;
    pki_free(&ca);
    pki_free(&server_id);
    return 0;
}

#define OVER(how, test)                                                                            \
    {                                                                                              \
#test " (" #how ")", test, setup_##how, teardown, NULL                                     \
    }
#define OVER_ALL(test) OVER(unix, test), OVER(tcp, test), OVER(tls, test)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER_ALL(test_bytes_come_back),
        OVER_ALL(test_a_big_answer_arrives_whole_before_the_end),
        OVER_ALL(test_a_writer_waits_for_a_slow_reader),
        OVER_ALL(test_a_paused_reader_holds_the_peer_up),
        OVER_ALL(test_nothing_is_lost_by_pausing),
        OVER_ALL(test_after_the_peers_end_a_word_still_reaches_it),
        OVER_ALL(test_a_handler_may_close_within_its_call),
        OVER(tcp, test_a_torn_connection_is_told_from_an_end),
        OVER(tls, test_a_torn_connection_is_told_from_an_end),
        OVER(unix, test_who_is_there_is_known),
        OVER(tcp, test_who_is_there_is_known),
        OVER(tls, test_a_clients_chain_is_known_also_after_resumption),
        OVER(tls, test_old_versions_and_weak_ciphers_are_refused),
        OVER(tls, test_a_slow_handshake_is_given_up_and_makes_others_wait),
        OVER(tls, test_garbage_is_no_handshake),
        OVER(tls, test_a_new_certificate_is_shown_to_new_connections),
    };

    return cmocka_run_group_tests(tests, setup_group, teardown_group);
}
