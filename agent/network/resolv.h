/* agent/network/resolv.h - a container's resolv.conf, from the host's and from createOptions.
 * Pure; any thread. */
#ifndef AGENT_NETWORK_RESOLV_H
#define AGENT_NETWORK_RESOLV_H

#include <stdbool.h>

#include "common/base/bytes.h"
#include "common/base/err.h"

enum { AGENT_RESOLV_MAX = 64 * 1024 }; /* bytes of a resolv.conf */

/** What createOptions ask for; NULL or empty lists leave the host's. */
struct agent_resolv {
    const char *const *dns;
    const char *const *search; /* a single "." is none at all */
    const char *const *options;
    bool host_mode; /* the container is in the host's namespace: any server of the host's will do */
};
/** @return 0 or EDGE_EINVALID naming the member */
EDGE_MUST_CHECK int agent_resolv_check(const struct agent_resolv *wanted, struct edge_err *err);

/** Has the host a name server that a container can reach: an IPv4 address, not loopback? */
bool agent_resolv_has_server(const char *host, size_t len);

/** Append the file's text. @param host  the host's resolv.conf, any bytes
 * Where no server is left, public ones stand in, as Docker's do. @return 0, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int agent_resolv_text(const struct agent_resolv *wanted, const char *host,
                                      size_t len, struct edge_buf *text);

#endif
