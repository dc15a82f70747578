/* agent/network/network.h - the module network: a bridge through CNI, one nftables table of our own
 * for published ports, masquerade and isolation, names through hosts files.
 * Blocking; one worker thread at a time (a pool of one): the object has no lock.
 *
 * An endpoint lives from attach to detach. What attach did is written under <rundir>/network before
 * it is done, so that a later life of the agent can undo it; a reboot clears <rundir>. */
#ifndef AGENT_NETWORK_NETWORK_H
#define AGENT_NETWORK_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/cancel.h"
#include "common/base/err.h"

struct agent_network_config {
    const char
        *name; /* "azure-iot-edge": also names the nftables table and seeds the bridge's name */
    const char *subnet;  /* "172.30.0.0/16" */
    const char *rundir;  /* <rundir>/network and <rundir>/containers/<id> are used */
    const char *cni_bin; /* folder of the plugins */
};

struct agent_network;
/** Waits for programs that an ended agent has left running there (30 s at most: EDGE_ECONFLICT),
 * keeps others out until close; reads what is on disk; touches nothing yet. */
EDGE_MUST_CHECK int agent_network_open(const struct agent_network_config *config,
                                       struct agent_network **ret, struct edge_err *err);
/** Leaves everything in place. Accepts NULL; returns NULL. */
struct agent_network *agent_network_close(struct agent_network *net);

struct agent_endpoint_port {
    const char *host_ip; /* "", "0.0.0.0", "::": every address; else an IPv4 address */
    uint16_t host;       /* 0: choose a free one of 32768-60999 */
    uint16_t container;
    const char *protocol; /* "tcp", "udp", "sctp" */
};
struct agent_endpoint {
    const char *id;     /* container id */
    const char *module; /* module name: a DNS name in the network, and the word errors use */
    const char *const *aliases; /* NULL-terminated, more names; or NULL */
    const struct agent_endpoint_port *ports;
    size_t nports;
    const char *mac; /* or NULL */
    uint32_t pid;    /* of the created task: its network namespace is joined to the bridge */
};

/** Write the container's hosts, hostname and resolv.conf files (before the task is created; they
 * are bind-mounted from <rundir>/containers/<id>/). In host mode they are copies of the host's. */
struct agent_names {
    const char *id;
    const char *hostname;
    const char *const *extra_hosts; /* "name:address"; "host-gateway" is the bridge's address, in
                                       host mode 127.0.0.1; or NULL */
    const char *const *dns;         /* or NULL: the host's servers, loopback ones left out */
    const char *const *dns_search;
    const char *const *dns_options;
    bool host_mode;
};
EDGE_MUST_CHECK int agent_network_prepare(struct agent_network *net,
                                          const struct agent_names *names, struct edge_err *err);

/**
 * Give the task an address, publish its ports, tell its name to all others.
 * @param ret_address  dotted address, the caller frees it
 * Whatever fails, nothing of it stays. An endpoint the id already has is detached first.
 * While it is attached the agent's own sockets keep its host ports from other programs.
 * @return 0, EDGE_ECONFLICT (a port is another module's: err names both; or a host process's; or
 * bridge or subnet belong to somebody else), EDGE_EINVALID, EDGE_EUNSUPPORTED (an IPv6 host
 * address), EDGE_ECHILD (nft or a plugin is missing or failed), -ECANCELED, -ETIMEDOUT, errno
 */
EDGE_MUST_CHECK int agent_network_attach(struct agent_network *net,
                                         const struct agent_endpoint *endpoint,
                                         struct edge_cancel *cancel, char **ret_address,
                                         struct edge_err *err);
/** Undo attach; also after the namespace has gone; success when there is nothing. */
EDGE_MUST_CHECK int agent_network_detach(struct agent_network *net, const char *id,
                                         struct edge_err *err);
/** The address of an attached container, borrowed until it is detached; NULL when it has none, for
 * example because restore found that its endpoint is lost. */
const char *agent_network_address(const struct agent_network *net, const char *id);
/** Remove <rundir>/containers/<id>. */
EDGE_MUST_CHECK int agent_network_forget(struct agent_network *net, const char *id,
                                         struct edge_err *err);

/** At start: @p live are the containers whose tasks run. Everything else on disk is detached, rules
 * and hosts files are written anew. */
EDGE_MUST_CHECK int agent_network_restore(struct agent_network *net, const char *const *live,
                                          struct edge_err *err);
/** Does the kernel still have the rules? Whoever flushes all of them (a firewall that is loaded
 * anew) takes away ours: they are written again. One question by netlink when they are there.
 * @return 0, 1 (they were missing, and are back), or why they cannot be written */
EDGE_MUST_CHECK int agent_network_check(struct agent_network *net, struct edge_err *err);
/** Remove the bridge, the table and every file: nothing of ours is left. */
EDGE_MUST_CHECK int agent_network_teardown(struct agent_network *net, struct edge_err *err);

#endif
