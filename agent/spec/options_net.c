/* NetworkMode, NetworkingConfig and what belongs to names and addresses.
 *
 * IoT Edge attaches a module to its own network unless EndpointsConfig is there at all; so users
 * write {"host":{}} for the host's network and {} for none. An explicit NetworkMode wins. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/spec/options_read.h"

int opt_network_mode(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_word(reader, value, &reader->network.mode);
}

int opt_network_disabled(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_bool(reader, value, &reader->network.disabled);
}

int opt_mac(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char **mac = field;
    int rc = opt_word(reader, value, field);
    size_t i = 0;

    if (rc < 0 || !**mac) {
        if (rc == 0) {
            free(*mac);
            *mac = NULL;
        }
        return rc;
    }
    for (const char *c = *mac; *c; c++, i++) {
        if (i % 3 == 2 ? *c != ':' && *c != '-' : !isxdigit((unsigned char) *c))
            break;
        if (i % 3 == 2)
            (*mac)[i] = ':';
    }
    if (i != 17 || (*mac)[i])
        return opt_fail(reader, EDGE_EINVALID, "`%.40s` is not a MAC address", *mac);
    return 0;
}

static bool is_address(const char *text)
{
    unsigned char address[16];

    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

int opt_dns(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    int rc = opt_words(reader, value, field);

    for (size_t i = 0; rc == 0 && (*list)[i]; i++) {
        if (is_address((*list)[i]))
            continue;
        (void) opt_enter_index(reader, i);
        return opt_fail(reader, EDGE_EINVALID, "`%.60s` is not an IP address", (*list)[i]);
    }
    return rc;
}

/* "name:address" or "name=address"; kept with a colon. */
static int check_extra_host(struct opt_reader *reader, char *text)
{
    size_t len = strcspn(text, ":=");
    const char *address = text[len] ? text + len + 1 : "";

    if (len == 0 || !*address)
        return opt_fail(reader, EDGE_EINVALID, "`%.100s` is not NAME:ADDRESS", text);
    text[len] = ':';
    if (!is_address(address) && strcmp(address, "host-gateway") != 0)
        return opt_fail(reader, EDGE_EINVALID, "`%.60s` is not an IP address", address);
    return 0;
}

int opt_extra_hosts(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char ***list = field;
    int rc = opt_words(reader, value, field);

    for (size_t i = 0; rc == 0 && (*list)[i]; i++) {
        size_t before = opt_enter_index(reader, i);

        rc = check_extra_host(reader, (*list)[i]);
        opt_leave(reader, before);
    }
    return rc;
}

static int read_aliases(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    char **aliases = NULL;
    int rc = opt_words(reader, value, &aliases);

    (void) field;
    for (size_t i = 0; rc == 0 && aliases[i]; i++) {
        if (opt_strv_has(reader->out->aliases, aliases[i]))
            continue;
        if (opt_strv_len(reader->out->aliases) >= OPT_MAX_ITEMS)
            rc = opt_fail(reader, EDGE_ELIMIT, "more than %d aliases", OPT_MAX_ITEMS);
        else
            rc = opt_strv_add(&reader->out->aliases, strdup(aliases[i]));
    }
    opt_strv_free(aliases);
    return rc;
}

/* What `docker inspect` prints beside the wishes is taken in and forgotten. */
static const struct opt_member endpoint_members[] = {
    {"Aliases", read_aliases, 0},   {"MacAddress", opt_mac, OPT_AT(mac_address)},
    {"NetworkID", opt_accept, 0},   {"EndpointID", opt_accept, 0},
    {"Gateway", opt_accept, 0},     {"IPAddress", opt_accept, 0},
    {"IPPrefixLen", opt_accept, 0}, {"DNSNames", opt_accept, 0},
};

static int read_endpoint(struct opt_reader *reader, const char *name, const struct edge_json *value)
{
    if (strcasecmp(name, "host") == 0)
        reader->network.on_host = true;
    else if (strcasecmp(name, "none") != 0)
        reader->network.on_other = true;
    if (!value)
        return 0;
    return opt_read_members(reader, value, endpoint_members, EDGE_ARRAY_LEN(endpoint_members),
                            reader->out);
}

static int read_endpoints(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int rc = opt_need(reader, value, EDGE_JSON_OBJECT);

    (void) field;
    reader->network.endpoints_given = true;
    for (edge_json_foreach (it, value)) {
        size_t before;

        if (rc < 0)
            break;
        before = opt_enter(reader, it.name);
        rc = read_endpoint(reader, it.name, it.value);
        opt_leave(reader, before);
    }
    return rc;
}

int opt_networking(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    static const struct opt_member members[] = {{"EndpointsConfig", read_endpoints, 0}};

    (void) field;
    return opt_read_members(reader, value, members, EDGE_ARRAY_LEN(members), reader->out);
}

static enum agent_net_mode mode_of_endpoints(const struct opt_network *network)
{
    if (!network->endpoints_given || network->on_other)
        return AGENT_NET_BRIDGE;
    return network->on_host ? AGENT_NET_HOST : AGENT_NET_NONE;
}

static int container_mode(struct opt_reader *reader, const char *name)
{
    if (!*name)
        return edge_fail(reader->err, EDGE_EINVALID,
                         "HostConfig.NetworkMode: `container:` lacks the module's name");
    reader->out->net_mode = AGENT_NET_CONTAINER;
    return opt_keep(&reader->out->net_container, strdup(name));
}

int opt_settle_network(struct opt_reader *reader)
{
    static const char *const ours[] = {"bridge", "nat", "azure-iot-edge"};
    const struct opt_network *network = &reader->network;
    const char *mode = network->mode ? network->mode : "";

    if (strncasecmp(mode, "container:", 10) == 0)
        return container_mode(reader, mode + 10);
    if (network->disabled || strcasecmp(mode, "none") == 0) {
        reader->out->net_mode = AGENT_NET_NONE;
    } else if (strcasecmp(mode, "host") == 0) {
        reader->out->net_mode = AGENT_NET_HOST;
    } else if (!*mode || strcasecmp(mode, "default") == 0) {
        reader->out->net_mode = mode_of_endpoints(network);
    } else {
        bool known = false;

        for (size_t i = 0; i < EDGE_ARRAY_LEN(ours); i++)
            known = known || strcasecmp(mode, ours[i]) == 0;
        reader->out->net_mode = AGENT_NET_BRIDGE; /* there is one network, whatever its name */
        if (!known)
            opt_ignore_member(reader, "HostConfig.NetworkMode");
    }
    return 0;
}
