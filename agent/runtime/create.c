/* Container and snapshot: made, relabelled, removed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent/containerd/content.h"
#include "agent/logs/logs.h"
#include "agent/rootfs/rootfs.h"
#include "agent/runtime/effective.h"
#include "agent/runtime/runtime.h"
#include "common/base/bytes.h"

enum { LEASE_S = 3600, NOTICES_MAX = 8192 };

#define RUNTIME_NAME "io.containerd.runc.v2"

void agent_container_made_fini(struct agent_container_made *made)
{
    free(made->notices);
    free(made->image_hash);
    free(made->identity);
    agent_run_facts_fini(&made->facts);
    *made = (struct agent_container_made){0};
}

/* All that one creation works on. */
struct creation {
    const struct agent_runtime *rt;
    const struct agent_module_spec *spec;
    const struct agent_grant *grant;
    char *identity; /* label of the grant */
    char id[AGENT_ID_SIZE];
    char lease[AGENT_ID_SIZE + 16];
    const char *snapshotter;
    struct agent_image *image;
    struct edge_json *kept; /* of the image's config, for later starts */
    struct agent_options *options;
    struct agent_ctrd_mounts mounts;
    struct agent_rootfs_result rootfs;
};

static void creation_fini(struct creation *c)
{
    agent_image_free(c->image);
    edge_json_free(c->kept);
    free(c->identity);
    agent_options_free(c->options);
    agent_ctrd_mounts_fini(&c->mounts);
    agent_rootfs_result_fini(&c->rootfs);
}

static int find_image(struct creation *c, struct edge_err *err)
{
    int rc = agent_images_find(c->rt->images, c->spec->image, NULL, &c->image, err);

    if (rc == -ENOENT && c->spec->pull == AGENT_PULL_NEVER)
        return edge_fail(err, rc,
                         "image %s is not on this device and imagePullPolicy is never: load it, or "
                         "set imagePullPolicy to on-create",
                         c->spec->image);
    if (rc < 0)
        return rc;
    c->kept = agent_effective_keep(c->image->config);
    return agent_effective_options(c->spec, c->image->config, &c->options, err);
}

/* A snapshot that an earlier, cut off creation has left is of no use: it may be of another image.
 */
static int prepare_snapshot(struct creation *c, const struct agent_ctrd_call *call,
                            struct edge_err *err)
{
    struct agent_ctrd *ctrd = c->rt->ctrd;
    int rc = agent_ctrd_snapshot_prepare(ctrd, call, c->snapshotter, c->id, c->image->chain_id,
                                         NULL, 0, &c->mounts, err);

    if (rc != -EEXIST)
        return rc;
    rc = agent_ctrd_snapshot_remove(ctrd, call, c->snapshotter, c->id, err);
    if (rc < 0)
        return rc;
    return agent_ctrd_snapshot_prepare(ctrd, call, c->snapshotter, c->id, c->image->chain_id, NULL,
                                       0, &c->mounts, err);
}

static int prepare_rootfs(struct creation *c, struct edge_err *err)
{
    static const char *const names[][2] = {{"hosts", "/etc/hosts"},
                                           {"hostname", "/etc/hostname"},
                                           {"resolv.conf", "/etc/resolv.conf"}};
    char sources[EDGE_ARRAY_LEN(names)][512];
    char cgroup[256];
    struct agent_bind binds[EDGE_ARRAY_LEN(names) + 1];
    size_t nbinds = EDGE_ARRAY_LEN(names);
    EDGE_CLEANUP(edge_free) char *hostname = agent_effective_hostname(c->rt, c->options, c->id);
    EDGE_CLEANUP(agent_strv_free) char **env = agent_grant_env(c->spec, c->grant, &c->rt->around);
    bool init = access("/usr/bin/tini-static", X_OK) == 0;

    for (size_t i = 0; i < EDGE_ARRAY_LEN(names); i++) {
        (void) snprintf(sources[i], sizeof sources[i], "%s/containers/%s/%s", c->rt->rundir, c->id,
                        names[i][0]);
        binds[i] = (struct agent_bind){sources[i], names[i][1], "", false, true};
    }
    if (c->grant)
        binds[nbinds++] =
            (struct agent_bind){c->grant->workload, AGENT_WORKLOAD_TARGET, "", true, false};
    (void) snprintf(cgroup, sizeof cgroup, "%s/%s", c->rt->cgroup, c->id);

    struct agent_rootfs_request request = {
        .id = c->id,
        .module = c->spec->name,
        .homedir = c->rt->homedir,
        .rundir = c->rt->rundir,
        .options = c->options,
        .image_config = c->image->config,
        .mounts = &c->mounts,
        .hostname = hostname,
        .env = (const char *const *) env,
        .binds = binds,
        .nbinds = nbinds,
        .netns = c->options->net_mode == AGENT_NET_CONTAINER ? AGENT_NS_LATER : NULL,
        .pidns = agent_effective_other(c->options->pid_mode) ? AGENT_NS_LATER : NULL,
        .ipcns = agent_effective_other(c->options->ipc_mode) ? AGENT_NS_LATER : NULL,
        .cgroup_path = cgroup,
        .init_path = init ? "/usr/bin/tini-static" : NULL,
    };
    if (!hostname || !env)
        return -ENOMEM;
    return agent_rootfs_prepare(&request, &c->rootfs, err);
}

