/* A pull from beginning to end, in the order in which it stays safe at every step: nothing is named
 * before it is whole, and the lease goes only after the name keeps everything. */
#include <errno.h>
#include <stdlib.h>

#include "agent/image/internal.h"

enum { ROUNDS = 3 };

struct agent_ctrd_call agent_run_call(const struct agent_run *run, int timeout_ms)
{
    return (struct agent_ctrd_call){
        .timeout_ms = timeout_ms, .cancel = run->stop, .lease = run->lease};
}

static void fire(void *arg)
{
    edge_cancel_fire(arg);
}

static void run_fini(struct agent_run *run)
{
    edge_cancel_remove_hook(run->pull->cancel, &run->hook);
    agent_session_close(run->session);
    agent_flight_leave(run->lease_flight);
    agent_ctrd_strv_free(run->old_leases);
    agent_progress_fini(&run->progress);
    agent_reference_fini(&run->ref);
    edge_cancel_unref(run->stop);
    free(run->lease);
}

static int run_init(struct agent_run *run, struct edge_err *err)
{
    const struct agent_pull *pull = run->pull;
    int rc;

    agent_progress_init(&run->progress, pull);
    run->stop = edge_cancel_create();
    if (!run->stop)
        return edge_fail(err, -ENOMEM, "no memory for a pull");
    run->hook = (struct edge_cancel_hook){.fn = fire, .arg = run->stop};
    edge_cancel_add_hook(pull->cancel, &run->hook);
    rc = agent_reference_parse(pull->image, run->images->config.upstream, &run->ref, err);
    if (rc < 0)
        return rc;
    if (run->ref.digest && !agent_digest_is_sha256(run->ref.digest))
        return edge_fail(err, EDGE_EUNSUPPORTED, "containerd keeps sha256 digests only");
    return agent_session_open(&run->images->config, &run->ref, pull->auths, pull->nauths, run->stop,
                              &run->session, err);
}

static struct edge_bytes text_of(const struct agent_root *root)
{
    return (struct edge_bytes){(const uint8_t *) (root->text.data ? root->text.data : ""),
                               root->text.len};
}

static int parse_root(struct agent_run *run, struct agent_root *root, struct agent_manifest **ret,
                      struct edge_err *err)
{
    int rc = agent_manifest_parse(text_of(root), root->descriptor.media_type, &run->images->limits,
                                  ret, err);

    if (rc == 0)
        root->descriptor.media_type = (*ret)->media_type;
    return rc;
}

/* The manifest for this platform below an index. */
static int descend(struct agent_run *run, const struct agent_root *index,
                   const struct agent_manifest *parsed, struct agent_root *ret,
                   struct agent_manifest **ret_manifest, struct edge_err *err)
{
    const struct agent_manifest_blob *chosen = NULL;
    int rc = agent_manifest_choose(parsed, &run->images->host, &chosen, err);

    if (rc == 0)
        rc = agent_store_label_index(run, index->digest, chosen->digest, err);
    if (rc == 0)
        rc = agent_resolve_manifest(run, chosen, ret, err);
    if (rc == 0)
        rc = parse_root(run, ret, ret_manifest, err);
    if (rc == 0 && (*ret_manifest)->is_index)
        rc = edge_fail(err, EDGE_EUNSUPPORTED, "an index within an index");
    return rc == 0 ? agent_store_put(run, ret, err) : rc;
}

static int read_config(struct agent_run *run, const struct agent_manifest *manifest,
                       struct agent_image_config *ret, struct edge_err *err)
{
    struct edge_buf text;
    int rc = agent_store_read(run->images, run->stop, manifest->config.digest, &text, err);

    if (rc < 0)
        return rc;
    rc = agent_image_config_parse(
        (struct edge_bytes){(const uint8_t *) (text.data ? text.data : ""), text.len},
        manifest->nlayers, &run->images->host, ret, err);
    edge_buf_fini(&text);
    return rc;
}

/* Blobs and snapshots of one manifest, tied together by labels. */
static int bring_image(struct agent_run *run, const char *digest,
                       const struct agent_manifest *manifest, struct edge_err *err)
{
    const struct agent_ctrd_call call = agent_run_call(run, 0);
    struct agent_image_config config = {0};
    const char *snapshotter = NULL;
    char chain[AGENT_DIGEST_TEXT];
    int rc = agent_store_label_manifest(run, digest, manifest, err);

    if (rc == 0)
        rc = agent_fetch_blobs(run, manifest, err);
    if (rc == 0)
        rc = read_config(run, manifest, &config, err);
    if (rc == 0)
        rc = agent_ctrd_snapshotter(run->images->ctrd, &call, &snapshotter, err);
    if (rc == 0)
        rc = agent_unpack(run, manifest, &config, snapshotter, err);
    if (rc == 0) {
        agent_image_config_chain(&config, config.ndiff_ids, chain);
        rc = agent_store_label_config(run, manifest->config.digest, snapshotter, chain, err);
    }
    agent_image_config_fini(&config);
    return rc;
}

