#include "agent/network/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct agent_netns gone = {.fd = -1};

void agent_netns_close(struct agent_netns *netns)
{
    edge_close(netns->fd);
    *netns = gone;
}

static int open_at(const char *path, struct agent_netns *ret)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0) {
        rc = -errno;
        edge_close(fd);
        return rc;
    }
    ret->fd = fd;
    ret->inode = st.st_ino;
    (void) snprintf(ret->path, sizeof ret->path, "/proc/%d/fd/%d", (int) getpid(), fd);
    return 0;
}

static bool is_own(uint64_t inode)
{
    struct stat st;

    return stat("/proc/self/ns/net", &st) < 0 || st.st_ino == inode;
}

int agent_netns_open(uint32_t pid, struct agent_netns *ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_netns_close) struct agent_netns netns = gone;
    char path[48];
    int rc;

    (void) snprintf(path, sizeof path, "/proc/%u/ns/net", pid);
    rc = open_at(path, &netns);
    if (rc < 0)
        return edge_fail(err, rc, "cannot open the network namespace of process %u: %s", pid,
                         edge_strerror(rc));
    if (is_own(netns.inode))
        return edge_fail(err, EDGE_EINVALID, "process %u shares the network namespace of the agent",
                         pid);
    *ret = netns;
    netns.fd = -1;
    return 0;
}

void agent_netns_reopen(uint32_t pid, uint64_t inode, struct agent_netns *ret)
{
    *ret = gone;
    if (pid == 0 || agent_netns_open(pid, ret, NULL) < 0)
        return;
    if (ret->inode != inode)
        agent_netns_close(ret);
}
