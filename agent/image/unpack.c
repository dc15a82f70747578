/* Layers to snapshots. containerd does the work: prepare a snapshot on the layer below, apply the
 * layer to it, commit it under its chain id. Others may do the same at the same time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/image/internal.h"
#include "common/base/clock.h"

struct unpack {
    struct agent_run *run;
    const struct agent_manifest *manifest;
    const struct agent_image_config *config;
    const char *snapshotter;
};

/* Large layers on slow flash take their time; 256 KiB/s is slower than any. */
static int apply_timeout_ms(int64_t bytes)
{
    int64_t ms = AGENT_BLOB_TIMEOUT_MS + bytes / 256;

    return ms < 86400000 ? (int) ms : 86400000;
}

static int apply(const struct unpack *u, size_t layer, const struct agent_ctrd_mounts *mounts,
                 struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *diff_id = NULL;
    const struct agent_manifest_blob *blob = &u->manifest->layers[layer];
    const struct agent_ctrd_descriptor descriptor = {blob->media_type, blob->digest, blob->size};
    const struct agent_ctrd_call call = agent_run_call(u->run, apply_timeout_ms(blob->size));
    int rc = agent_ctrd_diff_apply(u->run->images->ctrd, &call, &descriptor, mounts, &diff_id, err);

    if (rc < 0)
        return rc;
    if (strcmp(diff_id, u->config->diff_ids[layer]) != 0)
        return edge_fail(err, EDGE_EDIGEST, "it unpacks to %s where the image's config says %s",
                         diff_id, u->config->diff_ids[layer]);
    return 0;
}

/* @param key  of the snapshot being filled, which is gone or committed afterwards */
static int fill(const struct unpack *u, size_t layer, const char *key, const char *parent,
                const char *chain, struct edge_err *err)
{
    struct agent_ctrd *ctrd = u->run->images->ctrd;
    const struct agent_ctrd_call call = agent_run_call(u->run, AGENT_DISK_TIMEOUT_MS);
    const struct agent_ctrd_call cleanup = {.timeout_ms = AGENT_DISK_TIMEOUT_MS};
    struct agent_ctrd_mounts mounts = {0};
    int rc = agent_ctrd_snapshot_prepare(ctrd, &call, u->snapshotter, key, parent, NULL, 0, &mounts,
                                         err);

    if (rc == -ENOENT)
        return edge_fail(err, EDGE_EUNAVAILABLE, "the layer below has been removed meanwhile");
    if (rc < 0)
        return rc;
    rc = apply(u, layer, &mounts, err);
    agent_ctrd_mounts_fini(&mounts);
    if (rc == 0)
        rc = agent_ctrd_snapshot_commit(ctrd, &call, u->snapshotter, key, chain, NULL, 0, err);
    if (rc < 0) /* also with the pull's token fired */
        edge_ignore(agent_ctrd_snapshot_remove(ctrd, &cleanup, u->snapshotter, key, NULL));
    return rc == -EEXIST ? 0 : rc;
}

static int stat_chain(const struct unpack *u, const char *chain, struct edge_err *err)
{
    const struct agent_ctrd_call call = agent_run_call(u->run, 0);

    return agent_ctrd_snapshot_stat(u->run->images->ctrd, &call, u->snapshotter, chain, err);
}

static int unpack_layer(const struct unpack *u, size_t layer, struct edge_err *err)
{
    EDGE_CLEANUP(agent_flight_leave) struct agent_flight *flight = NULL;
    EDGE_CLEANUP(edge_free) char *key = NULL;
    char parent[AGENT_DIGEST_TEXT];
    char chain[AGENT_DIGEST_TEXT];
    uint32_t random = 0;
    int rc;

    agent_image_config_chain(u->config, layer, parent);
    agent_image_config_chain(u->config, layer + 1, chain);
    rc = agent_flight_enter(&u->run->images->flights, "chain", chain, u->run->stop, &flight);
    if (rc < 0)
        return edge_fail(err, rc, "%s", edge_strerror(rc));
    rc = stat_chain(u, chain, err);
    if (rc != -ENOENT)
        return rc; /* another pull has unpacked it, or containerd is away */
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = 0;
    key = edge_format("extract-edge-%d-%lld-%08x %s", (int) getpid(), (long long) edge_wall_ns(),
                      random, chain);
    return key ? fill(u, layer, key, parent, chain, err) : edge_fail(err, -ENOMEM, "no memory");
}

/* How many layers, from the bottom, are unpacked already. */
static int count_done(const struct unpack *u, size_t *ret, struct edge_err *err)
{
    for (*ret = u->manifest->nlayers; *ret > 0; (*ret)--) {
        char chain[AGENT_DIGEST_TEXT];
        int rc;

        agent_image_config_chain(u->config, *ret, chain);
        rc = stat_chain(u, chain, err);
        if (rc != -ENOENT)
            return rc;
    }
    return 0;
}

int agent_unpack(struct agent_run *run, const struct agent_manifest *manifest,
                 const struct agent_image_config *config, const char *snapshotter,
                 struct edge_err *err)
{
    const struct unpack u = {run, manifest, config, snapshotter};
    size_t layer = 0;
    int rc;

    agent_progress_unpacking(&run->progress);
    rc = count_done(&u, &layer, err);
    for (; rc == 0 && layer < manifest->nlayers; layer++) {
        rc = unpack_layer(&u, layer, err);
        if (rc < 0)
            return edge_wrap(err, rc, "unpacking layer %zu of %zu (%.19s…)", layer + 1,
                             manifest->nlayers, manifest->layers[layer].digest);
    }
    return rc;
}
