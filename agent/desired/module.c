#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "agent/desired/reader.h"

int desired_check_module_name(const struct desired_reader *r, const char *name)
{
    const struct desired_reader nobody = {.err = r->err};
    size_t len = strlen(name);

    if (len == 0 || len > DESIRED_MAX_NAME)
        return desired_bad(&nobody, "modules", "the name \"%.40s\" must have 1 to %d characters",
                           name, DESIRED_MAX_NAME);
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char) name[i]) && !strchr("-:.+%_#*?!(),=@;$'", name[i]))
            return desired_bad(&nobody, "modules",
                               "the name \"%.128s\" holds a character that IoT Hub does not allow",
                               name);
    }
    return 0;
}

static int check_type(const struct desired_reader *r, const struct edge_json *module)
{
    EDGE_CLEANUP(edge_free) char *type = NULL;
    int rc = desired_take_text(r, module, "type", "type", NULL, &type);

    if (rc == 0 && strcasecmp(type, "docker") != 0)
        rc = desired_bad(r, "type", "must be \"docker\", not \"%.40s\"", type);
    return rc;
}

int desired_take_order(const struct desired_reader *r, const struct edge_json *module,
                       uint32_t *ret)
{
    const struct edge_json *value = edge_json_get_nocase(module, "startupOrder");
    int64_t number = 0;

    *ret = AGENT_STARTUP_LAST;
    if (!desired_has(module, "startupOrder"))
        return 0;
    if (edge_json_loose_int(value, &number) < 0 || number < 0 || number > UINT32_MAX)
        return desired_bad(r, "startupOrder", "must be a whole number from 0 to %u", UINT32_MAX);
    *ret = (uint32_t) number;
    return 0;
}

static int take_settings(const struct desired_reader *r, const struct edge_json *module,
                         struct agent_module_spec *spec)
{
    struct edge_json *settings = NULL;
    int rc = desired_take_object(r, module, "settings", "settings", true, &settings);

    if (rc == 0)
        rc = desired_take_image(r, settings, "settings.image", &spec->image);
    if (rc == 0)
        rc = desired_take_text(r, settings, "digest", "settings.digest", "", &spec->digest);
    return rc < 0 ? rc : desired_take_options(r, settings, &spec->create_options);
}

static int take_words(const struct desired_reader *r, const struct edge_json *module,
                      struct agent_module_spec *spec)
{
    bool hub = spec->kind == AGENT_MODULE_EDGE_HUB;
    int want = 0;
    int policy = 0;
    int pull = 0;
    int rc = desired_take_word(r, module, "status", &desired_wants, -1, &want);

    if (rc == 0)
        rc = desired_take_word(r, module, "restartPolicy", &desired_policies,
                               hub ? AGENT_POLICY_ALWAYS : AGENT_POLICY_ON_UNHEALTHY, &policy);
    if (rc == 0)
        rc = desired_take_word(r, module, "imagePullPolicy", &desired_pull_policies,
                               AGENT_PULL_ON_CREATE, &pull);
    spec->want = (enum agent_want) want;
    spec->policy = (enum agent_policy) policy;
    spec->pull = (enum agent_pull_policy) pull;
    return rc;
}

int desired_take_module(const struct desired_reader *r, const struct edge_json *module,
                        struct agent_module_spec *spec)
{
    int rc;

    if (!edge_json_is(module, EDGE_JSON_OBJECT))
        return desired_bad(r, "the module", "must be an object, not %s",
                           edge_json_kind_name(edge_json_kind(module)));
    rc = check_type(r, module);
    if (rc == 0)
        rc = take_words(r, module, spec);
    if (rc == 0)
        rc = desired_take_order(r, module, &spec->startup_order);
    if (rc == 0 && spec->kind == AGENT_MODULE_EDGE_HUB)
        rc = (spec->version = edge_strdup("")) ? 0 : -ENOMEM; /* not compared for edgeHub */
    else if (rc == 0)
        rc = desired_take_text(r, module, "version", "version", "", &spec->version);
    if (rc == 0)
        rc = desired_take_env(r, module, false, spec);
    return rc < 0 ? rc : take_settings(r, module, spec);
}
