#include "agent/network/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "agent/network/netlink.h"

enum { TUPLE_MAX = 256, FLOWS_MAX = 4096 };

/* One connection: how it began, and who answers. */
struct flow {
    uint8_t protocol;
    uint16_t to_port;
    struct in_addr to;
    struct in_addr answers;
    size_t len; /* of the first tuple as the kernel wrote it: what a deletion names */
    char tuple[TUPLE_MAX];
};

/* Deletions wait until the dump is over. */
struct flows {
    bool (*stale)(const struct flow *flow, const void *arg);
    const void *arg;
    struct flow *items;
    size_t len;
};

static void copy(struct agent_nl_span span, void *ret, size_t size)
{
    if (span.data && span.len >= size)
        memcpy(ret, span.data, size);
}

static bool read_flow(struct agent_nl_span body, struct flow *ret)
{
    struct agent_nl_span first = agent_nl_find(body, CTA_TUPLE_ORIG);
    struct agent_nl_span reply = agent_nl_find(body, CTA_TUPLE_REPLY);
    struct agent_nl_span proto = agent_nl_find(first, CTA_TUPLE_PROTO);
    uint16_t port = 0;

    if (!first.data || !reply.data || first.len > TUPLE_MAX)
        return false;
    copy(agent_nl_find(proto, CTA_PROTO_NUM), &ret->protocol, sizeof ret->protocol);
    copy(agent_nl_find(proto, CTA_PROTO_DST_PORT), &port, sizeof port);
    copy(agent_nl_find(agent_nl_find(first, CTA_TUPLE_IP), CTA_IP_V4_DST), &ret->to,
         sizeof ret->to);
    copy(agent_nl_find(agent_nl_find(reply, CTA_TUPLE_IP), CTA_IP_V4_SRC), &ret->answers,
         sizeof ret->answers);
    ret->to_port = ntohs(port);
    ret->len = first.len;
    memcpy(ret->tuple, first.data, first.len);
    return true;
}

static void on_flow(const struct nlmsghdr *message, void *arg)
{
    struct flows *flows = arg;
    struct flow flow = {0};
    struct flow *items;

    if (flows->len >= FLOWS_MAX ||
        !read_flow(agent_nl_body(message, sizeof(struct nfgenmsg)), &flow) ||
        !flows->stale(&flow, flows->arg))
        return;
    items = realloc(flows->items, (flows->len + 1) * sizeof *items);
    if (!items)
        return; /* what is not forgotten now ends by itself later */
    flows->items = items;
    items[flows->len++] = flow;
}

static void begin(struct agent_nl *nl, int type, uint16_t flags)
{
    struct nfgenmsg fixed = {.nfgen_family = AF_INET, .version = NFNETLINK_V0};

    agent_nl_begin(nl, (uint16_t) (NFNL_SUBSYS_CTNETLINK << 8 | type), flags, &fixed, sizeof fixed);
}

static int forget(const struct flow *flow)
{
    struct agent_nl nl;
    int rc;

    begin(&nl, IPCTNL_MSG_CT_DELETE, 0);
    agent_nl_put(&nl, NLA_F_NESTED | CTA_TUPLE_ORIG, flow->tuple, flow->len);
    rc = agent_nl_run(NETLINK_NETFILTER, &nl, NULL, NULL);
    return rc == -ENOENT ? 0 : rc;
}

static int forget_stale(bool (*stale)(const struct flow *flow, const void *arg), const void *arg,
                        struct edge_err *err)
{
    struct flows flows = {.stale = stale, .arg = arg};
    struct agent_nl nl;
    int rc;

    begin(&nl, IPCTNL_MSG_CT_GET, NLM_F_DUMP);
    rc = agent_nl_run(NETLINK_NETFILTER, &nl, on_flow, &flows);
    for (size_t i = 0; i < flows.len && rc == 0; i++)
        rc = forget(&flows.items[i]);
    free(flows.items);
    return rc < 0 ? edge_fail(err, rc, "cannot forget old connections: %s", edge_strerror(rc)) : 0;
}

static bool answers_for_another(const struct flow *flow, const void *arg)
{
    const struct in_addr *address = arg;

    return flow->answers.s_addr == address->s_addr && flow->to.s_addr != address->s_addr;
}

int agent_conntrack_forget_address(const char *address, struct edge_err *err)
{
    struct in_addr addr;

    if (inet_pton(AF_INET, address, &addr) != 1)
        return edge_fail(err, EDGE_EINVALID, "\"%.40s\" is no address", address);
    return forget_stale(answers_for_another, &addr, err);
}

static bool missed_the_port(const struct flow *flow, const void *arg)
{
    const struct agent_record *record = arg;
    struct in_addr own;
    struct in_addr at;

    if (flow->protocol != IPPROTO_UDP || inet_pton(AF_INET, record->address, &own) != 1 ||
        flow->answers.s_addr == own.s_addr)
        return false;
    for (size_t i = 0; i < record->nports; i++) {
        const struct agent_record_port *port = &record->ports[i];

        if (port->host != flow->to_port || strcmp(port->protocol, "udp") != 0)
            continue;
        if (!*port->host_ip ||
            (inet_pton(AF_INET, port->host_ip, &at) == 1 && at.s_addr == flow->to.s_addr))
            return true;
    }
    return false;
}

int agent_conntrack_forget_ports(const struct agent_record *record, struct edge_err *err)
{
    return record->nports > 0 ? forget_stale(missed_the_port, record, err) : 0;
}
