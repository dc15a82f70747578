/* PortBindings and ExposedPorts. A key is "80", "80/tcp" or "8000-8010/udp"; HostPort is the same
 * without a protocol, a number, or nothing for any free port. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/spec/options_read.h"

struct range {
    unsigned first;
    unsigned last;
};

static unsigned length(const struct range *range)
{
    return range->last - range->first + 1;
}

static int parse_port(const char *text, size_t len, unsigned *ret)
{
    *ret = 0;
    if (len == 0 || len > 5)
        return EDGE_EINVALID;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return EDGE_EINVALID;
        *ret = *ret * 10 + (unsigned) (text[i] - '0');
    }
    return *ret <= UINT16_MAX ? 0 : EDGE_EINVALID;
}

static int parse_range(const char *text, size_t len, struct range *ret)
{
    const char *dash = memchr(text, '-', len);
    size_t first = dash ? (size_t) (dash - text) : len;
    int rc = parse_port(text, first, &ret->first);

    if (rc == 0 && dash)
        rc = parse_port(dash + 1, len - first - 1, &ret->last);
    else
        ret->last = ret->first;
    return rc < 0 || ret->last < ret->first ? EDGE_EINVALID : 0;
}

static int parse_key(struct opt_reader *reader, const char *key, struct range *range,
                     char protocol[5])
{
    static const char *const known[] = {"tcp", "udp", "sctp"};
    size_t len = strcspn(key, "/");
    const char *name = key[len] && key[len + 1] ? key + len + 1 : "tcp";

    if (parse_range(key, len, range) < 0 || range->first == 0)
        return opt_fail(reader, EDGE_EINVALID, "is not a port such as `80/tcp` or `8000-8010/udp`");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(known); i++) {
        if (strcasecmp(name, known[i]) == 0) {
            (void) snprintf(protocol, 5, "%s", known[i]);
            return 0;
        }
    }
    return opt_fail(reader, EDGE_EINVALID, "the protocol must be tcp, udp or sctp");
}

static bool same(const struct agent_port *a, const struct agent_port *b)
{
    return a->host == b->host && a->container == b->container &&
           strcmp(a->protocol, b->protocol) == 0 && strcmp(a->host_ip, b->host_ip) == 0;
}

static int append(struct agent_port **list, size_t *len, const struct agent_port *port)
{
    struct agent_port *more = opt_extend(*list, *len, sizeof *more);

    if (!more)
        return -ENOMEM;
    *list = more;
    more[*len] = *port;
    more[*len].host_ip = strdup(port->host_ip);
    if (!more[*len].host_ip)
        return -ENOMEM;
    (*len)++;
    return 0;
}

static int add(struct opt_reader *reader, const struct agent_port *port)
{
    struct agent_options *out = reader->out;

    for (size_t i = 0; i < out->nports; i++) {
        if (port->host != 0 && same(port, &out->ports[i]))
            return 0;
    }
    if (out->nports >= OPT_MAX_ITEMS)
        return opt_fail(reader, EDGE_ELIMIT, "more than %d ports are published", OPT_MAX_ITEMS);
    return append(&out->ports, &out->nports, port);
}

/* Docker's two spellings of "every address" are one to us. */
static int read_address(struct opt_reader *reader, const struct edge_json *binding, char **ret)
{
    const struct edge_json *value = edge_json_get_nocase(binding, "HostIp");
    size_t before = opt_enter(reader, "HostIp");
    unsigned char address[16];
    int rc = value ? opt_word(reader, value, ret) : opt_keep(ret, strdup(""));

    if (rc == 0 && (strcmp(*ret, "0.0.0.0") == 0 || strcmp(*ret, "::") == 0))
        **ret = '\0';
    if (rc == 0 && **ret && inet_pton(AF_INET, *ret, address) != 1 &&
        inet_pton(AF_INET6, *ret, address) != 1)
        rc = opt_fail(reader, EDGE_EINVALID, "`%.60s` is not an IP address", *ret);
    if (rc == 0)
        opt_leave(reader, before);
    return rc;
}

/* The host's side of @p count container ports; first == 0: any free ones. */
static int read_host_range(struct opt_reader *reader, const struct edge_json *binding,
                           unsigned count, struct range *ret)
{
    const struct edge_json *value = edge_json_get_nocase(binding, "HostPort");
    size_t before = opt_enter(reader, "HostPort");
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = value ? opt_text(reader, value, &text) : 0;

    *ret = (struct range){0};
    if (rc < 0)
        return rc;
    if (text && *text && parse_range(text, strlen(text), ret) < 0)
        return opt_fail(reader, EDGE_EINVALID, "`%.60s` is not a port or a range of ports", text);
    if (ret->first == 0 && ret->last > 0)
        return opt_fail(reader, EDGE_EINVALID, "a range of ports may not begin with 0");
    if (ret->first > 0 && length(ret) != count && count > 1)
        return opt_fail(reader, EDGE_EINVALID, "%u ports of the host for %u of the container",
                        length(ret), count);
    if (ret->first > 0 && length(ret) > count)
        opt_ignore(reader); /* Docker takes any free one of these; we take the first */
    opt_leave(reader, before);
    return 0;
}

