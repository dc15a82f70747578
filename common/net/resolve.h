/* common/net/resolve.h - inside the room: a name's addresses, looked up on libuv's threads. */
#ifndef EDGE_NET_RESOLVE_H
#define EDGE_NET_RESOLVE_H

#include <netdb.h>
#include <stdint.h>

#include "common/loop/loop.h"

struct net_resolve;

/** @param done  once, from a turn of the loop: addresses for TCP, freed by the callee with
 * net_addresses_free, or NULL with the reason   @return 0 or a negative code */
EDGE_MUST_CHECK int net_resolve(struct edge_loop *loop, const char *host, uint16_t port,
                                void (*done)(struct addrinfo *list, const char *why, void *arg),
                                void *arg, struct net_resolve **ret);
/** done is not called. Accepts NULL; returns NULL. */
struct net_resolve *net_resolve_cancel(struct net_resolve *resolve);

void net_addresses_free(struct addrinfo *list);

#endif
