/* What containerd's stores hold about images. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "agent/image/internal.h"

#define GC_CONTENT  "containerd.io/gc.ref.content."
#define GC_SNAPSHOT "containerd.io/gc.ref.snapshot."

void agent_root_fini(struct agent_root *root)
{
    edge_buf_fini(&root->text);
}

int agent_store_read(struct agent_images *images, struct edge_cancel *cancel, const char *digest,
                     struct edge_buf *text, struct edge_err *err)
{
    const struct agent_ctrd_call call = {.cancel = cancel};
    int rc;

    edge_buf_init(text, (size_t) images->limits.max_manifest_bytes);
    rc = agent_ctrd_blob_read(images->ctrd, &call, digest, text, err);
    if (rc < 0)
        edge_buf_fini(text);
    return rc;
}

static struct edge_bytes bytes_of(const struct edge_buf *buf)
{
    return (struct edge_bytes){(const uint8_t *) (buf->data ? buf->data : ""), buf->len};
}

static int load_manifest(struct agent_images *images, struct edge_cancel *cancel,
                         const char *digest, struct agent_manifest **ret, struct edge_err *err)
{
    struct edge_buf text;
    int rc = agent_store_read(images, cancel, digest, &text, err);

    if (rc < 0)
        return rc;
    rc = agent_manifest_parse(bytes_of(&text), NULL, &images->limits, ret, err);
    edge_buf_fini(&text);
    return rc;
}

/* The manifest that @p digest, an index or a manifest, means on this platform. */
static int load_chosen(struct agent_images *images, struct edge_cancel *cancel, const char *digest,
                       struct agent_image *image, struct agent_manifest **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *root = NULL;
    const struct agent_manifest_blob *chosen = NULL;
    int rc = load_manifest(images, cancel, digest, &root, err);

    if (rc == 0 && !root->is_index) {
        image->digest = edge_strdup(digest);
        *ret = EDGE_TAKE(root);
        return image->digest ? 0 : -ENOMEM;
    }
    if (rc == 0)
        rc = agent_manifest_choose(root, &images->host, &chosen, err);
    if (rc < 0)
        return rc;
    assert(chosen);
    image->digest = edge_strdup(chosen->digest);
    return image->digest ? load_manifest(images, cancel, chosen->digest, ret, err) : -ENOMEM;
}

static int load_config(struct agent_images *images, struct edge_cancel *cancel,
                       const struct agent_manifest *manifest, struct agent_image *image,
                       struct edge_err *err)
{
    char chain[AGENT_DIGEST_TEXT];
    struct agent_image_config config = {0};
    struct edge_buf text;
    int rc = agent_store_read(images, cancel, manifest->config.digest, &text, err);

    if (rc < 0)
        return rc;
    rc = agent_image_config_parse(bytes_of(&text), manifest->nlayers, &images->host, &config, err);
    edge_buf_fini(&text);
    if (rc < 0)
        return rc;
    agent_image_config_chain(&config, config.ndiff_ids, chain);
    image->chain_id = edge_strdup(chain);
    image->config_digest = edge_strdup(manifest->config.digest);
    image->config = EDGE_TAKE(config.config);
    agent_image_config_fini(&config);
    return image->chain_id && image->config_digest ? 0 : -ENOMEM;
}

static int check_snapshot(struct agent_images *images, struct edge_cancel *cancel,
                          const char *chain, struct edge_err *err)
{
    const struct agent_ctrd_call call = {.cancel = cancel};
    const char *snapshotter = NULL;
    int rc;

    if (!*chain)
        return 0;
    rc = agent_ctrd_snapshotter(images->ctrd, &call, &snapshotter, err);
    return rc < 0 ? rc : agent_ctrd_snapshot_stat(images->ctrd, &call, snapshotter, chain, err);
}

/* Is the record's target what the name promises, when the name has a digest in it? */
static int check_target(const char *name, const char *digest, struct edge_err *err)
{
    const char *at = strchr(name, '@');

    if (!at || strcmp(at + 1, digest) == 0)
        return 0;
    return edge_fail(err, -ENOENT, "record %s points to %s", name, digest);
}

