#include "agent/network/subnet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

enum { BITS_MIN = 8, BITS_MAX = 30 };

static bool parse_ipv4(const char *text, uint32_t *ret)
{
    struct in_addr addr;

    if (inet_pton(AF_INET, text, &addr) != 1)
        return false;
    *ret = ntohl(addr.s_addr);
    return true;
}

static void print_ipv4(uint32_t address, char text[INET_ADDRSTRLEN])
{
    struct in_addr addr = {htonl(address)};

    (void) inet_ntop(AF_INET, &addr, text, INET_ADDRSTRLEN);
}

/* "16" and nothing else: no sign, no space, no leading zero. */
static bool parse_bits(const char *text, unsigned *ret)
{
    unsigned value = 0;

    if (text[0] < '1' || text[0] > '9')
        return false;
    for (; *text >= '0' && *text <= '9' && value < 100; text++)
        value = value * 10 + (unsigned) (*text - '0');
    *ret = value;
    return *text == '\0';
}

static bool split(const char *text, uint32_t *ret_base, unsigned *ret_bits)
{
    char address[INET_ADDRSTRLEN];
    const char *slash = strchr(text, '/');

    if (!slash || (size_t) (slash - text) >= sizeof address)
        return false;
    memcpy(address, text, (size_t) (slash - text));
    address[slash - text] = '\0';
    return parse_ipv4(address, ret_base) && parse_bits(slash + 1, ret_bits);
}

static bool is_unicast(uint32_t base)
{
    uint32_t first = base >> 24;

    return first != 0 && first != 127 && first < 224;
}

int agent_subnet_parse(const char *text, struct agent_subnet *ret, struct edge_err *err)
{
    struct agent_subnet subnet = {0};
    char base[INET_ADDRSTRLEN];

    if (!text || !split(text, &subnet.base, &subnet.bits))
        return edge_fail(err, EDGE_EINVALID,
                         "network.subnet \"%.40s\" is not an IPv4 network such as 172.30.0.0/16",
                         text ? text : "");
    if (subnet.bits < BITS_MIN || subnet.bits > BITS_MAX)
        return edge_fail(err, EDGE_EINVALID, "network.subnet %s: the prefix must be /%d to /%d",
                         text, BITS_MIN, BITS_MAX);
    subnet.mask = UINT32_MAX << (32 - subnet.bits);
    print_ipv4(subnet.base & subnet.mask, base);
    if (subnet.base & ~subnet.mask)
        return edge_fail(err, EDGE_EINVALID,
                         "network.subnet %s has host bits set; the network is %s/%u", text, base,
                         subnet.bits);
    if (!is_unicast(subnet.base))
        return edge_fail(err, EDGE_EINVALID, "network.subnet %s is not a unicast network", text);

    (void) snprintf(subnet.text, sizeof subnet.text, "%s/%u", base, subnet.bits);
    print_ipv4(subnet.base + 1, subnet.gateway);
    *ret = subnet;
    return 0;
}

bool agent_subnet_holds_host(const struct agent_subnet *subnet, const char *address)
{
    uint32_t value;

    return parse_ipv4(address, &value) && (value & subnet->mask) == subnet->base &&
           value > subnet->base + 1 && value < (subnet->base | ~subnet->mask);
}

bool agent_subnet_overlaps(const struct agent_subnet *subnet, uint32_t base, uint32_t mask)
{
    uint32_t wider = subnet->mask & mask;

    return (subnet->base & wider) == (base & wider);
}
