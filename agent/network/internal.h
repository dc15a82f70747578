/* agent/network/internal.h - the network object, for the files that make it up: network.c,
 * prepare.c, attach.c, restore.c. One worker thread. */
#ifndef AGENT_NETWORK_INTERNAL_H
#define AGENT_NETWORK_INTERNAL_H

#include "agent/network/bridge.h"
#include "agent/network/cni.h"
#include "agent/network/nft.h"

struct agent_network {
    char *name;
    char *rundir;
    char *cni_bin;
    char *dir;      /* <rundir>/network: records */
    char *ipam;     /* <rundir>/network/ipam: host-local's folder */
    char *reserved; /* <rundir>/network/ipam/<name>: its reservations */
    int lock;       /* <rundir> itself, locked; programs we run share it */
    struct agent_subnet subnet;
    char bridge_name[AGENT_IFNAME];
    struct agent_record_set set;
};

/* The object as the smaller parts want to see it. */
struct agent_bridge agent_network_bridge(const struct agent_network *net);
struct agent_nft agent_network_nft(const struct agent_network *net);
struct agent_cni agent_network_cni(const struct agent_network *net);

/** "<rundir>/containers/<id>/<name>", which the caller frees; NULL without memory. */
char *agent_network_file(const struct agent_network *net, const char *id, const char *name);

/** Write the hosts file of the container @p id anew; nothing when it was never prepared. */
EDGE_MUST_CHECK int agent_network_write_hosts(const struct agent_network *net, const char *id,
                                              struct edge_err *err);
/** The hosts files of all endpoints. One that cannot be written does not stop the others: a module
 * must not harm its neighbours by what it does to its file. */
void agent_network_refresh_hosts(const struct agent_network *net);

/** Take back all that attach gave @p record but its rules: interface, address, file. On success the
 * record is freed and out of the set; on failure it stays, going. */
EDGE_MUST_CHECK int agent_network_undo(struct agent_network *net, struct agent_record *record,
                                       struct edge_err *err);

#endif
