#include "tests/unit/common/net_house.h"

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

/* For whom the house works. */
struct guest {
    struct edge_stream *stream;
    struct guest *next;
    struct guest **link;
    char mode; /* 0: not yet known */
    bool paused;
    struct edge_timer *later;
    int64_t sum;
};

struct net_house house;
struct pki ca;
struct pki server_id;

int net_count(int *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

void net_bump(int *number)
{
    __atomic_add_fetch(number, 1, __ATOMIC_SEQ_CST);
}

void net_wait_for(int *number, int least)
{
    int64_t limit = edge_now_ms() + 30000;

    while (net_count(number) < least) {
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
    net_bump(&house.ended);
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
    net_bump(&house.streams);
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

int net_setup_unix(void **state)
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

int net_setup_tcp(void **state)
{
    (void) state;
    memset(&house, 0, sizeof house);
    return open_house("tcp://127.0.0.1:0", false);
}

int net_setup_tls(void **state)
{
    (void) state;
    memset(&house, 0, sizeof house);
    return open_house("tcp://127.0.0.1:0", true);
}

int net_teardown(void **state)
{
    (void) state;
    edge_loop_post(house.loop, stop, NULL);
    pthread_join(house.thread, NULL);
    edge_tls_server_destroy(house.tls);
    assert_int_equal(house.nested, 0);
    assert_int_equal(house.paused_data, 0);
    return house.dir[0] ? edge_remove_tree(house.dir, NULL) : 0;
}

int net_dial_fd(void)
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
struct net_client net_dial(SSL_CTX *ctx, SSL_SESSION *session)
{
    struct net_client c = {net_dial_fd(), NULL};

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

void net_hang_up(struct net_client *c)
{
    SSL_free(c->ssl);
    close(c->fd);
}

void net_tell(struct net_client *c, const void *data, size_t len)
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
int net_hear(struct net_client *c, char *data, size_t len)
{
    if (!c->ssl)
        return (int) recv(c->fd, data, len, 0);
    return SSL_read(c->ssl, data, (int) len);
}

void net_hear_all(struct net_client *c, char *data, size_t len)
{
    while (len > 0) {
        int n = net_hear(c, data, len);

        assert_true(n > 0);
        data += n;
        len -= (size_t) n;
    }
}

/* The end of what the server says, said properly. */
void net_assert_ended(struct net_client *c)
{
    char byte;
    int n = net_hear(c, &byte, 1);

    assert_true(n <= 0);
    if (c->ssl)
        assert_int_equal(SSL_get_error(c->ssl, n), SSL_ERROR_ZERO_RETURN);
    else
        assert_int_equal(n, 0);
}

SSL_CTX *net_make_ctx(int version, const struct pki *id, const struct pki *through)
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

int net_setup_group(void **state)
{
    (void) state;
    ca = pki_ca("Test Root", NULL);
    server_id = pki_server(&ca);
    return 0;
}

int net_teardown_group(void **state)
{
    (void) state;
    pki_free(&ca);
    pki_free(&server_id);
    return 0;
}

SSL_CTX *net_ctx_for_house(void)
{
    return house.tls ? net_make_ctx(TLS1_3_VERSION, NULL, NULL) : NULL;
}

void net_ask_who(struct net_client *c, char text[300])
{
    int n;

    net_tell(c, "w", 1);
    n = net_hear(c, text, 299);
    assert_true(n > 0);
    text[n] = '\0';
    net_assert_ended(c);
}
