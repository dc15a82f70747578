/* agent/config/schema.h - which keys there are and where their values go. For this room only.
 * One thread. */
#ifndef AGENT_CONFIG_SCHEMA_H
#define AGENT_CONFIG_SCHEMA_H

#include "agent/config/config.h"
#include "agent/config/tree.h"

struct config_reader {
    const char *file;
    struct agent_config *config;
    void (*warn)(const char *text, void *arg);
    void *arg;
    unsigned warnings;
    struct edge_err *err;
};

/** Warn about @p line and @p column; after the first 50 nothing more. */
void config_warn(struct config_reader *r, size_t line, size_t column, const char *fmt, ...)
    EDGE_PRINTF(4, 5);

/** Store all values of the tree; absent ones get their defaults. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int config_schema_apply(struct config_reader *r, const struct config_node *root);
void config_schema_free(struct agent_config *config);

/** "`path` must be what", with the node's place. @return EDGE_EINVALID */
int config_wrong(struct config_reader *r, const struct config_node *node, const char *path,
                 const char *what);

/** A text, yes-or-no value or number, checked. @p ret is replaced (and its old text freed) on
 * success. */
EDGE_MUST_CHECK int config_take_text(struct config_reader *r, const char *path,
                                     const struct config_node *node,
                                     const char *(*check)(const char *text), char **ret);
/** The same; a refused value is not repeated. */
EDGE_MUST_CHECK int config_take_secret(struct config_reader *r, const char *path,
                                       const struct config_node *node,
                                       const char *(*check)(const char *text), char **ret);
EDGE_MUST_CHECK int config_take_bool(struct config_reader *r, const char *path,
                                     const struct config_node *node, bool *ret);

EDGE_MUST_CHECK int config_take_number(struct config_reader *r, const char *path,
                                       const struct config_node *node, uint32_t least,
                                       uint32_t most, uint32_t *ret);

/** The key `registries`, in registries.c. */
EDGE_MUST_CHECK int config_take_registries(struct config_reader *r, const struct config_node *node);
void config_registries_free(struct agent_config *config);

/** Do the keys of provisioning and certificates go together? In provisioning.c. */
EDGE_MUST_CHECK int config_provisioning_check(struct config_reader *r);

/** The nearest of @p nwords to a mistyped word, or NULL when none is near. */
const char *config_nearest(const char *word, const char *const *words, size_t nwords);

#endif
