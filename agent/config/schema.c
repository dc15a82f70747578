#include "agent/config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/config/check.h"

enum key_kind {
    KEY_TEXT,
    KEY_SECRET, /* a text that no message repeats */
    KEY_LISTEN, /* a text; what systemd or TCP would listen on is passed over with a warning */
    KEY_NUMBER,
    KEY_BOOL,
    KEY_REGISTRIES, /* a map that registries.c reads */
    KEY_OPEN,       /* a group whose unknown keys are nobody's mistake */
    KEY_UNUSED,     /* of IoT Edge's config.yaml, without effect here */
};

/* A key whose path is the front part of others' is their group and needs no line of its own. */
struct key {
    const char *path;
    enum key_kind kind;
    size_t offset;
    const char *fallback; /* of a text; NULL: config.c fills it in */
    const char *(*check)(const char *text);
    uint32_t number; /* fallback, least and most of a number */
    uint32_t least;
    uint32_t most;
};

#define TEXT(path, member, fallback, check)                                                        \
    {                                                                                              \
        path, KEY_TEXT, offsetof(struct agent_config, member), fallback, check, 0, 0, 0            \
    }
#define NUMBER(path, member, number, least, most)                                                  \
    {                                                                                              \
        path, KEY_NUMBER, offsetof(struct agent_config, member), NULL, NULL, number, least, most   \
    }
#define SECRET(path, member, check)                                                                \
    {                                                                                              \
        path, KEY_SECRET, offsetof(struct agent_config, member), NULL, check, 0, 0, 0              \
    }
#define LISTEN(path, member)                                                                       \
    {                                                                                              \
        path, KEY_LISTEN, offsetof(struct agent_config, member), NULL, config_check_socket, 0, 0,  \
            0                                                                                      \
    }
#define BOOL(path, member, truth)                                                                  \
    {                                                                                              \
        path, KEY_BOOL, offsetof(struct agent_config, member), NULL, NULL, truth, 0, 0             \
    }
#define OTHER(path, kind)                                                                          \
    {                                                                                              \
        path, kind, 0, NULL, NULL, 0, 0, 0                                                         \
    }