static int add_user_labels(struct agent_labels *labels, const struct agent_options *options,
                           struct edge_err *err)
{
    for (size_t i = 0; i < options->nlabels; i++) {
        const struct agent_pair *label = &options->labels[i];
        int rc = 0;

        if (strncmp(label->key, "net.azure-devices.edge.", 23) != 0)
            rc = agent_labels_add(labels, label->key, label->value);
        if (rc < 0)
            return edge_fail(err, rc, "createOptions Labels: %.64s: %s", label->key,
                             edge_strerror(rc));
    }
    return 0;
}

/* Which identity it has, and the folder that must be there when it starts. */
static int add_grant(struct creation *c, struct agent_labels *labels, struct edge_err *err)
{
    int rc;

    if (!c->grant)
        return 0;
    c->identity = agent_grant_text(c->grant);
    rc = c->identity ? agent_labels_add(labels, AGENT_LABEL_IDENTITY, c->identity) : -ENOMEM;
    if (rc == 0)
        rc = agent_labels_add(labels, AGENT_LABEL_WORKLOAD, c->grant->workload);
    return rc < 0 ? edge_fail(err, rc, "cannot write the identity's label: %s", edge_strerror(rc))
                  : 0;
}

static int fill_labels(struct creation *c, struct agent_labels *labels, struct edge_err *err)
{
    EDGE_CLEANUP(edge_free) char *kept = edge_json_text(c->kept);
    int rc = add_user_labels(labels, c->options, err);

    if (rc < 0)
        return rc;
    if (!kept || agent_labels_add(labels, AGENT_LABEL_OWNER, AGENT_LABEL_OWNER_VALUE) < 0 ||
        agent_labels_add(labels, AGENT_LABEL_IMAGE, c->spec->image) < 0 ||
        agent_labels_add(labels, AGENT_LABEL_IMAGE_HASH, c->image->config_digest) < 0)
        return -ENOMEM;
    rc = add_grant(c, labels, err);
    if (rc < 0)
        return rc;
    rc = agent_labels_add(labels, AGENT_LABEL_IMAGE_CONF, kept);
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "the image's HEALTHCHECK, STOPSIGNAL and EXPOSE are too long");
    if (rc == 0)
        rc = agent_labels_add_spec(labels, c->spec);
    if (rc == EDGE_ELIMIT)
        return edge_fail(err, rc, "module settings of more than 250 KB");
    return rc;
}

static int create_record(struct creation *c, const struct agent_ctrd_call *call,
                         struct edge_err *err)
{
    EDGE_CLEANUP(agent_labels_free) struct agent_labels *labels = agent_labels_create();
    struct agent_ctrd_container_new record = {
        .id = c->id,
        .image = c->image->name,
        .runtime = RUNTIME_NAME,
        .runtime_binary = agent_effective_binary(c->options),
        .snapshotter = c->snapshotter,
        .snapshot_key = c->id,
        .spec = c->rootfs.spec,
    };
    int rc = labels ? fill_labels(c, labels, err) : -ENOMEM;

    if (rc < 0)
        return rc;
    record.labels = agent_labels_items(labels, &record.nlabels);
    return agent_ctrd_container_create(c->rt->ctrd, call, &record, err);
}

static int create(struct creation *c, struct edge_err *err)
{
    struct agent_ctrd_call call = {.lease = c->lease};
    int rc = find_image(c, err);

    if (rc == 0)
        rc = agent_ctrd_snapshotter(c->rt->ctrd, NULL, &c->snapshotter, err);
    if (rc == 0)
        rc = agent_ctrd_lease_create(c->rt->ctrd, NULL, c->lease, LEASE_S, NULL, 0, err);
    if (rc == -EEXIST) /* of a creation cut off within the last hour */
        rc = 0;
    if (rc == 0)
        rc = prepare_snapshot(c, &call, err);
    if (rc == 0)
        rc = prepare_rootfs(c, err);
    if (rc == 0)
        rc = create_record(c, &call, err);
    return rc;
}

