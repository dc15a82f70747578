#include "agent/desired/desired.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/desired/reader.h"

struct agent_desired *agent_desired_free(struct agent_desired *desired)
{
    if (!desired)
        return NULL;
    for (size_t i = 0; i < desired->ncredentials; i++) {
        free(desired->credentials[i].label);
        free(desired->credentials[i].address);
        free(desired->credentials[i].username);
        free(desired->credentials[i].password);
    }
    for (size_t i = 0; i < desired->nmodules; i++)
        desired_spec_fini(&desired->modules[i]);
    free(desired->credentials);
    free(desired->modules);
    free(desired->schema_version);
    free(desired->min_docker_version);
    free(desired->logging_options);
    edge_json_free(desired->edge_agent);
    free(desired);
    return NULL;
}

static int add_module(const struct desired_reader *outer, const char *name,
                      enum agent_module_kind kind, const struct edge_json *module,
                      struct agent_desired *desired)
{
    struct desired_reader r = *outer;
    struct agent_module_spec *spec = &desired->modules[desired->nmodules++];
    int rc;

    r.module = name;
    spec->kind = kind;
    spec->name = edge_strdup(name);
    if (!spec->name)
        return -ENOMEM;
    rc = desired_take_module(&r, module, spec);
    return rc < 0 ? rc : desired_spec_finish(spec);
}

static bool is_reserved(const char *name)
{
    if (*name == '$')
        name++;
    return strcasecmp(name, "edgeAgent") == 0 || strcasecmp(name, "edgeHub") == 0;
}

static int take_modules(const struct desired_reader *r, const struct edge_json *modules,
                        struct agent_desired *desired)
{
    for (edge_json_foreach (it, modules)) {
        int rc;

        if (!it.value)
            continue; /* null: removed */
        rc = desired_check_module_name(r, it.name);
        if (rc == 0 && is_reserved(it.name))
            rc = desired_bad(r, "modules", "the name \"%s\" belongs to systemModules", it.name);
        if (rc == 0)
            rc = add_module(r, it.name, AGENT_MODULE_USER, it.value, desired);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int take_system_modules(const struct desired_reader *r, const struct edge_json *system,
                               struct agent_desired *desired)
{
    struct edge_json *agent = NULL;
    const struct edge_json *hub = edge_json_get_nocase(system, "edgeHub");
    int rc = desired_take_object(r, system, "edgeAgent", "systemModules.edgeAgent", false, &agent);

    if (rc < 0)
        return rc;
    if (agent) {
        desired->edge_agent = edge_json_copy(agent);
        if (!desired->edge_agent)
            return -ENOMEM;
    }
    return hub ? add_module(r, "edgeHub", AGENT_MODULE_EDGE_HUB, hub, desired) : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct agent_module_spec *) a)->name,
                  ((const struct agent_module_spec *) b)->name);
}

static int take_all_modules(const struct desired_reader *r, const struct agent_desired_rules *rules,
                            const struct edge_json *document, struct agent_desired *desired)
{
    struct edge_json *system = NULL;
    struct edge_json *modules = NULL;
    int rc = desired_take_object(r, document, "systemModules", "systemModules",
                                 !rules->system_modules_optional, &system);

    if (rc == 0)
        rc = desired_take_object(r, document, "modules", "modules", false, &modules);
    if (rc < 0)
        return rc;
    if (edge_json_len(modules) > DESIRED_MAX_MODULES)
        return edge_fail(r->err, EDGE_ELIMIT, "modules: more than %d", DESIRED_MAX_MODULES);
    desired->modules = calloc(edge_json_len(modules) + 1, sizeof *desired->modules);
    if (!desired->modules)
        return -ENOMEM;
    rc = take_system_modules(r, system, desired);
    if (rc == 0)
        rc = take_modules(r, modules, desired);
    if (rc == 0)
        qsort(desired->modules, desired->nmodules, sizeof *desired->modules, by_name);
    return rc;
}

/* "$version" and "$metadata" are the cloud's own and count for nothing here. */
static bool is_empty(const struct edge_json *document)
{
    for (edge_json_foreach (it, document)) {
        if (it.name[0] != '$')
            return false;
    }
    return true;
}

static int take_document(const struct desired_reader *r, const struct agent_desired_rules *rules,
                         const struct edge_json *document, struct agent_desired *desired)
{
    int64_t version = 0;
    int rc;

    if (is_empty(document))
        return edge_fail(r->err, EDGE_EEMPTY, "the deployment is empty");
    if (edge_json_loose_int(edge_json_get(document, "$version"), &version) == 0 && version > 0)
        desired->version = version;
    rc = desired_take_schema(r, document, &desired->schema_version);
    if (rc == 0)
        rc = desired_take_runtime(r, document, desired);
    return rc < 0 ? rc : take_all_modules(r, rules, document, desired);
}

static int read_json(const char *text, size_t len, struct edge_json **ret, struct edge_err *err)
{
    int rc;

    if (len > DESIRED_MAX_BYTES)
        return edge_fail(err, EDGE_ELIMIT, "the deployment has more than %d bytes",
                         DESIRED_MAX_BYTES);
    rc = edge_json_parse(text, len, ret, err);
    if (rc < 0)
        return rc == -ENOMEM ? rc : edge_wrap(err, rc, "the deployment");
    if (!edge_json_is(*ret, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the deployment must be an object, not %s",
                         edge_json_kind_name(edge_json_kind(*ret)));
    return 0;
}

int agent_desired_parse(const char *text, size_t len, const struct agent_desired_rules *rules,
                        struct agent_desired **ret, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *whole = NULL;
    EDGE_CLEANUP(edge_json_free) struct edge_json *document = NULL;
    EDGE_CLEANUP(agent_desired_free) struct agent_desired *desired = calloc(1, sizeof *desired);
    const struct desired_reader r = {
        .upstream = rules->upstream, .reserved = rules->reserved, .err = err};
    int rc = desired ? read_json(text, len, &whole, err) : -ENOMEM;

    if (rc == 0)
        rc = desired_unwrap(&r, whole, &document);
    if (rc == 0)
        rc = take_document(&r, rules, document, desired);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(desired);
    return 0;
}

const struct agent_module_spec *agent_desired_find(const struct agent_desired *desired,
                                                   const char *name)
{
    for (size_t i = 0; i < desired->nmodules; i++) {
        if (strcmp(desired->modules[i].name, name) == 0)
            return &desired->modules[i];
    }
    return NULL;
}
