#include "common/base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/base/clock.h"

extern char **environ;

enum { IN, OUT, ERR, PIPES };

struct pipes {
    int ours[PIPES];
    int theirs[PIPES];
    int stop; /* readable: somebody has given up; -1: nobody can */
};

static void close_all(int fds[PIPES])
{
    for (int i = 0; i < PIPES; i++)
        fds[i] = edge_close(fds[i]);
}

static int open_pipes(struct pipes *p, bool can_stop)
{
    p->stop = can_stop ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
    if (can_stop && p->stop < 0)
        return -errno;
    for (int i = 0; i < PIPES; i++) {
        int fds[2];

        if (pipe2(fds, O_CLOEXEC) < 0)
            return -errno;
        p->ours[i] = fds[i == IN ? 1 : 0];
        p->theirs[i] = fds[i == IN ? 0 : 1];
        if (fcntl(p->ours[i], F_SETFL, O_NONBLOCK) < 0)
            return -errno;
    }
    return 0;
}

/* The child starts with default signal actions and none blocked, whatever this thread blocks, and
 * leads a group of its own, so that its children can be ended with it. */
static void set_attributes(posix_spawnattr_t *attr)
{
    sigset_t set;

    sigemptyset(&set);
    posix_spawnattr_setsigmask(attr, &set);
    sigaddset(&set, SIGPIPE);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    posix_spawnattr_setsigdefault(attr, &set);
    posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                       POSIX_SPAWN_SETPGROUP);
}

static int start(const struct edge_spawn *spawn, const struct pipes *p, pid_t *ret)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    char *const *env = spawn->env ? (char *const *) (uintptr_t) spawn->env : environ;
    int rc;

    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attr);
    set_attributes(&attr);
    for (int i = 0; i < PIPES; i++)
        posix_spawn_file_actions_adddup2(&actions, p->theirs[i], i);
    if (spawn->keep > 0) /* dup2 to itself: stays open across exec */
        posix_spawn_file_actions_adddup2(&actions, spawn->keep, spawn->keep);
    rc = posix_spawnp(ret, spawn->argv[0], &actions, &attr, (char *const *) (uintptr_t) spawn->argv,
                      env);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&actions);
    return -rc;
}

/* Returns 1 at end of file. */
static int drain(int fd, struct edge_buf *into)
{
    char chunk[4096];
    ssize_t n = read(fd, chunk, sizeof chunk);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (n > 0) {
        size_t room = into->max - into->len;

        (void) edge_buf_append(into, chunk, (size_t) n < room ? (size_t) n : room);
    }
    return n == 0;
}

static void feed(int *fd, struct edge_bytes *input)
{
    ssize_t n = input->len > 0 ? write(*fd, input->data, input->len) : 0;

    if (n > 0) {
        input->data += n;
        input->len -= (size_t) n;
    }
    if (input->len == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        *fd = edge_close(*fd);
}

static void on_cancel(void *arg)
{
    const struct pipes *p = arg;

    (void) eventfd_write(p->stop, 1);
}

/* Move bytes until both outputs are at their end, the time is over or somebody has given up. */
static int pump(struct pipes *p, struct edge_bytes input, struct edge_buf *into[PIPES],
                int64_t until)
{
    feed(&p->ours[IN], &input);
    while (p->ours[OUT] >= 0 || p->ours[ERR] >= 0) {
        struct pollfd fds[PIPES + 1] = {{p->ours[IN], POLLOUT, 0},
                                        {p->ours[OUT], POLLIN, 0},
                                        {p->ours[ERR], POLLIN, 0},
                                        {p->stop, POLLIN, 0}};
        int64_t left = until - edge_now_ms();

        if (left <= 0)
            return -ETIMEDOUT;
        if (poll(fds, PIPES + 1, (int) left) < 0 && errno != EINTR)
            return -errno;
        if (fds[PIPES].revents)
            return -ECANCELED;
        if (fds[IN].revents)
            feed(&p->ours[IN], &input);
        for (int i = OUT; i <= ERR; i++) {
            if (fds[i].revents && drain(p->ours[i], into[i]) != 0)
                p->ours[i] = edge_close(p->ours[i]);
        }
    }
    return 0;
}

/* The outputs are closed; the exit follows at once, but a child may linger after closing them. */
static int reap(pid_t pid, int64_t until, const struct edge_cancel *cancel, int *ret_status)
{
    int status;
    struct timespec pause = {0, 1000000};

    for (;;) {
        pid_t got = waitpid(pid, &status, WNOHANG);

        if (got == pid)
            break;
        if (got < 0 && errno != EINTR)
            return -errno;
        if (edge_now_ms() >= until)
            return -ETIMEDOUT;
        if (edge_cancelled(cancel))
            return -ECANCELED;
        nanosleep(&pause, NULL);
    }
    *ret_status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    return 0;
}

static void end(pid_t pid)
{
    kill(-pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
}

/* A child that does not read its input must not end this process: SIGPIPE is held back meanwhile,
 * and taken away when it has come. */
static int pump_quietly(struct pipes *p, struct edge_bytes input, struct edge_buf *into[PIPES],
                        int64_t until)
{
    static const struct timespec at_once;
    sigset_t pipe;
    sigset_t before;
    sigset_t pending;
    int rc;

    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    sigpending(&pending);
    rc = pump(p, input, into, until);
    if (!sigismember(&pending, SIGPIPE)) {
        while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
            continue;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

int edge_spawn_run(const struct edge_spawn *spawn, struct edge_buf *output, struct edge_buf *errors,
                   int *ret_status, struct edge_err *err)
{
    struct pipes p = {{-1, -1, -1}, {-1, -1, -1}, -1};
    struct edge_cancel_hook hook = {.fn = on_cancel, .arg = &p};
    struct edge_buf *into[PIPES] = {NULL, output, errors};
    int64_t until = edge_now_ms() + spawn->timeout_ms;
    pid_t pid;
    int rc = open_pipes(&p, spawn->cancel != NULL);

    if (rc >= 0)
        rc = start(spawn, &p, &pid);
    close_all(p.theirs);
    if (rc < 0) {
        close_all(p.ours);
        p.stop = edge_close(p.stop);
        return edge_fail(err, rc, "cannot run %s: %s", spawn->argv[0], edge_strerror(rc));
    }

    edge_cancel_add_hook(spawn->cancel, &hook);
    rc = pump_quietly(&p, spawn->input, into, until);
    edge_cancel_remove_hook(spawn->cancel, &hook);
    p.stop = edge_close(p.stop);
    close_all(p.ours);
    if (rc >= 0)
        rc = reap(pid, until, spawn->cancel, ret_status);
    if (rc < 0)
        end(pid);
    if (rc == -ETIMEDOUT)
        return edge_fail(err, rc, "%s did not end within %d ms and was killed", spawn->argv[0],
                         spawn->timeout_ms);
    if (rc < 0)
        return edge_fail(err, rc, "%s: %s", spawn->argv[0], edge_strerror(rc));
    return 0;
}
