#include "agent/network/netlink.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const size_t header_len = sizeof(struct nlattr);

enum { RECEIVE_MAX = 64 * 1024, TIMEOUT_S = 10 };

static size_t align(size_t len)
{
    return (len + NLMSG_ALIGNTO - 1) & ~(size_t) (NLMSG_ALIGNTO - 1);
}

/* Room for @p len more bytes at an aligned place, zeroed; NULL when the request is full. */
static char *reserve(struct agent_nl *nl, size_t len)
{
    char *at = nl->u.bytes + nl->len;

    if (nl->overflow || align(len) > AGENT_NL_MAX - nl->len) {
        nl->overflow = true;
        return NULL;
    }
    nl->len += align(len);
    return at;
}

void agent_nl_begin(struct agent_nl *nl, uint16_t type, uint16_t flags, const void *fixed,
                    size_t len)
{
    *nl = (struct agent_nl){0};
    nl->u.header.nlmsg_type = type;
    nl->u.header.nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
    nl->len = align(sizeof nl->u.header);
    memcpy(reserve(nl, len), fixed, len);
}

void agent_nl_put(struct agent_nl *nl, uint16_t type, const void *data, size_t len)
{
    struct nlattr header = {(uint16_t) (header_len + len), type};
    char *at = reserve(nl, header_len + len);

    if (!at)
        return;
    memcpy(at, &header, sizeof header);
    if (len > 0)
        memcpy(at + header_len, data, len);
}

void agent_nl_puts(struct agent_nl *nl, uint16_t type, const char *text)
{
    agent_nl_put(nl, type, text, strlen(text) + 1);
}

size_t agent_nl_nest(struct agent_nl *nl, uint16_t type)
{
    size_t nest = nl->len;

    agent_nl_put(nl, type, NULL, 0);
    return nest;
}

void agent_nl_end(struct agent_nl *nl, size_t nest)
{
    uint16_t len = (uint16_t) (nl->len - nest);

    if (!nl->overflow)
        memcpy(nl->u.bytes + nest, &len, sizeof len); /* nla_len comes first */
}

struct agent_nl_span agent_nl_find(struct agent_nl_span span, uint16_t type)
{
    struct nlattr header;

    while (span.len >= header_len) {
        memcpy(&header, span.data, sizeof header);
        if (header.nla_len < header_len || header.nla_len > span.len)
            break;
        if ((header.nla_type & NLA_TYPE_MASK) == type)
            return (struct agent_nl_span){span.data + header_len,
                                          (size_t) header.nla_len - header_len};
        if (align(header.nla_len) >= span.len)
            break;
        span.data += align(header.nla_len);
        span.len -= align(header.nla_len);
    }
    return (struct agent_nl_span){0};
}

struct agent_nl_span agent_nl_body(const struct nlmsghdr *message, size_t fixed)
{
    size_t skip = align(sizeof *message) + align(fixed);

    if (message->nlmsg_len < skip)
        return (struct agent_nl_span){0};
    return (struct agent_nl_span){(const char *) message + skip, message->nlmsg_len - skip};
}

/* 0 go on, 1 the answer is complete, or the kernel's error. */
static int take(const struct nlmsghdr *message,
                void (*each)(const struct nlmsghdr *message, void *arg), void *arg)
{
    struct nlmsgerr error;

    if (message->nlmsg_type == NLMSG_DONE)
        return 1;
    if (message->nlmsg_type != NLMSG_ERROR) {
        if (each)
            each(message, arg);
        return 0;
    }
    if (message->nlmsg_len < align(sizeof *message) + sizeof error)
        return -EPROTO;
    memcpy(&error, (const char *) message + align(sizeof *message), sizeof error);
    return error.error ? error.error : 1;
}

static int receive(int fd, char *chunk, void (*each)(const struct nlmsghdr *message, void *arg),
                   void *arg)
{
    for (;;) {
        ssize_t n = recv(fd, chunk, RECEIVE_MAX, 0);
        size_t left = n > 0 ? (size_t) n : 0;
        char *at = chunk;

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EPROTO;
        while (left >= sizeof(struct nlmsghdr)) {
            const struct nlmsghdr *message = (const void *) at;
            size_t len = message->nlmsg_len;
            int rc;

            if (len < sizeof *message || len > left)
                return -EPROTO;
            rc = take(message, each, arg);
            if (rc != 0)
                return rc < 0 ? rc : 0;
            if (align(len) >= left)
                break;
            at += align(len);
            left -= align(len);
        }
    }
}

int agent_nl_run(int protocol, struct agent_nl *nl,
                 void (*each)(const struct nlmsghdr *message, void *arg), void *arg)
{
    EDGE_CLEANUP(edge_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
    EDGE_CLEANUP(edge_free) char *chunk = malloc(RECEIVE_MAX);
    struct timeval limit = {.tv_sec = TIMEOUT_S};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

    if (fd < 0)
        return -errno;
    if (!chunk)
        return -ENOMEM;
    if (nl->overflow)
        return -E2BIG;
    nl->u.header.nlmsg_len = (uint32_t) nl->len;
    if ((nl->u.header.nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP) /* NLM_F_EXCL is one of its bits */
        nl->u.header.nlmsg_flags |= NLM_F_ACK;
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        sendto(fd, nl->u.bytes, nl->len, 0, (const struct sockaddr *) &kernel, sizeof kernel) < 0)
        return -errno;
    return receive(fd, chunk, each, arg);
}
