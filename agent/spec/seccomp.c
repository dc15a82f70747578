/* The system calls a module may make when nothing else is said: those of Docker's default profile.
 * What is not listed fails with EPERM. A container that was given a capability gets the calls that
 * are of no use without it. io_uring is left out, as Docker does since release 25. */
#include <errno.h>
#include <string.h>

#include "agent/spec/build.h"

enum {
    CLONE_NEW_ANY = 0x7e020000, /* every CLONE_NEW* flag clone(2) takes */
    ADDRESS_FAMILY_VSOCK = 40,
};

static const char *const allowed[] = {
    /* files: descriptors and data */
    "open openat openat2 creat close close_range read readv pread64 preadv preadv2 write writev "
    "pwrite64 pwritev pwritev2 lseek _llseek dup dup2 dup3 fcntl fcntl64 flock ioctl fsync "
    "fdatasync sync syncfs sync_file_range truncate truncate64 ftruncate ftruncate64 fallocate "
    "fadvise64 fadvise64_64 readahead copy_file_range sendfile sendfile64 splice tee vmsplice "
    "pipe pipe2 memfd_create memfd_secret cachestat",
    /* files: names, attributes, folders */
    "stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64 fstatfs "
    "fstatfs64 access faccessat faccessat2 chmod fchmod fchmodat fchmodat2 chown chown32 fchown "
    "fchown32 fchownat lchown lchown32 umask link linkat symlink symlinkat readlink readlinkat "
    "unlink unlinkat rename renameat renameat2 mkdir mkdirat rmdir mknod mknodat getdents "
    "getdents64 getcwd chdir fchdir utime utimes utimensat utimensat_time64 futimesat "
    "name_to_handle_at statmount listmount",
    "getxattr lgetxattr fgetxattr getxattrat setxattr lsetxattr fsetxattr setxattrat listxattr "
    "llistxattr flistxattr listxattrat removexattr lremovexattr fremovexattr removexattrat "
    "inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark",
    /* waiting for files */
    "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create epoll_create1 "
    "epoll_ctl epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 "
    "signalfd signalfd4 io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents "
    "io_pgetevents_time64",
    /* network, but for socket itself */
    "accept accept4 bind connect getpeername getsockname getsockopt setsockopt listen recv "
    "recvfrom recvmmsg recvmmsg_time64 recvmsg send sendmmsg sendmsg sendto shutdown socketcall "
    "socketpair",
    /* processes and threads, but for clone */
    "execve execveat exit exit_group fork vfork wait4 waitid waitpid getpid getppid gettid getpgid "
    "getpgrp setpgid getsid setsid kill tgkill tkill pidfd_open pidfd_send_signal "
    "process_mrelease prctl rseq set_tid_address set_robust_list get_robust_list set_thread_area "
    "get_thread_area futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue membarrier "
    "restart_syscall seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self "
    "lsm_get_self_attr lsm_set_self_attr lsm_list_modules uretprobe",
    /* users and rights */
    "getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 "
    "getresgid getresgid32 getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid "
    "setreuid32 setregid setregid32 setresuid setresuid32 setresgid setresgid32 setfsuid "
    "setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset",
    /* scheduling and limits */
    "sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam "
    "sched_setparam sched_getscheduler sched_setscheduler sched_get_priority_max "
    "sched_get_priority_min sched_rr_get_interval sched_rr_get_interval_time64 getpriority "
    "setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit prlimit64 getrusage getcpu "
    "sysinfo times uname",
    /* memory */
    "brk mmap mmap2 munmap mremap mprotect madvise mincore mlock mlock2 mlockall munlock "
    "munlockall "
    "msync mseal remap_file_pages pkey_alloc pkey_free pkey_mprotect map_shadow_stack getrandom",
    /* signals */
    "pause rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend "
    "rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn",
    /* time */
    "time gettimeofday alarm getitimer setitimer nanosleep adjtimex clock_adjtime "
    "clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64 "
    "clock_nanosleep clock_nanosleep_time64 timer_create timer_delete timer_getoverrun "
    "timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime "
    "timerfd_gettime64 timerfd_settime timerfd_settime64",
    /* System V and POSIX communication */
    "ipc msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl "
    "shmdt shmget mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 "
    "mq_timedsend mq_timedsend_time64 mq_unlink",
};

static const struct {
    const char *cap;
    const char *calls;
} by_cap[] = {
    {"DAC_READ_SEARCH", "open_by_handle_at"},
    {"SYS_ADMIN",
     "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount "
     "mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname "
     "sethostname setns syslog umount umount2 unshare"},
    {"SYS_BOOT", "reboot"},
    {"SYS_CHROOT", "chroot"},
    {"SYS_MODULE", "delete_module init_module finit_module"},
    {"SYS_PACCT", "acct"},
    {"SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"},
    {"SYS_RAWIO", "iopl ioperm"},
    {"SYS_TIME", "settimeofday stime clock_settime clock_settime64"},
    {"SYS_TTY_CONFIG", "vhangup"},
    {"SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"},
    {"SYSLOG", "syslog"},
    {"BPF", "bpf"},
    {"PERFMON", "perf_event_open"},
};

