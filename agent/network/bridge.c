#include "agent/network/bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/network/link.h"
#include "common/base/bytes.h"

#define MARK "edge:"

static void mark_of(const struct agent_bridge *bridge, char ret[256])
{
    (void) snprintf(ret, 256, MARK "%.240s", bridge->rundir);
}

struct port_search {
    int master;
    bool found;
};

static void note_port(const struct agent_link *link, void *arg)
{
    struct port_search *search = arg;

    if (link->master == search->master)
        search->found = true;
}

static int has_ports(int index, bool *ret, struct edge_err *err)
{
    struct port_search search = {.master = index};
    int rc = agent_link_each(note_port, &search, err);

    *ret = search.found;
    return rc;
}

/* A runtime that was removed with its folder has no more claim. */
static bool owner_lives(const char *alias)
{
    EDGE_CLEANUP(edge_free) char *dir = edge_format("%s/network", alias + strlen(MARK));

    return !dir || access(dir, F_OK) == 0;
}

/* May the existing interface @p link serve as our bridge? Unmarked and without ports it is what a
 * power cut between making and marking has left. */
static int check_owner(const struct agent_bridge *bridge, const struct agent_link *link,
                       struct edge_err *err)
{
    char mark[256];
    bool busy = true;
    int rc;

    mark_of(bridge, mark);
    if (strcmp(link->kind, "bridge") != 0)
        return edge_fail(err, EDGE_ECONFLICT,
                         "interface %s exists and is no bridge: give network.name another value",
                         bridge->name);
    if (strcmp(link->alias, mark) == 0)
        return 0;
    if (strncmp(link->alias, MARK, strlen(MARK)) == 0) {
        if (owner_lives(link->alias))
            return edge_fail(err, EDGE_ECONFLICT,
                             "network %s belongs to the runtime in %s: give network.name another "
                             "value",
                             bridge->network, link->alias + strlen(MARK));
        return agent_link_set_alias(bridge->name, mark, err);
    }
    rc = has_ports(link->index, &busy, err);
    if (rc < 0)
        return rc;
    if (busy || *link->alias)
        return edge_fail(err, EDGE_ECONFLICT,
                         "bridge %s exists and is not ours: give network.name another value",
                         bridge->name);
    return agent_link_set_alias(bridge->name, mark, err);
}

/* What the host's IPv4 addresses say about our subnet. */
struct addresses {
    bool other_on_bridge;     /* the bridge has an address that is not the gateway's */
    char clash[AGENT_IFNAME]; /* an interface whose network shares addresses with ours, or "" */
};

static void look_at_address(const struct agent_bridge *bridge, const struct ifaddrs *one,
                            struct addresses *ret)
{
    struct sockaddr_in address;
    struct sockaddr_in mask;
    uint32_t value;

    if (!one->ifa_addr || one->ifa_addr->sa_family != AF_INET || !one->ifa_netmask)
        return;
    memcpy(&address, one->ifa_addr, sizeof address);
    memcpy(&mask, one->ifa_netmask, sizeof mask);
    value = ntohl(address.sin_addr.s_addr);
    if (strcmp(one->ifa_name, bridge->name) == 0) {
        if (value != bridge->subnet->base + 1 ||
            ntohl(mask.sin_addr.s_addr) != bridge->subnet->mask)
            ret->other_on_bridge = true;
    } else if (agent_subnet_overlaps(bridge->subnet, value, ntohl(mask.sin_addr.s_addr))) {
        (void) snprintf(ret->clash, sizeof ret->clash, "%s", one->ifa_name);
    }
}

static int look_at_addresses(const struct agent_bridge *bridge, struct addresses *ret,
                             struct edge_err *err)
{
    struct ifaddrs *all;

    if (getifaddrs(&all) < 0)
        return edge_fail(err, -errno, "cannot list addresses: %s", strerror(errno));
    for (const struct ifaddrs *one = all; one; one = one->ifa_next)
        look_at_address(bridge, one, ret);
    freeifaddrs(all);
    return 0;
}

static int make(const struct agent_bridge *bridge, struct edge_err *err)
{
    char mark[256];
    int rc;

    mark_of(bridge, mark);
    rc = agent_link_make_bridge(bridge->name, err);
    return rc < 0 ? rc : agent_link_set_alias(bridge->name, mark, err);
}

/* The configured subnet has changed: a bridge that nobody uses is made anew. */
static int renew(const struct agent_bridge *bridge, bool in_use, struct edge_err *err)
{
    int rc;

    if (in_use)
        return edge_fail(err, EDGE_ECONFLICT,
                         "network %s still has modules with addresses outside %s: the new subnet "
                         "takes effect when all modules on the network have been stopped",
                         bridge->network, bridge->subnet->text);
    rc = agent_link_remove(bridge->name, err);
    return rc < 0 ? rc : make(bridge, err);
}

