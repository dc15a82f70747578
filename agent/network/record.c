#include "agent/network/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static const char *const protocols[] = {"tcp", "udp", "sctp"};

static bool protocol_ok(const char *protocol)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(protocols); i++) {
        if (protocol && strcmp(protocol, protocols[i]) == 0)
            return true;
    }
    return false;
}

/* "" and the two ways to write "any" are one; an IPv6 address cannot be served. */
static int copy_host_ip(const char *module, const char *host_ip, char ret[16], struct edge_err *err)
{
    ret[0] = '\0';
    if (!host_ip || !*host_ip || strcmp(host_ip, "0.0.0.0") == 0 || strcmp(host_ip, "::") == 0)
        return 0;
    if (!agent_address_ok(host_ip))
        return edge_fail(err, EDGE_EINVALID,
                         "module %s: \"%.40s\" is no address to publish a port on", module,
                         host_ip);
    if (!agent_ipv4_ok(host_ip))
        return edge_fail(err, EDGE_EUNSUPPORTED,
                         "module %s: ports are published on IPv4 addresses, not on %s", module,
                         host_ip);
    (void) snprintf(ret, 16, "%s", host_ip);
    return 0;
}

static bool same_port(const struct agent_record_port *a, const struct agent_record_port *b)
{
    return a->host != 0 && a->host == b->host && a->container == b->container &&
           strcmp(a->host_ip, b->host_ip) == 0 && strcmp(a->protocol, b->protocol) == 0;
}

/* The same line twice says nothing new. */
static void add_port(struct agent_record *record, const struct agent_record_port *port)
{
    for (size_t i = 0; i < record->nports; i++) {
        if (same_port(&record->ports[i], port))
            return;
    }
    record->ports[record->nports++] = *port;
}

static int copy_port(struct agent_record *record, const struct agent_endpoint_port *from,
                     struct edge_err *err)
{
    struct agent_record_port port = {.host = from->host, .container = from->container, .held = -1};
    int rc;

    if (from->container == 0 || !protocol_ok(from->protocol))
        return edge_fail(err, EDGE_EINVALID, "module %s: %u/%.8s is no port that can be published",
                         record->module, from->container, from->protocol ? from->protocol : "");
    rc = copy_host_ip(record->module, from->host_ip, port.host_ip, err);
    if (rc < 0)
        return rc;
    (void) snprintf(port.protocol, sizeof port.protocol, "%s", from->protocol);
    add_port(record, &port);
    return 0;
}

static int copy_ports(struct agent_record *record, const struct agent_endpoint *endpoint,
                      struct edge_err *err)
{
    int rc = 0;

    if (endpoint->nports > AGENT_RECORD_PORTS_MAX)
        return edge_fail(err, EDGE_ELIMIT, "module %s publishes %zu ports, more than %d",
                         record->module, endpoint->nports, AGENT_RECORD_PORTS_MAX);
    record->ports = calloc(endpoint->nports + 1, sizeof *record->ports);
    if (!record->ports)
        return -ENOMEM;
    for (size_t i = 0; i < endpoint->nports && rc == 0; i++)
        rc = copy_port(record, &endpoint->ports[i], err);
    return rc;
}

static int copy_aliases(struct agent_record *record, const char *const *aliases,
                        struct edge_err *err)
{
    size_t len = 0;

    while (aliases && aliases[len] && len <= AGENT_RECORD_ALIASES_MAX)
        len++;
    if (len > AGENT_RECORD_ALIASES_MAX)
        return edge_fail(err, EDGE_ELIMIT, "module %s has more than %d network aliases",
                         record->module, AGENT_RECORD_ALIASES_MAX);
    record->aliases = calloc(len + 1, sizeof *record->aliases);
    if (!record->aliases)
        return -ENOMEM;
    for (; record->naliases < len; record->naliases++) {
        const char *alias = aliases[record->naliases];

        if (!agent_host_ok(alias))
            return edge_fail(err, EDGE_EINVALID,
                             "module %s: network alias \"%.64s\" is not a host name",
                             record->module, alias);
        record->aliases[record->naliases] = edge_strdup(alias);
        if (!record->aliases[record->naliases])
            return -ENOMEM;
    }
    return 0;
}

