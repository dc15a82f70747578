#include "agent/network/network.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "agent/network/internal.h"
#include "agent/network/store.h"
#include "common/base/clock.h"
#include "common/base/file.h"

enum { LOCK_PATIENCE_MS = 30 * 1000, LOCK_PAUSE_MS = 20 };

EDGE_DEFINE_CLEANUP(struct agent_network *, agent_network_close)

static int set_names(struct agent_network *net, const struct agent_network_config *config)
{
    net->name = edge_strdup(config->name);
    net->rundir = edge_strdup(config->rundir);
    net->cni_bin = edge_strdup(config->cni_bin);
    net->dir = edge_format("%s/network", config->rundir);
    net->ipam = edge_format("%s/network/ipam", config->rundir);
    net->reserved = edge_format("%s/network/ipam/%s", config->rundir, config->name);
    agent_bridge_name(config->name, net->bridge_name);
    return net->name && net->rundir && net->cni_bin && net->dir && net->ipam && net->reserved
               ? 0
               : -ENOMEM;
}

/* An agent may have been killed in the midst of a program that it ran. That one still sets rules,
 * or makes an interface, and must not do so after they have been looked at. */
static int lock(struct agent_network *net, struct edge_err *err)
{
    int64_t until = edge_now_ms() + LOCK_PATIENCE_MS;
    int rc = edge_mkdirs(net->rundir, 0755, err);

    if (rc < 0)
        return rc;
    net->lock = open(net->rundir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (net->lock < 0)
        return edge_fail(err, -errno, "cannot open %s: %s", net->rundir, strerror(errno));
    while (flock(net->lock, LOCK_EX | LOCK_NB) < 0) {
        if (errno != EWOULDBLOCK || edge_now_ms() > until)
            return edge_fail(err, EDGE_ECONFLICT,
                             "network %s: a program (nft, a CNI plugin) that an earlier agent "
                             "started still works in %s: `fuser -v %s` shows it, end it",
                             net->name, net->rundir, net->rundir);
        edge_ignore(edge_cancel_sleep(NULL, LOCK_PAUSE_MS));
    }
    return 0;
}

int agent_network_open(const struct agent_network_config *config, struct agent_network **ret,
                       struct edge_err *err)
{
    EDGE_CLEANUP(agent_network_close) struct agent_network *net = calloc(1, sizeof *net);
    int rc;

    if (!net)
        return -ENOMEM;
    net->lock = -1;
    rc = agent_network_name_check(config->name, err);
    if (rc == 0)
        rc = agent_subnet_parse(config->subnet, &net->subnet, err);
    if (rc == 0)
        rc = set_names(net, config);
    if (rc == 0)
        rc = lock(net, err);
    if (rc == 0)
        rc = agent_store_load(net->dir, &net->set, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(net);
    return 0;
}

struct agent_network *agent_network_close(struct agent_network *net)
{
    if (!net)
        return NULL;
    net->lock = edge_close(net->lock);
    agent_record_set_fini(&net->set);
    free(net->name);
    free(net->rundir);
    free(net->cni_bin);
    free(net->dir);
    free(net->ipam);
    free(net->reserved);
    free(net);
    return NULL;
}

struct agent_bridge agent_network_bridge(const struct agent_network *net)
{
    return (struct agent_bridge){net->bridge_name, net->name, net->rundir, &net->subnet};
}

struct agent_nft agent_network_nft(const struct agent_network *net)
{
    return (struct agent_nft){net->name, net->bridge_name, &net->subnet, net->lock};
}

struct agent_cni agent_network_cni(const struct agent_network *net)
{
    return (struct agent_cni){net->cni_bin, net->name,    net->bridge_name,
                              net->ipam,    &net->subnet, net->lock};
}

char *agent_network_file(const struct agent_network *net, const char *id, const char *name)
{
    return edge_format("%s/containers/%s/%s", net->rundir, id, name);
}

const char *agent_network_address(const struct agent_network *net, const char *id)
{
    const struct agent_record *record = agent_record_set_find(&net->set, id);

    return record && record->attached && !record->going ? record->address : NULL;
}

int agent_network_forget(struct agent_network *net, const char *id, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *dir = NULL;

    if (!agent_id_ok(id))
        return edge_fail(err, EDGE_EINVALID, "\"%.64s\" is not a container id", id);
    dir = edge_format("%s/containers/%s", net->rundir, id);
    return dir ? edge_remove_tree(dir, err) : -ENOMEM;
}
