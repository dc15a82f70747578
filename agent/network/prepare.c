#include <errno.h>
#include <stdlib.h>

#include "agent/network/hosts.h"
#include "agent/network/internal.h"
#include "agent/network/resolv.h"
#include "common/base/file.h"

enum { NAMES_MAX = 512 * 1024, LIST_MAX = 1024 };

static const char names_file[] = "names.json"; /* what a later rewrite of hosts must know */

static int check_extra_hosts(const struct agent_names *names, struct edge_err *err)
{
    struct agent_extra_host extra;
    int rc = 0;

    for (size_t i = 0; names->extra_hosts && names->extra_hosts[i] && rc == 0; i++) {
        if (i >= AGENT_EXTRA_HOSTS_MAX)
            return edge_fail(err, EDGE_ELIMIT, "HostConfig.ExtraHosts has more than %d entries",
                             AGENT_EXTRA_HOSTS_MAX);
        rc = agent_extra_host_parse(names->extra_hosts[i], "127.0.0.1", &extra, err);
    }
    return rc;
}

static int check(const struct agent_names *names, struct edge_err *err)
{
    const struct agent_resolv wanted = {names->dns, names->dns_search, names->dns_options,
                                        names->host_mode};
    int rc;

    if (!agent_id_ok(names->id))
        return edge_fail(err, EDGE_EINVALID, "\"%.64s\" is not a container id",
                         names->id ? names->id : "");
    if (!agent_host_ok(names->hostname))
        return edge_fail(err, EDGE_EINVALID, "container %s: \"%.64s\" is not a host name",
                         names->id, names->hostname ? names->hostname : "");
    rc = check_extra_hosts(names, err);
    if (rc == 0)
        rc = agent_resolv_check(&wanted, err);
    return rc < 0 ? edge_wrap(err, rc, "container %s", names->id) : 0;
}

static int save_names(const struct agent_network *net, const struct agent_names *names,
                      struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *path = agent_network_file(net, names->id, names_file);
    EDGE_CLEANUP(edge_free) char *text = NULL;
    struct edge_json *extra = edge_json_need_array(json, "extraHosts");
    int rc = edge_json_set_str(json, "hostname", names->hostname);

    for (size_t i = 0; names->extra_hosts && names->extra_hosts[i]; i++)
        rc |= edge_json_append(extra, edge_json_new_str(names->extra_hosts[i]));
    rc |= edge_json_set_bool(json, "hostMode", names->host_mode);
    text = rc == 0 ? edge_json_text(json) : NULL;
    if (!path || !text)
        return -ENOMEM;
    return edge_file_write(path, text, strlen(text), 0644, err);
}

static int load_names(const struct agent_network *net, const char *id, struct edge_json **ret)
{
    EDGE_CLEANUP(edge_free) char *path = agent_network_file(net, id, names_file);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(NAMES_MAX);
    int rc;

    if (!path)
        return -ENOMEM;
    rc = edge_file_read(path, &text, NULL);
    return rc < 0 ? rc : edge_json_parse(text.data ? text.data : "", text.len, ret, NULL);
}

static int place(const struct agent_network *net, const char *id, const char *name,
                 const struct edge_buf *text, enum agent_place_mode mode, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *path = agent_network_file(net, id, name);

    return path ? agent_place_text(path, text, mode, err) : -ENOMEM;
}

/* A host without the file has nothing to say. */
static int read_host(const char *path, struct edge_buf *ret, struct edge_err *err)
{
    int rc = edge_file_read(path, ret, err);

    return rc == -ENOENT ? 0 : rc;
}

static int write_hosts(const struct agent_network *net, const struct agent_hosts *hosts,
                       bool host_mode, enum agent_place_mode mode, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf own = EDGE_BUF_INIT(AGENT_HOSTS_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_HOSTS_MAX);
    int rc = 0;

    if (host_mode)
        rc = read_host("/etc/hosts", &own, err);
    if (rc < 0)
        return rc;
    rc = host_mode ? agent_hosts_copy(hosts, &own, &text)
                   : agent_hosts_text(hosts, &net->set, &text);
    if (rc < 0)
        return edge_fail(err, rc, "cannot write the hosts file of container %s: %s", hosts->id,
                         edge_strerror(rc));
    return place(net, hosts->id, "hosts", &text, mode, err);
}

static int write_hostname(const struct agent_network *net, const struct agent_names *names,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(AGENT_HOST_MAX + 1);

    (void) edge_buf_printf(&text, "%s\n", names->hostname);
    return place(net, names->id, "hostname", &text, AGENT_PLACE_CREATE, err);
}

