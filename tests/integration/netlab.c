#include "tests/unit/test.h"

#include "tests/integration/netlab.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/bytes.h"

enum { CHILDREN_MAX = 256, PATIENT_MS = 20000, BRIEF_MS = 400, UDP_EVERY_MS = 100 };

static pid_t children[CHILDREN_MAX];
static size_t nchildren;

static void die(const char *what)
{
    perror(what);
    _exit(99);
}

void lab_enter(char **argv)
{
    if (!getenv("EDGE_NETLAB")) {
        char *again[] = {"unshare",      "--net",        "--mount", "--pid", "--fork",
                         "--kill-child", "--mount-proc", argv[0],   NULL};

        (void) setenv("EDGE_NETLAB", "1", 1);
        (void) execvp(again[0], again);
        die("unshare");
    }
    if (mount("none", "/run", "tmpfs", 0, NULL) < 0)
        die("a private /run (root is needed)");
    (void) setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    if (system("ip link set lo up") != 0)
        die("ip link set lo up");
}

/* Enter the network namespace of @p place, in a child that will end there. */
static void move_to(pid_t place)
{
    EDGE_CLEANUP(edge_free) char *path = edge_format("/proc/%d/ns/net", (int) place);
    int fd;

    if (place == LAB_HOST)
        return;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
        die("setns");
    edge_close(fd);
}

/* A child is another program: it must not keep the test's sockets open, but for two. */
static void forget_files(int keep, int ready)
{
    for (int fd = 3; fd < 1024; fd++) {
        if (fd != keep && fd != ready)
            close(fd);
    }
}

/* A child that has said through its pipe that it is ready; 0 in the child itself. */
static pid_t start_child(int keep, int *ret_ready)
{
    int ends[2];
    pid_t pid;
    char byte;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        forget_files(keep, ends[1]);
        *ret_ready = ends[1];
        return 0;
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    close(ends[0]);
    assert_true(nchildren < CHILDREN_MAX);
    children[nchildren++] = pid;
    return pid;
}

static void say_ready(int ready)
{
    if (write(ready, "", 1) != 1)
        die("pipe");
    close(ready);
}

pid_t lab_task(void)
{
    int ready;
    pid_t pid = start_child(-1, &ready);

    if (pid > 0)
        return pid;
    if (unshare(CLONE_NEWNET) < 0)
        die("unshare");
    say_ready(ready);
    for (;;)
        pause();
}

void lab_kill(pid_t pid)
{
    for (size_t i = 0; i < nchildren; i++) {
        if (children[i] != pid)
            continue;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        children[i] = children[--nchildren];
        return;
    }
}

void lab_kill_all(void)
{
    while (nchildren > 0)
        lab_kill(children[0]);
}

static struct sockaddr_in address_of(const char *address, uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};

    if (inet_pton(AF_INET, address, &at.sin_addr) != 1)
        die(address);
    return at;
}

static void serve_tcp(int fd)
{
    for (;;) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        char text[INET_ADDRSTRLEN];
        int client = accept(fd, (struct sockaddr *) &peer, &len);

        if (client < 0)
            continue;
        (void) inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
        (void) !write(client, text, strlen(text));
        close(client);
    }
}

static void serve_udp(int fd)
{
    for (;;) {
        struct sockaddr_in peer;
        socklen_t len = sizeof peer;
        char text[INET_ADDRSTRLEN];

        if (recvfrom(fd, text, sizeof text, 0, (struct sockaddr *) &peer, &len) < 0)
            continue;
        (void) inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text);
        (void) !sendto(fd, text, strlen(text), 0, (const struct sockaddr *) &peer, len);
    }
}

pid_t lab_serve(pid_t place, const char *protocol, const char *address, uint16_t port)
{
    bool tcp = strcmp(protocol, "tcp") == 0;
    struct sockaddr_in at;
    int ready;
    int on = 1;
    int fd;
    pid_t pid = start_child(-1, &ready);

    if (pid > 0)
        return pid;
    move_to(place);
    at = address_of(address, port);
    fd = socket(AF_INET, tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *) &at, sizeof at) < 0 || (tcp && listen(fd, 16) < 0))
        die("server");
    say_ready(ready);
    if (tcp)
        serve_tcp(fd);
    serve_udp(fd);
    _exit(0);
}

static bool readable(int fd, int ms)
{
    struct pollfd p = {fd, POLLIN, 0};

    return poll(&p, 1, ms) == 1;
}

