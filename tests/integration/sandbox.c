#include "tests/integration/sandbox.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int rc, const char *what)
{
    if (rc >= 0)
        return;
    (void) fprintf(stderr, "sandbox: %s: %s\n", what, strerror(errno));
    _exit(1);
}

void sandbox_sh(const char *command)
{
    int status = system(command);

    if (status == 0)
        return;
    (void) fprintf(stderr, "sandbox: status %d: %s\n", status, command);
    _exit(1);
}

static int inside(int (*test_main)(void))
{
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
    must(mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL), "private mounts");
    must(mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "mount /proc");
    must(mount("tmpfs", "/run", "tmpfs", 0, "mode=755"), "mount /run");
    must(mkdir(SANDBOX, 0755), SANDBOX);
    sandbox_sh("ip link set lo up");
    return test_main();
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* A process between us and the sandbox: whose namespace of processes has ended cannot start any
 * more, not even the thread with which a sanitizer looks for leaks. */
static int between(int (*test_main)(void))
{
    pid_t pid;

    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
    must(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET), "namespaces (root only)");
    pid = fork();
    must(pid, "fork");
    if (pid == 0)
        exit(inside(test_main));
    return wait_for(pid);
}

int sandbox_run(int (*test_main)(void))
{
    pid_t pid = fork();

    must(pid, "fork");
    if (pid == 0)
        _exit(between(test_main));
    return wait_for(pid);
}

void sandbox_make_image(void)
{
    sandbox_sh(
        "mkdir -p " SANDBOX "/image && cd " SANDBOX "/image && "
        "mkdir -p bin dev etc home/app proc sbin sys tmp var data/sub run srv && "
        "chmod 1777 tmp && cp \"$(command -v busybox)\" bin/busybox && "
        "for a in ash awk cat cut date df dmesg echo env false grep head hostname id kill ls "
        "mkdir mknod mount readlink rmdir sh sleep stat tail touch tr true umount unshare wc; "
        "do ln -s busybox bin/$a; done");
    sandbox_sh("cd " SANDBOX "/image && "
               "printf 'root:x:0:0:root:/root:/bin/sh\\napp:x:1000:1001::/home/app:/bin/sh\\n' "
               ">etc/passwd && "
               "printf 'root:x:0:\\ndialout:x:20:app\\nvideo:x:44:\\napp:x:1001:\\n' >etc/group && "
               "ln -s ../run var/run && echo first >data/file && echo deep >data/sub/file && "
               "ln -s file data/link && chmod 750 data && chown 1000:1001 data data/file");
}