static const struct {
    const char *machine; /* uname's, its beginning */
    const char *go;
    const char *arches;
    const char *calls; /* of this architecture only */
} by_machine[] = {
    {"x86_64", "amd64", "SCMP_ARCH_X86_64 SCMP_ARCH_X86 SCMP_ARCH_X32", "arch_prctl modify_ldt"},
    {"aarch64", "arm64", "SCMP_ARCH_AARCH64 SCMP_ARCH_ARM",
     "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"},
    {"arm", "arm", "SCMP_ARCH_ARM",
     "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"},
    {"riscv64", "riscv64", "SCMP_ARCH_RISCV64", "riscv_flush_icache riscv_hwprobe"},
    {"i386", "386", "SCMP_ARCH_X86", "modify_ldt"},
    {"i686", "386", "SCMP_ARCH_X86", "modify_ldt"},
};

static size_t machine_index(const char *machine)
{
    size_t i = 0;

    while (i < EDGE_ARRAY_LEN(by_machine) &&
           strncmp(machine, by_machine[i].machine, strlen(by_machine[i].machine)) != 0)
        i++;
    return i;
}

const char *spec_seccomp_arches(const char *machine, const char **ret_go)
{
    size_t i = machine_index(machine);

    if (i == EDGE_ARRAY_LEN(by_machine))
        return NULL;
    *ret_go = by_machine[i].go;
    return by_machine[i].arches;
}

/* A rule for @p calls; the caller may add conditions to what is returned. */
static struct edge_json *rule(struct spec_build *build, struct edge_json *rules, const char *calls,
                              const char *action)
{
    struct edge_json *item = spec_item(build, rules);

    spec_push_words(build, spec_array(build, item, "names"), calls);
    spec_text(build, item, "action", action);
    return item;
}

static void condition(struct spec_build *build, struct edge_json *item, const char *op,
                      int64_t value)
{
    struct edge_json *arg = spec_item(build, spec_array(build, item, "args"));

    spec_int(build, arg, "index", 0);
    spec_int(build, arg, "value", value);
    if (strcmp(op, "SCMP_CMP_MASKED_EQ") == 0)
        spec_int(build, arg, "valueTwo", 0);
    spec_text(build, arg, "op", op);
}

static bool has_cap(const struct spec_build *build, const char *name)
{
    unsigned bit = 0;

    return spec_cap_parse(name, &bit) == 0 && (build->capabilities & UINT64_C(1) << bit) != 0;
}

/* Calls that depend on their arguments. */
static void put_conditions(struct spec_build *build, struct edge_json *rules)
{
    static const int64_t personalities[] = {0, 0x8, 0x20000, 0x20008, 0xffffffff};

    condition(build, rule(build, rules, "socket", "SCMP_ACT_ALLOW"), "SCMP_CMP_NE",
              ADDRESS_FAMILY_VSOCK);
    for (size_t i = 0; i < EDGE_ARRAY_LEN(personalities); i++)
        condition(build, rule(build, rules, "personality", "SCMP_ACT_ALLOW"), "SCMP_CMP_EQ",
                  personalities[i]);
    if (has_cap(build, "SYS_ADMIN"))
        return;
    condition(build, rule(build, rules, "clone", "SCMP_ACT_ALLOW"), "SCMP_CMP_MASKED_EQ",
              CLONE_NEW_ANY);
    /* Its flags lie in memory, where no filter sees them: C libraries fall back to clone. */
    spec_int(build, rule(build, rules, "clone3", "SCMP_ACT_ERRNO"), "errnoRet", ENOSYS);
}

int spec_put_seccomp(struct spec_build *build)
{
    size_t machine = machine_index(build->facts->host->machine);
    struct edge_json *seccomp = spec_object(build, build->linux_, "seccomp");
    struct edge_json *rules = spec_array(build, seccomp, "syscalls");

    spec_text(build, seccomp, "defaultAction", "SCMP_ACT_ERRNO");
    spec_int(build, seccomp, "defaultErrnoRet", EPERM);
    if (machine < EDGE_ARRAY_LEN(by_machine)) {
        spec_push_words(build, spec_array(build, seccomp, "architectures"),
                        by_machine[machine].arches);
        (void) rule(build, rules, by_machine[machine].calls, "SCMP_ACT_ALLOW");
    }
    for (size_t i = 0; i < EDGE_ARRAY_LEN(allowed); i++)
        (void) rule(build, rules, allowed[i], "SCMP_ACT_ALLOW");
    /* Before 4.8 a traced process could be made to evade its filter. */
    if (build->facts->host->kernel >= (4U << 8 | 8U))
        (void) rule(build, rules, "process_vm_readv process_vm_writev ptrace", "SCMP_ACT_ALLOW");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(by_cap); i++) {
        if (has_cap(build, by_cap[i].cap))
            (void) rule(build, rules, by_cap[i].calls, "SCMP_ACT_ALLOW");
    }
    put_conditions(build, rules);
    return 0;
}