static int add_binding(struct opt_reader *reader, const struct range *range, const char *protocol,
                       const struct edge_json *binding)
{
    struct range host;
    struct agent_port port = {0};
    EDGE_CLEANUP(edge_free) char *address = NULL;
    int rc = binding ? opt_need(reader, binding, EDGE_JSON_OBJECT) : 0;

    if (rc == 0)
        rc = read_address(reader, binding, &address);
    if (rc == 0)
        rc = read_host_range(reader, binding, length(range), &host);
    port.host_ip = address;
    for (unsigned i = 0; rc == 0 && i < length(range); i++) {
        (void) snprintf(port.protocol, sizeof port.protocol, "%s", protocol);
        port.container = (uint16_t) (range->first + i);
        port.host = (uint16_t) (host.first > 0 ? host.first + i : 0);
        rc = add(reader, &port);
    }
    return rc;
}

static int read_bindings(struct opt_reader *reader, const char *key, const struct edge_json *value)
{
    struct range range;
    char protocol[5];
    int rc = parse_key(reader, key, &range, protocol);

    if (rc < 0 || !value)
        return rc;
    if (edge_json_is(value, EDGE_JSON_OBJECT))
        return add_binding(reader, &range, protocol, value);
    rc = opt_need(reader, value, EDGE_JSON_ARRAY);
    for (size_t i = 0; rc == 0 && i < edge_json_len(value); i++) {
        size_t before = opt_enter_index(reader, i);

        rc = add_binding(reader, &range, protocol, edge_json_at(value, i));
        opt_leave(reader, before);
    }
    return rc;
}

int opt_port_bindings(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    (void) field;
    return opt_each_member(reader, value, read_bindings);
}

static int expose(struct opt_reader *reader, const char *key)
{
    struct agent_port port = {.host_ip = (char *) (uintptr_t) ""};
    struct range range;
    int rc = parse_key(reader, key, &range, port.protocol);

    for (unsigned at = range.first; rc == 0 && at <= range.last; at++) {
        port.container = (uint16_t) at;
        if (reader->nexposed >= OPT_MAX_ITEMS)
            return opt_fail(reader, EDGE_ELIMIT, "more than %d ports", OPT_MAX_ITEMS);
        rc = append(&reader->exposed, &reader->nexposed, &port);
    }
    return rc;
}

int opt_exposed_ports(struct opt_reader *reader, const struct edge_json *value, void *field)
{
    int rc = opt_need(reader, value, EDGE_JSON_OBJECT);

    (void) field;
    for (edge_json_foreach (it, value)) {
        size_t before;

        if (rc < 0)
            break;
        before = opt_enter(reader, it.name);
        rc = expose(reader, it.name);
        opt_leave(reader, before);
    }
    return rc;
}

static bool is_published(const struct agent_options *options, const struct agent_port *port)
{
    for (size_t i = 0; i < options->nports; i++) {
        if (options->ports[i].container == port->container &&
            strcmp(options->ports[i].protocol, port->protocol) == 0)
            return true;
    }
    return false;
}

int opt_publish_exposed(struct opt_reader *reader)
{
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < reader->nexposed; i++) {
        if (!is_published(reader->out, &reader->exposed[i]))
            rc = add(reader, &reader->exposed[i]);
    }
    return rc;
}

static void drop_ports(struct agent_options *out)
{
    for (size_t i = 0; i < out->nports; i++)
        free(out->ports[i].host_ip);
    out->nports = 0;
}

static bool clash(const struct agent_port *a, const struct agent_port *b)
{
    return a->host != 0 && a->host == b->host && strcmp(a->protocol, b->protocol) == 0 &&
           (!*a->host_ip || !*b->host_ip || strcmp(a->host_ip, b->host_ip) == 0);
}

/* Where the network is the host's the ports are too, as Docker has it. */
int opt_check_ports(struct opt_reader *reader)
{
    struct agent_options *out = reader->out;

    if (out->net_mode == AGENT_NET_CONTAINER && out->nports > 0)
        return edge_fail(reader->err, EDGE_EINVALID,
                         "HostConfig.PortBindings: a module in another one's network "
                         "(NetworkMode container:%s) cannot publish ports; publish them there",
                         out->net_container);
    if (out->net_mode != AGENT_NET_BRIDGE)
        drop_ports(out);
    for (size_t i = 0; i < out->nports; i++) {
        const struct agent_port *a = &out->ports[i];

        for (size_t k = i + 1; k < out->nports; k++) {
            const struct agent_port *b = &out->ports[k];

            if (clash(a, b))
                return edge_fail(reader->err, EDGE_EINVALID,
                                 "HostConfig.PortBindings: the host's port %u/%s is asked for by "
                                 "%u/%s and by %u/%s",
                                 a->host, a->protocol, a->container, a->protocol, b->container,
                                 b->protocol);
        }
    }
    return 0;
}