static int copy_names(struct agent_record *record, const struct agent_endpoint *endpoint,
                      struct edge_err *err)
{
    uint32_t attempt;

    if (!agent_id_ok(endpoint->id))
        return edge_fail(err, EDGE_EINVALID, "\"%.64s\" is not a container id",
                         endpoint->id ? endpoint->id : "");
    if (!agent_host_ok(endpoint->module))
        return edge_fail(err, EDGE_EINVALID,
                         "module \"%.64s\": the name cannot be a host name in the network "
                         "(letters, digits, \"_\", \".\", \"-\")",
                         endpoint->module ? endpoint->module : "");
    if (endpoint->mac && *endpoint->mac && !agent_mac_ok(endpoint->mac))
        return edge_fail(err, EDGE_EINVALID, "module %s: \"%.40s\" is not a MAC address",
                         endpoint->module, endpoint->mac);

    if (getrandom(&attempt, sizeof attempt, 0) != (ssize_t) sizeof attempt)
        return edge_fail(err, -errno, "no random numbers: %s", strerror(errno));
    record->id = edge_strdup(endpoint->id);
    record->module = edge_strdup(endpoint->module);
    record->cni_id = edge_format("%s-%08x", endpoint->id, attempt);
    (void) snprintf(record->mac, sizeof record->mac, "%s", endpoint->mac ? endpoint->mac : "");
    return record->id && record->module && record->cni_id ? 0 : -ENOMEM;
}

int agent_record_create(const struct agent_endpoint *endpoint, struct agent_record **ret,
                        struct edge_err *err)
{
    EDGE_CLEANUP(agent_record_free) struct agent_record *record = calloc(1, sizeof *record);
    int rc;

    if (!record)
        return -ENOMEM;
    record->pid = endpoint->pid;
    rc = copy_names(record, endpoint, err);
    if (rc == 0)
        rc = copy_aliases(record, endpoint->aliases, err);
    if (rc == 0)
        rc = copy_ports(record, endpoint, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(record);
    return 0;
}

struct agent_record *agent_record_free(struct agent_record *record)
{
    if (!record)
        return NULL;
    for (size_t i = 0; i < record->naliases; i++)
        free(record->aliases[i]);
    for (size_t i = 0; i < record->nports; i++)
        record->ports[i].held = edge_close(record->ports[i].held);
    free(record->aliases);
    free(record->ports);
    free(record->id);
    free(record->module);
    free(record->cni_id);
    edge_json_free(record->result);
    free(record);
    return NULL;
}

void agent_record_set_fini(struct agent_record_set *set)
{
    for (size_t i = 0; i < set->len; i++)
        agent_record_free(set->items[i]);
    free(set->items);
    *set = (struct agent_record_set){0};
}

struct agent_record *agent_record_set_find(const struct agent_record_set *set, const char *id)
{
    for (size_t i = 0; i < set->len; i++) {
        if (strcmp(set->items[i]->id, id) == 0)
            return set->items[i];
    }
    return NULL;
}

int agent_record_set_add(struct agent_record_set *set, struct agent_record *record)
{
    size_t at = set->len;
    struct agent_record **items =
        realloc(set->items, (set->len + 1) * sizeof *items); /* tens of endpoints, rarely */

    if (!items)
        return -ENOMEM;
    set->items = items;
    for (; at > 0 && strcmp(items[at - 1]->id, record->id) > 0; at--)
        items[at] = items[at - 1];
    items[at] = record;
    set->len++;
    return 0;
}

struct agent_record *agent_record_set_drop(struct agent_record_set *set,
                                           struct agent_record *record)
{
    size_t at = 0;

    while (at < set->len && set->items[at] != record)
        at++;
    if (at < set->len) {
        set->len--;
        memmove(&set->items[at], &set->items[at + 1], (set->len - at) * sizeof *set->items);
        agent_record_free(record);
    }
    return NULL;
}
