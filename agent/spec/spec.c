/* The spec as a whole; each part has a file of its own. */
#include "agent/spec/spec.h"

#include <errno.h>
#include <string.h>

#include "agent/spec/build.h"

static void put_root(struct spec_build *build)
{
    struct edge_json *root = spec_object(build, build->root, "root");

    spec_text(build, build->root, "ociVersion", "1.0.2");
    spec_text(build, root, "path", "rootfs");
    spec_bool(build, root, "readonly", build->options->read_only);
    if (strcmp(build->options->uts_mode, "host") != 0)
        spec_text(build, build->root, "hostname", build->facts->hostname);
}

static int put_all(struct spec_build *build)
{
    static int (*const parts[])(struct spec_build * build) = {
        spec_put_process, spec_put_mounts,    spec_put_namespaces, spec_put_sysctls,
        spec_put_devices, spec_put_resources, spec_put_security,
    };
    int rc = spec_read_security(build);

    if (rc == 0)
        rc = spec_choose_caps(build->options, build->facts->host->capabilities,
                              &build->capabilities, build->err);
    for (size_t i = 0; rc == 0 && i < EDGE_ARRAY_LEN(parts); i++)
        rc = parts[i](build);
    return rc < 0 ? rc : build->oom;
}

int agent_spec_build(const struct agent_options *options, const struct agent_spec_facts *facts,
                     char **ret, struct edge_buf *notices, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *root = edge_json_new_object();
    struct spec_build build = {
        .options = options, .facts = facts, .root = root, .notices = notices, .err = err};
    int rc;

    put_root(&build);
    build.process = spec_object(&build, root, "process");
    build.linux_ = spec_object(&build, root, "linux");
    rc = put_all(&build);
    if (rc < 0)
        return rc;
    *ret = edge_json_text(root);
    return *ret ? 0 : -ENOMEM;
}

/* --- changes to a spec that is there --- */

static int parse_spec(const char *text, struct edge_json **ret, struct edge_err *err)
{
    int rc = edge_json_parse(text, strlen(text), ret, err);

    return rc < 0 ? edge_wrap(err, rc, "the container's spec") : 0;
}

static int print(const struct edge_json *value, char **ret)
{
    *ret = edge_json_text(value);
    return *ret ? 0 : -ENOMEM;
}

int agent_spec_set_namespace(const char *spec_text, const char *type, const char *path, char **ret,
                             struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *spec = NULL;
    struct edge_json *namespaces;
    int rc = parse_spec(spec_text, &spec, err);

    if (rc < 0)
        return rc;
    namespaces = edge_json_get(edge_json_get(spec, "linux"), "namespaces");
    for (size_t i = 0; i < edge_json_len(namespaces); i++) {
        struct edge_json *item = edge_json_at(namespaces, i);

        if (strcmp(edge_json_str(edge_json_get(item, "type"), ""), type) != 0)
            continue;
        rc = edge_json_set_str(item, "path", path);
        return rc < 0 ? rc : print(spec, ret);
    }
    return edge_fail(err, EDGE_EINVALID, "the container's spec has no %s namespace of its own",
                     type);
}

int agent_spec_exec_process(const char *spec_text, char *const *argv, char **ret,
                            struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *spec = NULL;
    struct edge_json *process;
    struct edge_json *args = edge_json_new_array();
    int rc = parse_spec(spec_text, &spec, err);

    for (; args && rc == 0 && argv && *argv; argv++)
        rc = edge_json_append(args, edge_json_new_str(*argv));
    process = edge_json_get(spec, "process");
    if (rc == 0 && (!edge_json_is(process, EDGE_JSON_OBJECT) || edge_json_len(args) == 0))
        rc = edge_fail(err, EDGE_EINVALID, "%s",
                       process ? "no command to run" : "the container's spec has no process");
    if (rc < 0) {
        edge_json_free(args);
        return rc;
    }
    rc = edge_json_set(process, "args", args);
    if (rc == 0)
        rc = edge_json_set_bool(process, "terminal", false);
    return rc < 0 ? rc : print(process, ret);
}
