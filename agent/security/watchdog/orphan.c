#include "agent/security/watchdog/orphan.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "common/base/file.h"

enum { LOCKS_MAX = 1 << 20 };

pid_t sec_lock_holder(const char *text, unsigned major, unsigned minor, uint64_t inode)
{
    for (const char *line = text; *line;) {
        char kind[16];
        int pid;
        unsigned line_major;
        unsigned line_minor;
        unsigned long long line_inode;

        if (sscanf(line, "%*d: %15s %*s %*s %d %x:%x:%llu ", kind, &pid, &line_major, &line_minor,
                   &line_inode) == 5 &&
            strcmp(kind, "FLOCK") == 0 && line_major == major && line_minor == minor &&
            line_inode == inode && pid > 0)
            return pid;
        line += strcspn(line, "\n");
        line += *line == '\n';
    }
    return 0;
}

static bool is_agent(pid_t pid)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf name = EDGE_BUF_INIT(64);
    char path[64];

    (void) snprintf(path, sizeof path, "/proc/%d/comm", (int) pid);
    return edge_file_read(path, &name, NULL) == 0 && name.data &&
           strcmp(name.data, "edge-agent\n") == 0;
}

pid_t sec_orphan_find(const char *path)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf locks = EDGE_BUF_INIT(LOCKS_MAX);
    struct stat st;
    pid_t pid;

    if (stat(path, &st) < 0 || edge_file_read("/proc/locks", &locks, NULL) < 0 || !locks.data)
        return 0;
    pid = sec_lock_holder(locks.data, major(st.st_dev), minor(st.st_dev), st.st_ino);
    return pid > 0 && is_agent(pid) ? pid : 0;
}

void sec_orphan_end(pid_t pid)
{
    edge_ignore(kill(pid, SIGTERM));
}
