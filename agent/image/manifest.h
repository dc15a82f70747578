/* agent/image/manifest.h - what registries serve about an image: manifests, indexes and configs of
 * Docker schema 2 and OCI. Pure; any thread. Input is hostile: every length, count, digest and
 * media type is checked here, and nowhere else. */
#ifndef AGENT_IMAGE_MANIFEST_H
#define AGENT_IMAGE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/image/digest.h"
#include "agent/image/platform.h"
#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/json/json.h"

enum { AGENT_MANIFEST_LAYERS = 127, AGENT_MANIFEST_ENTRIES = 512 };

/** What to ask registries for. */
extern const char agent_manifest_accept[];

struct agent_manifest_blob {
    char *media_type; /* layers: always the OCI spelling, which containerd reads in every version */
    char *digest;     /* sha256:… */
    int64_t size;
};

struct agent_manifest_entry {
    struct agent_manifest_blob manifest;
    char *os; /* "" when not said */
    char *architecture;
    char *variant;
};

struct agent_manifest {
    bool is_index;
    const char *media_type; /* static */
    struct agent_manifest_blob config;
    struct agent_manifest_blob *layers;
    size_t nlayers;
    struct agent_manifest_entry *entries; /* of an index: manifests only */
    size_t nentries;
};
struct agent_manifest *agent_manifest_free(struct agent_manifest *manifest);
EDGE_DEFINE_CLEANUP(struct agent_manifest *, agent_manifest_free)

struct agent_manifest_limits {
    int64_t max_layer_bytes;
    int64_t max_manifest_bytes; /* also of configs */
};

/**
 * Read a manifest or an index.
 * @param content_type  what the registry called it, or NULL; must agree with the document
 * @return 0, EDGE_EINVALID, EDGE_ELIMIT, EDGE_EUNSUPPORTED (schema 1, layers that are foreign,
 * encrypted or of unknown kind, not a container image), -ENOMEM
 */
EDGE_MUST_CHECK int agent_manifest_parse(struct edge_bytes text, const char *content_type,
                                         const struct agent_manifest_limits *limits,
                                         struct agent_manifest **ret, struct edge_err *err);

/** The entry of an index that runs best here. Borrowed.
 * @return 0 or EDGE_EUNSUPPORTED with a text that lists what there is */
EDGE_MUST_CHECK int agent_manifest_choose(const struct agent_manifest *index,
                                          const struct agent_platform *host,
                                          const struct agent_manifest_blob **ret,
                                          struct edge_err *err);

/** An image's config as far as we use it. */
struct agent_image_config {
    char **diff_ids; /* nlayers of them */
    size_t ndiff_ids;
    struct edge_json *config; /* its `config` object; empty when it has none */
};
void agent_image_config_fini(struct agent_image_config *config);

/** @return 0, EDGE_EINVALID (also when it has not @p nlayers diff ids), EDGE_EUNSUPPORTED for
 * another platform, EDGE_ELIMIT, -ENOMEM */
EDGE_MUST_CHECK int agent_image_config_parse(struct edge_bytes text, size_t nlayers,
                                             const struct agent_platform *host,
                                             struct agent_image_config *ret, struct edge_err *err);

/** Snapshot name of the first @p n layers. "" when @p n is 0. */
void agent_image_config_chain(const struct agent_image_config *config, size_t n,
                              char chain[AGENT_DIGEST_TEXT]);

#endif
