#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/network/hold.h"

static int open_tcp(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    if (bind(fd, (const struct sockaddr *) &at, sizeof at) < 0) {
        close(fd);
        return -errno;
    }
    return fd;
}

/* Below those that the kernel hands out to programs that run beside. */
static uint16_t free_port(void)
{
    enum { FIRST = 20000, COUNT = 10000 };
    int fd = -EADDRINUSE;
    uint16_t port = 0;

    for (int i = 0; i < COUNT && fd == -EADDRINUSE; i++) {
        port = (uint16_t) (FIRST + (getpid() + i) % COUNT);
        fd = open_tcp(port);
    }
    assert_true(fd >= 0);
    close(fd);
    return port;
}

static int try_connect(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = connect(fd, (const struct sockaddr *) &at, sizeof at) < 0 ? -errno : 0;

    close(fd);
    return rc;
}

static struct agent_record_port held_port(uint16_t number)
{
    struct agent_record_port port = {.host = number, .container = 80, .held = -1};
    struct edge_err err = {0};

    strcpy(port.protocol, "tcp");
    assert_int_equal(agent_hold_port(&port, &err), 0);
    assert_true(port.held >= 0);
    return port;
}

static void test_a_held_port_is_nobody_elses(void **state)
{
    uint16_t number = free_port();
    struct agent_record_port port = held_port(number);
    int other;
    (void) state;

    assert_int_equal(open_tcp(number), -EADDRINUSE);
    port.held = edge_close(port.held);
    other = open_tcp(number);
    assert_true(other >= 0);
    close(other);
}

static void test_who_comes_before_the_rules_is_refused_at_once(void **state)
{
    uint16_t number = free_port();
    struct agent_record_port port = held_port(number);
    (void) state;

    assert_int_equal(try_connect(number), -ECONNREFUSED);
    port.held = edge_close(port.held);
}

static void test_a_port_of_the_host_is_a_conflict(void **state)
{
    struct agent_record_port port = {.host = free_port(), .container = 80, .held = -1};
    struct edge_err err = {0};
    int host = open_tcp(port.host);
    (void) state;

    strcpy(port.protocol, "tcp");
    assert_int_equal(listen(host, 1), 0);
    assert_int_equal(agent_hold_port(&port, &err), EDGE_ECONFLICT);
    assert_non_null(strstr(err.text, "in use by a process of the host"));
    close(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_held_port_is_nobody_elses),
        cmocka_unit_test(test_who_comes_before_the_rules_is_refused_at_once),
        cmocka_unit_test(test_a_port_of_the_host_is_a_conflict),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
