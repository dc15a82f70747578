#include "agent/security/workload/peer.h"

#include <stdio.h>
#include <string.h>

#include "common/base/file.h"

enum { FILE_MAX = 16 * 1024 };

/* "hierarchy:controllers:path"; the path may hold colons. */
static const char *path_of(const char *line)
{
    const char *colon = strchr(line, ':');

    colon = colon ? strchr(colon + 1, ':') : NULL;
    return colon ? colon + 1 : "";
}

bool sec_cgroup_listed(const char *text, const char *cgroup)
{
    size_t len = strlen(cgroup);

    if (len < 2 || cgroup[0] != '/')
        return false;
    for (const char *line = text; *line;) {
        const char *path = path_of(line);
        size_t rest = strcspn(line, "\n");

        if (path < line + rest && strncmp(path, cgroup, len) == 0 &&
            (path[len] == '\n' || path[len] == '\0' || path[len] == '/'))
            return true;
        line += rest;
        line += *line == '\n';
    }
    return false;
}

bool sec_peer_in_cgroup(pid_t pid, const char *cgroup)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(FILE_MAX);
    char path[64];

    if (pid <= 0)
        return false;
    (void) snprintf(path, sizeof path, "/proc/%d/cgroup", (int) pid);
    return edge_file_read(path, &text, NULL) == 0 && text.data &&
           sec_cgroup_listed(text.data, cgroup);
}
