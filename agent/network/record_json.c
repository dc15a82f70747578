#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/network/record.h"

enum { VERSION = 1 };

static struct edge_json *port_json(const struct agent_record_port *port)
{
    struct edge_json *json = edge_json_new_object();
    int rc = 0;

    if (!json)
        return NULL;
    rc |= edge_json_set_str(json, "hostIp", port->host_ip);
    rc |= edge_json_set_int(json, "host", port->host);
    rc |= edge_json_set_int(json, "container", port->container);
    rc |= edge_json_set_str(json, "protocol", port->protocol);
    return rc == 0 ? json : edge_json_free(json);
}

static int put_lists(struct edge_json *json, const struct agent_record *record)
{
    struct edge_json *aliases = edge_json_need_array(json, "aliases");
    struct edge_json *ports = edge_json_need_array(json, "ports");
    int rc = 0;

    if (!aliases || !ports)
        return -ENOMEM;
    for (size_t i = 0; i < record->naliases; i++)
        rc |= edge_json_append(aliases, edge_json_new_str(record->aliases[i]));
    for (size_t i = 0; i < record->nports && rc == 0; i++) {
        struct edge_json *port = port_json(&record->ports[i]);

        rc = port ? edge_json_append(ports, port) : -ENOMEM;
    }
    return rc;
}

char *agent_record_text(const struct agent_record *record)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = edge_json_new_object();
    char netns[24];
    int rc = 0;

    if (!json)
        return NULL;
    (void) snprintf(netns, sizeof netns, "%" PRIu64, record->netns);
    rc |= edge_json_set_int(json, "version", VERSION);
    rc |= edge_json_set_str(json, "id", record->id);
    rc |= edge_json_set_str(json, "module", record->module);
    rc |= edge_json_set_str(json, "cniId", record->cni_id);
    rc |= edge_json_set_bool(json, "attached", record->attached);
    rc |= edge_json_set_int(json, "pid", record->pid);
    rc |= edge_json_set_str(json, "netns", netns);
    rc |= edge_json_set_str(json, "mac", record->mac);
    rc |= edge_json_set_str(json, "address", record->address);
    rc |= edge_json_set_str(json, "veth", record->veth);
    rc |= put_lists(json, record);
    if (record->result)
        rc |= edge_json_set(json, "result", edge_json_copy(record->result));
    return rc == 0 ? edge_json_text(json) : NULL;
}

static bool get_number(const struct edge_json *json, const char *name, int64_t max, int64_t *ret)
{
    *ret = edge_json_int(edge_json_get(json, name), -1);
    return *ret >= 0 && *ret <= max;
}

static const char *get_text(const struct edge_json *json, const char *name)
{
    return edge_json_str(edge_json_get(json, name), "");
}

static bool get_inode(const struct edge_json *json, uint64_t *ret)
{
    const char *text = get_text(json, "netns");
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    *ret = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

/* What attach was given goes through the same checks again, by the same code. */
struct request {
    struct agent_endpoint endpoint;
    struct agent_endpoint_port *ports;
    const char **aliases;
};

static void request_finip(struct request *request)
{
    free(request->ports);
    free(request->aliases);
}

static int read_ports(const struct edge_json *json, struct request *request)
{
    size_t len = edge_json_len(json);

    if (len > AGENT_RECORD_PORTS_MAX)
        return EDGE_ELIMIT;
    request->ports = calloc(len + 1, sizeof *request->ports);
    if (!request->ports)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++) {
        const struct edge_json *port = edge_json_at(json, i);
        int64_t host;
        int64_t container;

        if (!get_number(port, "host", UINT16_MAX, &host) || host == 0 ||
            !get_number(port, "container", UINT16_MAX, &container))
            return EDGE_EINVALID;
        request->ports[i] =
            (struct agent_endpoint_port){get_text(port, "hostIp"), (uint16_t) host,
                                         (uint16_t) container, get_text(port, "protocol")};
    }
    request->endpoint.ports = request->ports;
    request->endpoint.nports = len;
    return 0;
}

static int read_aliases(const struct edge_json *json, struct request *request)
{
    size_t len = edge_json_len(json);

    if (len > AGENT_RECORD_ALIASES_MAX)
        return EDGE_ELIMIT;
    request->aliases = calloc(len + 1, sizeof *request->aliases);
    if (!request->aliases)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++)
        request->aliases[i] = edge_json_str(edge_json_at(json, i), "");
    request->endpoint.aliases = request->aliases;
    return 0;
}

static int read_request(const struct edge_json *json, struct agent_record **ret,
                        struct edge_err *err)
{
    __attribute__((cleanup(request_finip))) struct request request = {0};
    int64_t pid;
    int rc;

    if (!get_number(json, "pid", INT32_MAX, &pid))
        return EDGE_EINVALID;
    request.endpoint.id = get_text(json, "id");
    request.endpoint.module = get_text(json, "module");
    request.endpoint.mac = get_text(json, "mac");
    request.endpoint.pid = (uint32_t) pid;
    rc = read_ports(edge_json_get(json, "ports"), &request);
    if (rc == 0)
        rc = read_aliases(edge_json_get(json, "aliases"), &request);
    return rc < 0 ? rc : agent_record_create(&request.endpoint, ret, err);
}

/* A CNI id is "<container id>-<attempt>" (see agent_record_create). */
static bool cni_id_belongs(const char *cni_id, const char *id)
{
    size_t len = strlen(id);

    return strncmp(cni_id, id, len) == 0 && cni_id[len] == '-' && strlen(cni_id + len) == 9 &&
           strspn(cni_id + len + 1, "0123456789abcdef") == 8;
}

static int read_state(const struct edge_json *json, struct agent_record *record)
{
    const char *cni_id = get_text(json, "cniId");
    const char *address = get_text(json, "address");
    const char *veth = get_text(json, "veth");
    const struct edge_json *result = edge_json_get(json, "result");

    if (!cni_id_belongs(cni_id, record->id) || !get_inode(json, &record->netns) ||
        (*address && !agent_ipv4_ok(address)) || (*veth && !agent_ifname_ok(veth)) ||
        (result && !edge_json_is(result, EDGE_JSON_OBJECT)))
        return EDGE_EINVALID;
    record->attached = edge_json_bool(edge_json_get(json, "attached"), false);
    if (record->attached && (!*address || !result))
        return EDGE_EINVALID;

    record->ruled = *address != '\0';
    edge_free(record->cni_id);
    record->cni_id = edge_strdup(cni_id);
    (void) snprintf(record->address, sizeof record->address, "%s", address);
    (void) snprintf(record->veth, sizeof record->veth, "%s", veth);
    record->result = edge_json_copy(result);
    return record->cni_id && (!result || record->result) ? 0 : -ENOMEM;
}

int agent_record_parse(const char *text, size_t len, struct agent_record **ret,
                       struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(agent_record_free) struct agent_record *record = NULL;
    int rc = len > AGENT_RECORD_TEXT_MAX ? EDGE_ELIMIT : edge_json_parse(text, len, &json, err);

    if (rc < 0)
        return rc;
    if (edge_json_int(edge_json_get(json, "version"), 0) != VERSION)
        return edge_fail(err, EDGE_EINVALID, "not an endpoint record");
    rc = read_request(json, &record, err);
    if (rc == 0)
        rc = read_state(json, record);
    if (rc < 0)
        return edge_fail(err, rc, "not a whole endpoint record");
    *ret = EDGE_TAKE(record);
    return 0;
}
