#include "agent/network/nft.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "agent/network/netlink.h"
#include "common/base/spawn.h"

enum {
    TEXT_MAX = 8 * 1024 * 1024,
    SAID_MAX = 2048,
    TIMEOUT_MS = 30000,
};

/* Elements of the map of ports on one address, or of the map of ports on all of them. */
static void put_elements(struct edge_buf *text, const struct agent_record_set *set, bool on_address)
{
    bool any = false;

    for (size_t i = 0; i < set->len; i++) {
        const struct agent_record *record = set->items[i];

        for (size_t p = 0; agent_record_is_up(record) && p < record->nports; p++) {
            const struct agent_record_port *port = &record->ports[p];

            if ((*port->host_ip != '\0') != on_address)
                continue;
            (void) edge_buf_printf(text, "%s%s%s%s . %u : %s . %u",
                                   any ? ",\n      " : "    elements = {\n      ", port->host_ip,
                                   on_address ? " . " : "", port->protocol, port->host,
                                   record->address, port->container);
            any = true;
        }
    }
    if (any)
        (void) edge_buf_puts(text, "\n    }\n");
}

static void put_maps(struct edge_buf *text, const struct agent_record_set *set)
{
    (void) edge_buf_puts(
        text, "  map published_on {\n"
              "    type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n");
    put_elements(text, set, true);
    (void) edge_buf_puts(text, "  }\n"
                               "  map published {\n"
                               "    type inet_proto . inet_service : ipv4_addr . inet_service\n");
    put_elements(text, set, false);
    (void) edge_buf_puts(text, "  }\n");
}

/* Who connects to an address of the host is led to the module: from outside, from a module
 * (prerouting) and from the host itself (output). */
static void put_publish(struct edge_buf *text)
{
    (void) edge_buf_puts(text, "  chain publish {\n"
                               "    dnat to ip daddr . meta l4proto . th dport map @published_on\n"
                               "    dnat to meta l4proto . th dport map @published\n"
                               "  }\n"
                               "  chain prerouting {\n"
                               "    type nat hook prerouting priority -100; policy accept;\n"
                               "    fib daddr type local jump publish\n"
                               "  }\n"
                               "  chain output {\n"
                               "    type nat hook output priority -100; policy accept;\n"
                               "    fib daddr type local jump publish\n"
                               "  }\n");
}

/* The bridge routes 127/8 so that the host's own 127.0.0.1:port works; a module must not use that
 * to reach what listens on the host's loopback. Before connection tracking: replies to the host
 * still carry the bridge's address there. */
static void put_guard(struct edge_buf *text, const char *bridge)
{
    (void) edge_buf_printf(text,
                           "  chain guard {\n"
                           "    type filter hook prerouting priority -300; policy accept;\n"
                           "    iifname \"%s\" ip daddr 127.0.0.0/8 drop\n"
                           "    iifname \"%s\" ip saddr 127.0.0.0/8 drop\n"
                           "  }\n",
                           bridge, bridge);
}

/* From anywhere else to a module: only what a module began, or what was published. Modules on the
 * bridge speak freely. */
static void put_isolation(struct edge_buf *text, const char *bridge)
{
    (void) edge_buf_printf(text,
                           "  chain isolation {\n"
                           "    type filter hook forward priority 0; policy accept;\n"
                           "    oifname != \"%s\" accept\n"
                           "    iifname \"%s\" accept\n"
                           "    ct state established,related accept\n"
                           "    ct status dnat accept\n"
                           "    drop\n"
                           "  }\n",
                           bridge, bridge);
}

/* Three sources that a module could not answer, or the world could not: the host's loopback, a
 * module that comes back through a published port, and a module that goes out. */
static void put_masquerade(struct edge_buf *text, const struct agent_nft *nft)
{
    const char *subnet = nft->subnet->text;

    (void) edge_buf_printf(text,
                           "  chain postrouting {\n"
                           "    type nat hook postrouting priority 100; policy accept;\n"
                           "    ip saddr 127.0.0.0/8 oifname \"%s\" masquerade\n"
                           "    ip saddr %s oifname \"%s\" ct status dnat masquerade\n"
                           "    ip saddr %s ip daddr != %s oifname != \"%s\" masquerade\n"
                           "  }\n",
                           nft->bridge, subnet, nft->bridge, subnet, subnet, nft->bridge);
}

