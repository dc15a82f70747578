#include "agent/security/notify/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* "/path", or "@name" in the abstract namespace. @return length of the address, 0: none */
static socklen_t address_of(const char *name, struct sockaddr_un *ret)
{
    size_t len = name ? strlen(name) : 0;

    if (len < 2 || len >= sizeof ret->sun_path || (*name != '/' && *name != '@'))
        return 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret->sun_path, name, len);
    if (*name == '@')
        ret->sun_path[0] = '\0';
    return (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len);
}

void sec_notify(const char *fmt, ...)
{
    struct sockaddr_un address;
    socklen_t size = address_of(getenv("NOTIFY_SOCKET"), &address);
    EDGE_CLEANUP(edge_close) int fd = -1;
    char text[512];
    va_list args;
    int len;

    if (!size)
        return;
    va_start(args, fmt);
    len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || len <= 0)
        return;
    if (len >= (int) sizeof text)
        len = sizeof text - 1;
    edge_ignore(
        (int) sendto(fd, text, (size_t) len, MSG_NOSIGNAL, (struct sockaddr *) &address, size));
}
