#include "agent/image/manifest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/image/digest.h"
#include "agent/image/media.h"

const char agent_manifest_accept[] = "application/vnd.oci.image.index.v1+json, "
                                     "application/vnd.oci.image.manifest.v1+json, "
                                     "application/vnd.docker.distribution.manifest.list.v2+json, "
                                     "application/vnd.docker.distribution.manifest.v2+json";

static void blob_fini(struct agent_manifest_blob *blob)
{
    free(blob->media_type);
    free(blob->digest);
}

struct agent_manifest *agent_manifest_free(struct agent_manifest *manifest)
{
    if (!manifest)
        return NULL;
    blob_fini(&manifest->config);
    for (size_t i = 0; i < manifest->nlayers; i++)
        blob_fini(&manifest->layers[i]);
    for (size_t i = 0; i < manifest->nentries; i++) {
        blob_fini(&manifest->entries[i].manifest);
        free(manifest->entries[i].os);
        free(manifest->entries[i].architecture);
        free(manifest->entries[i].variant);
    }
    free(manifest->layers);
    free(manifest->entries);
    free(manifest);
    return NULL;
}

static int out_of_memory(struct edge_err *err)
{
    return edge_fail(err, -ENOMEM, "no memory for a manifest");
}

static int check_digest(const char *digest, const char *what, struct edge_err *err)
{
    if (!agent_digest_valid(digest))
        return edge_fail(err, EDGE_EINVALID, "%s: \"%.90s\" is not a digest", what, digest);
    if (!agent_digest_is_sha256(digest))
        return edge_fail(err, EDGE_EUNSUPPORTED, "%s: containerd keeps sha256 digests only, not %s",
                         what, digest);
    return 0;
}

/* A descriptor's digest and size; the media type is the caller's to judge.
 * @param what  names the descriptor in texts */
static int read_blob(const struct edge_json *json, const char *what, int64_t max_size,
                     struct agent_manifest_blob *ret, struct edge_err *err)
{
    const char *digest = edge_json_str(edge_json_get(json, "digest"), "");
    const struct edge_json *size = edge_json_get(json, "size");
    int rc = check_digest(digest, what, err);

    if (rc < 0)
        return rc;
    if (!edge_json_is(size, EDGE_JSON_INT) || edge_json_int(size, -1) < 0)
        return edge_fail(err, EDGE_EINVALID, "%s %s has no proper size", what, digest);
    if (edge_json_int(size, 0) > max_size)
        return edge_fail(err, EDGE_ELIMIT, "%s %s has %lld bytes, more than the %lld allowed", what,
                         digest, (long long) edge_json_int(size, 0), (long long) max_size);
    ret->digest = edge_strdup(digest);
    ret->size = edge_json_int(size, 0);
    return ret->digest ? 0 : out_of_memory(err);
}

static int bad_layer(const char *media_type, enum agent_media_kind kind, struct edge_err *err)
{
    switch (kind) {
    case AGENT_MEDIA_FOREIGN:
        return edge_fail(err, EDGE_EUNSUPPORTED,
                         "a layer is foreign (%s): the registry does not hold it, as with Windows "
                         "base images",
                         media_type);
    case AGENT_MEDIA_ENCRYPTED:
        return edge_fail(err, EDGE_EUNSUPPORTED, "a layer is encrypted (%s)", media_type);
    default:
        return edge_fail(err, EDGE_EUNSUPPORTED,
                         "a layer is of a kind we cannot unpack: \"%.100s\"", media_type);
    }
}

static int read_layer(const struct edge_json *json, const struct agent_manifest_limits *limits,
                      struct agent_manifest_blob *ret, struct edge_err *err)
{
    const char *media_type = edge_json_str(edge_json_get(json, "mediaType"), "");
    const struct agent_media *media = agent_media_find(media_type);

