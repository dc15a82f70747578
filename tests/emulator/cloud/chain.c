#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/emulator/cloud/internal.h"

enum { EDGES_MAX = 5 };

bool cloud_in_scope(const struct edge_json *device, const char *scope)
{
    const struct edge_json *parents = edge_json_get(device, "parentScopes");

    if (!*scope)
        return false;
    if (strcmp(edge_json_str(edge_json_get(device, "deviceScope"), ""), scope) == 0)
        return true;
    for (size_t i = 0; i < edge_json_len(parents); i++) {
        if (strcmp(edge_json_str(edge_json_at(parents, i), ""), scope) == 0)
            return true;
    }
    return false;
}

static int load_enabled(struct cloud *cloud, const char *device, struct edge_json **ret,
                        struct edge_err *err)
{
    int rc = cloud_identity_load(cloud, device, "", ret, err);

    if (rc == 0 && strcmp(edge_json_str(edge_json_get(*ret, "status"), ""), "enabled") != 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "device %s is disabled", device);
    return rc;
}

/* The next edge of the chain: it takes the place of @p below, which must be in its scope. */
static int climb(struct cloud *cloud, const char *edge, struct edge_json **below,
                 struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *above = NULL;
    int rc = load_enabled(cloud, edge, &above, err);

    if (rc != 0)
        return rc;
    if (!cloud_identity_is_edge(above))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "%s is no edge device", edge);
    if (!cloud_in_scope(*below, edge_json_str(edge_json_get(above, "deviceScope"), "")))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "%s is not in the scope of %s",
                            edge_json_str(edge_json_get(*below, "deviceId"), ""), edge);
    edge_json_free(*below);
    *below = EDGE_TAKE(above);
    return 0;
}

/* The one who is spoken for, the first of the chain. */
static int begin(struct cloud *cloud, const char *target, struct edge_identity *ret,
                 struct edge_json **ret_device, struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *module = NULL;
    int rc;

    if (!target || edge_identity_parse(target, strlen(target), ret) < 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the auth-chain names nobody");
    rc = load_enabled(cloud, ret->device, ret_device, err);
    if (rc == 0 && *ret->module)
        rc = cloud_identity_load(cloud, ret->device, ret->module, &module, err);
    return rc;
}

int cloud_chain(struct cloud *cloud, const char *chain, struct edge_identity *ret_target,
                struct edge_identity *ret_actor, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *text = edge_strdup(chain);
    EDGE_CLEANUP(edge_json_free) struct edge_json *device = NULL;
    char *rest = text;
    const char *edge;
    int rc, n = 0;

    if (!text)
        return -ENOMEM;
    *ret_actor = (struct edge_identity){.module = "$edgeHub"};
    rc = begin(cloud, strsep(&rest, ";"), ret_target, &device, err);
    while (rc == 0 && (edge = strsep(&rest, ";")) != NULL) {
        if (++n > EDGES_MAX || strlen(edge) > EDGE_ID_MAX)
            return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the auth-chain is too long");
        rc = climb(cloud, edge, &device, err);
        snprintf(ret_actor->device, sizeof ret_actor->device, "%s", edge);
    }
    if (rc == 0 && n == 0)
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the auth-chain names no edge");
    return rc;
}

int cloud_prove_chain(struct cloud *cloud, const struct hub_claim *claim, int64_t *ret_until_s,
                      struct edge_err *err)
{
    struct edge_identity target, actor;
    int rc = cloud_chain(cloud, claim->auth_chain, &target, &actor, err);

    if (rc != 0)
        return rc;
    if (!edge_identity_equal(&target, &claim->who))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the auth-chain is somebody else's");
    return cloud_prove(cloud, claim->token, claim->certificate, &actor, ret_until_s, err);
}

int cloud_scope_chain(struct cloud *cloud, const char *chain, const char *actor,
                      struct edge_identity *ret, struct edge_err *err)
{
    struct edge_identity last;
    int rc;

    if (!strchr(chain, ';')) { /* of itself */
        EDGE_CLEANUP(edge_json_free) struct edge_json *device = NULL;

        rc = begin(cloud, chain, ret, &device, err);
        last = *ret;
    } else {
        rc = cloud_chain(cloud, chain, ret, &last, err);
    }
    if (rc == 0 && (*ret->module || strcmp(last.device, actor) != 0))
        return cloud_refuse(err, CLOUD_UNAUTHORIZED, "the auth-chain does not lead to %s", actor);
    return rc;
}
