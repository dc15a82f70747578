#include "common/net/place.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/base/bytes.h"
#include "common/base/file.h"

enum { BACKLOG = 1024 }; /* a whole fleet comes back at once */

static int unix_address(const char *path, struct sockaddr_un *ret, struct edge_err *err)
{
    size_t len = strlen(path);

    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (path[0] != '/' || len + 1 > sizeof ret->sun_path)
        return edge_fail(err, EDGE_EINVALID,
                         "cannot listen on unix://%s: the path must be absolute and at most %zu "
                         "bytes long",
                         path, sizeof ret->sun_path - 5);
    memcpy(ret->sun_path, path, len);
    return 0;
}

static int stream_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Is somebody listening there? What is no socket is not ours to replace. */
static int check_place(const char *path, const struct sockaddr_un *address, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = -1;
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0
                               : edge_fail(err, -errno, "cannot listen on unix://%s: %s", path,
                                           strerror(errno));
    if (!S_ISSOCK(st.st_mode))
        return edge_fail(err, -EEXIST, "cannot listen on unix://%s: a file is in its place", path);
    fd = stream_socket(AF_UNIX);
    if (fd < 0)
        return edge_fail(err, -errno, "cannot open a socket: %s", strerror(errno));
    if (connect(fd, (const struct sockaddr *) address, sizeof *address) == 0 || errno == EAGAIN)
        return edge_fail(err, -EADDRINUSE,
                         "cannot listen on unix://%s: another process serves there; stop it first",
                         path);
    return 0;
}

static int make_folder(const char *path, struct edge_err *err)
{
    const char *slash = strrchr(path, '/');
    EDGE_CLEANUP(edge_free) char *folder = strndup(path, (size_t) (slash - path));

    if (!folder)
        return edge_fail(err, -ENOMEM, "no memory to listen on unix://%s", path);
    return *folder ? edge_mkdirs(folder, 0755, err) : 0;
}

/* Under another name first: who sees the path can connect, and only who may. */
static int bind_unix(int fd, const char *path, mode_t mode, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *name = edge_format("%s.new", path);
    struct sockaddr_un address;
    int rc = name ? unix_address(name, &address, err) : -ENOMEM;

    if (rc < 0)
        return rc;
    (void) unlink(name);
    if (bind(fd, (const struct sockaddr *) &address, sizeof address) < 0 || chmod(name, mode) < 0 ||
        listen(fd, BACKLOG) < 0 || rename(name, path) < 0) {
        rc = edge_fail(err, -errno, "cannot listen on unix://%s: %s", path, strerror(errno));
        (void) unlink(name);
    }
    return rc;
}

static int listen_unix(const char *path, mode_t mode, struct net_place *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = -1;
    struct sockaddr_un address;
    struct stat st;
    int rc = unix_address(path, &address, err);

    if (rc == 0)
        rc = make_folder(path, err);
    if (rc == 0)
        rc = check_place(path, &address, err);
    if (rc < 0)
        return rc;
    fd = stream_socket(AF_UNIX);
    if (fd < 0)
        return edge_fail(err, -errno, "cannot open a socket: %s", strerror(errno));
    rc = bind_unix(fd, path, mode, err);
    if (rc < 0)
        return rc;
    *ret = (struct net_place){fd, 0, edge_strdup(path), lstat(path, &st) == 0 ? st.st_ino : 0};
    fd = -1;
    return 0;
}

static uint16_t bound_port(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    char port[8];

    if (getsockname(fd, (struct sockaddr *) &address, &len) < 0 ||
        getnameinfo((struct sockaddr *) &address, len, NULL, 0, port, sizeof port,
                    NI_NUMERICSERV) != 0)
        return 0;
    return (uint16_t) strtoul(port, NULL, 10);
}

static bool is_every_address(const struct addrinfo *info)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *) info->ai_addr;

    return info->ai_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&six->sin6_addr);
}

static int bind_tcp(const struct addrinfo *info, const char *uri, struct net_place *ret,
                    struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = stream_socket(info->ai_family);
    int on = 1, off = 0;

    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        (is_every_address(info) &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) ||
        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return edge_fail(err, -errno, "cannot listen on %s: %s", uri, strerror(errno));
    *ret = (struct net_place){fd, bound_port(fd), NULL, 0};
    fd = -1;
    return 0;
}

/* Every address; where the kernel has no IPv6, every one of IPv4. */
static int bind_any(const struct addrinfo *info, const char *uri, struct net_place *ret,
                    struct edge_err *err)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    const struct addrinfo four = {
        .ai_family = AF_INET, .ai_addr = (struct sockaddr *) &any, .ai_addrlen = sizeof any};
    int rc = bind_tcp(info, uri, ret, err);

    if (rc != -EAFNOSUPPORT || !is_every_address(info))
        return rc;
    any.sin_port = ((const struct sockaddr_in6 *) info->ai_addr)->sin6_port;
    return bind_tcp(&four, uri, ret, err);
}

/* "127.0.0.1:80" or "[::1]:80"; names would have to be looked up. */
static int listen_tcp(const char *uri, const char *authority, struct net_place *ret,
                      struct edge_err *err)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                             .ai_socktype = SOCK_STREAM};
    EDGE_CLEANUP(edge_free) char *host = edge_strdup(authority);
    char *port = host ? strrchr(host, ':') : NULL;
    struct addrinfo *info = NULL;
    int rc = EDGE_EINVALID;

    if (port) {
        size_t len = (size_t) (port - host);
        bool brackets = len > 2 && host[0] == '[' && host[len - 1] == ']';

        *port++ = '\0';
        if (brackets)
            host[len - 1] = '\0';
        rc = getaddrinfo(brackets ? host + 1 : host, port, &hints, &info) == 0 ? 0 : EDGE_EINVALID;
    }
    if (rc < 0)
        return edge_fail(err, rc, "cannot listen on %s: expected an IP address and a port", uri);
    rc = bind_any(info, uri, ret, err);
    freeaddrinfo(info);
    return rc;
}

int net_place_open(const char *uri, mode_t mode, struct net_place *ret, struct edge_err *err)
{
    if (strncmp(uri, "unix://", 7) == 0)
        return listen_unix(uri + 7, mode, ret, err);
    if (strncmp(uri, "tcp://", 6) == 0)
        return listen_tcp(uri, uri + 6, ret, err);
    return edge_fail(err, EDGE_EINVALID,
                     "cannot listen on %s: expected unix:///path or tcp://address:port", uri);
}

void net_place_close(struct net_place *place)
{
    struct stat st;

    if (place->path && lstat(place->path, &st) == 0 && st.st_ino == place->inode)
        (void) unlink(place->path);
    place->fd = edge_close(place->fd);
    free(place->path);
    place->path = NULL;
}
