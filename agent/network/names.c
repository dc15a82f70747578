#include "agent/network/names.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "common/crypto/sha256.h"

enum { NETWORK_NAME_MAX = 64 };

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS  "0123456789"
#define WORD    LETTERS DIGITS "_.-"

/* 1 to @p max characters of @p all, the first of them in @p first. */
static bool is_word(const char *text, const char *first, const char *all, size_t max)
{
    size_t len;

    if (!text || text[0] == '\0' || !strchr(first, text[0]))
        return false;
    len = strnlen(text, max + 1);
    return len <= max && strspn(text, all) == len;
}

bool agent_id_ok(const char *id)
{
    return is_word(id, LETTERS DIGITS, WORD, AGENT_ID_MAX);
}

bool agent_host_ok(const char *name)
{
    return is_word(name, LETTERS DIGITS "_", WORD, AGENT_HOST_MAX);
}

bool agent_resolv_option_ok(const char *option)
{
    return is_word(option, LETTERS, LETTERS DIGITS "_-:", 64);
}

bool agent_ipv4_ok(const char *text)
{
    struct in_addr v4;

    return text && inet_pton(AF_INET, text, &v4) == 1;
}

bool agent_address_ok(const char *text)
{
    struct in6_addr v6;

    return agent_ipv4_ok(text) || (text && inet_pton(AF_INET6, text, &v6) == 1);
}

bool agent_mac_ok(const char *text)
{
    static const char hex[] = DIGITS "abcdefABCDEF";
    static const char even[] =
        "02468aceACE"; /* last digit of a first byte that names one station */

    if (!text || strlen(text) != 17 || !strchr(even, text[1]))
        return false;
    for (size_t i = 0; i < 17; i++) {
        if (i % 3 == 2 ? text[i] != ':' : !strchr(hex, text[i]))
            return false;
    }
    return strcmp(text, "00:00:00:00:00:00") != 0;
}

bool agent_ifname_ok(const char *name)
{
    return is_word(name, LETTERS DIGITS "_", WORD, AGENT_IFNAME - 1);
}

int agent_network_name_check(const char *name, struct edge_err *err)
{
    if (!is_word(name, LETTERS DIGITS, WORD, NETWORK_NAME_MAX))
        return edge_fail(err, EDGE_EINVALID,
                         "network.name \"%.64s\" must be 1 to %d letters, digits, \"_\", \".\" or "
                         "\"-\", beginning with a letter or digit",
                         name ? name : "", NETWORK_NAME_MAX);
    return 0;
}

/* Names that mean something else to the kernel or under /proc/sys/net/ipv4/conf. */
static bool is_taken(const char *name)
{
    return strcmp(name, "lo") == 0 || strcmp(name, "all") == 0 || strcmp(name, "default") == 0;
}

void agent_bridge_name(const char *network, char ret[AGENT_IFNAME])
{
    char hex[EDGE_SHA256_HEX];

    if (agent_ifname_ok(network) && !is_taken(network)) {
        (void) snprintf(ret, AGENT_IFNAME, "%s", network);
        return;
    }
    edge_sha256_of(network, strlen(network), hex);
    (void) snprintf(ret, AGENT_IFNAME, "br-%.12s", hex);
}