/* Everything below @p root, and the record that names it. */
static int bring_root(struct agent_run *run, struct agent_root *root, struct edge_err *err)
{
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *parsed = NULL;
    EDGE_CLEANUP(agent_manifest_free) struct agent_manifest *below = NULL;
    const struct agent_ctrd_call call = agent_run_call(run, 0);
    struct agent_root child = {0};
    int rc = parse_root(run, root, &parsed, err);

    if (rc == 0)
        rc = agent_store_put(run, root, err);
    if (rc == 0 && parsed->is_index)
        rc = descend(run, root, parsed, &child, &below, err);
    if (rc == 0)
        rc = bring_image(run, below ? child.digest : root->digest, below ? below : parsed, err);
    if (rc == 0)
        rc = agent_ctrd_image_put(run->images->ctrd, &call, run->ref.name, &root->descriptor, NULL,
                                  0, err);
    agent_root_fini(&child);
    return rc;
}

/* The image as it is here, when its record points to @p digest (any when NULL). */
static int find_local(struct agent_run *run, const char *digest, struct agent_image **ret)
{
    const struct agent_ctrd_call call = agent_run_call(run, 0);
    struct agent_ctrd_image record = {0};
    int rc = 0;

    if (digest) {
        rc = agent_ctrd_image_get(run->images->ctrd, &call, run->ref.name, &record, NULL);
        if (rc == 0 && strcmp(record.digest, digest) != 0)
            rc = -ENOENT;
        agent_ctrd_image_fini(&record);
    }
    return rc < 0 ? rc : agent_store_find(run->images, run->ref.name, run->stop, ret, NULL);
}

/* The lease may go while we work: it expires, the clock jumps, or another agent that shares it is
 * done first. Then what we had half made is gone too, and the rest of it is made again. */
static int bring_leased(struct agent_run *run, struct agent_root *root, struct agent_image **ret,
                        struct edge_err *err)
{
    for (int round = 1;; round++) {
        struct edge_err first = {0};
        int rc = bring_root(run, root, &first);

        if (rc == 0)
            rc = agent_store_find(run->images, run->ref.name, run->stop, ret, &first);
        if (rc == 0)
            return 0;
        if (rc == -ENOENT && first.status != 404) /* else it would read as: no such image */
            rc = edge_wrap(&first, EDGE_EUNAVAILABLE, "something has gone from containerd");
        if (round == ROUNDS || edge_cancelled(run->stop) || !agent_lease_lost(run) ||
            agent_lease_renew(run, NULL) < 0) {
            if (err)
                *err = first;
            return rc;
        }
    }
}

static int bring_and_find(struct agent_run *run, struct agent_root *root, struct agent_image **ret,
                          struct edge_err *err)
{
    int rc = agent_lease_need(run, err);

    if (rc < 0)
        return rc;
    rc = bring_leased(run, root, ret, err);
    if (rc == 0)
        agent_lease_release(run);
    return rc;
}

static int pull_named(struct agent_run *run, struct agent_image **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_image_free) struct agent_image *local = NULL;
    struct agent_root root = {0};
    int rc = find_local(run, NULL, &local);

    if (rc < 0 && rc != -ENOENT && rc != EDGE_EINVALID && rc != EDGE_EUNSUPPORTED)
        return agent_store_find(run->images, run->ref.name, run->stop, ret, err); /* tell why */
    if (local && run->ref.digest) {
        *ret = EDGE_TAKE(local);
        return 0;
    }
    rc = agent_resolve_root(run, !local, &root, err);
    if (rc == EDGE_EUNAVAILABLE && local) {
        *ret = EDGE_TAKE(local);
        return 0;
    }
    if (rc == 0 && local && find_local(run, root.digest, ret) == 0)
        rc = 0; /* the tag still means what is here */
    else if (rc == 0)
        rc = bring_and_find(run, &root, ret, err);
    agent_root_fini(&root);
    return rc;
}

int agent_images_pull(struct agent_images *images, const struct agent_pull *pull,
                      struct agent_image **ret, struct edge_err *err)
{
    EDGE_CLEANUP(agent_flight_leave) struct agent_flight *flight = NULL;
    struct agent_run run = {.images = images, .pull = pull};
    int rc = run_init(&run, err);

    if (rc == 0)
        rc = agent_flight_enter(&images->flights, "pull", run.ref.name, run.stop, &flight);
    if (rc == 0)
        rc = pull_named(&run, ret, err);
    run_fini(&run);
    if (rc == -ECANCELED || edge_cancelled(pull->cancel))
        return rc < 0 ? edge_fail(err, -ECANCELED, "pull of %.200s cancelled", pull->image) : rc;
    return rc < 0 ? edge_wrap(err, rc, "cannot pull %.200s", pull->image) : 0;
}