/* Exits: 0 with the answer written to @p out. */
static void client_tcp(int fd, const struct sockaddr_in *to, int ms, int out)
{
    struct pollfd p = {fd, POLLOUT, 0};
    char answer[LAB_ANSWER];
    ssize_t n;

    if (connect(fd, (const struct sockaddr *) to, sizeof *to) < 0 && errno != EINPROGRESS)
        _exit(1);
    if (poll(&p, 1, ms) != 1 || (p.revents & (POLLERR | POLLHUP)) || !readable(fd, ms))
        _exit(1);
    n = read(fd, answer, sizeof answer);
    _exit(n > 0 && write(out, answer, (size_t) n) == n ? 0 : 1);
}

static void client_udp(int fd, const struct sockaddr_in *to, int ms, int out)
{
    char answer[LAB_ANSWER];
    ssize_t n;

    if (connect(fd, (const struct sockaddr *) to, sizeof *to) < 0)
        _exit(1);
    for (int spent = 0; spent < ms; spent += UDP_EVERY_MS) {
        (void) !send(fd, "?", 1, 0);
        if (readable(fd, UDP_EVERY_MS) && (n = read(fd, answer, sizeof answer)) > 0)
            _exit(write(out, answer, (size_t) n) == n ? 0 : 1);
    }
    _exit(1);
}

static bool ask(pid_t place, const char *protocol, const char *address, uint16_t port, int ms,
                char answer[LAB_ANSWER])
{
    bool tcp = strcmp(protocol, "tcp") == 0;
    int ends[2];
    int status;
    ssize_t n;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct sockaddr_in to = address_of(address, port);
        int fd;

        move_to(place);
        fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
        if (tcp)
            client_tcp(fd, &to, ms, ends[1]);
        client_udp(fd, &to, ms, ends[1]);
    }
    close(ends[1]);
    n = read(ends[0], answer, LAB_ANSWER - 1);
    close(ends[0]);
    answer[n > 0 ? n : 0] = '\0';
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool lab_ask(pid_t place, const char *protocol, const char *address, uint16_t port,
             char answer[LAB_ANSWER])
{
    return ask(place, protocol, address, port, PATIENT_MS, answer);
}

bool lab_reaches(pid_t place, const char *protocol, const char *address, uint16_t port)
{
    char answer[LAB_ANSWER];

    return ask(place, protocol, address, port, BRIEF_MS, answer);
}

/* Answers go to the pipe, one byte each, as long as it has room. */
static void send_forever(int fd, int out)
{
    char byte;

    for (;;) {
        (void) !send(fd, "?", 1, 0); /* a refused port is the point of it */
        while (readable(fd, UDP_EVERY_MS / 2)) {
            if (read(fd, &byte, 1) < 0)
                break;
            (void) !write(out, "!", 1);
        }
    }
}

struct lab_sender lab_send(pid_t place, uint16_t from_port, const char *address, uint16_t port)
{
    struct sockaddr_in from = address_of("0.0.0.0", from_port);
    struct sockaddr_in to = address_of(address, port);
    int ends[2];
    int ready;
    int fd;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    pid = start_child(ends[1], &ready);
    if (pid > 0) {
        close(ends[1]);
        return (struct lab_sender){pid, ends[0]};
    }
    move_to(place);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (bind(fd, (const struct sockaddr *) &from, sizeof from) < 0 ||
        connect(fd, (const struct sockaddr *) &to, sizeof to) < 0)
        die("sender");
    say_ready(ready);
    send_forever(fd, ends[1]);
    _exit(0);
}

bool lab_sender_hears(struct lab_sender *sender)
{
    char chunk[4096];

    while (read(sender->answers, chunk, sizeof chunk) > 0)
        ;
    return readable(sender->answers, PATIENT_MS);
}

void lab_sender_stop(struct lab_sender *sender)
{
    lab_kill(sender->pid);
    close(sender->answers);
}

static char *output(pid_t place, const char *command, int *ret_status)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(1024 * 1024);
    char chunk[4096];
    int ends[2];
    ssize_t n;
    pid_t pid;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        move_to(place);
        dup2(ends[1], 1);
        execl("/bin/sh", "sh", "-c", command, NULL);
        die("sh");
    }
    close(ends[1]);
    while ((n = read(ends[0], chunk, sizeof chunk)) > 0)
        assert_int_equal(edge_buf_append(&text, chunk, (size_t) n), 0);
    close(ends[0]);
    assert_int_equal(waitpid(pid, ret_status, 0), pid);
    assert_int_equal(edge_buf_append(&text, "", 0), 0);
    return edge_buf_take(&text);
}

void lab_run(pid_t place, const char *fmt, ...)
{
    char command[1024];
    int status;
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    free(output(place, command, &status));
    if (status != 0)
        fail_msg("command failed: %s", command);
}

char *lab_output(pid_t place, const char *fmt, ...)
{
    char command[1024];
    int status;
    va_list args;

    va_start(args, fmt);
    (void) vsnprintf(command, sizeof command, fmt, args);
    va_end(args);
    return output(place, command, &status);
}
