/* Where a server listens: every address, whether or not the machine has IPv6. */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/place.h"

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

static bool without_ipv6; /* as a kernel that was started so */

/* The linker sends every socket() of this program's own objects here. */
int __wrap_socket(int family, int type, int protocol)
{
    if (family == AF_INET6 && without_ipv6) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return __real_socket(family, type, protocol);
}

static int try(int family, const void *address, socklen_t len)
{
    int fd = __real_socket(family, SOCK_STREAM, 0);
    int rc = fd < 0 || connect(fd, address, len) < 0 ? -errno : 0;

    if (fd >= 0)
        close(fd);
    return rc;
}

static int try_ipv4(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return try(AF_INET, &address, sizeof address);
}

static int try_ipv6(uint16_t port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};

    address.sin6_addr = in6addr_loopback;
    return try(AF_INET6, &address, sizeof address);
}

/* Has this machine an address ::1? */
static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6};
    int fd = __real_socket(AF_INET6, SOCK_STREAM, 0);
    bool has;

    address.sin6_addr = in6addr_loopback;
    has = fd >= 0 && bind(fd, (struct sockaddr *) &address, sizeof address) == 0;
    if (fd >= 0)
        close(fd);
    return has;
}

static int setup(void **state)
{
    (void) state;
    without_ipv6 = false;
    return 0;
}

static struct net_place listen_on(const char *uri)
{
    struct net_place place;
    struct edge_err err = {0};

    if (net_place_open(uri, 0, &place, &err) < 0)
        fail_msg("%s", err.text);
    assert_true(place.port > 0);
    return place;
}

static void test_every_address_is_of_both_kinds(void **state)
{
    struct net_place place;
    int only = 1;
    socklen_t len = sizeof only;

    (void) state;
    if (!has_ipv6())
        skip();
    place = listen_on("tcp://[::]:0");
    assert_int_equal(try_ipv4(place.port), 0);
    assert_int_equal(try_ipv6(place.port), 0);
    /* also where the machine's default is another */
    assert_int_equal(getsockopt(place.fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, &len), 0);
    assert_int_equal(only, 0);
    net_place_close(&place);
}

static void test_without_ipv6_every_address_is_of_ipv4(void **state)
{
    struct net_place place;
    struct edge_err err = {0};

    (void) state;
    without_ipv6 = true;
    place = listen_on("tcp://[::]:0");
    assert_int_equal(try_ipv4(place.port), 0);
    assert_int_equal(try_ipv6(place.port) < 0, 1);
    net_place_close(&place);
    assert_int_equal(net_place_open("tcp://[::1]:0", 0, &place, &err), -EAFNOSUPPORT);
    assert_non_null(strstr(err.text, "[::1]"));
}

static void test_one_address_is_one(void **state)
{
    struct net_place place = listen_on("tcp://127.0.0.1:0");

    (void) state;
    assert_int_equal(try_ipv4(place.port), 0);
    assert_int_equal(try_ipv6(place.port) < 0, 1);
    net_place_close(&place);
    if (!has_ipv6())
        return;
    place = listen_on("tcp://[::1]:0");
    assert_int_equal(try_ipv6(place.port), 0);
    assert_int_equal(try_ipv4(place.port), -ECONNREFUSED);
    net_place_close(&place);
}

static void test_what_is_no_place(void **state)
{
    static const char *const bad[] = {"tcp://localhost:1", "tcp://127.0.0.1",   "tcp://[::1:1",
                                      "tcp://:1x",         "udp://127.0.0.1:1", ""};

    (void) state;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(bad); i++) {
        struct net_place place;
        struct edge_err err = {0};

        assert_int_equal(net_place_open(bad[i], 0, &place, &err), EDGE_EINVALID);
        assert_non_null(strstr(err.text, "cannot listen on"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_every_address_is_of_both_kinds, setup),
        cmocka_unit_test_setup(test_without_ipv6_every_address_is_of_ipv4, setup),
        cmocka_unit_test_setup(test_one_address_is_one, setup),
        cmocka_unit_test_setup(test_what_is_no_place, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
