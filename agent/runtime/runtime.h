/* agent/runtime/runtime.h - modules as containers: the blocking steps that create, start, end and
 * remove one. Worker threads; calls about different containers may run at once, calls about one
 * must not. What a step leaves behind when it is cut off, the next one finds and replaces. */
#ifndef AGENT_RUNTIME_RUNTIME_H
#define AGENT_RUNTIME_RUNTIME_H

#include "agent/containerd/tasks.h"
#include "agent/desired/desired.h"
#include "agent/image/images.h"
#include "agent/network/network.h"
#include "agent/runtime/grant.h"
#include "agent/runtime/labels.h"
#include "agent/spec/options.h"

/** What all steps share. Read-only once filled; owned by who made it. */
struct agent_runtime {
    struct agent_ctrd *ctrd;
    struct agent_images *images;
    const char *homedir;
    const char *rundir;
    const char *logger; /* path of edge-logger */
    const char *cgroup; /* cgroup folder of this runtime's containers: "/<namespace>" */
    struct agent_surroundings around; /* of the device; its hostname is never NULL */
};

/** What a run needs to know of createOptions and the image it was made from. */
struct agent_run_facts {
    int64_t stop_timeout_ms;
    struct agent_healthcheck health; /* owned; test NULL: none */
};
void agent_run_facts_fini(struct agent_run_facts *facts);
/** @param image_config  what agent_container_create kept of the image, or NULL */
EDGE_MUST_CHECK int agent_run_facts_read(const struct agent_module_spec *spec,
                                         const struct edge_json *image_config,
                                         struct agent_run_facts *ret, struct edge_err *err);

/** A container that has been made. Owned; agent_container_made_fini. */
struct agent_container_made {
    char *notices;    /* what of createOptions cannot be had here; "" when nothing */
    char *image_hash; /* digest of the image's config */
    char *identity;   /* agent_grant_text of what it was given, or NULL */
    struct agent_run_facts facts;
};
void agent_container_made_fini(struct agent_container_made *made);

/**
 * Container and snapshot from a present image. Call agent_start_name before: the files it writes
 * are mounted into the container.
 * @param grant  identity and workload folder, which exists; or NULL
 * @return 0, -ENOENT (image not present), EDGE_EINVALID (createOptions against this image or
 * device), or the room's codes; on failure nothing is left
 */
EDGE_MUST_CHECK int agent_container_create(const struct agent_runtime *rt,
                                           const struct agent_module_spec *spec,
                                           const struct agent_grant *grant,
                                           struct agent_container_made *ret, struct edge_err *err);

/** Where its processes are in the cgroup tree, HostConfig.CgroupParent counted in. The caller frees
 * it; NULL without memory. */
char *agent_container_cgroup(const struct agent_runtime *rt, const struct agent_module_spec *spec);

/** One start: begin, then name, task, join and go in this order, end always. Filled by begin. */
struct agent_start {
    const struct agent_module_spec *spec; /* the applied one; borrowed */
    struct agent_options *options;
    char id[AGENT_ID_SIZE];
    char *alias;   /* one more name on the module network, or NULL */
    uint32_t pid;  /* after task */
    char *address; /* after join; NULL without a network of its own */
};
EDGE_MUST_CHECK int agent_start_begin(const struct agent_runtime *rt, struct agent_start *start,
                                      const struct agent_module_spec *spec, struct edge_err *err);
/** Network worker: write the container's hosts, hostname and resolv.conf. */
EDGE_MUST_CHECK int agent_start_name(const struct agent_runtime *rt, struct agent_network *net,
                                     const struct agent_module_spec *spec, struct edge_err *err);
EDGE_MUST_CHECK int agent_start_task(const struct agent_runtime *rt, struct agent_start *start,
                                     struct edge_err *err);
/** Network worker. */
EDGE_MUST_CHECK int agent_start_join(struct agent_network *net, struct agent_start *start,
                                     struct edge_err *err);
EDGE_MUST_CHECK int agent_start_go(const struct agent_runtime *rt, struct agent_start *start,
                                   struct edge_err *err);
/** Frees what begin filled; keeps what runs. */
void agent_start_end(struct agent_start *start);

/** Ask a task to end, or kill it. @return 0, -ENOENT (nothing runs), or the containerd room's codes
 */
EDGE_MUST_CHECK int agent_task_signal(const struct agent_runtime *rt, const char *id, bool kill,
                                      struct edge_err *err);

/** How a task ended. */
struct agent_task_end {
    int64_t code;      /* -1: containerd has forgotten it */
    int64_t exited_ns; /* wall clock; EDGE_TIME_NEVER when not known */
    bool oom;          /* the kernel's out-of-memory killer was at work */
};
/** Delete an ended (or never started: it is killed) task. Absent is success with code -1. */
EDGE_MUST_CHECK int agent_task_reap(const struct agent_runtime *rt, const char *id,
                                    struct agent_task_end *ret, struct edge_err *err);

/** Delete task, container, snapshot and anonymous volumes; with @p logs the logs too. */
EDGE_MUST_CHECK int agent_container_remove(const struct agent_runtime *rt, const char *id,
                                           bool logs, struct edge_err *err);

/** Write @p spec to the container's labels: what changes without a new container. */
EDGE_MUST_CHECK int agent_container_relabel(const struct agent_runtime *rt,
                                            const struct agent_module_spec *spec,
                                            struct edge_err *err);

/** One module as containerd has it. All owned. */
struct agent_container_seen {
    char *id;
    char *module;    /* from its label */
    char *spec_text; /* NULL: unreadable */
    char *image_hash;
    char *identity;                 /* agent_grant_text of what it was given, or NULL */
    struct edge_json *image_config; /* what create kept of the image, or NULL */
    char *address;                  /* on the module network: filled in by who knows it, or NULL */
    bool has_task;
    struct agent_ctrd_task task; /* when has_task */
};
/** Every container of ours with its task, sorted by id. Tasks without a container, which only
 * a foreign hand can leave, are ended. */
EDGE_MUST_CHECK int agent_containers_list(const struct agent_runtime *rt,
                                          struct agent_container_seen **ret, size_t *ret_len,
                                          struct edge_err *err);
struct agent_container_seen *agent_containers_seen_free(struct agent_container_seen *seen,
                                                        size_t len);

#endif
