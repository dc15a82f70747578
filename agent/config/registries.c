#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/config/check.h"
#include "agent/config/schema.h"

enum { MAX_REGISTRIES = 64 };

/* The room's header lends registries as const texts; here they are owned. */
static char *owned(const char *text)
{
    return (char *) (uintptr_t) text;
}

void config_registries_free(struct agent_config *config)
{
    for (size_t i = 0; i < config->nregistries; i++) {
        free(owned(config->registries[i].host));
        free(owned(config->registries[i].ca));
        free(owned(config->registries[i].mirror));
        free(owned(config->registries[i].username));
        free(owned(config->registries[i].password));
    }
    free(config->registries);
}

static const char *any_text(const char *text)
{
    return *text ? NULL : "a text that is not empty";
}

static int take(struct config_reader *r, const char *path, const struct config_node *node,
                const char *(*check)(const char *text), const char **ret)
{
    char *text = NULL;
    int rc = config_take_text(r, path, node, check, &text);

    if (rc == 0)
        *ret = text;
    return rc;
}

static int take_key(struct config_reader *r, struct agent_registry *reg,
                    const struct config_member *member)
{
    static const char *const known[] = {"plain_http", "ca", "mirror", "username", "password"};
    const struct config_node *node = member->value;
    const char *near;
    char path[400];

    (void) snprintf(path, sizeof path, "registries.%s.%.64s", reg->host, member->key);
    if (node->kind == CONFIG_NULL)
        return 0;
    if (strcmp(member->key, "plain_http") == 0)
        return config_take_bool(r, path, node, &reg->plain_http);
    if (strcmp(member->key, "ca") == 0)
        return take(r, path, node, config_check_path, &reg->ca);
    if (strcmp(member->key, "mirror") == 0)
        return take(r, path, node, config_check_mirror, &reg->mirror);
    if (strcmp(member->key, "username") == 0)
        return take(r, path, node, any_text, &reg->username);
    if (strcmp(member->key, "password") == 0)
        return take(r, path, node, NULL, &reg->password);
    near = config_nearest(member->key, known, EDGE_ARRAY_LEN(known));
    config_warn(r, member->line, member->column, "unknown key `%s` ignored%s%s%s", path,
                near ? " (did you mean `" : "", near ? near : "", near ? "`?)" : "");
    return 0;
}

static int take_registry(struct config_reader *r, struct agent_registry *reg,
                         const struct config_member *member)
{
    const struct config_node *node = member->value;
    const char *what = config_check_registry(member->key);

    if (what)
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s:%zu:%zu: a key of `registries` is `%.64s` but must be %s", r->file,
                         member->line, member->column, member->key, what);
    reg->host = strdup(member->key);
    if (!reg->host)
        return -ENOMEM;
    if (node->kind != CONFIG_MAP && node->kind != CONFIG_NULL)
        return edge_fail(r->err, EDGE_EINVALID, "%s:%zu:%zu: `registries.%s` must be %s", r->file,
                         node->line, node->column, reg->host, config_kind_name(CONFIG_MAP));
    for (size_t i = 0; i < node->nmembers; i++) {
        int rc = take_key(r, reg, &node->members[i]);

        if (rc < 0)
            return rc;
    }
    if (!reg->username != !reg->password)
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s:%zu:%zu: `registries.%s` needs both `username` and `password`, or "
                         "neither",
                         r->file, member->line, member->column, reg->host);
    return 0;
}

int config_take_registries(struct config_reader *r, const struct config_node *node)
{
    struct agent_config *config = r->config;

    if (node->kind != CONFIG_MAP)
        return edge_fail(r->err, EDGE_EINVALID,
                         "%s:%zu:%zu: `registries` must be %s, one for each registry host", r->file,
                         node->line, node->column, config_kind_name(CONFIG_MAP));
    if (node->nmembers > MAX_REGISTRIES)
        return edge_fail(r->err, EDGE_ELIMIT, "%s:%zu:%zu: more than %d registries", r->file,
                         node->line, node->column, MAX_REGISTRIES);
    config->registries = calloc(node->nmembers + 1, sizeof *config->registries);
    if (!config->registries)
        return -ENOMEM;
    for (size_t i = 0; i < node->nmembers; i++) {
        struct agent_registry *reg = &config->registries[config->nregistries++];
        int rc = take_registry(r, reg, &node->members[i]);

        if (rc < 0)
            return rc;
    }
    return 0;
}