    if (media->kind != AGENT_MEDIA_LAYER)
        return bad_layer(media_type, media->kind, err);
    ret->media_type = edge_strdup(media->oci);
    if (!ret->media_type)
        return out_of_memory(err);
    return read_blob(json, "layer", limits->max_layer_bytes, ret, err);
}

static int read_layers(const struct edge_json *list, const struct agent_manifest_limits *limits,
                       struct agent_manifest *manifest, struct edge_err *err)
{
    size_t count = edge_json_len(list);
    int rc = 0;

    if (!edge_json_is(list, EDGE_JSON_ARRAY))
        return edge_fail(err, EDGE_EINVALID, "the manifest has no list of layers");
    if (count > AGENT_MANIFEST_LAYERS)
        return edge_fail(err, EDGE_ELIMIT, "the manifest has %zu layers, more than the %d allowed",
                         count, AGENT_MANIFEST_LAYERS);
    manifest->layers = calloc(count + 1, sizeof *manifest->layers);
    if (!manifest->layers)
        return out_of_memory(err);
    manifest->nlayers = count;
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = read_layer(edge_json_at(list, i), limits, &manifest->layers[i], err);
    return rc;
}

static int read_image(const struct edge_json *json, const struct agent_manifest_limits *limits,
                      struct agent_manifest *manifest, struct edge_err *err)
{
    const struct edge_json *config = edge_json_get(json, "config");
    const char *media_type = edge_json_str(edge_json_get(config, "mediaType"), "");
    int rc;

    if (!edge_json_is(config, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the manifest has no config");
    if (agent_media_find(media_type)->kind != AGENT_MEDIA_CONFIG)
        return edge_fail(err, EDGE_EUNSUPPORTED,
                         "this is no container image: its config is of kind \"%.100s\"",
                         media_type);
    manifest->config.media_type = edge_strdup(media_type);
    if (!manifest->config.media_type)
        return out_of_memory(err);
    rc = read_blob(config, "config", limits->max_manifest_bytes, &manifest->config, err);
    return rc < 0 ? rc : read_layers(edge_json_get(json, "layers"), limits, manifest, err);
}

static int read_entry(const struct edge_json *json, const char *media_type,
                      const struct agent_manifest_limits *limits, struct agent_manifest_entry *ret,
                      struct edge_err *err)
{
    const struct edge_json *platform = edge_json_get(json, "platform");

    ret->os = edge_strdup(edge_json_str(edge_json_get(platform, "os"), ""));
    ret->architecture = edge_strdup(edge_json_str(edge_json_get(platform, "architecture"), ""));
    ret->variant = edge_strdup(edge_json_str(edge_json_get(platform, "variant"), ""));
    ret->manifest.media_type = edge_strdup(media_type);
    if (!ret->os || !ret->architecture || !ret->variant || !ret->manifest.media_type)
        return out_of_memory(err);
    return read_blob(json, "manifest", limits->max_manifest_bytes, &ret->manifest, err);
}

/* Entries of other kinds (nested indexes, artifacts) are passed over: they are nobody's platform.
 */
static int read_index(const struct edge_json *json, const struct agent_manifest_limits *limits,
                      struct agent_manifest *manifest, struct edge_err *err)
{
    const struct edge_json *list = edge_json_get(json, "manifests");
    size_t count = edge_json_len(list);
    int rc = 0;

    if (!edge_json_is(list, EDGE_JSON_ARRAY))
        return edge_fail(err, EDGE_EINVALID, "the image index has no list of manifests");
    if (count > AGENT_MANIFEST_ENTRIES)
        return edge_fail(err, EDGE_ELIMIT,
                         "the image index has %zu entries, more than the %d allowed", count,
                         AGENT_MANIFEST_ENTRIES);
    manifest->entries = calloc(count + 1, sizeof *manifest->entries);
    if (!manifest->entries)
        return out_of_memory(err);
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct edge_json *entry = edge_json_at(list, i);
        const char *media_type = edge_json_str(edge_json_get(entry, "mediaType"), "");

        if (agent_media_find(media_type)->kind == AGENT_MEDIA_MANIFEST)
            rc = read_entry(entry, media_type, limits, &manifest->entries[manifest->nentries++],
                            err);
    }
    return rc;
}

/* Which kind of document this is. What the registry calls it, what the document calls itself and
 * what it holds have to agree: a document that is two things at once is an attack. */
static int find_kind(const struct edge_json *json, const char *content_type,
                     const struct agent_media **ret, struct edge_err *err)
{
    const char *own = edge_json_str(edge_json_get(json, "mediaType"), "");
    const struct agent_media *media = agent_media_find(own);
    const struct agent_media *served = agent_media_find(content_type ? content_type : "");

    if (!*own && served->kind != AGENT_MEDIA_UNKNOWN)
        media = served;
    if (!*own && media->kind == AGENT_MEDIA_UNKNOWN && edge_json_has(json, "layers"))
        media = agent_media_find("application/vnd.oci.image.manifest.v1+json");
    if (!*own && media->kind == AGENT_MEDIA_UNKNOWN && edge_json_has(json, "manifests"))
        media = agent_media_find("application/vnd.oci.image.index.v1+json");
    if (served->kind != AGENT_MEDIA_UNKNOWN && served->kind != media->kind)
        return edge_fail(err, EDGE_EINVALID,
                         "the registry serves as %s what calls itself \"%.100s\"", served->name,
                         own);
    if (edge_json_has(json, "manifests") && edge_json_has(json, "layers"))
        return edge_fail(err, EDGE_EINVALID, "the manifest is an index as well");
    *ret = media;
    return 0;
}

static int read_document(const struct edge_json *json, const char *content_type,
                         const struct agent_manifest_limits *limits,
                         struct agent_manifest *manifest, struct edge_err *err)
{
    const struct agent_media *media = agent_media_find("");
    int rc;

