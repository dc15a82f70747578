/* agent/network/result.h - what a CNI plugin prints: a result, or an error. Pure; any thread.
 * Source: CNI specification 0.4.0 and 1.0.0. */
#ifndef AGENT_NETWORK_RESULT_H
#define AGENT_NETWORK_RESULT_H

#include "agent/network/names.h"
#include "common/base/bytes.h"
#include "common/json/json.h"

enum { AGENT_CNI_TEXT_MAX = 256 * 1024 }; /* bytes of a plugin's output that are read */

struct agent_cni_result {
    struct edge_json *json;  /* whole, for a later DEL */
    char address[16];        /* the first IPv4 address */
    char veth[AGENT_IFNAME]; /* the interface's end on the host: neither the bridge nor in a
                                sandbox; "" when the plugin does not say */
};
void agent_cni_result_fini(struct agent_cni_result *result);
static inline void agent_cni_result_finip(struct agent_cni_result *result)
{
    agent_cni_result_fini(result);
}

/** @param bridge  the bridge's name    @return 0 or EDGE_EPROTOCOL */
EDGE_MUST_CHECK int agent_cni_result_parse(const char *text, size_t len, const char *bridge,
                                           struct agent_cni_result *ret, struct edge_err *err);

/** Turn what a failed plugin printed into one line: {"code","msg","details"}, or else the first
 * line of its standard error. @return EDGE_ECHILD, with the plugin's code in err->status */
int agent_cni_error(const char *plugin, const char *command, int status, struct edge_bytes output,
                    struct edge_bytes errors, struct edge_err *err);

#endif