/* What people should know of this container, one sentence after the other. */
static char *notices(const struct creation *c)
{
    const char *hidden = c->grant ? agent_grant_hides(c->spec, &c->rt->around) : NULL;
    const char *ignored = c->options->ignored;
    EDGE_CLEANUP(edge_buf_fini) struct edge_buf text = EDGE_BUF_INIT(NOTICES_MAX);

    (void) edge_buf_puts(&text, c->rootfs.notices);
    if (*ignored)
        (void) edge_buf_printf(&text, "%sNot acted on: %s", text.len ? " " : "", ignored);
    if (hidden)
        (void) edge_buf_printf(&text,
                               "%senv.%s is set by the runtime; createOptions' Env can change it",
                               text.len ? (*ignored ? "; " : " ") : "", hidden);
    return text.len ? edge_buf_take(&text) : strdup("");
}

static int tell(struct creation *c, struct agent_container_made *ret, struct edge_err *err)
{
    int rc = agent_run_facts_read(c->spec, c->kept, &ret->facts, err);

    if (rc < 0)
        return rc;
    ret->image_hash = edge_strdup(c->image->config_digest);
    ret->identity = EDGE_TAKE(c->identity);
    ret->notices = notices(c);
    return ret->image_hash && ret->notices ? 0 : -ENOMEM;
}

int agent_container_create(const struct agent_runtime *rt, const struct agent_module_spec *spec,
                           const struct agent_grant *grant, struct agent_container_made *ret,
                           struct edge_err *err)
{
    struct creation c = {.rt = rt, .spec = spec, .grant = grant};
    int rc;

    agent_container_id(spec->name, c.id);
    (void) snprintf(c.lease, sizeof c.lease, "edge-create-%s", c.id);
    *ret = (struct agent_container_made){0};
    rc = create(&c, err);
    if (rc == 0)
        rc = tell(&c, ret, err);
    if (rc < 0 && c.mounts.len > 0) {
        edge_ignore(agent_ctrd_snapshot_remove(rt->ctrd, NULL, c.snapshotter, c.id, NULL));
        edge_ignore(agent_rootfs_forget(rt->homedir, c.id, NULL));
    }
    /* The record keeps the snapshot now, or nothing shall. Undeleted, the lease ends in an hour. */
    if (c.snapshotter)
        edge_ignore(agent_ctrd_lease_delete(rt->ctrd, NULL, c.lease, NULL));
    creation_fini(&c);
    return rc;
}

int agent_container_relabel(const struct agent_runtime *rt, const struct agent_module_spec *spec,
                            struct edge_err *err)
{
    EDGE_CLEANUP(agent_labels_free) struct agent_labels *labels = agent_labels_create();
    const struct agent_ctrd_label *items;
    char id[AGENT_ID_SIZE];
    size_t len;
    int rc = labels ? agent_labels_add_spec(labels, spec) : -ENOMEM;

    if (rc < 0)
        return edge_fail(err, rc, "cannot write the labels: %s", edge_strerror(rc));
    agent_container_id(spec->name, id);
    items = agent_labels_items(labels, &len);
    return agent_ctrd_container_label_set(rt->ctrd, NULL, id, items, len, err);
}

int agent_container_remove(const struct agent_runtime *rt, const char *id, bool logs,
                           struct edge_err *err)
{
    struct agent_task_end end;
    const char *snapshotter;
    char folder[512];
    int rc = agent_task_reap(rt, id, &end, err);

    if (rc == 0)
        rc = agent_ctrd_container_delete(rt->ctrd, NULL, id, err);
    if (rc == 0)
        rc = agent_ctrd_snapshotter(rt->ctrd, NULL, &snapshotter, err);
    if (rc == 0)
        rc = agent_ctrd_snapshot_remove(rt->ctrd, NULL, snapshotter, id, err);
    if (rc == 0)
        rc = agent_rootfs_forget(rt->homedir, id, err);
    if (rc == 0 && logs) {
        (void) snprintf(folder, sizeof folder, "%s/logs", rt->homedir);
        rc = agent_logs_remove(folder, id, err);
    }
    return rc;
}
