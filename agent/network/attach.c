#include <errno.h>
#include <stdio.h>

#include "agent/network/conntrack.h"
#include "agent/network/hold.h"
#include "agent/network/internal.h"
#include "agent/network/ipam.h"
#include "agent/network/link.h"
#include "agent/network/netns.h"
#include "agent/network/ports.h"
#include "agent/network/store.h"
#include "common/base/cancel.h"

/* --- giving ------------------------------------------------------------------------------- */

static bool address_is_free(const struct agent_network *net, const struct agent_record *record,
                            const char *address)
{
    for (size_t i = 0; i < net->set.len; i++) {
        const struct agent_record *other = net->set.items[i];

        if (other != record && strcmp(other->address, address) == 0)
            return false;
    }
    return true;
}

static int join_bridge(struct agent_network *net, struct agent_record *record, const char *netns,
                       struct edge_err *err)
{
    const struct agent_cni cni = agent_network_cni(net);
    const struct agent_cni_call call = {record->cni_id, netns, record->mac, NULL};
    EDGE_CLEANUP(agent_cni_result_fini) struct agent_cni_result result = {0};
    int rc = agent_cni_add(&cni, &call, &result, err);

    if (rc < 0)
        return rc;
    record->result = EDGE_TAKE(result.json);
    (void) snprintf(record->veth, sizeof record->veth, "%s", result.veth);
    if (!agent_subnet_holds_host(&net->subnet, result.address) ||
        !address_is_free(net, record, result.address))
        return edge_fail(err, EDGE_EPROTOCOL, "CNI plugin bridge gave address %s, which is %s",
                         result.address,
                         address_is_free(net, record, result.address) ? "not of the subnet"
                                                                      : "another module's");
    (void) snprintf(record->address, sizeof record->address, "%s", result.address);
    return 0;
}

/* nft works in one transaction: when it reports failure, no rule names the endpoint. */
static int apply_rules(struct agent_network *net, struct agent_record *record, struct edge_err *err)
{
    const struct agent_nft nft = agent_network_nft(net);
    int rc = agent_nft_apply(&nft, &net->set, err);

    record->ruled = rc == 0 || rc == -ETIMEDOUT;
    return rc;
}

static int give_all(struct agent_network *net, struct agent_record *record, const char *netns,
                    struct edge_cancel *cancel, struct edge_err *err)
{
    const struct agent_bridge bridge = agent_network_bridge(net);
    int rc = join_bridge(net, record, netns, err);

    if (rc == 0 && edge_cancelled(cancel))
        rc = edge_fail(err, -ECANCELED, "cancelled");
    if (rc == 0)
        rc = apply_rules(net, record, err);
    if (rc == 0)
        rc = agent_bridge_set_routing(&bridge, err); /* after the rules that guard 127/8 */
    if (rc < 0)
        return rc;

    (void) !agent_conntrack_forget_ports(record, NULL); /* a kernel without it serves all others */
    record->attached = true;
    rc = agent_store_save(net->dir, record, err);
    return rc < 0 ? rc : agent_network_write_hosts(net, record->id, err);
}

static bool is_in_use(const struct agent_record_set *set)
{
    for (size_t i = 0; i < set->len; i++) {
        if (agent_record_is_up(set->items[i]))
            return true;
    }
    return false;
}

/* The record goes to disk before the bridge is looked at: its folder is this runtime's claim. */
static int claim(struct agent_network *net, struct agent_record *record, struct edge_err *err)
{
    const struct agent_bridge bridge = agent_network_bridge(net);
    int rc = agent_store_save(net->dir, record, err);

    if (rc == 0)
        rc = agent_bridge_need(&bridge, is_in_use(&net->set), err);
    if (rc < 0)
        (void) !agent_store_remove(net->dir, record->id, NULL);
    return rc;
}

