#include "agent/image/media.h"

#include <string.h>
#include <strings.h>

#include "common/base/attr.h"

#define OCI    "application/vnd.oci.image."
#define DOCKER "application/vnd.docker."
#define TAR    OCI "layer.v1.tar"

static const struct agent_media table[] = {
    {OCI "manifest.v1+json", AGENT_MEDIA_MANIFEST, NULL},
    {DOCKER "distribution.manifest.v2+json", AGENT_MEDIA_MANIFEST, NULL},
    {OCI "index.v1+json", AGENT_MEDIA_INDEX, NULL},
    {DOCKER "distribution.manifest.list.v2+json", AGENT_MEDIA_INDEX, NULL},
    {DOCKER "distribution.manifest.v1+json", AGENT_MEDIA_SCHEMA1, NULL},
    {DOCKER "distribution.manifest.v1+prettyjws", AGENT_MEDIA_SCHEMA1, NULL},
    {OCI "config.v1+json", AGENT_MEDIA_CONFIG, NULL},
    {DOCKER "container.image.v1+json", AGENT_MEDIA_CONFIG, NULL},
    {TAR, AGENT_MEDIA_LAYER, TAR},
    {TAR "+gzip", AGENT_MEDIA_LAYER, TAR "+gzip"},
    {TAR "+zstd", AGENT_MEDIA_LAYER, TAR "+zstd"},
    {DOCKER "image.rootfs.diff.tar", AGENT_MEDIA_LAYER, TAR},
    {DOCKER "image.rootfs.diff.tar.gzip", AGENT_MEDIA_LAYER, TAR "+gzip"},
    {DOCKER "image.rootfs.diff.tar.zstd", AGENT_MEDIA_LAYER, TAR "+zstd"},
    {DOCKER "image.rootfs.foreign.diff.tar", AGENT_MEDIA_FOREIGN, NULL},
    {DOCKER "image.rootfs.foreign.diff.tar.gzip", AGENT_MEDIA_FOREIGN, NULL},
    {OCI "layer.nondistributable.v1.tar", AGENT_MEDIA_FOREIGN, NULL},
    {OCI "layer.nondistributable.v1.tar+gzip", AGENT_MEDIA_FOREIGN, NULL},
    {OCI "layer.nondistributable.v1.tar+zstd", AGENT_MEDIA_FOREIGN, NULL},
    {TAR "+encrypted", AGENT_MEDIA_ENCRYPTED, NULL},
    {TAR "+gzip+encrypted", AGENT_MEDIA_ENCRYPTED, NULL},
    {TAR "+zstd+encrypted", AGENT_MEDIA_ENCRYPTED, NULL},
};

static const struct agent_media unknown = {"", AGENT_MEDIA_UNKNOWN, NULL};

const struct agent_media *agent_media_find(const char *name)
{
    size_t len = strcspn(name, "; \t");

    for (size_t i = 0; i < EDGE_ARRAY_LEN(table); i++) {
        if (strlen(table[i].name) == len && strncasecmp(table[i].name, name, len) == 0)
            return &table[i];
    }
    return &unknown;
}
