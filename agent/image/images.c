#include "agent/image/images.h"

#include <errno.h>
#include <stdlib.h>

#include "agent/image/internal.h"

enum { MANIFEST_MAX = 4 << 20 };
#define LAYER_MAX (INT64_C(64) << 30)

struct agent_image *agent_image_free(struct agent_image *image)
{
    if (!image)
        return NULL;
    free(image->name);
    free(image->digest);
    free(image->config_digest);
    free(image->chain_id);
    edge_json_free(image->config);
    free(image);
    return NULL;
}

static void free_registry(const struct agent_registry *registry)
{
    free((void *) (uintptr_t) registry->host);
    free((void *) (uintptr_t) registry->ca);
    free((void *) (uintptr_t) registry->mirror);
    free((void *) (uintptr_t) registry->username);
    free((void *) (uintptr_t) registry->password);
}

struct agent_images *agent_images_close(struct agent_images *images)
{
    if (!images)
        return NULL;
    for (size_t i = 0; i < images->config.nregistries; i++)
        free_registry(&images->registries[i]);
    free(images->registries);
    free((void *) (uintptr_t) images->config.upstream);
    agent_flights_fini(&images->flights);
    free(images);
    return NULL;
}
EDGE_DEFINE_CLEANUP(struct agent_images *, agent_images_close)

static int copy_text(const char *from, const char **to)
{
    *to = edge_strdup(from);
    return from && !*to ? -ENOMEM : 0;
}

static int copy_registry(const struct agent_registry *from, struct agent_registry *to)
{
    to->plain_http = from->plain_http;
    return copy_text(from->host, &to->host) < 0 || copy_text(from->ca, &to->ca) < 0 ||
                   copy_text(from->mirror, &to->mirror) < 0 ||
                   copy_text(from->username, &to->username) < 0 ||
                   copy_text(from->password, &to->password) < 0
               ? -ENOMEM
               : 0;
}

static int check_registry(const struct agent_registry *registry, struct edge_err *err)
{
    if (!registry->host || !*registry->host)
        return edge_fail(err, EDGE_EINVALID, "a registry without a host");
    if (registry->mirror && strstr(registry->mirror, "://"))
        return edge_fail(err, EDGE_EINVALID,
                         "mirror of registry %s is written host[:port][/prefix], without a scheme; "
                         "plain_http and ca go to an entry of its own under registries",
                         registry->host);
    return 0;
}

static int copy_registries(struct agent_images *images, const struct agent_images_config *config,
                           struct edge_err *err)
{
    images->registries = calloc(config->nregistries + 1, sizeof *images->registries);
    images->config.registries = images->registries;
    if (!images->registries)
        return edge_fail(err, -ENOMEM, "no memory for registries");
    for (size_t i = 0; i < config->nregistries; i++) {
        int rc = check_registry(&config->registries[i], err);

        if (rc < 0)
            return rc;
        images->config.nregistries++;
        if (copy_registry(&config->registries[i], &images->registries[i]) < 0)
            return edge_fail(err, -ENOMEM, "no memory for registries");
    }
    return 0;
}

int agent_images_open(struct agent_ctrd *ctrd, const struct agent_images_config *config,
                      struct agent_images **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_images_close) struct agent_images *images = calloc(1, sizeof *images);
    int rc;

    if (!images)
        return edge_fail(err, -ENOMEM, "no memory for images");
    agent_flights_init(&images->flights);
    images->ctrd = ctrd;
    images->host = agent_platform_here();
    images->config.parallel_layers = config->parallel_layers;
    images->limits.max_layer_bytes =
        config->max_layer_bytes > 0 ? config->max_layer_bytes : LAYER_MAX;
    images->limits.max_manifest_bytes =
        config->max_manifest_bytes > 0 ? config->max_manifest_bytes : MANIFEST_MAX;
    rc = copy_registries(images, config, err);
    if (rc == 0 && copy_text(config->upstream, &images->config.upstream) < 0)
        rc = edge_fail(err, -ENOMEM, "no memory for images");
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(images);
    return 0;
}

int agent_images_find(struct agent_images *images, const char *image, struct edge_cancel *cancel,
                      struct agent_image **ret, struct edge_err *err)
{
    struct agent_reference ref = {0};
    int rc = agent_reference_parse(image, images->config.upstream, &ref, err);

    if (rc < 0)
        return rc;
    rc = agent_store_find(images, ref.name, cancel, ret, err);
    agent_reference_fini(&ref);
    return rc;
}

int agent_images_sweep(struct agent_images *images, int keep_s, struct edge_err *err)
{
    return agent_lease_sweep(images, keep_s, err);
}
