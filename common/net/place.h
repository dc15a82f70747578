/* common/net/place.h - inside the room: a listening socket for a URI. Blocks on the file system
 * only. */
#ifndef EDGE_NET_PLACE_H
#define EDGE_NET_PLACE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "common/base/err.h"

struct net_place {
    int fd;
    uint16_t port; /* TCP */
    char *path;    /* unix socket, or NULL */
    ino_t inode;   /* of the path: another server may take the place over */
};

/** @param ret  filled on success only */
EDGE_MUST_CHECK int net_place_open(const char *uri, mode_t mode, struct net_place *ret,
                                   struct edge_err *err);
/** Close, and remove the unix socket's path when it is still ours. */
void net_place_close(struct net_place *place);

#endif
