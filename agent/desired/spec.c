/* A module's spec as text: what is written on its container, and read back from there. */
#include <errno.h>
#include <stdlib.h>

#include "agent/desired/reader.h"
#include "common/crypto/sha256.h"

/* A label that IoT Edge's tools add on their own. */
#define IGNORED_LABEL "normalizedCreateOptions"

void desired_spec_fini(struct agent_module_spec *spec)
{
    for (size_t i = 0; i < spec->nenv; i++) {
        free(spec->env[i].name);
        free(spec->env[i].value);
    }
    free(spec->env);
    free(spec->name);
    free(spec->version);
    free(spec->image);
    free(spec->digest);
    free(spec->text);
    edge_json_free(spec->create_options);
}

struct agent_module_spec *agent_module_spec_free(struct agent_module_spec *spec)
{
    if (spec)
        desired_spec_fini(spec);
    free(spec);
    return NULL;
}

static struct edge_json *options_to_compare(const struct agent_module_spec *spec)
{
    struct edge_json *copy = edge_json_copy(spec->create_options);
    struct edge_json *labels = edge_json_get(copy, "Labels");

    if (edge_json_is(labels, EDGE_JSON_OBJECT) && edge_json_has(labels, IGNORED_LABEL)) {
        edge_json_del(labels, IGNORED_LABEL);
        if (edge_json_len(labels) == 0)
            edge_json_del(copy, "Labels");
    }
    return copy;
}

static struct edge_json *env_object(const struct agent_module_spec *spec)
{
    struct edge_json *env = edge_json_new_object();
    int rc = env ? 0 : -ENOMEM;

    for (size_t i = 0; i < spec->nenv && rc == 0; i++)
        rc = edge_json_set_str(env, spec->env[i].name, spec->env[i].value);
    return rc < 0 ? edge_json_free(env) : env;
}

/* Set a member to a value that was just made: NULL means that there was no memory for it. */
static int set_new(struct edge_json *object, const char *name, struct edge_json *value)
{
    return value ? edge_json_set(object, name, value) : -ENOMEM;
}

/* What cannot change on a container that exists. */
static int set_fixed(const struct agent_module_spec *spec, struct edge_json *object)
{
    int rc = edge_json_set_str(object, "image", spec->image);

    if (rc == 0)
        rc = edge_json_set_str(object, "digest", spec->digest);
    if (rc == 0)
        rc = set_new(object, "env", env_object(spec));
    return rc;
}

static int set_loose(const struct agent_module_spec *spec, struct edge_json *object)
{
    int rc = edge_json_set_str(object, "name", spec->name);

    if (rc == 0)
        rc = edge_json_set_str(object, "status", agent_want_name(spec->want));
    if (rc == 0)
        rc = edge_json_set_str(object, "restartPolicy", agent_policy_name(spec->policy));
    if (rc == 0)
        rc = edge_json_set_str(object, "imagePullPolicy", agent_pull_policy_name(spec->pull));
    if (rc == 0)
        rc = edge_json_set_int(object, "startupOrder", spec->startup_order);
    if (rc == 0)
        rc = edge_json_set_str(object, "version", spec->version);
    return rc;
}

static int hash(struct agent_module_spec *spec)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *object = edge_json_new_object();
    EDGE_CLEANUP(edge_free) char *text = NULL;
    int rc = object ? set_fixed(spec, object) : -ENOMEM;

    if (rc == 0)
        rc = set_new(object, "createOptions", options_to_compare(spec));
    text = rc == 0 ? edge_json_canonical(object) : NULL;
    if (!text)
        return -ENOMEM;
    edge_sha256_of(text, strlen(text), spec->hash);
    return 0;
}

int desired_spec_finish(struct agent_module_spec *spec)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *object = edge_json_new_object();
    int rc = object ? set_fixed(spec, object) : -ENOMEM;

    if (rc == 0)
        rc = set_loose(spec, object);
    if (rc == 0)
        rc = set_new(object, "createOptions", edge_json_copy(spec->create_options));
    spec->text = rc == 0 ? edge_json_canonical(object) : NULL;
    return spec->text ? hash(spec) : -ENOMEM;
}

static enum agent_module_kind kind_of(const char *name)
{
    if (strcmp(name, "edgeAgent") == 0)
        return AGENT_MODULE_EDGE_AGENT;
    return strcmp(name, "edgeHub") == 0 ? AGENT_MODULE_EDGE_HUB : AGENT_MODULE_USER;
}

static int read_words(const struct desired_reader *r, const struct edge_json *object,
                      struct agent_module_spec *spec)
{
    int want = 0;
    int policy = 0;
    int pull = 0;
    int rc = desired_take_word(r, object, "status", &desired_wants, AGENT_WANT_RUNNING, &want);

