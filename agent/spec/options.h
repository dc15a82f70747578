/* agent/spec/options.h - createOptions (Docker's container-create JSON), read once, typed and
 * checked. Pure; any thread. Sources: Docker Engine API v1.41 POST /containers/create; agent.md 10.
 */
#ifndef AGENT_SPEC_OPTIONS_H
#define AGENT_SPEC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/base/bytes.h"
#include "common/base/err.h"
#include "common/json/json.h"

/** "a" = "b", both owned. */
struct agent_pair {
    char *key;
    char *value;
};

/** One published port. */
struct agent_port {
    char *host_ip;      /* "" for every address */
    uint16_t host;      /* 0: any free port */
    uint16_t container; /* > 0 */
    char protocol[5];   /* "tcp", "udp" or "sctp" */
};

enum agent_mount_kind { AGENT_MOUNT_BIND, AGENT_MOUNT_VOLUME, AGENT_MOUNT_TMPFS };
struct agent_mount {
    enum agent_mount_kind kind;
    char *source;  /* bind: host path; volume: name, "" for an anonymous one; tmpfs: "" */
    char *target;  /* absolute, in the container */
    char *options; /* the text after the second colon of a bind, tmpfs's options; "" */
    bool read_only;
    bool create_source; /* Binds: make a missing host folder; Mounts: refuse */
    bool no_copy;       /* volume: no copy-up */
};

struct agent_device_option {
    char *host;
    char *container;
    char access[4]; /* of "rwm" */
};

struct agent_ulimit {
    char *name; /* "nofile" */
    uint64_t soft;
    uint64_t hard;
};

enum agent_net_mode { AGENT_NET_BRIDGE, AGENT_NET_HOST, AGENT_NET_NONE, AGENT_NET_CONTAINER };

struct agent_healthcheck {
    char **test; /* ["CMD", …], ["CMD-SHELL", text], ["NONE"]; NULL when not set */
    int64_t interval_ms;
    int64_t timeout_ms;
    int64_t start_ms;
    int retries;
};

/** Everything is owned; lists end with their count; -1 or 0 as noted where not set. */
struct agent_options {
    /* process */
    char **env;        /* "K=V", NULL-terminated; NULL: none */
    char **cmd;        /* NULL: not set, the image's */
    char **entrypoint; /* NULL: not set; empty: cleared */
    char *workdir;     /* NULL: the image's */
    char *user;        /* NULL: the image's; "user[:group]" */
    bool tty;
    bool init;
    bool read_only; /* ReadonlyRootfs */
    char **group_add;
    struct agent_ulimit *ulimits;
    size_t nulimits;
    int oom_score_adj; /* 0 */
    bool oom_score_adj_set;
    /* identity */
    char *hostname; /* NULL: derived */
    char *domainname;
    struct agent_pair *labels;
    size_t nlabels;
    /* stopping */
    char *stop_signal;  /* NULL: the image's, else SIGTERM */
    int stop_timeout_s; /* -1: 10 */
    /* security */
    bool privileged;
    char **cap_add;
    char **cap_drop;
    char **security_opt;
    struct agent_device_option *devices;
    size_t ndevices;
    char **device_rules; /* DeviceCgroupRules */
    char *pid_mode;      /* "", "host", "container:<name>" */
    char *ipc_mode;
    char *uts_mode;
    char *cgroupns_mode;   /* "", "host", "private" */
    char **masked_paths;   /* NULL: Docker's default list */
    char **readonly_paths; /* the same */
    struct agent_pair *sysctls;
    size_t nsysctls;
    /* file systems */
    struct agent_mount *mounts;
    size_t nmounts;
    char **volumes;   /* anonymous volumes: targets */
    int64_t shm_size; /* bytes; 0: 64 MiB */
    /* network */
    enum agent_net_mode net_mode;
    char *net_container; /* name behind "container:" */
    char **aliases;
    struct agent_port *ports;
    size_t nports;
    char **extra_hosts; /* "name:address" */
    char **dns;
    char **dns_search;
    char **dns_options;
    char *mac_address;
    /* resources; 0: no limit */
    int64_t memory;
    int64_t memory_swap; /* -1 unlimited; 0 with a memory limit: as much swap again */
    int64_t memory_reservation;
    int64_t memory_swappiness; /* -1: not set */
    bool oom_kill_disable;
    int64_t nano_cpus;
    int64_t cpu_period;
    int64_t cpu_quota;
    int64_t cpu_shares;
    char *cpuset_cpus;
    char *cpuset_mems;
    int64_t pids_limit;
    int64_t blkio_weight;
    char *cgroup_parent;
    char *runtime; /* HostConfig.Runtime: NULL for the default */
    /* logs */
    char *log_type;       /* NULL, "json-file", "none", … */
    int64_t log_max_size; /* bytes; 0: default */
    int log_max_file;     /* 0: default */
    bool log_compress;
    bool publish_all;
    struct agent_healthcheck health;
    /* what was there but is not acted on, "HostConfig.DeviceRequests, Foo"; "" when nothing */
    char *ignored;
};

/**
 * @param json  an object, or NULL for {}; borrowed
 * @param err   names the member: "HostConfig.PortBindings.80/tcp: …"
 * @return 0, EDGE_EINVALID (a member's value cannot be what it says), EDGE_ELIMIT
 */
EDGE_MUST_CHECK int agent_options_parse(const struct edge_json *json, struct agent_options **ret,
                                        struct edge_err *err);

/**
 * Take from the image what Docker takes where createOptions is silent: its VOLUMEs as anonymous
 * volumes, HEALTHCHECK (member by member), STOPSIGNAL, and with PublishAllPorts its EXPOSEd ports.
 * May be done again. (Env, Cmd, Entrypoint, User and WorkingDir meet in agent_spec_build.)
 * @param image_config  the image's config object, or NULL
 * @return 0, EDGE_EINVALID with the image's member in @p err, EDGE_ELIMIT, -ENOMEM
 */
EDGE_MUST_CHECK int agent_options_inherit(struct agent_options *options,
                                          const struct edge_json *image_config,
                                          struct edge_err *err);
struct agent_options *agent_options_free(struct agent_options *options);
EDGE_DEFINE_CLEANUP(struct agent_options *, agent_options_free)

#endif