static const struct key keys[] = {
    TEXT("hostname", hostname, NULL, config_check_hostname),
    TEXT("homedir", homedir, "/var/lib/edge", config_check_path),
    TEXT("rundir", rundir, "/run/edge", config_check_path),
    TEXT("provisioning.source", provisioning.source, "file", config_check_source),
    TEXT("provisioning.deployment", provisioning.deployment, "/etc/edge/deployment.json",
         config_check_path),
    SECRET("provisioning.device_connection_string", provisioning.connection_string,
           config_check_connection_string),
    TEXT("provisioning.authentication.method", provisioning.authentication.method, NULL,
         config_check_authentication),
    TEXT("provisioning.authentication.iothub_hostname", provisioning.authentication.iothub_hostname,
         NULL, config_check_text),
    TEXT("provisioning.authentication.device_id", provisioning.authentication.device_id, NULL,
         config_check_id),
    TEXT("provisioning.authentication.identity_cert", provisioning.authentication.identity_cert,
         NULL, config_check_file),
    TEXT("provisioning.authentication.identity_pk", provisioning.authentication.identity_pk, NULL,
         config_check_key_file),
    SECRET("provisioning.authentication.device_id_pk", provisioning.authentication.device_id_pk,
           config_check_key),
    TEXT("provisioning.global_endpoint", provisioning.global_endpoint,
         "https://global.azure-devices-provisioning.net", config_check_endpoint),
    TEXT("provisioning.scope_id", provisioning.scope_id, NULL, config_check_id),
    TEXT("provisioning.attestation.method", provisioning.attestation.method, NULL,
         config_check_attestation),
    TEXT("provisioning.attestation.registration_id", provisioning.attestation.registration_id, NULL,
         config_check_id),
    SECRET("provisioning.attestation.symmetric_key", provisioning.attestation.symmetric_key,
           config_check_key),
    TEXT("provisioning.attestation.identity_cert", provisioning.attestation.identity_cert, NULL,
         config_check_file),
    TEXT("provisioning.attestation.identity_pk", provisioning.attestation.identity_pk, NULL,
         config_check_key_file),
    BOOL("provisioning.always_reprovision_on_startup", provisioning.always_reprovision, true),
    BOOL("provisioning.dynamic_reprovisioning", provisioning.dynamic, false),
    TEXT("cloud.trusted_ca", cloud.trusted_ca, NULL, config_check_file),
    SECRET("keys.pkcs11", keys.pkcs11, config_check_token),
    TEXT("keys.token_files", keys.token_files, NULL, config_check_path),
    TEXT("certificates.device_ca_cert", certificates.device_ca_cert, NULL, config_check_file),
    TEXT("certificates.device_ca_pk", certificates.device_ca_pk, NULL, config_check_key_file),
    TEXT("certificates.trusted_ca_certs", certificates.trusted_ca_certs, NULL, config_check_file),
    NUMBER("certificates.auto_generated_ca_lifetime_days", certificates.lifetime_days, 90, 1, 3650),
    BOOL("watchdog.agent", watchdog.agent, true),
    TEXT("containerd.uri", containerd.uri, "unix:///run/containerd/containerd.sock",
         config_check_socket),
    TEXT("containerd.namespace", containerd.ns, "edge", config_check_namespace),
    TEXT("network.name", network.name, "azure-iot-edge", config_check_network),
    TEXT("network.subnet", network.subnet, "172.30.0.0/16", config_check_subnet),
    TEXT("network.cni_bin", network.cni_bin, NULL, config_check_path),
    OTHER("registries", KEY_REGISTRIES),
    LISTEN("listen.management_uri", listen.management_uri),
    LISTEN("listen.identity_uri", listen.identity_uri),
    TEXT("listen.metrics_uri", listen.metrics_uri, "tcp://127.0.0.1:9600", config_check_tcp),
    OTHER("agent.env", KEY_OPEN),
    NUMBER("agent.env.MaxRestartCount", agent.max_restart_count, 0, 0, INT32_MAX),
    NUMBER("agent.env.CoolOffTimeUnitInSeconds", agent.cool_off_unit_s, 10, 0, 300),
    NUMBER("agent.env.IntensiveCareTimeInMinutes", agent.intensive_care_minutes, 10, 1, 525600),
    TEXT("agent.env.RuntimeLogLevel", agent.log_level, "info", config_check_level),
    BOOL("agent.env.MetricsEnabled", agent.metrics, true),
    TEXT("agent.env.UpstreamProtocol", agent.upstream_protocol, NULL, config_check_upstream),
    SECRET("agent.env.https_proxy", agent.https_proxy, config_check_proxy),
    TEXT("agent.env.no_proxy", agent.no_proxy, NULL, config_check_text),

    OTHER("provisioning.endpoint", KEY_UNUSED),
    OTHER("provisioning.registration_id", KEY_UNUSED),
    OTHER("agent.name", KEY_UNUSED),
    OTHER("agent.type", KEY_UNUSED),
    OTHER("agent.config", KEY_UNUSED),
    OTHER("parent_hostname", KEY_UNUSED),
    OTHER("connect", KEY_UNUSED),
    OTHER("listen.workload_uri", KEY_UNUSED),
    OTHER("watchdog.max_retries", KEY_UNUSED),
    OTHER("moby_runtime", KEY_UNUSED),
};

enum { PATH_SIZE = 160 };

static void *slot(const struct config_reader *r, const struct key *key)
{
    return (char *) r->config + key->offset;
}

static int take_group(struct config_reader *r, const char *path, const struct config_node *node,
                      bool open);

/* IoT Edge's own files let systemd listen (fd://), or listen on TCP: our sockets stay where they
 * are. */
static int take_listen(struct config_reader *r, const struct key *key,
                       const struct config_node *node)
{
    const char *text = node->kind == CONFIG_SCALAR ? node->text : "";

    if (strncmp(text, "fd://", 5) != 0 && strncmp(text, "http://", 7) != 0)
        return config_take_text(r, key->path, node, key->check, slot(r, key));
    config_warn(r, node->line, node->column, "`%s` is not taken from `%.64s`: the default is used",
                key->path, text);
    return 0;
}

static int take_value(struct config_reader *r, const struct key *key,
                      const struct config_member *member)
{
    const struct config_node *node = member->value;

    switch (key->kind) {
    case KEY_TEXT:
        return config_take_text(r, key->path, node, key->check, slot(r, key));
    case KEY_SECRET:
        return config_take_secret(r, key->path, node, key->check, slot(r, key));
    case KEY_LISTEN:
        return take_listen(r, key, node);
    case KEY_BOOL:
        return config_take_bool(r, key->path, node, slot(r, key));
    case KEY_NUMBER:
        return config_take_number(r, key->path, node, key->least, key->most, slot(r, key));
    case KEY_REGISTRIES:
        return config_take_registries(r, node);
    case KEY_OPEN:
        return take_group(r, key->path, node, true);
    case KEY_UNUSED:
        break;
    }
    config_warn(r, member->line, member->column, "the key `%s` is not used by this version",
                key->path);
    return 0;
}