/* "add" makes the following "delete" valid whether the table exists or not. */
static void put_removal(struct edge_buf *text, const char *network)
{
    (void) edge_buf_printf(text, "add table ip edge-%s\ndelete table ip edge-%s\n", network,
                           network);
}

int agent_nft_text(const struct agent_nft *nft, const struct agent_record_set *set,
                   struct edge_buf *text)
{
    put_removal(text, nft->network);
    (void) edge_buf_printf(text, "table ip edge-%s {\n", nft->network);
    put_maps(text, set);
    put_publish(text);
    put_guard(text, nft->bridge);
    put_isolation(text, nft->bridge);
    put_masquerade(text, nft);
    (void) edge_buf_puts(text, "}\n");
    return edge_buf_error(text);
}

/* The first line says what is wrong; the rest quotes the input. */
static int fail_said(int status, const char *said, struct edge_err *err)
{
    if (!said || !*said)
        said = "no message";
    if (strstr(said, "not supported") || strstr(said, "netlink"))
        return edge_fail(err, EDGE_ECHILD,
                         "nft: %.*s; does this kernel have nf_tables (CONFIG_NF_TABLES, NFT_NAT, "
                         "NFT_MASQ, NFT_FIB_IPV4, NF_CONNTRACK)?",
                         (int) strcspn(said, "\n"), said);
    return edge_fail(err, EDGE_ECHILD, "nft ended with status %d: %.*s", status,
                     (int) strcspn(said, "\n"), said);
}

static int run_at(const char *path, const struct edge_buf *text, int lock, struct edge_err *err)
{
    const char *const argv[] = {path, "-f", "-", NULL};
    const struct edge_spawn spawn = {
        .argv = argv,
        .input = {(const uint8_t *) text->data, text->len},
        .timeout_ms = TIMEOUT_MS,
        .keep = lock,
    };
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf said = EDGE_BUF_INIT(SAID_MAX);
    int status = 0;
    int rc;

    rc = edge_spawn_run(&spawn, &said, &said, &status, err);
    if (rc < 0)
        return rc;
    return status == 0 ? 0 : fail_said(status, said.data, err);
}

/* A service's PATH may lack the system folders. */
static int run(const struct edge_buf *text, int lock, struct edge_err *err)
{
    static const char *const places[] = {"nft", "/usr/sbin/nft", "/sbin/nft"};
    int rc = -ENOENT;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(places) && rc == -ENOENT; i++)
        rc = run_at(places[i], text, lock, err);
    if (rc == -ENOENT)
        return edge_fail(err, EDGE_ECHILD,
                         "the program nft is missing: install the package nftables");
    return rc;
}

int agent_nft_apply(const struct agent_nft *nft, const struct agent_record_set *set,
                    struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(TEXT_MAX);
    int rc;

    rc = agent_nft_text(nft, set, &text);
    if (rc < 0)
        return edge_fail(err, rc, "cannot write the rules of network %s: %s", nft->network,
                         edge_strerror(rc));
    rc = run(&text, nft->lock, err);
    return rc < 0 ? edge_wrap(err, rc, "cannot set the rules of network %s", nft->network) : 0;
}

bool agent_nft_is_missing(const struct agent_nft *nft)
{
    const struct nfgenmsg fixed = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};
    EDGE_CLEANUP(edge_free) char *table = edge_format("edge-%s", nft->network);
    struct agent_nl nl;

    if (!table)
        return false;
    agent_nl_begin(&nl, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, 0, &fixed, sizeof fixed);
    agent_nl_puts(&nl, NFTA_TABLE_NAME, table);
    return agent_nl_run(NETLINK_NETFILTER, &nl, NULL, NULL) == -ENOENT;
}

int agent_nft_remove(const struct agent_nft *nft, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(TEXT_MAX);
    int rc;

    put_removal(&text, nft->network);
    rc = edge_buf_error(&text);
    if (rc == 0)
        rc = run(&text, nft->lock, err);
    return rc < 0 ? edge_wrap(err, rc, "cannot remove the rules of network %s", nft->network) : 0;
}
