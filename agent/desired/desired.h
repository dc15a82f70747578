/* agent/desired/desired.h - a deployment document becomes a checked desired state, or one error
 * that names the module and the member. Pure; any thread; the result is read-only once made.
 * Source: agent.md 1 (IoT Edge $edgeAgent desired properties, schemas 1.0 and 1.1). */
#ifndef AGENT_DESIRED_DESIRED_H
#define AGENT_DESIRED_DESIRED_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/err.h"
#include "common/json/json.h"

enum agent_want { AGENT_WANT_RUNNING, AGENT_WANT_STOPPED };
enum agent_policy {
    AGENT_POLICY_NEVER,
    AGENT_POLICY_ON_FAILURE,
    AGENT_POLICY_ON_UNHEALTHY,
    AGENT_POLICY_ALWAYS,
};
enum agent_pull_policy { AGENT_PULL_ON_CREATE, AGENT_PULL_NEVER };
enum agent_module_kind { AGENT_MODULE_USER, AGENT_MODULE_EDGE_HUB, AGENT_MODULE_EDGE_AGENT };

/** The words of the documents: "running", "on-unhealthy", "on-create". */
const char *agent_want_name(enum agent_want want);
const char *agent_policy_name(enum agent_policy policy);
const char *agent_pull_policy_name(enum agent_pull_policy policy);

struct agent_env {
    char *name;
    char *value;
};

#define AGENT_STARTUP_LAST UINT32_MAX

/** One module as the deployment wants it. */
struct agent_module_spec {
    char *name;
    enum agent_module_kind kind;
    enum agent_want want;
    enum agent_policy policy;
    enum agent_pull_policy pull;
    uint32_t startup_order;
    char *version;
    struct agent_env *env; /* sorted by name, names unique */
    size_t nenv;
    char *image;                      /* trimmed, with tag or digest, $upstream still in it */
    char *digest;                     /* settings.digest, or "" */
    struct edge_json *create_options; /* an object */
    char *text;    /* canonical JSON of all the above: kept on the container as labels */
    char hash[65]; /* sha256 of what cannot change in place: image, digest, createOptions, env */
};

struct agent_credential {
    char *label;
    char *address;
    char *username;
    char *password;
};

struct agent_desired {
    int64_t version; /* twin's $version; 0 when the document has none */
    char *schema_version;
    char *min_docker_version;
    char *logging_options;
    struct agent_credential *credentials;
    size_t ncredentials;
    struct agent_module_spec *modules; /* sorted by name; with edgeHub, without edgeAgent */
    size_t nmodules;
    struct edge_json
        *edge_agent; /* systemModules.edgeAgent as written, or NULL: echoed, never run */
};

struct agent_desired_rules {
    bool system_modules_optional; /* file source: systemModules may be absent */
    const char *upstream;         /* parent's host for "$upstream", or NULL */
    const char *reserved;         /* folder in containers that is the runtime's, or NULL: nobody may
                                     mount anything on or below it */
};

/**
 * Accepts the bare desired properties, and what `az iot edge set-modules` takes
 * (modulesContent.$edgeAgent."properties.desired", also under "content").
 * @return 0, EDGE_EEMPTY (417), EDGE_EINVALID (400), EDGE_ESCHEMA (412), EDGE_ELIMIT (400)
 */
EDGE_MUST_CHECK int agent_desired_parse(const char *text, size_t len,
                                        const struct agent_desired_rules *rules,
                                        struct agent_desired **ret, struct edge_err *err);
struct agent_desired *agent_desired_free(struct agent_desired *desired);
EDGE_DEFINE_CLEANUP(struct agent_desired *, agent_desired_free)

/** The module of that name, or NULL. */
const struct agent_module_spec *agent_desired_find(const struct agent_desired *desired,
                                                   const char *name);

/** Read back a spec from its canonical text (a container's labels). Its text is @p text as it is,
 * also when another version wrote it with more or fewer members. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int agent_module_spec_parse(const char *text, size_t len,
                                            struct agent_module_spec **ret, struct edge_err *err);
struct agent_module_spec *agent_module_spec_free(struct agent_module_spec *spec);
struct agent_module_spec *agent_module_spec_copy(const struct agent_module_spec *spec);
EDGE_DEFINE_CLEANUP(struct agent_module_spec *, agent_module_spec_free)

/** HTTP-like code of reported properties' lastDesiredStatus for what parse returned. */
int agent_desired_status(int rc);

#endif
