#include "agent/network/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <sys/socket.h>

#include "agent/network/netlink.h"

static void copy_text(struct agent_nl_span span, char *ret, size_t size)
{
    size_t len = span.data ? strnlen(span.data, span.len) : 0;

    if (len >= size)
        len = size - 1;
    if (len > 0)
        memcpy(ret, span.data, len);
    ret[len] = '\0';
}

static int number_of(struct agent_nl_span span)
{
    int number = 0;

    if (span.data && span.len >= sizeof number)
        memcpy(&number, span.data, sizeof number);
    return number;
}

struct walk {
    void (*each)(const struct agent_link *link, void *arg);
    void *arg;
};

static void on_message(const struct nlmsghdr *message, void *arg)
{
    const struct walk *walk = arg;
    struct agent_nl_span body = agent_nl_body(message, sizeof(struct ifinfomsg));
    struct ifinfomsg info;
    struct agent_link link = {0};

    if (message->nlmsg_type != RTM_NEWLINK || !body.data)
        return;
    memcpy(&info, NLMSG_DATA(message), sizeof info);
    link.index = info.ifi_index;
    link.master = number_of(agent_nl_find(body, IFLA_MASTER));
    copy_text(agent_nl_find(body, IFLA_IFNAME), link.name, sizeof link.name);
    copy_text(agent_nl_find(body, IFLA_IFALIAS), link.alias, sizeof link.alias);
    copy_text(agent_nl_find(agent_nl_find(body, IFLA_LINKINFO), IFLA_INFO_KIND), link.kind,
              sizeof link.kind);
    walk->each(&link, walk->arg);
}

static int run(struct agent_nl *nl, struct walk *walk)
{
    return agent_nl_run(NETLINK_ROUTE, nl, walk ? on_message : NULL, walk);
}

int agent_link_each(void (*each)(const struct agent_link *link, void *arg), void *arg,
                    struct edge_err *err)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    struct walk walk = {each, arg};
    struct agent_nl nl;
    int rc;

    agent_nl_begin(&nl, RTM_GETLINK, NLM_F_DUMP, &info, sizeof info);
    rc = run(&nl, &walk);
    return rc < 0 ? edge_fail(err, rc, "cannot list network interfaces: %s", edge_strerror(rc)) : 0;
}

static void copy_link(const struct agent_link *link, void *arg)
{
    *(struct agent_link *) arg = *link;
}

int agent_link_find(const char *name, struct agent_link *ret, struct edge_err *err)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    struct agent_link link = {0};
    struct walk walk = {copy_link, &link};
    struct agent_nl nl;
    int rc;

    agent_nl_begin(&nl, RTM_GETLINK, 0, &info, sizeof info);
    agent_nl_puts(&nl, IFLA_IFNAME, name);
    rc = run(&nl, &walk);
    if (rc == 0 && link.index == 0)
        rc = -ENODEV;
    if (rc == -ENODEV)
        return rc;
    if (rc < 0)
        return edge_fail(err, rc, "cannot look at interface %s: %s", name, edge_strerror(rc));
    *ret = link;
    return 0;
}

int agent_link_make_bridge(const char *name, struct edge_err *err)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    struct agent_nl nl;
    size_t nest;
    int rc;

    agent_nl_begin(&nl, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, sizeof info);
    agent_nl_puts(&nl, IFLA_IFNAME, name);
    nest = agent_nl_nest(&nl, IFLA_LINKINFO);
    agent_nl_puts(&nl, IFLA_INFO_KIND, "bridge");
    agent_nl_end(&nl, nest);
    rc = run(&nl, NULL);
    if (rc == -EOPNOTSUPP)
        return edge_fail(err, rc, "cannot make bridge %s: this kernel has no CONFIG_BRIDGE", name);
    return rc < 0 ? edge_fail(err, rc, "cannot make bridge %s: %s", name, edge_strerror(rc)) : 0;
}

int agent_link_set_alias(const char *name, const char *alias, struct edge_err *err)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    struct agent_nl nl;
    int rc;

    agent_nl_begin(&nl, RTM_NEWLINK, 0, &info, sizeof info);
    agent_nl_puts(&nl, IFLA_IFNAME, name);
    agent_nl_put(&nl, IFLA_IFALIAS, alias, strlen(alias));
    rc = run(&nl, NULL);
    return rc < 0 ? edge_fail(err, rc, "cannot mark bridge %s as ours: %s", name, edge_strerror(rc))
                  : 0;
}

int agent_link_remove(const char *name, struct edge_err *err)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    struct agent_nl nl;
    int rc;

    agent_nl_begin(&nl, RTM_DELLINK, 0, &info, sizeof info);
    agent_nl_puts(&nl, IFLA_IFNAME, name);
    rc = run(&nl, NULL);
    if (rc < 0 && rc != -ENODEV)
        return edge_fail(err, rc, "cannot remove interface %s: %s", name, edge_strerror(rc));
    return 0;
}