/* Where the host's only server is a local stub (systemd-resolved), the file behind it is used. */
static int read_host_resolv(bool host_mode, struct edge_buf *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf upstream = EDGE_BUF_INIT(AGENT_RESOLV_MAX);
    struct edge_buf swap;
    int rc = read_host("/etc/resolv.conf", ret, err);

    if (rc < 0 || host_mode || agent_resolv_has_server(ret->data, ret->len))
        return rc;
    if (edge_file_read("/run/systemd/resolve/resolv.conf", &upstream, NULL) < 0 ||
        !agent_resolv_has_server(upstream.data, upstream.len))
        return 0;
    swap = *ret;
    *ret = upstream;
    upstream = swap;
    return 0;
}

static bool asks_for_nothing(const struct agent_resolv *wanted)
{
    return !(wanted->dns && wanted->dns[0]) && !(wanted->search && wanted->search[0]) &&
           !(wanted->options && wanted->options[0]);
}

static int write_resolv(const struct agent_network *net, const struct agent_names *names,
                        struct edge_err *err)
{
    const struct agent_resolv wanted = {names->dns, names->dns_search, names->dns_options,
                                        names->host_mode};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf host = EDGE_BUF_INIT(AGENT_RESOLV_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(2 * AGENT_RESOLV_MAX);
    int rc;

    rc = read_host_resolv(names->host_mode, &host, err);
    if (rc < 0)
        return rc;
    if (names->host_mode && asks_for_nothing(&wanted))
        rc = edge_buf_append(&text, host.data, host.len);
    else
        rc = agent_resolv_text(&wanted, host.data, host.len, &text);
    if (rc < 0)
        return edge_fail(err, rc, "cannot write resolv.conf of container %s: %s", names->id,
                         edge_strerror(rc));
    return place(net, names->id, "resolv.conf", &text, AGENT_PLACE_CREATE, err);
}

/* In host mode the host is as near as can be. */
static const char *host_gateway(const struct agent_network *net, bool host_mode)
{
    return host_mode ? "127.0.0.1" : net->subnet.gateway;
}

int agent_network_prepare(struct agent_network *net, const struct agent_names *names,
                          struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *dir = NULL;
    struct agent_hosts hosts = {names->id, names->hostname, names->extra_hosts,
                                host_gateway(net, names->host_mode)};
    int rc = check(names, err);

    if (rc < 0)
        return rc;
    dir = edge_format("%s/containers/%s", net->rundir, names->id);
    if (!dir)
        return -ENOMEM;
    rc = edge_mkdirs(dir, 0755, err);
    if (rc == 0)
        rc = save_names(net, names, err);
    if (rc == 0)
        rc = write_hosts(net, &hosts, names->host_mode, AGENT_PLACE_CREATE, err);
    if (rc == 0)
        rc = write_hostname(net, names, err);
    return rc < 0 ? rc : write_resolv(net, names, err);
}

int agent_network_write_hosts(const struct agent_network *net, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    EDGE_CLEANUP(edge_free) const char **extra = NULL;
    const struct edge_json *list;
    struct agent_hosts hosts = {.id = id, .gateway = net->subnet.gateway};
    size_t len;
    int rc = load_names(net, id, &json);

    if (rc == -ENOENT)
        return 0;
    if (rc < 0)
        return edge_fail(err, rc, "cannot read the names of container %s: %s", id,
                         edge_strerror(rc));
    list = edge_json_get(json, "extraHosts");
    len = edge_json_len(list) < LIST_MAX ? edge_json_len(list) : LIST_MAX;
    extra = calloc(len + 1, sizeof *extra);
    if (!extra)
        return -ENOMEM;
    for (size_t i = 0; i < len; i++)
        extra[i] = edge_json_str(edge_json_at(list, i), "");
    hosts.hostname = edge_json_str(edge_json_get(json, "hostname"), "");
    hosts.extra_hosts = extra;
    rc = write_hosts(net, &hosts, false, AGENT_PLACE_UPDATE, err);
    return rc == -ENOENT ? 0 : rc;
}

void agent_network_refresh_hosts(const struct agent_network *net)
{
    for (size_t i = 0; i < net->set.len; i++) {
        if (agent_record_is_up(net->set.items[i]))
            (void) !agent_network_write_hosts(net, net->set.items[i]->id, NULL);
    }
}
