#include "agent/config/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/config/check.h"

enum key_kind {
    KEY_TEXT,
    KEY_NUMBER,
    KEY_SOURCE,     /* provisioning.source */
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
#define OTHER(path, kind)                                                                          \
    {                                                                                              \
        path, kind, 0, NULL, NULL, 0, 0, 0                                                         \
    }

static const struct key keys[] = {
    TEXT("hostname", hostname, NULL, config_check_hostname),
    TEXT("homedir", homedir, "/var/lib/edge", config_check_path),
    TEXT("rundir", rundir, "/run/edge", config_check_path),
    OTHER("provisioning.source", KEY_SOURCE),
    TEXT("provisioning.deployment", provisioning.deployment, "/etc/edge/deployment.json",
         config_check_path),
    TEXT("containerd.uri", containerd.uri, "unix:///run/containerd/containerd.sock",
         config_check_socket),
    TEXT("containerd.namespace", containerd.ns, "edge", config_check_namespace),
    TEXT("network.name", network.name, "azure-iot-edge", config_check_network),
    TEXT("network.subnet", network.subnet, "172.30.0.0/16", config_check_subnet),
    TEXT("network.cni_bin", network.cni_bin, NULL, config_check_path),
    OTHER("registries", KEY_REGISTRIES),
    TEXT("listen.management_uri", listen.management_uri, NULL, config_check_socket),
    OTHER("agent.env", KEY_OPEN),
    NUMBER("agent.env.MaxRestartCount", agent.max_restart_count, 0, 0, INT32_MAX),
    NUMBER("agent.env.CoolOffTimeUnitInSeconds", agent.cool_off_unit_s, 10, 0, 300),
    NUMBER("agent.env.IntensiveCareTimeInMinutes", agent.intensive_care_minutes, 10, 1, 525600),
    TEXT("agent.env.RuntimeLogLevel", agent.log_level, "info", config_check_level),

    OTHER("provisioning.device_connection_string", KEY_UNUSED),
    OTHER("provisioning.authentication", KEY_UNUSED),
    OTHER("provisioning.attestation", KEY_UNUSED),
    OTHER("provisioning.endpoint", KEY_UNUSED),
    OTHER("provisioning.global_endpoint", KEY_UNUSED),
    OTHER("provisioning.scope_id", KEY_UNUSED),
    OTHER("provisioning.registration_id", KEY_UNUSED),
    OTHER("provisioning.always_reprovision_on_startup", KEY_UNUSED),
    OTHER("provisioning.dynamic_reprovisioning", KEY_UNUSED),
    OTHER("agent.name", KEY_UNUSED),
    OTHER("agent.type", KEY_UNUSED),
    OTHER("agent.config", KEY_UNUSED),
    OTHER("parent_hostname", KEY_UNUSED),
    OTHER("connect", KEY_UNUSED),
    OTHER("listen.workload_uri", KEY_UNUSED),
    OTHER("certificates", KEY_UNUSED),
    OTHER("watchdog", KEY_UNUSED),
    OTHER("moby_runtime", KEY_UNUSED),
};

enum { PATH_SIZE = 160 };

/* Where deployments come from. The other sources of IoT Edge are no mistake, but not offered. */
static int take_source(struct config_reader *r, const char *path, const struct config_node *node)
{
    static const char *const others[] = {"manual", "dps", "external"};

    if (node->kind != CONFIG_SCALAR)
        return config_wrong(r, node, path, "a text");
    if (strcmp(node->text, "file") == 0)
        return 0;
    for (size_t i = 0; i < EDGE_ARRAY_LEN(others); i++) {
        if (strcmp(node->text, others[i]) != 0)
            continue;
        config_warn(r, node->line, node->column,
                    "`%s: %s` is not used by this version: the deployment is read from the file "
                    "`provisioning.deployment`",
                    path, others[i]);
        return 0;
    }
    return config_wrong(r, node, path, "file");
}

static void *slot(const struct config_reader *r, const struct key *key)
{
    return (char *) r->config + key->offset;
}

static int take_group(struct config_reader *r, const char *path, const struct config_node *node,
                      bool open);

static int take_value(struct config_reader *r, const struct key *key,
                      const struct config_member *member)
{
    const struct config_node *node = member->value;

    switch (key->kind) {
    case KEY_TEXT:
        return config_take_text(r, key->path, node, key->check, slot(r, key));
    case KEY_NUMBER:
        return config_take_number(r, key->path, node, key->least, key->most, slot(r, key));
    case KEY_SOURCE:
        return take_source(r, key->path, node);
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
    r->config->provisioning.source = strdup("file");
    if (!r->config->provisioning.source)
        return -ENOMEM;
    return take_group(r, "", root, false);
}

void config_schema_free(struct agent_config *config)
{
    for (size_t i = 0; i < EDGE_ARRAY_LEN(keys); i++) {
        if (keys[i].kind == KEY_TEXT) {
            char **text = (void *) ((char *) config + keys[i].offset);

            free(*text);
        }
    }
    free(config->provisioning.source);
}
