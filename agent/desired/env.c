#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/desired/reader.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct agent_env *) a)->name, ((const struct agent_env *) b)->name);
}

/* The document has {"NAME": {"value": "x"}}, a spec's text (flat) {"NAME": "x"}. */
static int take_value(const struct desired_reader *r, const struct edge_json *entry,
                      const char *path, bool flat, char **ret)
{
    int rc;

    if (!flat && !edge_json_is(entry, EDGE_JSON_OBJECT))
        return desired_bad(r, path, "must be an object such as {\"value\": \"text\"}, not %s",
                           edge_json_kind_name(edge_json_kind(entry)));
    if (!flat)
        return desired_take_text(r, entry, "value", path, "", ret);
    rc = edge_json_loose_str(entry, ret);
    return rc == EDGE_EINVALID ? desired_bad(r, path, "must be a text") : rc;
}

static int take_one(const struct desired_reader *r, const char *name, const struct edge_json *entry,
                    bool flat, struct agent_env *ret)
{
    char path[100];
    int rc;

    (void) snprintf(path, sizeof path, "env.%.80s", name);
    if (!*name || strchr(name, '='))
        return desired_bad(r, path, "the name of a variable must be a text without \"=\"");
    ret->name = edge_strdup(name);
    if (!ret->name)
        return -ENOMEM;
    rc = take_value(r, entry, path, flat, &ret->value);
    if (rc == 0 && strlen(name) + strlen(ret->value) + 2 > DESIRED_MAX_VALUE)
        rc = desired_bad(r, path, "is longer than %d bytes", DESIRED_MAX_VALUE);
    return rc;
}

int desired_take_env(const struct desired_reader *r, const struct edge_json *module, bool flat,
                     struct agent_module_spec *spec)
{
    struct edge_json *map = NULL;
    int rc = desired_take_object(r, module, "env", "env", false, &map);

    if (rc < 0)
        return rc;
    if (edge_json_len(map) > DESIRED_MAX_ENV) {
        edge_fail(r->err, EDGE_ELIMIT, "more than %d variables", DESIRED_MAX_ENV);
        return desired_wrap(r, EDGE_ELIMIT, "env");
    }
    spec->env = calloc(edge_json_len(map) + 1, sizeof *spec->env);
    if (!spec->env)
        return -ENOMEM;
    for (edge_json_foreach (it, map)) {
        if (!it.value)
            continue; /* null: removed */
        rc = take_one(r, it.name, it.value, flat, &spec->env[spec->nenv++]);
        if (rc < 0)
            return rc;
    }
    qsort(spec->env, spec->nenv, sizeof *spec->env, by_name);
    return 0;
}
