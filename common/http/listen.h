/* common/http/listen.h - a listening socket for a URI. Blocking only on the file system. */
#ifndef EDGE_HTTP_LISTEN_H
#define EDGE_HTTP_LISTEN_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/base/err.h"

struct http_listener {
    int fd;
    uint16_t port; /* TCP */
    char *path;    /* unix socket, or NULL */
    ino_t inode;   /* of the path: another server may take the place over */
};

/** @param ret  filled on success only */
EDGE_MUST_CHECK int http_listen(const char *uri, mode_t mode, struct http_listener *ret,
                                struct edge_err *err);
/** Close, and remove the unix socket's path when it is still ours. */
void http_unlisten(struct http_listener *listener);

#endif