    if (!edge_json_is(json, EDGE_JSON_OBJECT))
        return edge_fail(err, EDGE_EINVALID, "the manifest is no JSON object");
    rc = find_kind(json, content_type, &media, err);
    if (rc < 0)
        return rc;
    if (media->kind == AGENT_MEDIA_SCHEMA1 ||
        edge_json_int(edge_json_get(json, "schemaVersion"), 0) == 1)
        return edge_fail(err, EDGE_EUNSUPPORTED,
                         "the manifest is of Docker's old schema 1: push the image again with a "
                         "current tool");
    manifest->media_type = media->name;
    manifest->is_index = media->kind == AGENT_MEDIA_INDEX;
    if (media->kind == AGENT_MEDIA_MANIFEST)
        return read_image(json, limits, manifest, err);
    if (media->kind == AGENT_MEDIA_INDEX)
        return read_index(json, limits, manifest, err);
    return edge_fail(err, EDGE_EUNSUPPORTED, "this is no image manifest, but \"%.100s\"",
                     edge_json_str(edge_json_get(json, "mediaType"), "something else"));
}

int agent_manifest_parse(struct edge_bytes text, const char *content_type,
                         const struct agent_manifest_limits *limits, struct agent_manifest **ret,
                         struct edge_err *err)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *manifest = calloc(1, sizeof *manifest);
    EDGE_CLEANUP(edge_json_free) struct edge_json *json = NULL;
    int rc;

    if (!manifest)
        return out_of_memory(err);
    if (text.len > (size_t) limits->max_manifest_bytes)
        return edge_fail(err, EDGE_ELIMIT, "the manifest has %zu bytes, more than the %lld allowed",
                         text.len, (long long) limits->max_manifest_bytes);
    rc = edge_json_parse((const char *) text.data, text.len, &json, err);
    if (rc < 0)
        return edge_wrap(err, rc, "manifest");
    rc = read_document(json, content_type, limits, manifest, err);
    if (rc < 0)
        return rc;
    *ret = EDGE_TAKE(manifest);
    return 0;
}
