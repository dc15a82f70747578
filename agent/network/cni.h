/* agent/network/cni.h - running the CNI plugins loopback and bridge (with host-local for
 * addresses). Blocking. Source: CNI specification 0.4.0; plugins 0.9 to 1.x speak it. */
#ifndef AGENT_NETWORK_CNI_H
#define AGENT_NETWORK_CNI_H

#include "agent/network/result.h"
#include "agent/network/subnet.h"

struct agent_cni {
    const char *bin;     /* folder of the plugins */
    const char *network; /* CNI's name of the network */
    const char *bridge;
    const char *ipam; /* folder of the reservations */
    const struct agent_subnet *subnet;
    int lock; /* what a plugin has open while it runs; 0: nothing */
};

struct agent_cni_call {
    const char *id;                 /* CNI_CONTAINERID */
    const char *netns;              /* path of the namespace; "" when it has gone (DEL only) */
    const char *mac;                /* "" any */
    const struct edge_json *result; /* of the ADD, or NULL (DEL only) */
};

/** The network configuration a plugin gets on its standard input; the caller frees it. */
char *agent_cni_config(const struct agent_cni *cni, const char *plugin,
                       const struct agent_cni_call *call);

/** Bring up lo, then eth0 with an address of the subnet.
 * @return 0, EDGE_ECHILD (a plugin is missing or failed), -ETIMEDOUT, EDGE_EPROTOCOL; then some of
 * it may have happened: DEL */
EDGE_MUST_CHECK int agent_cni_add(const struct agent_cni *cni, const struct agent_cni_call *call,
                                  struct agent_cni_result *ret, struct edge_err *err);
EDGE_MUST_CHECK int agent_cni_del(const struct agent_cni *cni, const struct agent_cni_call *call,
                                  struct edge_err *err);

#endif