/* The key of that path; names of the environment are matched without case. */
static const struct key *find_key(const char *path, bool open)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(keys); i++) {
        int differs = open ? strcasecmp(path, keys[i].path) : strcmp(path, keys[i].path);

        if (differs == 0)
            return &keys[i];
    }
    return NULL;
}

static bool is_group(const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < EDGE_ARRAY_LEN(keys); i++) {
        if (strncmp(keys[i].path, path, len) == 0 && keys[i].path[len] == '.')
            return true;
    }
    return false;
}

/* The keys of the group @p prefix ("" or "network."), as a list to search for a mistyped one. */
static void warn_unknown(struct config_reader *r, const char *prefix,
                         const struct config_member *member)
{
    char words[EDGE_ARRAY_LEN(keys)][PATH_SIZE];
    const char *list[EDGE_ARRAY_LEN(keys)];
    const char *near;
    size_t n = 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(keys); i++) {
        const char *rest;

        if (strncmp(keys[i].path, prefix, strlen(prefix)) != 0)
            continue;
        rest = keys[i].path + strlen(prefix);
        (void) snprintf(words[n], PATH_SIZE, "%.*s", (int) strcspn(rest, "."), rest);
        list[n] = words[n];
        n++;
    }
    near = config_nearest(member->key, list, n);
    if (near)
        config_warn(r, member->line, member->column,
                    "unknown key `%s%.64s` ignored (did you mean `%s%s`?)", prefix, member->key,
                    prefix, near);
    else
        config_warn(r, member->line, member->column, "unknown key `%s%.64s` ignored", prefix,
                    member->key);
}

static int take_member(struct config_reader *r, const char *prefix, bool open,
                       const struct config_member *member)
{
    char path[PATH_SIZE];
    int len = snprintf(path, sizeof path, "%s%s", prefix, member->key);
    bool known = len > 0 && (size_t) len < sizeof path && !strchr(member->key, '.');
    const struct key *key = known ? find_key(path, open) : NULL;

    if (key && member->value->kind == CONFIG_NULL && key->kind != KEY_UNUSED)
        return 0; /* `key:` without a value is as good as absent */
    if (key)
        return take_value(r, key, member);
    if (known && is_group(path))
        return take_group(r, path, member->value, false);
    if (!open)
        warn_unknown(r, prefix, member);
    return 0;
}

static int take_group(struct config_reader *r, const char *path, const struct config_node *node,
                      bool open)
{
    char prefix[PATH_SIZE];

    if (node->kind == CONFIG_NULL)
        return 0;
    if (node->kind != CONFIG_MAP)
        return config_wrong(r, node, *path ? path : "this file", config_kind_name(CONFIG_MAP));
    (void) snprintf(prefix, sizeof prefix, *path ? "%s." : "%s", path);
    for (size_t i = 0; i < node->nmembers; i++) {
        int rc = take_member(r, prefix, open, &node->members[i]);

        if (rc < 0)
            return rc;
    }
    return 0;
}

static int set_fallback(struct config_reader *r, const struct key *key)
{
    char **text = slot(r, key);
    uint32_t *number = slot(r, key);

    if (key->kind == KEY_NUMBER)
        *number = key->number;
    if (key->kind == KEY_BOOL)
        *(bool *) slot(r, key) = key->number != 0;
    if (key->kind != KEY_TEXT || !key->fallback)
        return 0;
    *text = strdup(key->fallback);
    return *text ? 0 : -ENOMEM;
}

int config_schema_apply(struct config_reader *r, const struct config_node *root)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(keys); i++) {
        int rc = set_fallback(r, &keys[i]);

        if (rc < 0)
            return rc;
    }
    return take_group(r, "", root, false);
}

void config_schema_free(struct agent_config *config)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(keys); i++) {
        char **text = (void *) ((char *) config + keys[i].offset);

        if (keys[i].kind == KEY_TEXT || keys[i].kind == KEY_SECRET || keys[i].kind == KEY_LISTEN)
            (void) edge_wipe(*text);
    }
}
