/* agent/spec/spec.h - options + image + host facts -> OCI runtime spec, with Docker's defaults.
 * Pure: everything that must be looked up (users, devices, volumes) comes in as a fact. Any thread.
 * Sources: OCI runtime-spec config.md, config-linux.md; moby's default profile as facts. */
#ifndef AGENT_SPEC_SPEC_H
#define AGENT_SPEC_SPEC_H

#include "agent/spec/options.h"

/** The process's identity, after names were looked up in the image. */
struct agent_user {
    uint32_t uid;
    uint32_t gid;
    uint32_t *groups; /* supplementary, owned */
    size_t ngroups;
    char *home; /* owned; "/" when unknown */
};
void agent_user_fini(struct agent_user *user);

/**
 * Resolve "user[:group]" as Docker does: names and numbers, against the image's own files.
 * @param who     "" means root        @param passwd, group  text of /etc/passwd and /etc/group, or
 * NULL
 * @param add     GroupAdd, NULL-terminated, or NULL
 */
EDGE_MUST_CHECK int agent_user_resolve(const char *who, const char *passwd, const char *group,
                                       char *const *add, struct agent_user *ret,
                                       struct edge_err *err);

/** A device node found on the host. */
struct agent_device_node {
    const char *path; /* in the container */
    char type;        /* 'c' or 'b' */
    int64_t major;
    int64_t minor;
    uint32_t mode;
    uint32_t uid;
    uint32_t gid;
    const char *access; /* "rwm" */
};

/** A mount that has been prepared: what stands on the host and where it appears. */
struct agent_bind {
    const char *source;
    const char *target;
    const char *options; /* "ro", "z", "rslave", … separated by commas, "" or NULL */
    bool read_only;
    bool yields; /* gives way to a user's mount on the same target (/etc/hosts and the like) */
};

/** What this host can do. */
enum agent_host_ability {
    AGENT_HOST_CGROUP_V2 = 1 << 0, /* unified; else v1 or hybrid */
    AGENT_HOST_APPARMOR = 1 << 1,
    AGENT_HOST_SECCOMP = 1 << 2,
    AGENT_HOST_MEMORY = 1 << 3, /* the memory controller, and so on */
    AGENT_HOST_SWAP = 1 << 4,   /* swap is accounted */
    AGENT_HOST_SWAPPINESS = 1 << 5,
    AGENT_HOST_OOM_CONTROL = 1 << 6, /* the OOM killer can be switched off for a cgroup */
    AGENT_HOST_CPU = 1 << 7,
    AGENT_HOST_CPUSET = 1 << 8,
    AGENT_HOST_PIDS = 1 << 9,
    AGENT_HOST_BLKIO_WEIGHT = 1 << 10,
    AGENT_HOST_PING_RANGE = 1 << 11, /* net.ipv4.ping_group_range */
    AGENT_HOST_LOW_PORTS = 1 << 12,  /* net.ipv4.ip_unprivileged_port_start */
};
struct agent_host {
    uint64_t capabilities; /* this process's bounding set: more cannot be given */
    unsigned abilities;    /* of enum agent_host_ability */
    unsigned kernel;       /* major << 8 | minor */
    const char *machine;   /* uname's: "x86_64", "aarch64", "armv7l" */
};

struct agent_spec_facts {
    const char *id;                       /* container id */
    const char *hostname;                 /* in the container */
    const struct edge_json *image_config; /* the image's config object, or NULL */
    const struct agent_user *user;
    const char *const
        *env; /* injected "K=V" that win over the image's and lose to createOptions' */
    const struct agent_bind
        *binds; /* volumes, binds, /etc/hosts, /etc/resolv.conf, /etc/hostname, … */
    size_t nbinds;
    const struct agent_device_node
        *devices; /* Devices looked up; all host devices when privileged */
    size_t ndevices;
    const char *netns; /* path to join (container: mode), or NULL for a new one */
    const char *pidns; /* the same for PidMode container: */
    const char *ipcns;
    const char *cgroup_path; /* "/edge/<id>" */
    const char *init_path;   /* host program bind-mounted and run as pid 1 for Init, or NULL */
    const struct agent_host *host;
};

/** @param ret  JSON text, the caller frees it
 * @param notices  receives sentences about what this host cannot do and was left out; may be NULL
 * @return 0, EDGE_EINVALID (no command, unknown capability, bad signal …) naming the member,
 * EDGE_EUNSUPPORTED, -ENOMEM */
EDGE_MUST_CHECK int agent_spec_build(const struct agent_options *options,
                                     const struct agent_spec_facts *facts, char **ret,
                                     struct edge_buf *notices, struct edge_err *err);

/** A spec whose namespace @p type ("network", "pid", "ipc") is joined at @p path: the other
 * container of a container: mode has another process at each start.
 * @param ret  JSON text, the caller frees it */
EDGE_MUST_CHECK int agent_spec_set_namespace(const char *spec_text, const char *type,
                                             const char *path, char **ret, struct edge_err *err);

/** "SIGTERM", "TERM", "15" -> 15, "RTMIN+3" too. @return 0 or EDGE_EINVALID */
EDGE_MUST_CHECK int agent_signal_parse(const char *text, int *ret);

/** argv of a health check's OCI process object: like the container's process but for args. */
EDGE_MUST_CHECK int agent_spec_exec_process(const char *spec_text, char *const *argv, char **ret,
                                            struct edge_err *err);

#endif
