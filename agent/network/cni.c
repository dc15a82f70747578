#include "agent/network/cni.h"

#include <errno.h>

#include "common/base/spawn.h"

enum { ADD_TIMEOUT_MS = 60000, DEL_TIMEOUT_MS = 30000, ENV_LEN = 6 };

static const char version[] = "0.4.0";

/* {"type":"host-local","dataDir":…,"ranges":[[{"subnet":…,"gateway":…}]],"routes":[{"dst":…}]} */
static int put_ipam(struct edge_json *config, const struct agent_cni *cni)
{
    struct edge_json *ipam = edge_json_need_object(config, "ipam");
    struct edge_json *ranges = edge_json_need_array(ipam, "ranges");
    struct edge_json *routes = edge_json_need_array(ipam, "routes");
    struct edge_json *group = edge_json_new_array();
    struct edge_json *range = edge_json_new_object();
    struct edge_json *route = edge_json_new_object();
    int rc = 0;

    rc |= edge_json_set_str(ipam, "type", "host-local");
    rc |= edge_json_set_str(ipam, "dataDir", cni->ipam);
    rc |= edge_json_set_str(range, "subnet", cni->subnet->text);
    rc |= edge_json_set_str(range, "gateway", cni->subnet->gateway);
    rc |= edge_json_append(group, range);
    rc |= edge_json_append(ranges, group);
    rc |= edge_json_set_str(route, "dst", "0.0.0.0/0");
    rc |= edge_json_append(routes, route);
    return rc;
}

static int put_bridge(struct edge_json *config, const struct agent_cni *cni,
                      const struct agent_cni_call *call)
{
    int rc = 0;

    rc |= edge_json_set_str(config, "bridge", cni->bridge);
    rc |= edge_json_set_bool(config, "isGateway", true);
    rc |= edge_json_set_bool(config, "ipMasq", false); /* our own table does it */
    rc |= edge_json_set_bool(config, "hairpinMode", true);
    rc |= put_ipam(config, cni);
    if (*call->mac)
        rc |= edge_json_set_str(edge_json_need_object(config, "runtimeConfig"), "mac", call->mac);
    if (call->result)
        rc |= edge_json_set(config, "prevResult", edge_json_copy(call->result));
    return rc;
}

char *agent_cni_config(const struct agent_cni *cni, const char *plugin,
                       const struct agent_cni_call *call)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *config = edge_json_new_object();
    int rc = 0;

    rc |= edge_json_set_str(config, "cniVersion", version);
    rc |= edge_json_set_str(config, "name", cni->network);
    rc |= edge_json_set_str(config, "type", plugin);
    if (strcmp(plugin, "bridge") == 0)
        rc |= put_bridge(config, cni, call);
    return rc == 0 ? edge_json_text(config) : NULL;
}

struct environment {
    char *owned[ENV_LEN];
    const char *list[ENV_LEN + 2];
};

static void environment_finip(struct environment *env)
{
    for (size_t i = 0; i < ENV_LEN; i++)
        edge_free(env->owned[i]);
}

static bool environment_make(struct environment *env, const struct agent_cni *cni,
                             const struct agent_cni_call *call, const char *command,
                             const char *ifname)
{
    size_t n = 0;

    env->owned[n++] = edge_format("CNI_COMMAND=%s", command);
    env->owned[n++] = edge_format("CNI_CONTAINERID=%s", call->id);
    env->owned[n++] = edge_format("CNI_NETNS=%s", call->netns);
    env->owned[n++] = edge_format("CNI_IFNAME=%s", ifname);
    env->owned[n++] = edge_format("CNI_PATH=%s", cni->bin);
    env->owned[n++] = edge_strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    for (size_t i = 0; i < n; i++) {
        if (!env->owned[i])
            return false;
        env->list[i] = env->owned[i];
    }
    return true;
}

static struct edge_bytes bytes_of(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) buf->data, buf->len};
}

static int fail_to_run(const struct agent_cni *cni, const char *plugin, int rc,
                       struct edge_err *err)
{
    if (rc == -ENOENT || rc == -EACCES)
        return edge_fail(err, EDGE_ECHILD,
                         "CNI plugin %s/%s is missing: install the package "
                         "containernetworking-plugins, or set network.cni_bin in config.yaml",
                         cni->bin, plugin);
    return edge_wrap(err, rc, "CNI plugin %s", plugin);
}

/* One plugin, to its end. */
static int run(const struct agent_cni *cni, const char *plugin, const struct agent_cni_call *call,
               const char *command, struct edge_buf *output, struct edge_err *err)
{
    bool add = strcmp(command, "ADD") == 0;
    __attribute__((cleanup(environment_finip))) struct environment env = {0};
    EDGE_CLEANUP(edge_free) char *path = edge_format("%s/%s", cni->bin, plugin);
    EDGE_CLEANUP(edge_free) char *config = agent_cni_config(cni, plugin, call);
    const char *const argv[] = {path, NULL};
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf errors = EDGE_BUF_INIT(AGENT_CNI_TEXT_MAX);
    struct edge_spawn spawn = {.argv = argv,
                               .env = env.list,
                               .timeout_ms = add ? ADD_TIMEOUT_MS : DEL_TIMEOUT_MS,
                               .keep = cni->lock};
    int status = 0;
    int rc;

    if (!path || !config ||
        !environment_make(&env, cni, call, command,
                          strcmp(plugin, "loopback") == 0 ? "lo" : "eth0"))
        return -ENOMEM;
    spawn.input = (struct edge_bytes){(const uint8_t *) config, strlen(config)};
    rc = edge_spawn_run(&spawn, output, &errors, &status, err);
    if (rc < 0)
        return fail_to_run(cni, plugin, rc, err);
    if (status != 0)
        return agent_cni_error(plugin, command, status, bytes_of(output), bytes_of(&errors), err);
    return 0;
}

int agent_cni_add(const struct agent_cni *cni, const struct agent_cni_call *call,
                  struct agent_cni_result *ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf loopback = EDGE_BUF_INIT(AGENT_CNI_TEXT_MAX);
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf output = EDGE_BUF_INIT(AGENT_CNI_TEXT_MAX);
    int rc;

    rc = run(cni, "loopback", call, "ADD", &loopback, err);
    if (rc == 0)
        rc = run(cni, "bridge", call, "ADD", &output, err);
    if (rc < 0)
        return rc;
    rc = agent_cni_result_parse(output.data ? output.data : "", output.len, cni->bridge, ret, err);
    return rc < 0 ? edge_wrap(err, rc, "CNI plugin bridge") : 0;
}

/* lo goes with its namespace, or is still of use to a container that shares it. */
int agent_cni_del(const struct agent_cni *cni, const struct agent_cni_call *call,
                  struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf output = EDGE_BUF_INIT(AGENT_CNI_TEXT_MAX);

    return run(cni, "bridge", call, "DEL", &output, err);
}
