#include <errno.h>

#include "agent/network/hold.h"
#include "agent/network/internal.h"
#include "agent/network/ipam.h"
#include "agent/network/netns.h"
#include "agent/network/store.h"
#include "common/base/file.h"

static bool is_listed(const char *const *list, const char *id)
{
    for (; list && *list; list++) {
        if (strcmp(*list, id) == 0)
            return true;
    }
    return false;
}

/* A task that runs in another namespace than the one recorded was started by somebody else. */
static bool is_alive(const struct agent_record *record, const char *const *live)
{
    EDGE_CLEANUP(agent_netns_close) struct agent_netns netns = {.fd = -1};

    if (!record->attached || record->going || !is_listed(live, record->id))
        return false;
    agent_netns_reopen(record->pid, record->netns, &netns);
    return netns.fd >= 0;
}

static size_t mark_the_dead(struct agent_record_set *set, const char *const *live)
{
    size_t alive = 0;

    for (size_t i = 0; i < set->len; i++) {
        set->items[i]->going = !is_alive(set->items[i], live);
        alive += !set->items[i]->going;
    }
    return alive;
}

/* The first failure is reported; the rest is tried all the same. */
static int undo_the_dead(struct agent_network *net, struct edge_err *err)
{
    int first = 0;

    for (size_t i = net->set.len; i > 0; i--) {
        struct agent_record *record = net->set.items[i - 1];
        int rc = record->going ? agent_network_undo(net, record, first == 0 ? err : NULL) : 0;

        if (first == 0)
            first = rc;
    }
    return first;
}

/* A host without modules on the network needs no rules, and perhaps has no nft. */
static int renew_rules(struct agent_network *net, size_t alive, struct edge_err *err)
{
    const struct agent_bridge bridge = agent_network_bridge(net);
    const struct agent_nft nft = agent_network_nft(net);
    enum agent_bridge_state state;
    int rc = agent_bridge_look(&bridge, &state, err);

    if (rc < 0 || state == AGENT_BRIDGE_FOREIGN)
        return rc;
    if (alive == 0 && state == AGENT_BRIDGE_NONE) {
        (void) !agent_nft_remove(&nft, NULL);
        return 0;
    }
    rc = agent_nft_apply(&nft, &net->set, err);
    if (rc == 0 && state == AGENT_BRIDGE_OURS)
        rc = agent_bridge_set_routing(&bridge, err);
    return rc;
}

static void hold_ports(struct agent_record_set *set)
{
    for (size_t i = 0; i < set->len; i++) {
        for (size_t p = 0; p < set->items[i]->nports; p++)
            (void) !agent_hold_port(&set->items[i]->ports[p], NULL);
    }
}

static bool has_cni_id(const char *cni_id, void *arg)
{
    const struct agent_record_set *set = arg;

    for (size_t i = 0; i < set->len; i++) {
        if (strcmp(set->items[i]->cni_id, cni_id) == 0)
            return true;
    }
    return false;
}

/* An endpoint whose plugin named no interface may own any of them. */
static bool has_veth(const char *ifname, void *arg)
{
    const struct agent_record_set *set = arg;

    for (size_t i = 0; i < set->len; i++) {
        if (!*set->items[i]->veth || strcmp(set->items[i]->veth, ifname) == 0)
            return true;
    }
    return false;
}

/* Leftovers that no record tells of: files, interfaces, then the addresses they had. */
static int sweep(struct agent_network *net, struct edge_err *err)
{
    const struct agent_bridge bridge = agent_network_bridge(net);
    int rc = agent_store_sweep(net->dir, &net->set, err);

    if (rc == 0)
        rc = agent_bridge_sweep(&bridge, has_veth, &net->set, err);
    if (rc == 0)
        rc = agent_ipam_sweep(net->reserved, has_cni_id, &net->set, err);
    return rc;
}

int agent_network_restore(struct agent_network *net, const char *const *live, struct edge_err *err)
{
    size_t alive = mark_the_dead(&net->set, live);
    int rc = renew_rules(net, alive, err);

    if (rc == 0)
        rc = undo_the_dead(net, err);
    if (rc == 0)
        rc = sweep(net, err);
    if (rc < 0)
        return edge_wrap(err, rc, "cannot restore network %s", net->name);
    hold_ports(&net->set);
    agent_network_refresh_hosts(net);
    return 0;
}

int agent_network_check(struct agent_network *net, struct edge_err *err)
{
    const struct agent_nft nft = agent_network_nft(net);
    int rc;

    if (net->set.len == 0 || !agent_nft_is_missing(&nft))
        return 0;
    rc = agent_nft_apply(&nft, &net->set, err);
    return rc < 0 ? rc : 1;
}

/* Without nft there can be no rules of ours; a failure counts when there was a network. */
static int remove_rules(struct agent_network *net, struct edge_err *err)
{
    const struct agent_bridge bridge = agent_network_bridge(net);
    const struct agent_nft nft = agent_network_nft(net);
    enum agent_bridge_state state;
    int rc = agent_bridge_look(&bridge, &state, err);

    if (rc < 0 || state == AGENT_BRIDGE_FOREIGN)
        return rc;
    rc = agent_nft_remove(&nft, err);
    return rc < 0 && (net->set.len > 0 || state == AGENT_BRIDGE_OURS) ? rc : 0;
}

int agent_network_teardown(struct agent_network *net, struct edge_err *err)
{
    const struct agent_bridge bridge = agent_network_bridge(net);
    EDGE_CLEANUP(edge_free) char *containers = edge_format("%s/containers", net->rundir);
    int rc = containers ? remove_rules(net, err) : -ENOMEM;

    (void) mark_the_dead(&net->set, NULL);
    if (rc == 0)
        rc = undo_the_dead(net, err);
    if (rc == 0)
        rc = agent_bridge_remove(&bridge, err);
    if (rc == 0)
        rc = edge_remove_tree(net->dir, err);
    if (rc == 0)
        rc = edge_remove_tree(containers, err);
    return rc < 0 ? edge_wrap(err, rc, "cannot remove network %s", net->name) : 0;
}