    if (rc == 0)
        rc = desired_take_word(r, object, "restartPolicy", &desired_policies,
                               AGENT_POLICY_ON_UNHEALTHY, &policy);
    if (rc == 0)
        rc = desired_take_word(r, object, "imagePullPolicy", &desired_pull_policies,
                               AGENT_PULL_ON_CREATE, &pull);
    spec->want = (enum agent_want) want;
    spec->policy = (enum agent_policy) policy;
    spec->pull = (enum agent_pull_policy) pull;
    return rc;
}

static int read_name(const struct desired_reader *r, const struct edge_json *object,
                     struct agent_module_spec *spec)
{
    int rc = desired_take_text(r, object, "name", "name", NULL, &spec->name);

    if (rc == 0)
        rc = desired_check_module_name(r, spec->name);
    if (rc == 0)
        spec->kind = kind_of(spec->name);
    return rc;
}

static int read_options(const struct desired_reader *r, const struct edge_json *object,
                        struct agent_module_spec *spec)
{
    struct edge_json *options = NULL;
    int rc = desired_take_object(r, object, "createOptions", "createOptions", false, &options);

    if (rc < 0)
        return rc;
    spec->create_options = options ? edge_json_copy(options) : edge_json_new_object();
    return spec->create_options ? 0 : -ENOMEM;
}

/* Another version of this program may have written it: what is absent has its default, and what is
 * not known here does not matter, so that nothing is made anew for an upgrade or the way back. */
static int read_members(const struct desired_reader *r, const struct edge_json *object,
                        struct agent_module_spec *spec)
{
    int rc = read_name(r, object, spec);

    if (rc == 0)
        rc = read_words(r, object, spec);
    if (rc == 0)
        rc = desired_take_order(r, object, &spec->startup_order);
    if (rc == 0)
        rc = desired_take_text(r, object, "version", "version", "", &spec->version);
    if (rc == 0)
        rc = desired_take_text(r, object, "image", "image", NULL, &spec->image);
    if (rc == 0)
        rc = desired_take_text(r, object, "digest", "digest", "", &spec->digest);
    if (rc == 0)
        rc = desired_take_env(r, object, true, spec);
    return rc < 0 ? rc : read_options(r, object, spec);
}

static int read_spec(const char *text, size_t len, struct agent_module_spec *spec,
                     struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *object = NULL;
    const struct desired_reader r = {.err = err};
    int rc = edge_json_parse(text, len, &object, err);

    if (rc == 0)
        rc = read_members(&r, object, spec);
    if (rc < 0)
        return rc;
    spec->text = strndup(text, len);
    return spec->text ? hash(spec) : -ENOMEM;
}

int agent_module_spec_parse(const char *text, size_t len, struct agent_module_spec **ret,
                            struct edge_err *err)
{
    EDGE_CLEANUP(agent_module_spec_free) struct agent_module_spec *spec = calloc(1, sizeof *spec);
    int rc = spec ? read_spec(text, len, spec, err) : -ENOMEM;

    if (rc < 0)
        return rc == -ENOMEM ? rc : edge_wrap(err, EDGE_EINVALID, "module spec");
    *ret = EDGE_TAKE(spec);
    return 0;
}

static int copy_env(const struct agent_module_spec *from, struct agent_module_spec *to)
{
    to->env = calloc(from->nenv + 1, sizeof *to->env);
    if (!to->env)
        return -ENOMEM;
    for (; to->nenv < from->nenv; to->nenv++) {
        struct agent_env *env = &to->env[to->nenv];

        env->name = edge_strdup(from->env[to->nenv].name);
        env->value = edge_strdup(from->env[to->nenv].value);
        if (!env->name || !env->value) {
            to->nenv++; /* so that the half one is freed */
            return -ENOMEM;
        }
    }
    return 0;
}

struct agent_module_spec *agent_module_spec_copy(const struct agent_module_spec *spec)
{
    struct agent_module_spec *copy = malloc(sizeof *copy);

    if (!copy)
        return NULL;
    *copy = *spec;
    copy->env = NULL;
    copy->nenv = 0;
    copy->name = edge_strdup(spec->name);
    copy->version = edge_strdup(spec->version);
    copy->image = edge_strdup(spec->image);
    copy->digest = edge_strdup(spec->digest);
    copy->text = edge_strdup(spec->text);
    copy->create_options = edge_json_copy(spec->create_options);
    if (copy_env(spec, copy) < 0 || !copy->name || !copy->version || !copy->image ||
        !copy->digest || !copy->text || !copy->create_options)
        return agent_module_spec_free(copy);
    return copy;
}
