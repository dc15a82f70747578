/* agent/rootfs/rootfs.h - what a container needs from the host before its task can be created:
 * users and groups of its image, volumes (filled from the image), bind sources, device nodes, the
 * host's abilities; and with them its OCI spec.
 *
 * Blocking; worker threads only, any number at once. There is no object to open. A container's
 * snapshot is mounted in a mount namespace of a short-lived thread, so that nothing stays mounted,
 * whatever happens to this process. What an image or a deployment says is never trusted: no link in
 * an image leads out of it.
 *
 * On disk, all below <homedir>/volumes:
 *   <name>/_data                named volumes; never removed here
 *   _anonymous/<id>/<n>/_data   anonymous volumes of container <id>; <n> is a hash of the target
 * Sources: Docker Engine API v1.41 (Binds, Mounts, Volumes, Devices); agent.md 10. */
#ifndef AGENT_ROOTFS_ROOTFS_H
#define AGENT_ROOTFS_ROOTFS_H

#include <stdbool.h>

#include "agent/containerd/client.h"
#include "agent/spec/spec.h"

/** Everything is borrowed for the call. */
struct agent_rootfs_request {
    const char *id;     /* container id: [A-Za-z0-9][A-Za-z0-9_.-]*, up to 76 characters */
    const char *module; /* the word errors use */
    const char *homedir;
    const char *rundir;
    const struct agent_options *options;
    const struct edge_json *image_config;   /* the image's config object, or NULL */
    const struct agent_ctrd_mounts *mounts; /* of the container's own snapshot */
    const char *hostname;                   /* what the container sees */
    const char *const *env;                 /* injected "K=V", NULL at the end, or NULL: wins over
                                               the image's, loses to createOptions' */
    const struct agent_bind *binds;         /* injected: hosts, hostname, resolv.conf, workload
                                               socket folder; sources exist. A user's mount may
                                               take the place of a `yields` one, and is refused on
                                               or below any other */
    size_t nbinds;
    const char *netns;       /* /proc/<pid>/ns/net to join (NetworkMode container:), or NULL */
    const char *pidns;       /* the same for PidMode */
    const char *ipcns;       /* the same for IpcMode */
    const char *cgroup_path; /* "/edge/<id>"; HostConfig.CgroupParent takes the place of /edge */
    const char *init_path;   /* program for HostConfig.Init, or NULL when none is installed */
};

/** What came of it. Owned; agent_rootfs_result_fini. */
struct agent_rootfs_result {
    char *spec;    /* OCI runtime spec, JSON text */
    char *notices; /* what cannot be had here and was left out, one sentence after the other for the
                      module's statusDescription; "" for none */
};
void agent_rootfs_result_fini(struct agent_rootfs_result *result);

/**
 * Create missing bind sources and volumes, fill new volumes from the image, look up users and
 * devices, build the spec. Everything on disk is durable on return and may be done again: call it
 * before the container record is created, and again before a later start when devices or bind
 * sources may have changed (a reboot). No task of this container may be running.
 * @param ret  set on success only
 * @return 0; EDGE_EINVALID (an option that cannot be, an unknown user, a target that is ours);
 * -ENOENT (a bind source or device that does not exist); EDGE_EUNSUPPORTED; EDGE_ELIMIT; errno.
 * err names the option and the path
 */
EDGE_MUST_CHECK int agent_rootfs_prepare(const struct agent_rootfs_request *request,
                                         struct agent_rootfs_result *ret, struct edge_err *err);

/** Remove the anonymous volumes of container @p id. Success when there are none. */
EDGE_MUST_CHECK int agent_rootfs_forget(const char *homedir, const char *id, struct edge_err *err);

/** Remove anonymous volumes whose container is not in @p live (ids, NULL at the end): what a power
 * cut between removing a container and forgetting it has left. */
EDGE_MUST_CHECK int agent_rootfs_sweep(const char *homedir, const char *const *live,
                                       struct edge_err *err);

#endif
