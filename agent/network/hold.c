#include "agent/network/hold.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { SPARE = 256 }; /* descriptors left to everybody else */

static int open_socket(const char *protocol)
{
    if (strcmp(protocol, "udp") == 0)
        return socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC,
                  strcmp(protocol, "sctp") == 0 ? IPPROTO_SCTP : IPPROTO_TCP);
}

/* Two that bind with SO_REUSEADDR may share a port until one of them listens; a client that comes
 * before the rules do must be refused, not left waiting in a queue nobody empties. So: listen once,
 * which ends the sharing, take the leave to share back, and stop listening. The port stays bound.
 */
static int make_exclusive(int fd)
{
    int off = 0;

    if (listen(fd, 1) < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &off, sizeof off) < 0)
        return -errno;
    return shutdown(fd, SHUT_RD) < 0 ? -errno : 0;
}

/* For UDP, SO_REUSEADDR would share the port with whoever set it too; it has no TIME_WAIT. */
static int occupy(int fd, const struct agent_record_port *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port->host)};
    bool stream = strcmp(port->protocol, "udp") != 0;
    int on = 1;

    if (*port->host_ip && inet_pton(AF_INET, port->host_ip, &at.sin_addr) != 1)
        return -EINVAL;
    if (stream && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *) &at, sizeof at) < 0)
        return -errno;
    return stream ? make_exclusive(fd) : 0;
}

/* A range of thousands must not use up the process's descriptors. */
static bool can_spare(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (rlim_t) fd + SPARE < limit.rlim_cur;
}

int agent_hold_port(struct agent_record_port *port, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = open_socket(port->protocol);
    int rc = fd < 0 ? -errno : occupy(fd, port);

    if (rc == -EPROTONOSUPPORT || rc == -ESOCKTNOSUPPORT || rc == -EADDRNOTAVAIL)
        return 0;
    if (rc == -EADDRINUSE)
        return edge_fail(err, EDGE_ECONFLICT,
                         "host port %s%s%u/%s is in use by a process of the host", port->host_ip,
                         *port->host_ip ? ":" : "", port->host, port->protocol);
    if (rc < 0)
        return edge_fail(err, rc, "cannot take host port %u/%s: %s", port->host, port->protocol,
                         edge_strerror(rc));
    if (can_spare(fd)) {
        edge_close(port->held);
        port->held = fd;
        fd = -1;
    }
    return 0;
}
