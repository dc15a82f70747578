/* What the listener does for TLS: certificates, resumption, handshakes that do not come to an end.
 */
#include "tests/unit/common/net_house.h"

#include <openssl/err.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

/* A client's whole chain is known, in a resumed session as well. */
static void show_chain(int version)
{
    struct pki sub = pki_ca("Sub", &ca);
    struct pki id = pki_client("device-1", &sub);
    SSL_CTX *ctx = net_make_ctx(version, &id, &sub);
    struct net_client c = net_dial(ctx, NULL);
    SSL_SESSION *session;
    struct edge_cert_info info;
    char expected[100];
    char text[300];

    assert_int_equal(edge_cert_read(id.pem, &info, NULL), 0);
    (void) snprintf(expected, sizeof expected, "0 device-1 2 %s", info.sha1);
    net_ask_who(&c, text);
    assert_string_equal(strchr(text, ' ') + 1, expected);
    session = SSL_get1_session(c.ssl);
    SSL_shutdown(c.ssl);
    net_hang_up(&c);
    for (int i = 0; i < 2; i++) {
        c = net_dial(ctx, session);
        assert_int_equal(SSL_session_reused(c.ssl), 1);
        net_ask_who(&c, text);
        assert_string_equal(strchr(text, ' ') + 1, expected);
        SSL_SESSION_free(session);
        session = SSL_get1_session(c.ssl);
        SSL_shutdown(c.ssl);
        net_hang_up(&c);
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
    SSL_CTX *ctx = net_make_ctx(TLS1_1_VERSION, NULL, NULL);
    SSL *ssl;
    int fd;
    (void) state;

    for (int i = 0; i < 2; i++) {
        if (i == 1) { /* no forward secrecy */
            SSL_CTX_free(ctx);
            ctx = net_make_ctx(TLS1_2_VERSION, NULL, NULL);
            SSL_CTX_set_cipher_list(ctx, "AES128-GCM-SHA256:@SECLEVEL=0");
        } else {
            SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
        }
        fd = net_dial_fd();
        ssl = SSL_new(ctx);
        SSL_set_fd(ssl, fd);
        assert_int_not_equal(SSL_connect(ssl), 1);
        SSL_free(ssl);
        close(fd);
    }
    assert_int_equal(net_count(&house.streams), 0);
    ERR_clear_error();
    SSL_CTX_free(ctx);
}

enum { GIVEN_MS = 450 }; /* to whoever has begun to shake hands, at least, while others wait */

/* Two at the door, where there is room for two handshakes, and then one who means it.
 * @return how long that one waited */
static int64_t wait_behind(const char *said, size_t len)
{
    SSL_CTX *ctx = net_ctx_for_house();
    int before = net_count(&house.streams);
    int64_t begun = edge_now_ms(), waited;
    struct net_client first[2] = {{net_dial_fd(), NULL}, {net_dial_fd(), NULL}};
    struct net_client c;
    char byte = 0;

    for (int i = 0; len > 0 && i < 2; i++)
        assert_int_equal(write(first[i].fd, said, len), len);
    (void) poll(NULL, 0, 50); /* they are at the door first */
    c = net_dial(ctx, NULL);  /* is let in when they are sent away */
    waited = edge_now_ms() - begun;
    net_tell(&c, "e", 1);
    net_hear_all(&c, &byte, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(recv(first[i].fd, &byte, 1, 0), 0);
        close(first[i].fd);
    }
    assert_int_equal(net_count(&house.streams), before + 1);
    net_hang_up(&c);
    SSL_CTX_free(ctx);
    return waited;
}

static void test_a_slow_handshake_is_given_up_and_makes_others_wait(void **state)
{
    int64_t waited;

    (void) state;
    waited = wait_behind("\x16\x03\x01", 3);
    assert_true(waited >= GIVEN_MS);
    assert_true(waited < 15000);
}

static void test_who_says_nothing_makes_nobody_wait(void **state)
{
    int64_t waited = INT64_MAX;

    (void) state;
    for (int i = 0; i < 10 && waited >= GIVEN_MS; i++) /* a busy machine is not so each time */
        waited = wait_behind("", 0);
    assert_true(waited < GIVEN_MS);
}

static void test_garbage_is_no_handshake(void **state)
{
    struct net_client c = net_dial(NULL, NULL);
    char byte;
    (void) state;

    net_tell(&c, "GET / HTTP/1.1\r\n\r\n", 18);
    while (recv(c.fd, &byte, 1, 0) > 0) { /* an alert */
    }
    net_hang_up(&c);
    assert_int_equal(net_count(&house.streams), 0);
}

static char *reload_pem;
static char *reload_key;
static int reload_rc;
static int reloaded;

static void reload(void *arg)
{
    (void) arg;
    reload_rc = edge_tls_server_reload(house.tls, reload_pem, reload_key, NULL);
    net_bump(&reloaded);
}

static void test_a_new_certificate_is_shown_to_new_connections(void **state)
{
    static const char *const names[] = {"localhost", NULL};
    struct pki fresh = pki_issue(
        (struct edge_cert_order){.use = EDGE_CERT_SERVER, .cn = "fresh", .dns = names}, &ca);
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client before = net_dial(ctx, NULL);
    struct net_client after;
    X509_NAME *name;
    char cn[32];
    (void) state;

    reload_pem = fresh.pem;
    reload_key = server_id.key_pem; /* does not fit: nothing changes */
    edge_loop_post(house.loop, reload, NULL);
    net_wait_for(&reloaded, 1);
    assert_int_equal(reload_rc, EDGE_EINVALID);
    reload_key = fresh.key_pem;
    edge_loop_post(house.loop, reload, NULL);
    net_wait_for(&reloaded, 2);
    assert_int_equal(reload_rc, 0);
    after = net_dial(ctx, NULL);
    name = X509_get_subject_name(SSL_get0_peer_certificate(after.ssl));
    assert_true(X509_NAME_get_text_by_NID(name, NID_commonName, cn, sizeof cn) > 0);
    assert_string_equal(cn, "fresh");
    net_tell(&before, "e", 1);
    net_hear_all(&before, cn, 1);
    net_hang_up(&before);
    net_hang_up(&after);
    SSL_CTX_free(ctx);
    pki_free(&fresh);
}

#define SERVED(test) cmocka_unit_test_setup_teardown(test, net_setup_tls, net_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVED(test_a_clients_chain_is_known_also_after_resumption),
        SERVED(test_old_versions_and_weak_ciphers_are_refused),
        SERVED(test_a_slow_handshake_is_given_up_and_makes_others_wait),
        SERVED(test_who_says_nothing_makes_nobody_wait),
        SERVED(test_garbage_is_no_handshake),
        SERVED(test_a_new_certificate_is_shown_to_new_connections),
    };

    return cmocka_run_group_tests(tests, net_setup_group, net_teardown_group);
}
