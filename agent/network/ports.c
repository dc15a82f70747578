#include "agent/network/ports.h"

static bool overlap(const struct agent_record_port *a, const struct agent_record_port *b)
{
    return a->host == b->host && strcmp(a->protocol, b->protocol) == 0 &&
           (!*a->host_ip || !*b->host_ip || strcmp(a->host_ip, b->host_ip) == 0);
}

/* Whose port stands in the way of @p port? Of @p record only the first @p upto ports count. */
static const struct agent_record *find_owner(const struct agent_record_set *set,
                                             const struct agent_record *record, size_t upto,
                                             const struct agent_record_port *port)
{
    for (size_t i = 0; i < upto; i++) {
        if (&record->ports[i] != port && overlap(&record->ports[i], port))
            return record;
    }
    for (size_t i = 0; i < set->len; i++) {
        const struct agent_record *other = set->items[i];

        for (size_t p = 0; other != record && p < other->nports; p++) {
            if (overlap(&other->ports[p], port))
                return other;
        }
    }
    return NULL;
}

static int fail_taken(const struct agent_record *record, const struct agent_record_port *port,
                      const struct agent_record *owner, struct edge_err *err)
{
    const char *colon = *port->host_ip ? ":" : "";

    if (owner == record)
        return edge_fail(err, EDGE_ECONFLICT, "module %s publishes host port %s%s%u/%s twice",
                         record->module, port->host_ip, colon, port->host, port->protocol);
    return edge_fail(
        err, EDGE_ECONFLICT, "module %s cannot publish host port %s%s%u/%s: module %s publishes it",
        record->module, port->host_ip, colon, port->host, port->protocol, owner->module);
}

static int check_fixed(const struct agent_record_set *set, struct agent_record *record, size_t at,
                       agent_port_probe *probe, struct edge_err *err)
{
    struct agent_record_port *port = &record->ports[at];
    const struct agent_record *owner = find_owner(set, record, at, port);
    int rc;

    if (owner)
        return fail_taken(record, port, owner, err);
    rc = probe ? probe(port, err) : 0;
    return rc < 0 ? edge_wrap(err, rc, "module %s", record->module) : 0;
}

static int choose(const struct agent_record_set *set, struct agent_record *record,
                  struct agent_record_port *port, agent_port_probe *probe, struct edge_err *err)
{
    for (unsigned number = AGENT_PORT_CHOICE_FIRST; number <= AGENT_PORT_CHOICE_LAST; number++) {
        port->host = (uint16_t) number;
        if (!find_owner(set, record, record->nports, port) && (!probe || probe(port, NULL) == 0))
            return 0;
    }
    port->host = 0;
    return edge_fail(err, EDGE_ECONFLICT, "module %s: no free host port is left for %u/%s",
                     record->module, port->container, port->protocol);
}

int agent_ports_resolve(const struct agent_record_set *set, struct agent_record *record,
                        agent_port_probe *probe, struct edge_err *err)
{
    int rc = 0;

    for (size_t i = 0; i < record->nports && rc == 0; i++) {
        if (record->ports[i].host != 0)
            rc = check_fixed(set, record, i, probe, err);
    }
    for (size_t i = 0; i < record->nports && rc == 0; i++) {
        if (record->ports[i].host == 0)
            rc = choose(set, record, &record->ports[i], probe, err);
    }
    return rc;
}
