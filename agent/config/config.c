#include "agent/config/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/config/check.h"
#include "agent/config/schema.h"
#include "agent/config/tree.h"
#include "common/base/file.h"

enum { MAX_FILE = 1 << 20 };

struct agent_config *agent_config_free(struct agent_config *config)
{
    if (!config)
        return NULL;
    config_schema_free(config);
    config_registries_free(config);
    free(config);
    return NULL;
}

static int read_tree(const char *path, struct config_node **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(MAX_FILE);
    int rc;

    rc = edge_file_read(path, &text, err);
    if (rc == -ENOENT)
        return edge_fail(err, rc, "there is no configuration file %s", path);
    if (rc < 0)
        return rc;
    return config_tree_parse(
        path, (struct edge_bytes){(const uint8_t *) (text.data ? text.data : ""), text.len}, ret,
        err);
}

static int need_hostname(struct config_reader *r)
{
    char name[HOST_NAME_MAX + 1] = "";

    if (r->config->hostname)
        return 0;
    if (gethostname(name, sizeof name - 1) < 0 || config_check_hostname(name))
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s: the machine's name `%s` does not do as a host name: set `hostname`",
                         r->file, name);
    r->config->hostname = strdup(name);
    return r->config->hostname ? 0 : -ENOMEM;
}

/* Debian's package puts the plugins into the first folder, most other ways into the second. */
static int need_cni_bin(struct agent_config *config)
{
    if (!config->network.cni_bin)
        config->network.cni_bin =
            strdup(access("/opt/cni/bin/bridge", X_OK) == 0 ? "/opt/cni/bin" : "/usr/lib/cni");
    return config->network.cni_bin ? 0 : -ENOMEM;
}

static int need_socket(struct config_reader *r, const char *name, char **uri)
{
    if (*uri)
        return 0;
    *uri = edge_format("unix://%s/%s", r->config->rundir, name);
    if (!*uri)
        return -ENOMEM;
    if (config_check_socket(*uri))
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s: `rundir` is too long: sockets are made in it, and a socket's path "
                         "has at most 107 bytes",
                         r->file);
    return 0;
}

static void trim_slashes(char *path)
{
    size_t len = strlen(path);

    while (len > 1 && path[len - 1] == '/')
        path[--len] = '\0';
}

static int fill_in(struct config_reader *r)
{
    int rc;

    trim_slashes(r->config->homedir);
    trim_slashes(r->config->rundir);
    rc = need_hostname(r);
    if (rc == 0)
        rc = need_cni_bin(r->config);
    if (rc == 0)
        rc = need_socket(r, "mgmt.sock", &r->config->listen.management_uri);
    if (rc == 0)
        rc = need_socket(r, "identity.sock", &r->config->listen.identity_uri);
    if (rc == 0)
        rc = config_provisioning_check(r);
    return rc;
}

static bool holds_secret(const struct agent_config *config)
{
    if (config->provisioning.connection_string ||
        config->provisioning.authentication.device_id_pk ||
        config->provisioning.attestation.symmetric_key)
        return true;
    for (size_t i = 0; i < config->nregistries; i++) {
        if (config->registries[i].password)
            return true;
    }
    return false;
}

static void warn_readable_secrets(struct config_reader *r)
{
    struct stat st;

    if (holds_secret(r->config) && stat(r->file, &st) == 0 && (st.st_mode & S_IROTH))
        config_warn(r, 1, 1,
                    "this file holds a password or key and every user can read it: chmod 0600");
}

int agent_config_load(const char *path, void (*warn)(const char *text, void *arg), void *arg,
                      struct agent_config **ret, struct edge_err *err)
{
    EDGE_CLEANUP(config_tree_free) struct config_node *root = NULL;
    EDGE_CLEANUP(agent_config_free) struct agent_config *config = NULL;
    struct config_reader r = {.file = path, .warn = warn, .arg = arg, .err = err};
    int rc = read_tree(path, &root, err);

    if (rc < 0)
        return rc;
    config = calloc(1, sizeof *config);
    if (!config)
        return -ENOMEM;
    r.config = config;
    rc = config_schema_apply(&r, root);
    if (rc == 0)
        rc = fill_in(&r);
    if (rc < 0)
        return rc;
    warn_readable_secrets(&r);
    *ret = EDGE_TAKE(config);
    return 0;
}
