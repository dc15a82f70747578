#include "agent/security/watchdog/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/clock.h"

extern char **environ;

enum { PATIENCE_MS = 30000 };

int sec_launcher_spawn(const char *program, const char *config, int *ret_fd, struct edge_err *err)
{
    char number[16];
    const char *const argv[] = {
        "edge-securityd", SEC_LAUNCHER_OPTION, number, program, config, NULL};
    int fds[2];
    pid_t pid;
    int rc;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
        return edge_fail(err, -errno, "cannot make a socket pair: %s", strerror(errno));
    (void) snprintf(number, sizeof number, "%d", fds[1]);
    edge_ignore(fcntl(fds[0], F_SETFD, FD_CLOEXEC));
    rc = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, (char *const *) (uintptr_t) argv, environ);
    edge_close(fds[1]);
    if (rc != 0) {
        edge_close(fds[0]);
        return edge_fail(err, -rc, "cannot start the agent's launcher: %s", strerror(rc));
    }
    *ret_fd = fds[0];
    return 0;
}

/* ---- the launcher's own life ---- */

struct launcher {
    int sock;
    int signals;
    const char *program;
    const char *config;
    pid_t agent; /* 0: does not run */
};

static void report(const struct launcher *l, int kind, int value)
{
    const struct sec_launcher_report r = {kind, value};

    edge_ignore((int) send(l->sock, &r, sizeof r, MSG_NOSIGNAL));
}

/* The agent gets the signals and the environment that we would have had. */
static int spawn_agent(struct launcher *l)
{
    const char *const argv[] = {"edge-agent", "--config", l->config, NULL};
    posix_spawnattr_t attr;
    sigset_t none;
    sigset_t all;
    int rc;

    (void) sigemptyset(&none);
    (void) sigfillset(&all);
    rc = posix_spawnattr_init(&attr);
    if (rc != 0)
        return -rc;
    edge_ignore(posix_spawnattr_setsigmask(&attr, &none));
    edge_ignore(posix_spawnattr_setsigdefault(&attr, &all));
    edge_ignore(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
    rc = posix_spawn(&l->agent, l->program, NULL, &attr, (char *const *) (uintptr_t) argv, environ);
    edge_ignore(posix_spawnattr_destroy(&attr));
    if (rc != 0)
        l->agent = 0;
    return rc != 0 ? -rc : (int) l->agent;
}

static void obey(struct launcher *l, char command)
{
    if (command == SEC_LAUNCH_START && !l->agent)
        report(l, 'P', spawn_agent(l));
    else if (l->agent && (command == SEC_LAUNCH_TERM || command == SEC_LAUNCH_KILL))
        edge_ignore(kill(l->agent, command == SEC_LAUNCH_TERM ? SIGTERM : SIGKILL));
}

static void reap(struct launcher *l)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;

    edge_ignore((int) read(l->signals, &info, sizeof info));
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid != l->agent)
            continue;
        l->agent = 0;
        report(l, 'X', status);
    }
}

/* @return false when there is nobody to obey any more */
static bool serve_once(struct launcher *l, int timeout_ms)
{
    struct pollfd fds[] = {{l->signals, POLLIN, 0}, {l->sock, POLLIN, 0}};
    char command;
    ssize_t n = 1;

    if (poll(fds, EDGE_ARRAY_LEN(fds), timeout_ms) < 0)
        return errno == EINTR;
    if (fds[0].revents)
        reap(l);
    if (fds[1].revents)
        n = recv(l->sock, &command, 1, 0);
    if (fds[1].revents && n == 1)
        obey(l, command);
    return n > 0 || (n < 0 && errno == EINTR);
}

static void end_agent(struct launcher *l)
{
    int64_t end = edge_now_ms() + PATIENCE_MS;

    if (l->agent)
        edge_ignore(kill(l->agent, SIGTERM));
    while (l->agent && edge_now_ms() < end) {
        struct pollfd fd = {l->signals, POLLIN, 0};

        if (poll(&fd, 1, 1000) > 0)
            reap(l);
    }
    if (l->agent)
        edge_ignore(kill(l->agent, SIGKILL));
}

/* What ends the daemon ends us through the socket; signals meant for all are not for us. */
static int take_signals(void)
{
    sigset_t set;

    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGTERM);
    (void) sigaddset(&set, SIGINT);
    (void) sigaddset(&set, SIGHUP);
    (void) sigaddset(&set, SIGCHLD);
    (void) sigprocmask(SIG_BLOCK, &set, NULL);
    (void) sigemptyset(&set);
    (void) sigaddset(&set, SIGCHLD);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int sec_launcher_main(int argc, char **argv)
{
    struct launcher l = {.sock = -1, .signals = take_signals()};

    if (argc != 5 || l.signals < 0)
        return 1;
    l.sock = (int) strtol(argv[2], NULL, 10);
    l.program = argv[3];
    l.config = argv[4];
    if (fcntl(l.sock, F_SETFD, FD_CLOEXEC) < 0)
        return 1;
    edge_ignore(unsetenv("NOTIFY_SOCKET"));
    edge_ignore(unsetenv("WATCHDOG_USEC"));
    edge_ignore(unsetenv("WATCHDOG_PID"));
    while (serve_once(&l, -1))
        continue;
    end_agent(&l);
    return 0;
}
