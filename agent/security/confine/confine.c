#include "agent/security/confine/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

static void say(void (*warn)(const char *text), const char *what)
{
    struct edge_err text;

    edge_fail(&text, -errno, "not confined: %s: %s", what, strerror(errno));
    warn(text.text);
}

/* ---- files ---- */

static int set_read_only(const char *path, bool read_only)
{
    struct mount_attr attr = {0};

    if (read_only)
        attr.attr_set = MOUNT_ATTR_RDONLY;
    else
        attr.attr_clr = MOUNT_ATTR_RDONLY;
    return mount_setattr(AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof attr);
}

/* A view of our own: what others mount later still appears in it. */
static void confine_files(const char *const *writable, void (*warn)(const char *text))
{
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
        say(warn, "no view of the files of our own");
        return;
    }
    for (const char *const *path = writable; *path; path++) {
        if (mount(*path, *path, NULL, MS_BIND | MS_REC, NULL) < 0) {
            say(warn, *path);
            return;
        }
    }
    if (set_read_only("/", true) < 0) {
        say(warn, "files stay writable");
        return;
    }
    for (const char *const *path = writable; *path; path++) {
        if (set_read_only(*path, false) < 0)
            say(warn, *path);
    }
}

/* ---- privileges ---- */

static void confine_capabilities(void (*warn)(const char *text))
{
    const cap_value_t keep[] = {CAP_DAC_READ_SEARCH};
    cap_t caps = cap_init();

    for (cap_value_t cap = 0; cap <= CAP_LAST_CAP; cap++)
        edge_ignore(cap_drop_bound(cap));
    edge_ignore(cap_reset_ambient());
    if (!caps || cap_set_flag(caps, CAP_PERMITTED, 1, keep, CAP_SET) < 0 ||
        cap_set_flag(caps, CAP_EFFECTIVE, 1, keep, CAP_SET) < 0 || cap_set_proc(caps) < 0)
        say(warn, "capabilities stay as they are");
    if (caps)
        edge_ignore(cap_free(caps));
}

static void confine_process(void (*warn)(const char *text))
{
    const struct rlimit none = {0, 0};

    if (setrlimit(RLIMIT_CORE, &none) < 0)
        say(warn, "memory dumps");
#ifndef SANITIZED /* the leak checker traces its own process */
    if (prctl(PR_SET_DUMPABLE, 0) < 0)
        say(warn, "memory dumps");
#endif
}

/* ---- system calls ---- */

/* A list of what is denied, not of what is allowed: a PKCS#11 module is code we do not know. */
static const int denied[] = {
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
#ifndef SANITIZED
    SCMP_SYS(ptrace),
#endif
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(mount_setattr),
    SCMP_SYS(move_mount),
    SCMP_SYS(open_tree),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsmount),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fspick),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(sethostname),
    SCMP_SYS(setdomainname),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(personality),
};

static int confine_calls(struct edge_err *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int rc = filter ? 0 : -ENOMEM;

    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(denied); i++)
        rc = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), denied[i], 0);
    if (rc == 0)
        rc = seccomp_load(filter); /* sets no_new_privs too */
    if (filter)
        seccomp_release(filter);
    return rc < 0 ? edge_fail(err, rc, "cannot filter system calls: %s", strerror(-rc)) : 0;
}

int sec_confine(const char *const *writable, void (*warn)(const char *text), struct edge_err *err)
{
    confine_process(warn);
    if (geteuid() == 0) {
        confine_files(writable, warn);
        confine_capabilities(warn);
    }
    return confine_calls(err);
}
