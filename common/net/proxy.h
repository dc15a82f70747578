/* common/net/proxy.h - inside the room: the text that names an HTTP proxy. Pure. */
#ifndef EDGE_NET_PROXY_H
#define EDGE_NET_PROXY_H

#include <stdint.h>

#include "common/base/err.h"

struct net_proxy {
    char *host; /* without brackets */
    uint16_t port;
    char *basic; /* base64 of "user:password", or NULL; a secret */
};

/** "http://[user:password@]host[:port][/]", user and password percent-encoded; port 80 when there
 * is none. @param ret  filled on success only   @return 0, EDGE_EINVALID, -ENOMEM */
EDGE_MUST_CHECK int net_proxy_parse(const char *url, struct net_proxy *ret, struct edge_err *err);
void net_proxy_fini(struct net_proxy *proxy);

#endif
