/* What every stream does for its owner, over unix sockets, TCP and TLS. */
#include "tests/unit/common/net_house.h"

#include <errno.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"

static void test_bytes_come_back(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
    char text[32] = {0};
    (void) state;

    net_tell(&c, "e", 1);
    net_hear_all(&c, text, 1);
    net_tell(&c, "hello", 5);
    net_hear_all(&c, text, 5);
    assert_string_equal(text, "hello");
    net_hang_up(&c);
    net_wait_for(&house.ended, 1);
    SSL_CTX_free(ctx);
}

static void test_a_big_answer_arrives_whole_before_the_end(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
    char *big = malloc(BIG);
    (void) state;

    net_tell(&c, "B", 1);
    net_tell(&c, "unread", 6); /* which must not make the kernel reset the connection */
    net_hear_all(&c, big, BIG);
    for (int i = 0; i < BIG; i++) {
        if (big[i] != (char) (i % 251))
            fail_msg("byte %d", i);
    }
    net_assert_ended(&c);
    free(big);
    net_hang_up(&c);
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
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
    static char block[16 * 1024];
    int64_t said;
    (void) state;

    net_tell(&c, "E", 1);
    said = wait_until_steady(&house.said);
    assert_true(said < 16 * 1024 * 1024);
    for (int64_t heard = 0; heard < said + 1024 * 1024; heard += (int64_t) sizeof block)
        net_hear_all(&c, block, sizeof block);
    assert_true(__atomic_load_n(&house.said, __ATOMIC_SEQ_CST) > said);
    net_hang_up(&c);
    net_wait_for(&house.ended, 1);
    SSL_CTX_free(ctx);
}

static void test_a_paused_reader_holds_the_peer_up(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
    struct timeval soon = {0, 300 * 1000};
    static char block[16 * 1024];
    int64_t sent = 0;
    int n = 1;
    (void) state;

    net_tell(&c, "P", 1);
    (void) setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof soon);
    for (; n > 0 && sent<64 * 1024 * 1024; sent += n> 0 ? n : 0)
        n = c.ssl ? SSL_write(c.ssl, block, sizeof block)
                  : (int) send(c.fd, block, sizeof block, MSG_NOSIGNAL);
    assert_true(n < 0);
    assert_true(__atomic_load_n(&house.heard, __ATOMIC_SEQ_CST) <= 64 * 1024);
    net_hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_nothing_is_lost_by_pausing(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
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
    net_tell(&c, data, sizeof data);
    if (c.ssl)
        SSL_shutdown(c.ssl);
    else
        shutdown(c.fd, SHUT_WR);
    n = net_hear(&c, text, sizeof text - 1);
    assert_true(n > 0);
    (void) snprintf(expected, sizeof expected, "%lld", (long long) sum);
    assert_string_equal(text, expected);
    net_assert_ended(&c);
    net_hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_after_the_peers_end_a_word_still_reaches_it(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
    char text[8] = {0};
    (void) state;

    net_tell(&c, "h", 1);
    if (c.ssl)
        SSL_shutdown(c.ssl);
    else
        shutdown(c.fd, SHUT_WR);
    net_hear_all(&c, text, 4);
    assert_string_equal(text, "hbye");
    net_assert_ended(&c);
    assert_int_equal(net_count(&house.end_rc), 0);
    net_hang_up(&c);
    SSL_CTX_free(ctx);
}

static void test_a_handler_may_close_within_its_call(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    (void) state;

    for (int i = 0; i < 5; i++) {
        struct net_client c = net_dial(ctx, NULL);
        char byte;

        net_tell(&c, "c", 1);
        assert_true(net_hear(&c, &byte, 1) <= 0);
        net_hang_up(&c);
    }
    assert_int_equal(net_count(&house.ended), 0);
    SSL_CTX_free(ctx);
}

static void test_a_torn_connection_is_told_from_an_end(void **state)
{
    SSL_CTX *ctx = net_ctx_for_house();
    struct net_client c = net_dial(ctx, NULL);
    struct linger reset = {1, 0};
    char byte;
    (void) state;

    net_tell(&c, "e", 1);
    net_hear_all(&c, &byte, 1);
    if (!c.ssl)
        (void) setsockopt(c.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    net_hang_up(&c); /* TLS: without close_notify */
    net_wait_for(&house.ended, 1);
    assert_int_equal(net_count(&house.end_rc), -ECONNRESET);
    SSL_CTX_free(ctx);
}

static void test_who_is_there_is_known(void **state)
{
    struct net_client c = net_dial(NULL, NULL);
    char text[300];
    (void) state;

    net_ask_who(&c, text);
    if (house.port)
        assert_memory_equal(text, "127.0.0.1:", 10);
    else
        assert_string_equal(text, "unix 1 - 0 -");
    net_hang_up(&c);
}

/* Who waits meanwhile is let in when there are some again; somebody should know. */
static void test_a_process_without_descriptors_says_so_and_goes_on(void **state)
{
    enum { MOST = 256 };
    struct rlimit before, few;
    int fillers[MOST], log = memfd_create("log", MFD_CLOEXEC), saved = dup(STDERR_FILENO), n = 0;
    struct net_client c;
    char text[4096] = {0};
    (void) state;

    assert_int_equal(dup2(log, STDERR_FILENO), STDERR_FILENO);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    few.rlim_cur = MOST;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    while (n < MOST && (fillers[n] = dup(log)) >= 0)
        n++;
    close(fillers[--n]);
    c = net_dial(NULL, NULL);
    net_tell(&c, "e", 1);
    for (int64_t limit = edge_now_ms() + 5000; text[0] == '\0' && edge_now_ms() < limit;) {
        (void) poll(NULL, 0, 5);
        (void) !pread(log, text, sizeof text - 1, 0);
    }
    while (n > 0)
        close(fillers[--n]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(log);
    net_hear_all(&c, text + sizeof text - 1, 1);
    net_hang_up(&c);
    assert_non_null(strstr(text, "Too many open files"));
}

#define OVER(how, test)                                                                            \
    {                                                                                              \
#test " (" #how ")", test, net_setup_##how, net_teardown, NULL                             \
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
        OVER(unix, test_a_process_without_descriptors_says_so_and_goes_on),
        OVER(unix, test_who_is_there_is_known),
        OVER(tcp, test_who_is_there_is_known),
    };

    return cmocka_run_group_tests(tests, net_setup_group, net_teardown_group);
}
