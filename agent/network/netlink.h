/* agent/network/netlink.h - one request to the kernel and its answers. Blocking. */
#ifndef AGENT_NETWORK_NETLINK_H
#define AGENT_NETWORK_NETLINK_H

#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/attr.h"

enum { AGENT_NL_MAX = 1024 };

/** A request being written. Attributes that do not fit make the request fail with -E2BIG. */
struct agent_nl {
    union {
        struct nlmsghdr header;
        char bytes[AGENT_NL_MAX];
    } u;
    size_t len;
    bool overflow;
};

/** @param fixed  the family's own header behind the common one, @p len bytes */
void agent_nl_begin(struct agent_nl *nl, uint16_t type, uint16_t flags, const void *fixed,
                    size_t len);
void agent_nl_put(struct agent_nl *nl, uint16_t type, const void *data, size_t len);
void agent_nl_puts(struct agent_nl *nl, uint16_t type, const char *text); /* with its NUL */
/** Attributes within an attribute: begin returns what end wants. */
size_t agent_nl_nest(struct agent_nl *nl, uint16_t type);
void agent_nl_end(struct agent_nl *nl, size_t nest);

/** A received attribute or message body. */
struct agent_nl_span {
    const char *data;
    size_t len;
};
/** The attribute @p type among those of @p span; data NULL when there is none. */
struct agent_nl_span agent_nl_find(struct agent_nl_span span, uint16_t type);
/** The attributes of a message behind its family's header of @p fixed bytes. */
struct agent_nl_span agent_nl_body(const struct nlmsghdr *message, size_t fixed);

/** Send, and call @p each (may be NULL) for every message of the answer.
 * @param protocol  NETLINK_ROUTE, NETLINK_NETFILTER    @return 0 or errno, the kernel's included */
EDGE_MUST_CHECK int agent_nl_run(int protocol, struct agent_nl *nl,
                                 void (*each)(const struct nlmsghdr *message, void *arg),
                                 void *arg);

#endif
