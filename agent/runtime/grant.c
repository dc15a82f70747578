#include "agent/runtime/grant.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "common/base/bytes.h"

#define API_VERSION "2022-08-03"

void agent_grant_fini(struct agent_grant *grant)
{
    free(grant->hub);
    free(grant->device);
    free(grant->module);
    free(grant->generation);
    free(grant->workload);
    *grant = (struct agent_grant){0};
}

int agent_grant_copy(const struct agent_grant *from, struct agent_grant *ret)
{
    struct agent_grant copy = {
        .hub = edge_strdup(from->hub),
        .device = edge_strdup(from->device),
        .module = edge_strdup(from->module),
        .generation = edge_strdup(from->generation),
        .workload = edge_strdup(from->workload),
    };

    if (!copy.hub || !copy.device || !copy.module || !copy.generation || !copy.workload) {
        agent_grant_fini(&copy);
        return -ENOMEM;
    }
    *ret = copy;
    return 0;
}

const char *agent_grant_module_id(const char *name, char id[130])
{
    (void) snprintf(id, 130, "%s%s", strcmp(name, "edgeHub") == 0 ? "$" : "", name);
    return id;
}

char *agent_grant_text(const struct agent_grant *grant)
{
    return edge_format("%s/devices/%s/modules/%s/%s", grant->hub, grant->device, grant->module,
                       grant->generation);
}

bool agent_grant_fits(const struct agent_grant *grant, const char *label)
{
    EDGE_CLEANUP(edge_free) char *text = grant ? agent_grant_text(grant) : NULL;

    if (!text)
        return true;
    return label && strcmp(label, text) == 0;
}

/* ---- environment ---- */

char **agent_strv_free(char **list)
{
    for (char **at = list; at && *at; at++)
        free(*at);
    free(list);
    return NULL;
}

struct injected {
    const char *name;
    const char *value; /* NULL: not for this module */
    bool yields;       /* the module's own wins */
};

enum { INJECTED_MAX = 12 };

static size_t list_injected(const struct agent_module_spec *spec, const struct agent_grant *grant,
                            const struct agent_surroundings *around,
                            struct injected list[INJECTED_MAX])
{
    bool system = spec->kind != AGENT_MODULE_USER;
    const char *gateway = system ? around->parent : around->hostname;
    const struct injected all[] = {
        {"IOTEDGE_WORKLOADURI", "unix://" AGENT_WORKLOAD_TARGET "/workload.sock", false},
        {"IOTEDGE_AUTHSCHEME", "sasToken", false},
        {"IOTEDGE_MODULEGENERATIONID", grant->generation, false},
        {"IOTEDGE_IOTHUBHOSTNAME", grant->hub, false},
        {"IOTEDGE_DEVICEID", grant->device, false},
        {"IOTEDGE_MODULEID", grant->module, false},
        {"IOTEDGE_GATEWAYHOSTNAME", gateway, false},
        {"IOTEDGE_PARENTHOSTNAME", system ? NULL : around->parent, false},
        {"IOTEDGE_APIVERSION", API_VERSION, false},
        {"EdgeDeviceHostName", system ? around->hostname : NULL, false},
        {"RuntimeLogLevel", around->log_level, true},
        {"UpstreamProtocol", around->upstream, true},
    };
    size_t n = 0;

    _Static_assert(EDGE_ARRAY_LEN(all) == INJECTED_MAX, "room for all of them");
    for (size_t i = 0; i < EDGE_ARRAY_LEN(all); i++) {
        if (all[i].value)
            list[n++] = all[i];
    }
    return n;
}

static bool has_nocase(const struct agent_module_spec *spec, const char *name)
{
    for (size_t i = 0; i < spec->nenv; i++) {
        if (strcasecmp(spec->env[i].name, name) == 0)
            return true;
    }
    return false;
}

char **agent_grant_env(const struct agent_module_spec *spec, const struct agent_grant *grant,
                       const struct agent_surroundings *around)
{
    EDGE_CLEANUP(agent_strv_free)
    char **env = calloc(spec->nenv + INJECTED_MAX + 1, sizeof *env);
    struct injected list[INJECTED_MAX];
    size_t len = grant ? list_injected(spec, grant, around, list) : 0;
    size_t n = 0;

    for (size_t i = 0; env && i < spec->nenv; i++) {
        env[n] = edge_format("%s=%s", spec->env[i].name, spec->env[i].value);
        if (!env[n++])
            return NULL;
    }
    for (size_t i = 0; env && i < len; i++) {
        if (list[i].yields && has_nocase(spec, list[i].name))
            continue;
        env[n] = edge_format("%s=%s", list[i].name, list[i].value);
        if (!env[n++])
            return NULL;
    }
    return EDGE_TAKE(env);
}

const char *agent_grant_hides(const struct agent_module_spec *spec,
                              const struct agent_surroundings *around)
{
    static char any[] = "-";
    const struct agent_grant grant = {any, any, any, any, any};
    struct injected list[INJECTED_MAX];
    size_t len = list_injected(spec, &grant, around, list);

    for (size_t i = 0; i < spec->nenv; i++) {
        for (size_t j = 0; j < len; j++) {
            if (!list[j].yields && strcmp(list[j].name, spec->env[i].name) == 0)
                return spec->env[i].name;
        }
    }
    return NULL;
}