/* Everything that can be refused before anything is done. */
static int make_record(struct agent_network *net, const struct agent_endpoint *endpoint,
                       uint64_t netns, struct agent_record **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_record_free) struct agent_record *record = NULL;
    int rc = agent_record_create(endpoint, &record, err);

    if (rc < 0)
        return rc;
    record->netns = netns;
    rc = agent_ports_resolve(&net->set, record, agent_hold_port, err);
    if (rc == 0)
        rc = claim(net, record, err);
    if (rc == 0)
        *ret = EDGE_TAKE(record);
    return rc;
}

int agent_network_attach(struct agent_network *net, const struct agent_endpoint *endpoint,
                         struct edge_cancel *cancel, char **ret_address, struct edge_err *err)
{
    EDGE_CLEANUP(agent_netns_close) struct agent_netns netns = {.fd = -1};
    EDGE_CLEANUP(agent_record_free) struct agent_record *owned = NULL;
    struct agent_record *record;
    char *address;
    int rc = agent_network_detach(net, endpoint->id, err);

    if (rc == 0 && edge_cancelled(cancel))
        rc = edge_fail(err, -ECANCELED, "cancelled");
    if (rc == 0)
        rc = agent_netns_open(endpoint->pid, &netns, err);
    if (rc == 0)
        rc = make_record(net, endpoint, netns.inode, &owned, err);
    if (rc == 0)
        rc = agent_record_set_add(&net->set, owned);
    if (rc < 0)
        return edge_wrap(err, rc, "cannot connect module %s to network %s", endpoint->module,
                         net->name);

    record = EDGE_TAKE(owned);
    rc = give_all(net, record, netns.path, cancel, err);
    address = rc == 0 ? edge_strdup(record->address) : NULL;
    if (rc == 0 && !address)
        rc = -ENOMEM;
    if (rc < 0) {
        (void) !agent_network_detach(net, endpoint->id, NULL);
        return edge_wrap(err, rc, "cannot connect module %s to network %s", endpoint->module,
                         net->name);
    }
    agent_network_refresh_hosts(net);
    *ret_address = address;
    return 0;
}

/* --- taking back -------------------------------------------------------------------------- */

static bool is_another_id(const char *cni_id, void *arg)
{
    return strcmp(cni_id, arg) != 0;
}

/* The plugin is asked first, as the protocol wants; but it takes back only what it can still see,
 * so its word is not relied on: the interface's end on the host and the reservation are removed
 * here, whatever it said. */
int agent_network_undo(struct agent_network *net, struct agent_record *record, struct edge_err *err)
{
    const struct agent_cni cni = agent_network_cni(net);
    EDGE_CLEANUP(agent_netns_close) struct agent_netns netns = {.fd = -1};
    struct agent_cni_call call = {record->cni_id, "", record->mac, record->result};
    int rc = 0;

    record->going = true;
    agent_netns_reopen(record->pid, record->netns, &netns);
    call.netns = netns.path;
    (void) !agent_cni_del(&cni, &call, NULL);
    if (*record->veth)
        rc = agent_link_remove(record->veth, err);
    if (rc == 0)
        rc = agent_ipam_sweep(net->reserved, is_another_id, record->cni_id, err);
    if (rc < 0)
        return rc;
    if (*record->address)
        (void) !agent_conntrack_forget_address(record->address, NULL);
    rc = agent_store_remove(net->dir, record->id, err);
    if (rc == 0)
        agent_record_set_drop(&net->set, record);
    return rc;
}

int agent_network_detach(struct agent_network *net, const char *id, struct edge_err *err)
{
    const struct agent_nft nft = agent_network_nft(net);
    struct agent_record *record;
    int rc = 0;

    if (!agent_id_ok(id))
        return edge_fail(err, EDGE_EINVALID, "\"%.64s\" is not a container id", id ? id : "");
    record = agent_record_set_find(&net->set, id);
    if (!record)
        return agent_store_remove(net->dir, id, err);

    record->going = true;
    if (record->ruled && record->nports > 0)
        rc = agent_nft_apply(&nft, &net->set, err);
    if (rc == 0) {
        record->ruled = false;
        rc = agent_network_undo(net, record, err);
    }
    if (rc < 0)
        return edge_wrap(err, rc, "cannot disconnect container %s from network %s", id, net->name);
    agent_network_refresh_hosts(net);
    return 0;
}
