/* agent/network/hosts.h - a container's hosts file. The text is pure; the write blocks.
 *
 * Own names first, then what the module asked for (ExtraHosts), then every endpoint of the network
 * by module name: a resolver takes the first line that fits, so the order decides. */
#ifndef AGENT_NETWORK_HOSTS_H
#define AGENT_NETWORK_HOSTS_H

#include "agent/network/record.h"
#include "common/base/bytes.h"

enum {
    AGENT_HOSTS_MAX = 4 * 1024 * 1024, /* bytes */
    AGENT_EXTRA_HOSTS_MAX = 1024,
};

/** One line that createOptions added. */
struct agent_extra_host {
    char name[AGENT_HOST_MAX + 1];
    char address[46];
};
/** "name:address", the address IPv4 or IPv6 (also in brackets), or "host-gateway".
 * @param gateway  what "host-gateway" stands for    @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int agent_extra_host_parse(const char *text, const char *gateway,
                                           struct agent_extra_host *ret, struct edge_err *err);

/** Whose file it is. */
struct agent_hosts {
    const char *id;
    const char *hostname;           /* "" none */
    const char *const *extra_hosts; /* checked before; what does not parse is left out; or NULL */
    const char *gateway;            /* of the network */
};
/** Append the whole file's text. @return 0, EDGE_ELIMIT or -ENOMEM */
EDGE_MUST_CHECK int agent_hosts_text(const struct agent_hosts *hosts,
                                     const struct agent_record_set *set, struct edge_buf *text);
/** Host mode: the host's own file @p host, then the module's lines. */
EDGE_MUST_CHECK int agent_hosts_copy(const struct agent_hosts *hosts, const struct edge_buf *host,
                                     struct edge_buf *text);

enum agent_place_mode {
    AGENT_PLACE_CREATE, /* make the file when it is absent, readable to all */
    AGENT_PLACE_UPDATE, /* only when it exists: -ENOENT else */
};
/** Write @p text into the file @p path where it stands: it keeps its inode, which is what running
 * containers have mounted; readers see the old or the new text, or for an instant the new one
 * with empty lines behind it. */
EDGE_MUST_CHECK int agent_place_text(const char *path, const struct edge_buf *text,
                                     enum agent_place_mode mode, struct edge_err *err);

#endif
