/* The image config: which layers make the file system, and what to run in it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/image/digest.h"
#include "agent/image/manifest.h"

void agent_image_config_fini(struct agent_image_config *config)
{
    for (size_t i = 0; i < config->ndiff_ids; i++)
        free(config->diff_ids[i]);
    free(config->diff_ids);
    edge_json_free(config->config);
    *config = (struct agent_image_config){0};
}

static int check_platform(const struct edge_json *json, const struct agent_platform *host,
                          struct edge_err *err)
{
    const struct agent_platform image = {
        .os = edge_json_str(edge_json_get(json, "os"), ""),
        .architecture = edge_json_str(edge_json_get(json, "architecture"), ""),
        .variant = edge_json_str(edge_json_get(json, "variant"), ""),
    };

    if (!*image.architecture || agent_platform_rank(host, &image) >= 0)
        return 0;
    return edge_fail(err, EDGE_EUNSUPPORTED,
                     "the image is built for %.30s/%.30s%s%.30s, this is %s/%s%s%s", image.os,
                     image.architecture, *image.variant ? "/" : "", image.variant, host->os,
                     host->architecture, *host->variant ? "/" : "", host->variant);
}

static int read_diff_ids(const struct edge_json *list, size_t nlayers,
                         struct agent_image_config *config, struct edge_err *err)
{
    size_t count = edge_json_len(list);

    if (count != nlayers)
        return edge_fail(err, EDGE_EINVALID,
                         "the image's config names %zu layers, its manifest has %zu", count,
                         nlayers);
    config->diff_ids = calloc(count + 1, sizeof *config->diff_ids);
    if (!config->diff_ids)
        return edge_fail(err, -ENOMEM, "no memory for an image config");
    for (; config->ndiff_ids < count; config->ndiff_ids++) {
        const char *id = edge_json_str(edge_json_at(list, config->ndiff_ids), "");

        if (!agent_digest_is_sha256(id))
            return edge_fail(err, EDGE_EINVALID, "the image's config has a diff id \"%.90s\"", id);
        config->diff_ids[config->ndiff_ids] = edge_strdup(id);
        if (!config->diff_ids[config->ndiff_ids])
            return edge_fail(err, -ENOMEM, "no memory for an image config");
    }
    return 0;
}

static int read_config(const struct edge_json *json, size_t nlayers,
                       const struct agent_platform *host, struct agent_image_config *config,
                       struct edge_err *err)
{
    const struct edge_json *rootfs = edge_json_get(json, "rootfs");
    const struct edge_json *inner = edge_json_get(json, "config");
    int rc;

    if (!edge_json_is(json, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the image's config is no JSON object");
    rc = check_platform(json, host, err);
    if (rc < 0)
        return rc;
    if (nlayers > 0 && strcmp(edge_json_str(edge_json_get(rootfs, "type"), ""), "layers") != 0)
        return edge_fail(err, EDGE_EINVALID, "the image's config does not say rootfs.type layers");
    rc = read_diff_ids(edge_json_get(rootfs, "diff_ids"), nlayers, config, err);
    if (rc < 0)
        return rc;
    config->config =
        edge_json_is(inner, EDGE_JSON_OBJECT) ? edge_json_copy(inner) : edge_json_new_object();
    return config->config ? 0 : edge_fail(err, -ENOMEM, "no memory for an image config");
}

int agent_image_config_parse(struct edge_bytes text, size_t nlayers,
                             const struct agent_platform *host, struct agent_image_config *ret,
                             struct edge_err *err)
{
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    struct agent_image_config config = {0};
    int rc = edge_json_parse((const char *) text.data, text.len, &json, err);

    if (rc < 0)
        return edge_wrap(err, rc, "image config");
    rc = read_config(json, nlayers, host, &config, err);
    if (rc < 0) {
        agent_image_config_fini(&config);
        return rc;
    }
    *ret = config;
    return 0;
}

void agent_image_config_chain(const struct agent_image_config *config, size_t n,
                              char chain[AGENT_DIGEST_TEXT])
{
    chain[0] = '\0';
    for (size_t i = 0; i < n && i < config->ndiff_ids; i++) {
        char next[AGENT_DIGEST_TEXT];

        agent_chain_next(chain, config->diff_ids[i], next);
        memcpy(chain, next, sizeof next);
    }
}