int agent_bridge_need(const struct agent_bridge *bridge, bool in_use, struct edge_err *err)
{
    struct agent_link link;
    struct addresses addresses = {0};
    int found = agent_link_find(bridge->name, &link, err);
    int rc = found == 0 ? check_owner(bridge, &link, err) : found == -ENODEV ? 0 : found;

    if (rc == 0)
        rc = look_at_addresses(bridge, &addresses, err);
    if (rc < 0)
        return rc;
    if (*addresses.clash)
        return edge_fail(err, EDGE_ECONFLICT,
                         "network.subnet %s shares addresses with interface %s: choose another",
                         bridge->subnet->text, addresses.clash);
    if (found == -ENODEV)
        return make(bridge, err);
    return addresses.other_on_bridge ? renew(bridge, in_use, err) : 0;
}

/* Write @p value where it is not there already: /proc/sys may be read-only and right. */
static int set_knob(const char *path, const char *value, struct edge_err *err)
{
    EDGE_CLEANUP(edge_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char now = '\0';

    if (fd >= 0 && read(fd, &now, 1) == 1 && now == *value)
        return 0;
    edge_close(fd);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0 || write(fd, value, strlen(value)) < 0)
        return edge_fail(err, -errno, "cannot set %s to %s: %s", path, value, strerror(errno));
    return 0;
}

int agent_bridge_set_routing(const struct agent_bridge *bridge, struct edge_err *err)
{
    char path[128];
    int rc = set_knob("/proc/sys/net/ipv4/ip_forward", "1", err);

    (void) snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/route_localnet", bridge->name);
    return rc < 0 ? rc : set_knob(path, "1", err);
}

/* 0 with the link, or -ENODEV when there is none of ours. */
static int find_ours(const struct agent_bridge *bridge, struct agent_link *ret,
                     struct edge_err *err)
{
    char mark[256];
    int rc = agent_link_find(bridge->name, ret, err);

    mark_of(bridge, mark);
    return rc == 0 && strcmp(ret->alias, mark) != 0 ? -ENODEV : rc;
}

int agent_bridge_look(const struct agent_bridge *bridge, enum agent_bridge_state *ret,
                      struct edge_err *err)
{
    struct agent_link link = {0};
    int rc = find_ours(bridge, &link, err);

    if (rc < 0 && rc != -ENODEV)
        return rc;
    *ret = rc == 0 ? AGENT_BRIDGE_OURS : link.index == 0 ? AGENT_BRIDGE_NONE : AGENT_BRIDGE_FOREIGN;
    return 0;
}

/* Names are gathered first: a listing during which interfaces go may pass over some. */
struct sweep {
    int master;
    bool (*keep)(const char *ifname, void *arg);
    void *arg;
    char (*names)[AGENT_IFNAME];
    size_t len;
    bool no_memory;
};

static void gather_port(const struct agent_link *link, void *arg)
{
    struct sweep *sweep = arg;
    void *names;

    if (link->master != sweep->master || strcmp(link->kind, "veth") != 0 ||
        sweep->keep(link->name, sweep->arg))
        return;
    names = realloc(sweep->names, (sweep->len + 1) * sizeof *sweep->names);
    if (!names) {
        sweep->no_memory = true;
        return;
    }
    sweep->names = names;
    memcpy(sweep->names[sweep->len++], link->name, AGENT_IFNAME);
}

static int remove_gathered(struct sweep *sweep, struct edge_err *err)
{
    int rc = sweep->no_memory ? -ENOMEM : 0;

    for (size_t i = 0; i < sweep->len && rc == 0; i++)
        rc = agent_link_remove(sweep->names[i], err);
    free(sweep->names);
    return rc;
}

int agent_bridge_sweep(const struct agent_bridge *bridge,
                       bool (*keep)(const char *ifname, void *arg), void *arg, struct edge_err *err)
{
    struct agent_link link;
    struct sweep sweep = {.keep = keep, .arg = arg};
    int gone;
    int rc = find_ours(bridge, &link, err);

    if (rc < 0)
        return rc == -ENODEV ? 0 : rc;
    sweep.master = link.index;
    rc = agent_link_each(gather_port, &sweep, err);
    gone = remove_gathered(&sweep, rc == 0 ? err : NULL);
    return rc < 0 ? rc : gone;
}

int agent_bridge_remove(const struct agent_bridge *bridge, struct edge_err *err)
{
    struct agent_link link;
    int rc = find_ours(bridge, &link, err);

    if (rc == -ENODEV)
        return 0;
    return rc < 0 ? rc : agent_link_remove(bridge->name, err);
}