static int load(struct agent_images *images, const struct agent_ctrd_image *record,
                struct edge_cancel *cancel, struct agent_image *image, struct edge_err *err)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *manifest = NULL;
    int rc = check_target(record->name, record->digest, err);

    if (rc == 0)
        rc = load_chosen(images, cancel, record->digest, image, &manifest, err);
    if (rc == 0)
        rc = load_config(images, cancel, manifest, image, err);
    if (rc == 0)
        rc = check_snapshot(images, cancel, image->chain_id, err);
    return rc;
}

int agent_store_find(struct agent_images *images, const char *name, struct edge_cancel *cancel,
                     struct agent_image **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_image_free) struct agent_image *image = calloc(1, sizeof *image);
    const struct agent_ctrd_call call = {.cancel = cancel};
    struct agent_ctrd_image record = {0};
    int rc;

    if (!image)
        return edge_fail(err, -ENOMEM, "no memory for image %s", name);
    rc = agent_ctrd_image_get(images->ctrd, &call, name, &record, err);
    if (rc < 0)
        return rc == -ENOENT ? edge_fail(err, rc, "image %s is not on this device", name) : rc;
    image->name = edge_strdup(name);
    rc = image->name ? load(images, &record, cancel, image, err) : -ENOMEM;
    agent_ctrd_image_fini(&record);
    if (rc == -ENOMEM)
        return edge_fail(err, rc, "no memory for image %s", name);
    if (rc < 0)
        return edge_wrap(err, rc, "image %s is not complete on this device", name);
    *ret = EDGE_TAKE(image);
    return 0;
}

int agent_store_put(struct agent_run *run, const struct agent_root *root, struct edge_err *err)
{
    EDGE_CLEANUP(agent_ctrd_ingest_close) struct agent_ctrd_ingest *ingest = NULL;
    int64_t offset = 0;
    int rc = agent_ingest_open(run, &root->descriptor, &ingest, &offset, err);

    if (rc < 0)
        return rc;
    if (rc == AGENT_CTRD_BLOB_EXISTS)
        return 0;
    if (offset > 0)
        rc = agent_ctrd_ingest_truncate(ingest, err);
    if (rc == 0)
        rc = agent_ctrd_ingest_write(ingest, bytes_of(&root->text), err);
    return rc < 0 ? rc : agent_ctrd_ingest_commit(ingest, err);
}

static int put_labels(struct agent_run *run, const char *digest,
                      const struct agent_ctrd_label *labels, size_t n, struct edge_err *err)
{
    const struct agent_ctrd_call call = agent_run_call(run, 0);

    return agent_ctrd_blob_label(run->images->ctrd, &call, digest, labels, n, err);
}

int agent_store_label_index(struct agent_run *run, const char *index, const char *child,
                            struct edge_err *err)
{
    const struct agent_ctrd_label label = {GC_CONTENT "m.0", child};

    return put_labels(run, index, &label, 1, err);
}

int agent_store_label_manifest(struct agent_run *run, const char *digest,
                               const struct agent_manifest *manifest, struct edge_err *err)
{
    struct agent_ctrd_label labels[AGENT_MANIFEST_LAYERS + 1];
    char keys[AGENT_MANIFEST_LAYERS][40];

    labels[0] = (struct agent_ctrd_label){GC_CONTENT "config", manifest->config.digest};
    for (size_t i = 0; i < manifest->nlayers; i++) {
        (void) snprintf(keys[i], sizeof keys[i], GC_CONTENT "l.%zu", i);
        labels[i + 1] = (struct agent_ctrd_label){keys[i], manifest->layers[i].digest};
    }
    return put_labels(run, digest, labels, manifest->nlayers + 1, err);
}

int agent_store_label_config(struct agent_run *run, const char *digest, const char *snapshotter,
                             const char *chain, struct edge_err *err)
{
    char key[80];
    const struct agent_ctrd_label label = {key, chain};

    if (!*chain)
        return 0;
    (void) snprintf(key, sizeof key, GC_SNAPSHOT "%s", snapshotter);
    return put_labels(run, digest, &label, 1, err);
}
